"""What commands print of strangers' texts: no sign that a terminal obeys, and the same value as JSON (threat T11)."""

import json
from typing import NoReturn

import click
import pytest
from click.testing import CliRunner

from didkit_py.command import ProgramGroup, json_option
from didkit_py.errors import Rejected
from didkit_py.service.setup.commands import print_result

HOSTILE = "Shop\x1b[2J\x1b]0;owned\x07\x9b31m\rOK\u202e\u2066\u200b"
OBEYED = "\x1b\x07\x9b\r\u202e\u2066\u200b"


@click.group(cls=ProgramGroup)
def group() -> None:
    pass


@group.command()
@json_option
def show(*, as_json: bool) -> None:
    print_result({"name": HOSTILE}, f"Name: {HOSTILE}\nNext", as_json=as_json)


@group.command()
@json_option
def fail(*, as_json: bool) -> NoReturn:
    raise Rejected(f"it said {HOSTILE}\nerror forged: a line of its own", hint=HOSTILE)


@group.command()
def misuse() -> NoReturn:
    raise click.UsageError(HOSTILE)


@pytest.mark.parametrize("words", [["show"], ["show", "--json"], ["fail"], ["fail", "--json"], ["misuse"]])
def test_no_sign_of_a_stranger_controls_the_terminal(words: list[str]) -> None:
    result = CliRunner().invoke(group, words)
    assert "Shop" in result.output
    assert not set(OBEYED) & set(result.output)


def test_json_keeps_the_value_and_text_keeps_its_lines() -> None:
    assert json.loads(CliRunner().invoke(group, ["show", "--json"]).output) == {"name": HOSTILE}
    assert CliRunner().invoke(group, ["show"]).output.endswith("\nNext\n")
    assert "\nerror forged" not in CliRunner().invoke(group, ["fail"]).output
