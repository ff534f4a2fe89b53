"""What is written is true: generated pages are current, commands and links in the documents exist, help works."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner

from didkit_py.command import SHORT_HELP, didkit
from didkit_py.consent.decision import RULES
from didkit_py.errors import Malformed
from tests.needs import REPOSITORY
from tools import documents

PAGES: Final = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "specs").rglob("*.md")])
FOLDERS: Final = ("didkit_py", "issuer", "verifier", "wallet", "demo", "bench", "tests", "tools", "specs", "examples")
FENCE: Final = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
PROGRAM: Final = re.compile(r"(?:\.venv/bin/)?didkit-py\b")
LINK: Final = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")
WRITTEN_PATH: Final = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./*-]*)(?:::\w+)?`")


def named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def commands(text: str) -> Iterator[list[str]]:
    """The command lines of a document, in code blocks and between backticks, as words; `\\` joins two lines."""
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield from parse(line.removeprefix("$ "))
    for span in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        yield from parse(span)


def parse(line: str) -> Iterator[list[str]]:
    """The words of one line, when it is a command of make or of ours; a remark after `#` is none."""
    if line.startswith("make ") or PROGRAM.match(line):
        yield shlex.split(line, comments=True)


# Generated pages


def test_generated_pages_are_current() -> None:
    assert documents.stale_pages() == [], "run `make docs`"


def test_every_error_has_a_code_a_sentence_and_advice_of_its_own() -> None:
    assert documents.faults(documents.error_classes()) == []


def test_every_error_class_of_the_source_is_listed() -> None:
    found = {each.__name__ for each in documents.error_classes()} | {each.__name__ for each in documents.FAMILIES}
    pattern = re.compile(rf"^class (\w+)\((?:{'|'.join(found)})\)", re.MULTILINE)
    files = [file for package in documents.PACKAGES for file in (REPOSITORY / package).rglob("*.py")]
    written = {name for file in files for name in pattern.findall(text_of(file))}
    assert written - found == set()
    assert {"BadKeyBinding", "InvalidGrant", "BadSettings"} <= written


class NoHint(Malformed):
    """It lacks advice of its own."""

    code = "planted-no-hint"


class SameCode(Malformed):
    """It has the code of another."""

    code = "malformed"
    hint = "There is none."


class NoSentence(Malformed):
    code = "planted-no-sentence"
    hint = "There is none."


class NoCode(Malformed):
    """It has the code of its parent."""

    hint = "There is none."


def test_a_careless_error_class_would_be_seen() -> None:
    assert documents.faults([NoHint]) == ["NoHint has no hint of its own"]
    assert documents.faults([Malformed, SameCode]) == ["SameCode has the code of Malformed, malformed"]
    assert documents.faults([NoSentence]) == ["NoSentence has no docstring"]
    assert documents.faults([NoCode]) == ["NoCode has no code of its own"]


def test_a_stale_page_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    (tmp_path / "specs").mkdir()
    assert documents.stale_pages() == list(documents.PAGES)
    assert documents.main([]) == 0
    assert documents.main(["--check"]) == 0
    page = tmp_path / "specs" / "errors.md"
    page.write_text(text_of(page).replace("bad-signature", "good-signature"), encoding="utf-8")
    assert documents.main(["--check"]) == 1


# Commands


def test_commands_are_found_wherever_they_stand() -> None:
    text = "Run `make a`.\n```console\n$ make b  # c\n$ .venv/bin/didkit-py x \\\n    --y z\n```\nmake d is prose.\n"
    assert list(commands(text)) == [["make", "b"], [".venv/bin/didkit-py", "x", "--y", "z"], ["make", "a"]]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_targets_in_a_document_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(REPOSITORY / "Makefile"), re.MULTILINE))
    wanted = {word for line in commands(text_of(page)) if line[0] == "make" for word in line[1:]}
    assert {word for word in wanted if re.fullmatch(r"[a-z-]+", word)} - targets == set()


def test_the_help_lists_every_target() -> None:
    told = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", text_of(REPOSITORY / "Makefile"), re.MULTILINE)
    assert phony is not None
    assert [f"make {name}" for name in phony[1].split() if f"make {name} " not in told] == []


def faults_of(words: list[str]) -> list[str]:
    """What of a command line does not exist: a group, a command or an option."""
    command: click.Command = didkit
    context = click.Context(didkit, info_name="didkit-py")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        word = rest.pop(0)
        found = command.get_command(context, word)
        if found is None:
            return [word]
        command, context = found, click.Context(found, info_name=word, parent=context)
    options = {option for parameter in command.get_params(context) for option in parameter.opts}
    return [word for word in rest if word.startswith("--") and word not in options]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_in_a_document_exist_with_their_options(page: Path) -> None:
    lines = [line for line in commands(text_of(page)) if line[0] != "make"]
    assert {shlex.join(line): faults for line in lines if (faults := faults_of(line[1:]))} == {}


def test_a_command_that_does_not_exist_would_be_seen() -> None:
    assert faults_of(["--help"]) == []
    assert faults_of(["issue"]) == ["issue"]
    assert faults_of(["--colour"]) == ["--colour"]


# Help


def tree(command: click.Command, context: click.Context, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of every command below `command`."""
    yield words
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from tree(child, click.Context(child, info_name=name, parent=context), *words, name)


@pytest.mark.parametrize("program", [None, *SHORT_HELP])
def test_every_command_and_option_says_what_it_is_for(program: str | None) -> None:
    context = click.Context(didkit, info_name="didkit-py")
    start = didkit if program is None else didkit.get_command(context, program)
    assert start is not None
    words = [()] if program is None else list(tree(start, context, program))
    for each in words:
        result = CliRunner().invoke(didkit, [*each, "--help"], prog_name="didkit-py")
        assert result.exit_code == 0, result.output
        assert "Usage: didkit-py" in result.output
    mute = [option for each in words[1:] for option in mute_options(each)]
    assert mute == []


def mute_options(words: tuple[str, ...]) -> Iterator[str]:
    """What of a command has no help: the command itself, or an option."""
    command: click.Command | None = didkit
    context = click.Context(didkit, info_name="didkit-py")
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(context, word)
    assert command is not None
    if not command.help:
        yield " ".join(words)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.help:
            yield f"{' '.join(words)} {parameter.opts[0]}"


# Links


def slugs(text: str) -> set[str]:
    """The anchors of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(text_of(page)):
        place, _, anchor = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        if "://" in target:
            continue
        if not file.exists() or (anchor and anchor not in slugs(text_of(file))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_paths_in_a_document_exist(page: Path) -> None:
    shown = [word for line in commands(text_of(page)) for word in line if word.partition("/")[0] in FOLDERS]
    written = WRITTEN_PATH.findall(text_of(page)) + [word for word in shown if "/" in word]
    assert [path for path in written if not any(REPOSITORY.glob(path.rstrip("/") or path))] == []


def test_the_overview_of_specs_links_every_page_of_the_folder() -> None:
    folder = REPOSITORY / "specs"
    linked = {target.partition("#")[0] for target in LINK.findall(text_of(folder / "README.md"))}
    pages = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"README.md"}
    assert {page for page in pages if page not in linked and f"{page.partition('/')[0]}/" not in linked} == set()


# Completeness


def test_the_changelog_has_an_entry_for_the_version() -> None:
    version = tomllib.loads(text_of(REPOSITORY / "pyproject.toml"))["project"]["version"]
    assert re.search(rf"^## \[{re.escape(version)}\]", text_of(REPOSITORY / "CHANGELOG.md"), re.MULTILINE)


def test_every_rule_of_the_wallet_stands_among_the_requirements() -> None:
    table = text_of(REPOSITORY / "specs" / "requirements" / "didkit-terms.tsv")
    assert {rule.id for rule in RULES} - {line.split("\t")[1] for line in table.splitlines()} == set()


def test_every_dependency_has_its_reason() -> None:
    (page,) = (REPOSITORY / "specs" / "decisions").glob("0005-*.md")
    reasons = set(re.findall(r"^\| `([\w-]+)`", text_of(page), re.MULTILINE))
    named_in = {
        re.split(r"[>;= ]", line)[0]
        for name in ("run", "dev", "build")
        for line in text_of(REPOSITORY / "requirements" / f"{name}.in").splitlines()
        if line and not line.startswith(("#", "-"))
    }
    assert named_in - reasons == set()
    assert reasons - named_in == set()


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (REPOSITORY / "specs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_document_names_the_place_of_this_checkout() -> None:
    files = [*PAGES, *(REPOSITORY / "specs").rglob("*.tsv"), REPOSITORY / "Makefile"]
    assert [named(file) for file in files if str(REPOSITORY) in text_of(file)] == []
