"""The registry of planted defects fits the code: `make defects` then shows that each is caught."""

import ast
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.defects.registry import DEFECTS, Defect

REPOSITORY: Final = Path(__file__).resolve().parents[2]

each = pytest.mark.parametrize("defect", DEFECTS, ids=[one.name for one in DEFECTS])


def test_there_are_at_least_twenty_five_defects_each_once() -> None:
    assert len(DEFECTS) >= 25
    assert max(Counter(one.name for one in DEFECTS).values()) == 1
    assert max(Counter((one.file, one.text, one.instead) for one in DEFECTS).values()) == 1


@each
def test_the_text_to_replace_stands_exactly_once_in_code_of_ours(defect: Defect) -> None:
    assert defect.file.partition("/")[0] in {"didkit_py", "issuer", "verifier", "wallet"}
    assert (REPOSITORY / defect.file).read_text().count(defect.text) == 1


@each
def test_the_defect_changes_what_the_code_does_and_not_whether_it_is_code(defect: Defect) -> None:
    before = (REPOSITORY / defect.file).read_text()
    after = before.replace(defect.text, defect.instead)
    assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))


@each
def test_the_test_that_claims_to_catch_it_exists(defect: Defect) -> None:
    file, _, name = defect.test.partition("::")
    tree = ast.parse((REPOSITORY / file).read_text())
    functions = {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name.partition("[")[0] in functions
