"""The command's exit codes, its error texts, and that its help loads no program."""

import json
import subprocess
import sys
from importlib.metadata import entry_points

import click
import pytest
from click.testing import CliRunner, Result

from didkit_py.command import ENTRY_POINTS, ProgramGroup, didkit, json_option
from didkit_py.errors import BadSignature, Malformed, Rejected, TooLarge, Unavailable


@click.group(cls=ProgramGroup)
def program() -> None:
    """A program with one command in a group, which always fails."""


@program.group()
def inner() -> None:
    """Groups inside a program are program groups too."""


FAILURES: dict[str, Exception] = {
    "malformed": Malformed("the body is no JSON", hint="Send JSON."),
    "too-large": TooLarge("more than 10 bytes"),
    "rejected": Rejected("a check did not hold"),
    "bad-signature": BadSignature("it does not fit", spec="RFC 7515 5.2"),
    "unavailable": Unavailable("no answer in 5 s"),
    "fault": KeyError("value-of-a-claim"),
}


@inner.command()
@click.argument("name")
@json_option
def fail(name: str, *, as_json: bool) -> None:
    """Raise the failure of that name."""
    click.echo("" if as_json else "starting", err=True)
    raise FAILURES[name]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, ["inner", "fail", *arguments])


@pytest.mark.parametrize(
    ("name", "code"),
    [("malformed", 3), ("too-large", 3), ("rejected", 4), ("bad-signature", 4), ("unavailable", 5), ("fault", 1)],
)
def test_each_family_of_errors_has_its_exit_code(name: str, code: int) -> None:
    assert run(name).exit_code == code
    assert run(name, "--json").exit_code == code


def test_a_wrong_command_line_is_exit_code_two() -> None:
    assert run().exit_code == 2
    assert run("malformed", "--no-such-option").exit_code == 2


def test_an_error_is_a_code_a_message_and_a_hint_on_stderr() -> None:
    result = run("malformed")
    assert result.stdout == ""
    assert result.stderr == "starting\nerror malformed: the body is no JSON\nSend JSON.\n"


def test_with_json_an_error_is_one_object_on_stdout() -> None:
    assert json.loads(run("bad-signature", "--json").stdout) == {
        "error": "bad-signature",
        "message": "it does not fit",
        "hint": BadSignature.hint,
        "spec": "RFC 7515 5.2",
    }


def test_a_fault_of_ours_names_its_lines_but_never_its_values() -> None:
    for result in (run("fault"), run("fault", "--json")):
        assert "test_command.py" in result.stderr
        assert "value-of-a-claim" not in result.output
        assert "KeyError" in result.output


def test_the_programs_and_tools_are_found_by_entry_point() -> None:
    assert {(found.name, found.value) for found in entry_points(group=ENTRY_POINTS)} == {
        ("credential", "didkit_py.commands.cli:credential"),
        ("did", "didkit_py.commands.cli:did"),
        ("doctor", "didkit_py.commands.cli:doctor"),
        ("issuer", "issuer.cli:group"),
        ("key", "didkit_py.commands.cli:key"),
        ("verifier", "verifier.cli:group"),
        ("wallet", "wallet.cli:group"),
    }


def test_help_lists_the_programs_and_the_exit_codes() -> None:
    result = CliRunner().invoke(didkit, ["--help"])
    assert result.exit_code == 0
    for word in ("issuer", "verifier", "wallet", "3  malformed", "5  unavailable"):
        assert word in result.output


def test_help_loads_no_program() -> None:
    source = (
        "import sys; from didkit_py.command import didkit; didkit(['--help'], standalone_mode=False);"
        "sys.exit(bool({'issuer', 'verifier', 'wallet', 'aiohttp', 'cryptography'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", source], check=False, capture_output=True).returncode == 0


def test_an_unknown_program_is_a_usage_error() -> None:
    result = CliRunner().invoke(didkit, ["no-such-program"])
    assert result.exit_code == 2
    assert "no-such-program" in result.stderr
