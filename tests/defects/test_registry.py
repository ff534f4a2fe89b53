"""Each planted defect names code and a test that are there; a sample of them is planted and noticed."""

import ast
from typing import Final

import pytest

from tests.defects.planting import function_of
from tests.defects.registry import DEFECTS, Defect
from tests.defects.run import FAILED, REPOSITORY, outcome

SAMPLE: Final = range(0, len(DEFECTS), 5)

each = pytest.mark.parametrize("defect", DEFECTS, ids=[one.name for one in DEFECTS])


def test_there_are_twenty_defects_or_more_each_once() -> None:
    assert len({(one.name, one.function) for one in DEFECTS}) == len(DEFECTS) >= 20


@each
def test_a_defect_can_be_planted_in_a_function_of_ours(defect: Defect) -> None:
    assert function_of(defect).__module__.partition(".")[0] in {"didkit_py", "issuer", "verifier", "wallet"}


@each
def test_the_test_that_claims_a_defect_exists(defect: Defect) -> None:
    file, _, name = defect.test.partition("::")
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    assert name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("place", SAMPLE, ids=[DEFECTS[place].name for place in SAMPLE])
def test_a_planted_defect_is_noticed_by_the_test_that_claims_it(place: int) -> None:
    assert outcome([DEFECTS[place].test], defect=place) == FAILED
