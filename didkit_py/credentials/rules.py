"""RULES: what a JSON Schema cannot say about the values of one credential, by the name that templates use.

Each rule returns the sentence that describes the fault, without the value, or None. It may rely on the schema.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Rule: TypeAlias = Callable[[Mapping[str, Any]], str | None]


def _steps(values: Mapping[str, Any]) -> list[tuple[int, bool]]:
    return sorted((int(step), reached) for step, reached in values["at_least"].items())


def _ladder_is_monotone(values: Mapping[str, Any]) -> str | None:
    """No step is reached above one that is not."""
    reached = [yes for _, yes in _steps(values)]
    return None if reached == sorted(reached, reverse=True) else "at_least: a step is true above one that is false"


def _range_agrees_with_ladder(values: Mapping[str, Any]) -> str | None:
    """`min` is the highest step reached or 0, `max` the lowest one not reached or null."""
    steps = _steps(values)
    expected = {
        "min": max((step for step, reached in steps if reached), default=0),
        "max": min((step for step, reached in steps if not reached), default=None),
    }
    return None if values["range"] == expected else "range: its ends are not the steps at which the ladder turns"


def _period_in_order(values: Mapping[str, Any]) -> str | None:
    """A period ends no earlier than it begins; both are dates of one spelling, so texts compare as days."""
    period = values["period"]
    return None if period["from"] <= period["to"] else "period: it ends before it begins"


def _kinds_match_channels(values: Mapping[str, Any]) -> str | None:
    """`kinds` names exactly the channels that are there."""
    there = {name for name in ("email", "telephone", "postal_address") if name in values}
    return None if set(values["kinds"]) == there else "kinds: expected exactly the channels that are given"


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "ladder-is-monotone": _ladder_is_monotone,
        "range-agrees-with-ladder": _range_agrees_with_ladder,
        "period-in-order": _period_in_order,
        "kinds-match-channels": _kinds_match_channels,
    }
)
