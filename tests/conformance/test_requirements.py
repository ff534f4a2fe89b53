"""specs/requirements: one line per MUST, each with a test that exists, or an honest `not yet`."""

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.needs import REPOSITORY

FOLDER: Final = REPOSITORY / "specs" / "requirements"
COLUMNS: Final = ("id", "section", "requirement", "test")
NOT_YET: Final = "not yet"
FILES: Final = sorted(FOLDER.glob("*.tsv"))
IDENTIFIER: Final = re.compile(r"\A[A-Z0-9]+(-[A-Za-z0-9.-]+)+-[0-9]+\Z")


def rows(text: str) -> list[dict[str, str]]:
    """The lines of a table below its heading. Raises ValueError for a line of another width."""
    heading, *lines = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    if tuple(heading) != COLUMNS:
        message = f"expected the columns {', '.join(COLUMNS)}"
        raise ValueError(message)
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]


def read(path: Path) -> list[dict[str, str]]:
    return rows(path.read_text(encoding="utf-8"))


def names_of_tests(path: Path) -> Iterator[str]:
    """The names of the tests in a file, found without running it; a test in a class is `Class::test`."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    yield from functions(module.body)
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (f"{node.name}::{name}" for name in functions(node.body))


def functions(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


def collected() -> set[str]:
    """Every test of this repository, as pytest names it, without parameters."""
    files = (REPOSITORY / "tests").rglob("test_*.py")
    return {f"{path.relative_to(REPOSITORY).as_posix()}::{name}" for path in files for name in names_of_tests(path)}


def test_there_is_a_table_for_each_standard_of_the_first_journey() -> None:
    named = {path.stem for path in FILES}
    assert named >= {"did-web", "didkit-terms", "jose", "oid4vci", "oid4vp", "rfc8785", "rfc9901", "sd-jwt-vc"}
    assert "token-status-list" in named


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_is_whole(path: Path) -> None:
    for row in read(path):
        assert IDENTIFIER.match(row["id"]), row
        assert row["section"].strip() == row["section"] != ""
        assert row["requirement"].endswith("."), row
        assert row["test"] == NOT_YET or re.fullmatch(r"tests/[\w/]+\.py::[\w:]+", row["test"]), row


def test_no_two_lines_have_one_id() -> None:
    ids = [row["id"] for path in FILES for row in read(path)]
    assert len(ids) == len(set(ids)), sorted(each for each in set(ids) if ids.count(each) > 1)


def test_every_test_that_is_named_exists() -> None:
    known = collected()
    named = {row["test"]: row["id"] for path in FILES for row in read(path) if row["test"] != NOT_YET}
    assert {test: owner for test, owner in named.items() if test not in known} == {}


def test_each_table_has_tested_lines(capsys: pytest.CaptureFixture[str]) -> None:
    counts = {path.stem: [row["test"] != NOT_YET for row in read(path)] for path in FILES}
    told = ", ".join(f"{name} {sum(tested)} of {len(tested)}" for name, tested in counts.items())
    with capsys.disabled():
        print(f"\nrequirements that have a test: {told}")  # noqa: T201 - for whoever runs the tests
    assert [name for name, tested in counts.items() if not any(tested)] == []


def test_the_collection_sees_what_pytest_would_see(tmp_path: Path) -> None:
    source = "def test_a(): ...\nasync def test_b(): ...\ndef make(): ...\nclass TestC:\n    def test_d(self): ...\n"
    (tmp_path / "test_x.py").write_text(source, encoding="utf-8")
    assert set(names_of_tests(tmp_path / "test_x.py")) == {"test_a", "test_b", "TestC::test_d"}


@pytest.mark.parametrize("text", ["id\tsection\ttest", "id\tsection\trequirement\ttest\nA-1\t1\tText."])
def test_a_table_of_another_width_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"columns|shorter"):
        rows(text)
