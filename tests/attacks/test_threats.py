"""specs/threats.md: every threat has its four lines, and every test that it names exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.attacks import issuer_endpoints, test_functions, vendor_endpoints, wallet_cases
from tests.attacks.case import Named
from tests.mutants.kinds import kinds

REPOSITORY: Final = Path(__file__).resolve().parents[2]
TEXT: Final = (REPOSITORY / "specs" / "threats.md").read_text()
THREATS: Final = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
TEST: Final = re.compile(r"`(tests/[^`:]+\.py)::(test_\w+)(?:\[([^`]*)\])?`")


def named() -> Iterator[tuple[str, str, str]]:
    yield from TEST.findall(TEXT)


def rows() -> frozenset[str]:
    """The ids of all rows of the tables of cases, and the kinds of text that are changed at random."""
    both: tuple[Named, ...] = (*test_functions.CASES, *issuer_endpoints.CASES, *vendor_endpoints.CASES)
    hostile = (*wallet_cases.OFFERS, *wallet_cases.TAKEN, *wallet_cases.REQUESTS, *wallet_cases.LISTS)
    tables = frozenset(f"{case.at.name}: {case.name}" for case in both) | {case.name for case in hostile}
    return tables | {kind.name for kind in kinds()}


def test_each_threat_stands_there_once_and_in_order() -> None:
    assert len(THREATS) >= 24
    assert [threat[:3] for threat in THREATS] == [f"T{number:02d}" for number in range(1, len(THREATS) + 1)]


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat[:3])
def test_a_threat_names_asset_attacker_defence_tests_and_what_these_do_not_vary(threat: str) -> None:
    for line in ("- Asset: ", "- Attacker: ", "- Defence: ", "- Tests:", "- Not varied: "):
        assert threat.count(f"\n{line}") == 1
    assert bool(TEST.search(threat)) != ("- Tests: not yet" in threat)
    listed = [line for line in threat.splitlines() if line.startswith("  - ")]
    assert all(TEST.fullmatch(line.removeprefix("  - ")) for line in listed)


@pytest.mark.parametrize(("file", "test", "row"), list(named()))
def test_a_test_that_is_named_exists(file: str, test: str, row: str) -> None:
    tree = ast.parse((REPOSITORY / file).read_text())
    functions = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert test in functions
    assert not row or row in rows()
