"""Retention: until when a vendor may keep what it was shown, by what was accepted (DOMAIN 3.0 and 3.4).

Our vendor keeps what it learned in one place, which its pages show, and has no archive apart from it. So of one grant
the classes of use count (immediate, planning), the longest of them; the classes of mere keeping (archive, dispute,
legal) only where no class of use was promised. Where several grants allow one claim, the longest of them keeps it. What
no accepted grant allows is kept for immediate use alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from didkit_py.encoding import Json
from didkit_py.records.record import AgreementRecord, collapsed, is_offered
from didkit_py.terms.grant import Grant
from didkit_py.terms.grant_parts import ClaimPath, Retention
from didkit_py.terms.order import is_below

IMMEDIATE_USE: Final = timedelta(days=1)  # without a promise: long enough that whoever asked sees the answer
_OF_USE: Final = frozenset({"immediate", "planning"})


def leaves(value: Json, at: ClaimPath = ()) -> Iterator[ClaimPath]:
    """The path of each single value; of an array, one path for all places."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*at, name))
    elif isinstance(value, list):
        yield from dict.fromkeys(path for inner in value for path in leaves(inner, (*at, None)))
    else:
        yield at


def allowing(vct: str, path: ClaimPath, *, record: AgreementRecord, grants: Sequence[Grant]) -> tuple[str, ...]:
    """The gids of what was accepted that allow this claim of this type; `grants` are those of the record's offer."""
    return tuple(
        grant.gid
        for grant in grants
        if any(
            is_below(collapsed(path), one) and is_offered(vct, one, grant) for one in record.accepted.get(grant.gid, ())
        )
    )


def kept_until(
    gids: Collection[str],
    retention: Mapping[str, Sequence[Retention]],
    *,
    shown_at: datetime,
    ended: Mapping[str, datetime],
) -> datetime | None:
    """When what these grants allow must be gone; None while no end is set, as long as the relationship goes on.

    `retention` and `ended` are by gid: what was promised, and when the person took the yes back. Nobody tells a program
    that a purpose is met, so `purposeEnd` counts from the moment of showing, the narrowest reading. What shall be made
    anonymous is erased: there is nothing here that could make it so.
    """
    ends = [_end(one, shown_at=shown_at, ended=ended.get(gid)) for gid in gids for one in retention.get(gid, ())]
    if not ends:
        return shown_at + IMMEDIATE_USE
    known = [one for one in ends if one is not None]
    return max(known) if len(known) == len(ends) else None


def of_use(promised: Sequence[Retention]) -> Sequence[Retention]:
    """What counts of one grant for a vendor without an archive."""
    return [one for one in promised if one.retention_class in _OF_USE] or promised


def _end(one: Retention, *, shown_at: datetime, ended: datetime | None) -> datetime | None:
    start = ended if one.start == "relationshipEnd" else shown_at
    return None if one.then == "keep" or start is None else start + one.period.length
