"""Claims path pointers: which parts of a credential a path selects, and which disclosures those parts need.

A path of a query may hold `None` (every element). A place is a path found in one credential and holds none.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import starmap
from typing import Final

from didkit_py.credentials.credential import Path_
from didkit_py.encoding import Json
from didkit_py.errors import Malformed, TooLarge

MAX_PATH: Final = 16  # elements; the deepest claim type of ours has three
MAX_ELEMENT: Final = 256  # characters of a member name


def read_path(value: Json, *, at: str) -> Path_:
    """A path from JSON: a non-empty array of texts, non-negative whole numbers and nulls. Raises Malformed."""
    if not isinstance(value, list) or not value:
        raise Malformed(f"{at}: expected a non-empty array", spec="OpenID4VP 1.0, 7")
    if len(value) > MAX_PATH:
        raise TooLarge(f"{at}: more than {MAX_PATH} elements")
    return tuple(_element(part, at=f"{at}[{place}]") for place, part in enumerate(value))


def _element(part: Json, *, at: str) -> str | int | None:
    if isinstance(part, str) and len(part) <= MAX_ELEMENT:
        return part
    if part is None or (type(part) is int and part >= 0):  # true is an int to Python and no index
        return part
    raise Malformed(f"{at}: expected a text, a non-negative whole number or null", spec="OpenID4VP 1.0, 7")


def select_places(claims: Mapping[str, Json], path: Path_) -> tuple[tuple[Path_, Json], ...]:
    """Every place that the path selects, with its value; empty when it selects nothing (OpenID4VP 1.0, 7.1.1)."""
    if len(path) == 1 and isinstance(path[0], str):  # as nearly all paths are
        return ((path, claims[path[0]]),) if path[0] in claims else ()
    chosen: list[tuple[Path_, Json]] = [((), claims if isinstance(claims, dict) else dict(claims))]
    for part in path:
        found: list[tuple[Path_, Json]] = []
        for place, value in chosen:
            below = _below(place, value, part)
            if below is None:
                return ()
            found += below
        chosen = found
    return tuple(chosen)


def _below(place: Path_, value: Json, part: str | int | None) -> list[tuple[Path_, Json]] | None:
    """What the next element of the path selects; None where the value is of a kind that it cannot apply to."""
    if isinstance(part, str):
        if not isinstance(value, dict):
            return None
        return [((*place, part), value[part])] if part in value else []
    if not isinstance(value, list):
        return None
    if part is None:
        return [((*place, index), element) for index, element in enumerate(value)]
    return [((*place, part), value[part])] if part < len(value) else []


def select_values(claims: Mapping[str, Json], path: Path_) -> list[Json]:
    """The values that the path selects."""
    return [value for _, value in select_places(claims, path)]


def needed_disclosures(disclosable: Iterable[Path_], places: Collection[Path_]) -> tuple[Path_, ...]:
    """The disclosures that show these places whole: each on the way to a place, at it, or below it."""
    return tuple(one for one in disclosable if any(_on_one_line(one, place) for place in places))


def _on_one_line(one: Path_, other: Path_) -> bool:
    """Whether one place holds the other."""
    return all(starmap(_same_part, zip(one, other, strict=False)))


def _same_part(one: str | int | None, other: str | int | None) -> bool:
    return type(one) is type(other) and one == other


def visible(claims: Mapping[str, Json], hidden: Collection[Path_]) -> dict[str, Json]:
    """The claims as they read when the disclosures of the `hidden` places are held back (RFC 9901, 7.1)."""
    kept = frozenset(hidden)
    return {name: _visible(value, (name,), kept) for name, value in claims.items() if (name,) not in kept}


def _visible(value: Json, place: Path_, hidden: frozenset[Path_]) -> Json:
    if isinstance(value, dict):
        below = {name: (*place, name) for name in value}
        return {name: _visible(value[name], at, hidden) for name, at in below.items() if at not in hidden}
    if isinstance(value, list):
        inside = [(element, (*place, index)) for index, element in enumerate(value)]
        return [_visible(element, at, hidden) for element, at in inside if at not in hidden]
    return value


def remainder(claims: Mapping[str, Json], places: Collection[Path_]) -> tuple[tuple[Path_, Json], ...]:
    """What the claims hold beside these places, in the largest pieces that hold none of them."""
    return tuple(piece for name, value in claims.items() for piece in _remainder(value, (name,), places))


def _remainder(value: Json, place: Path_, places: Collection[Path_]) -> list[tuple[Path_, Json]]:
    if not any(_on_one_line(place, one) for one in places):
        return [] if value in ({}, []) else [(place, value)]
    if any(place[: len(one)] == one for one in places):
        return []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [piece for part, below in inside for piece in _remainder(below, (*place, part), places)]


def asked_for(place: Path_, paths: Collection[Path_]) -> bool:
    """Whether a disclosure at `place` serves one of the paths of a query.

    An index stands for any element: held-back elements move the others, so that numbers differ between the two sides.
    """
    return place in paths or any(
        all(
            _same_part(part, asked) if isinstance(asked, str) else isinstance(part, int)
            for part, asked in zip(place, path, strict=False)
        )
        for path in paths
    )
