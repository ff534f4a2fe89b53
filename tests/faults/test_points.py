"""No step of `specs/flow.md` is left out of the kills, unless for a reason."""

import re

from tests.faults.points import EXCHANGES, NO_POINT, POINTS
from tests.needs import REPOSITORY

BESIDE_THE_TABLES = {"no", "ledger"}  # told in sentences below a table


def steps() -> set[str]:
    text = (REPOSITORY / "specs" / "flow.md").read_text()
    return set(re.findall(r"^\| ([A-Z]\d+) \|", text, re.MULTILINE))


def test_every_step_has_a_point_or_a_reason_why_not() -> None:
    assert len(steps()) == 27
    assert {one.step for one in POINTS.values()} - BESIDE_THE_TABLES == steps() - NO_POINT.keys()
    assert steps() >= NO_POINT.keys()


def test_there_are_at_least_forty_points_on_all_sides() -> None:
    assert len(POINTS) == sum(map(len, EXCHANGES)) >= 40
    assert {one.side for one in POINTS.values()} == {"issuer", "vendor", "wallet"}
