"""The order of grants: `asked` is within `allowed` when it asks no more in any field.

A preorder: reflexive, transitive, and monotone in every field. The answer is the names of the fields in which more is
asked, so that a refusal can say what; none means within.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from didkit_py.credentials.template import template_of
from didkit_py.errors import Malformed
from didkit_py.terms.grant import Grant
from didkit_py.terms.grant_parts import (
    PROPAGATIONS,
    THENS,
    ClaimPath,
    DataItem,
    Frequency,
    Location,
    Propagation,
    Recipient,
    Retention,
    SubjectForm,
    Window,
    moment_of,
)
from didkit_py.terms.period import Period
from didkit_py.terms.vocabulary import is_within

ClassesOf: TypeAlias = Callable[[str, ClaimPath], frozenset[str | None]]

# What a mode stays within; aggregate and the first three are incomparable.
MODES_ABOVE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "assert": frozenset({"assert", "sandbox", "access", "copy"}),
        "sandbox": frozenset({"sandbox", "access", "copy"}),
        "access": frozenset({"access", "copy"}),
        "copy": frozenset({"copy"}),
        "aggregate": frozenset({"aggregate", "copy"}),
    }
)
_LENGTH: Final = re.compile(r"\A(\d{1,6}(?:\.\d{1,3})?) ?(km|m)\Z")
_START: Final = datetime(1, 1, 1, tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)  # not before the end of the last day that a window can name


def template_classes(vct: str, path: ClaimPath) -> frozenset[str | None]:
    """The data classes of a path by its claim type; `{None}` where no type maps it."""
    template = template_of(vct)
    return frozenset({None}) if template is None else template.data_classes(path)


def excess(asked: Grant, allowed: Grant, *, classes: ClassesOf = template_classes) -> tuple[str, ...]:
    """The names of the fields in which `asked` goes beyond `allowed`; none when it is within."""
    return tuple(name for name, within in _FIELDS if not within(asked, allowed)) + (
        () if data_within(asked.data or (), allowed.data or (), classes=classes) else ("data",)
    )


def is_below(path: ClaimPath, above: ClaimPath) -> bool:
    """Whether `path` is `above` or stands below it; null in `above` covers every place of an array."""
    return len(path) >= len(above) and all(
        mine == theirs or (theirs is None and isinstance(mine, int)) for mine, theirs in zip(path, above, strict=False)
    )


def covers(allowed: DataItem, asked: DataItem) -> bool:
    """Whether one allowed item covers one asked item of its own kind. The required is not covered by the optional."""
    if allowed.is_optional and not asked.is_optional:
        return False
    if allowed.vct is not None and allowed.vct != asked.vct:
        return False
    return asked.data_class == allowed.data_class and is_below(asked.path or (), allowed.path or ())


def is_covered(asked: DataItem, allowed: Sequence[DataItem], *, classes: ClassesOf = template_classes) -> bool:
    """Whether allowed items cover the asked one: one of them as it is, or for each of its data classes one."""
    if any(covers(one, asked) for one in allowed):
        return True
    if asked.vct is None or asked.path is None or asked.data_class is not None:
        return False
    return all(any(covers(one, part) for one in allowed) for part in by_class(asked, classes))


def by_class(item: DataItem, classes: ClassesOf) -> tuple[DataItem, ...]:
    """A path as the data classes that it touches; an unmapped path stays itself, which no class covers."""
    if item.vct is None or item.path is None or item.data_class is not None:
        return (item,)
    found = classes(item.vct, item.path)
    if None in found:
        return (item,)
    return tuple(replace(item, path=None, data_class=name) for name in sorted(filter(None, found)))


def data_within(
    asked: Iterable[DataItem], allowed: Sequence[DataItem], *, classes: ClassesOf = template_classes
) -> bool:
    """Whether every asked item is covered."""
    return all(is_covered(item, allowed, classes=classes) for item in asked)


def _purpose(asked: Grant, allowed: Grant) -> bool:
    return all(any(is_within(one, broad) for broad in allowed.purpose) for one in asked.purpose)


def _prohibitions(asked: Grant, allowed: Grant) -> bool:
    """Whatever `allowed` forbids, `asked` forbids too, perhaps by a broader word."""
    return all(any(is_within(one, mine) for mine in asked.prohibitions or ()) for one in allowed.prohibitions or ())


def _subject_form(asked: Grant, allowed: Grant) -> bool:
    mine, theirs = asked.subject_form or SubjectForm(), allowed.subject_form or SubjectForm()
    if mine.rank != theirs.rank:
        return mine.rank < theirs.rank
    return theirs.claim is None or _is_as_anonymous(mine, theirs)


def _is_as_anonymous(mine: SubjectForm, theirs: SubjectForm) -> bool:
    """Whether each parameter of the anonymity promised is at least as strong."""
    return (
        mine.claim == theirs.claim
        and (mine.min_group or 1) >= (theirs.min_group or 1)
        and (theirs.reidentification is None or mine.reidentification is not None)
        and (theirs.linkable is not False or mine.linkable is False)
        and theirs.attested_by in ("self", mine.attested_by)
        and (theirs.method is None or mine.method == theirs.method)
        and all(
            _is_as_coarse((mine.granularity or {}).get(key), grain) for key, grain in (theirs.granularity or {}).items()
        )
    )


def _is_as_coarse(mine: str | None, theirs: str) -> bool:
    if mine is None or mine == theirs:
        return mine is not None
    sizes = _grain(mine), _grain(theirs)
    return sizes[0][0] == sizes[1][0] != "" and sizes[0][1] >= sizes[1][1]


def _grain(text: str) -> tuple[str, float]:
    """The unit of a granularity and its size in that unit; the unit is empty when it cannot be compared."""
    if found := _LENGTH.match(text):
        return "metres", float(found[1]) * (1_000 if found[2] == "km" else 1)
    try:
        return "seconds", Period.parse(text).seconds
    except Malformed:
        return "", 0


def _mode(asked: Grant, allowed: Grant) -> bool:
    """An absent mode gives nothing, so it is within all and has only itself within."""
    return asked.mode is None or (allowed.mode is not None and allowed.mode in MODES_ABOVE[asked.mode])


def _recipient(asked: Grant, allowed: Grant) -> bool:
    """Absent means the controller alone."""
    mine, theirs = asked.recipient or Recipient(), allowed.recipient or Recipient()
    return (
        (mine.controller is False or theirs.controller is not False)
        and set(mine.processors or ()) <= set(theirs.processors or ())
        and set(mine.third_parties or ()) <= set(theirs.third_parties or ())
    )


def _propagation(asked: Grant, allowed: Grant) -> bool:
    mine, theirs = asked.propagation or Propagation(), allowed.propagation or Propagation()
    narrower = PROPAGATIONS.index(mine.value) <= PROPAGATIONS.index(theirs.value)
    return narrower and set(mine.exceptions or ()) <= set(theirs.exceptions or ())


def _retention(asked: Grant, allowed: Grant) -> bool:
    return all(any(_keeps_less(mine, theirs) for theirs in allowed.retention or ()) for mine in asked.retention or ())


def _keeps_less(mine: Retention, theirs: Retention) -> bool:
    """Whether `mine` ends no later than `theirs`.

    A period that starts with the disclosure ends before the same one with another start; the other two starts depend
    on different events and cannot be compared.
    """
    start = mine.start or "disclosure"
    return (
        mine.retention_class == theirs.retention_class
        and mine.period <= theirs.period
        and start in ("disclosure", theirs.start)
        and THENS.index(mine.then) <= THENS.index(theirs.then)
    )


def _window(asked: Grant, allowed: Grant) -> bool:
    mine, theirs = asked.window or Window(), allowed.window or Window()
    months = frozenset(range(1, 13))
    return (
        _first(mine.not_before) >= _first(theirs.not_before)
        and _last(mine.not_after) <= _last(theirs.not_after)
        and _last(mine.data_not_after) <= _last(theirs.data_not_after)
        and (months if mine.months is None else set(mine.months))
        <= (months if theirs.months is None else set(theirs.months))
    )


def _first(text: str | None) -> datetime:
    return _START if text is None else moment_of(text, end=False)


def _last(text: str | None) -> datetime:
    return _END if text is None else moment_of(text, end=True)


def _frequency(asked: Grant, allowed: Grant) -> bool:
    return allowed.frequency is None or (
        asked.frequency is not None and _is_as_rare(asked.frequency, allowed.frequency)
    )


def _is_as_rare(mine: Frequency, theirs: Frequency) -> bool:
    """Whether `mine` allows at most as many uses; a total is within the same number per period, not the reverse."""
    if mine.maximum > theirs.maximum:
        return False
    if mine.per is None or theirs.per is None:
        return mine.per is None
    return mine.per >= theirs.per


def _is_subset(mine: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> bool:
    """Absent means anywhere, by any way."""
    return theirs is None or (mine is not None and set(mine) <= set(theirs))


def _location(asked: Grant, allowed: Grant) -> bool:
    mine, theirs = asked.location or Location(), allowed.location or Location()
    return _is_subset(mine.storage, theirs.storage) and _is_subset(mine.processing, theirs.processing)


def _context(asked: Grant, allowed: Grant) -> bool:
    """Every condition of `allowed` is one of `asked`."""
    mine = asked.context or {}
    return all(name in mine and mine[name] == value for name, value in (allowed.context or {}).items())


def _renewal(asked: Grant, allowed: Grant) -> bool:
    return allowed.renewal is None or (asked.renewal is not None and asked.renewal.period <= allowed.renewal.period)


def _return_duty(asked: Grant, allowed: Grant) -> bool:
    mine, theirs = asked.return_duty, allowed.return_duty
    if mine is None or theirs is None:
        return theirs is None
    soon = theirs.within is None or (mine.within is not None and mine.within <= theirs.within)
    return soon and theirs.data_format in (None, mine.data_format)


_FIELDS: Final[tuple[tuple[str, Callable[[Grant, Grant], bool]], ...]] = (
    ("purpose", _purpose),
    ("not", _prohibitions),
    ("subjectForm", _subject_form),
    ("mode", _mode),
    ("recipient", _recipient),
    ("propagation", _propagation),
    ("retention", _retention),
    ("window", _window),
    ("frequency", _frequency),
    ("channel", lambda asked, allowed: _is_subset(asked.channel, allowed.channel)),
    ("context", _context),
    ("location", _location),
    ("renewal", _renewal),
    ("returnDuty", _return_duty),
)


def ceiling_excess(
    grants: Iterable[Grant], ceiling: Sequence[Grant], *, classes: ClassesOf = template_classes
) -> tuple[str, ...]:
    """Where grants go beyond a ceiling, as `gid.field`; none when each item of each grant is within.

    An item is within one entry as it is, or each of its data classes is within an entry of its own.
    """
    found = (
        f"{grant.gid}.{name}"
        for grant in grants
        for item in grant.data or (None,)
        for name in _item_excess(grant, item, ceiling, classes)
    )
    return tuple(dict.fromkeys(found))


def _item_excess(grant: Grant, item: DataItem | None, ceiling: Sequence[Grant], classes: ClassesOf) -> tuple[str, ...]:
    whole = _least_excess(grant if item is None else replace(grant, data=(item,)), ceiling, classes)
    if item is None or "data" not in whole:
        return whole
    parts = [replace(grant, data=(part,)) for part in by_class(item, classes)]
    return tuple(name for part in parts for name in _least_excess(part, ceiling, classes))


def _least_excess(part: Grant, ceiling: Sequence[Grant], classes: ClassesOf) -> tuple[str, ...]:
    """The fields in which a grant exceeds the entry that it exceeds least; entries about the same data come first."""
    found = [excess(part, entry, classes=classes) for entry in ceiling]
    return min(found, key=lambda names: ("data" in names, len(names)), default=("data",))
