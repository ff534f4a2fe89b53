"""Retaining: what was shown is erased at the vendor when the time is over that was promised for it.

The end of each claim is stored with the answer. What is past its end is given to nobody from that moment on, and is
erased by schedule: at the start of the program, and every minute while it runs, however long it was down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from didkit_py.jose import JointlySigned
from didkit_py.keys.party import PartyKeys
from didkit_py.records.events import EventKind, parse_event
from didkit_py.records.record import AgreementRecord, verify_record
from didkit_py.records.retention import allowing, kept_until, of_use
from didkit_py.roles.asking_store import (
    KeptEvent,
    KeptRequest,
    Learned,
    Result,
    Retained,
    RetainingStore,
    remains_of,
)
from didkit_py.terms.agreement import parse_agreement
from didkit_py.terms.grant import Grant

_AT_ONCE: Final = 50  # requests of one step


@dataclass(frozen=True, slots=True, kw_only=True)
class Retaining:
    """The promises of one vendor about keeping."""

    store: RetainingStore
    keys: PartyKeys  # the vendor's own

    async def erase_due(self, *, now: datetime) -> None:
        """Erase what should be gone by now. Raises Unavailable while the files are still being written anew."""
        erased = True
        while erased:
            due = await self.store.load_due(now=now, limit=_AT_ONCE)
            erased = False
            for kept in due:
                result = kept.stored or Result()
                if any(len(one.retained) != len(one.paths) for some in result.learned.values() for one in some):
                    result = await self._planned(kept, result)  # it was stored before ends were
                remains = remains_of(kept, result.without_overdue(now))
                erased |= await self.store.save_remains(remains, now=now)
        await self.store.finish_erasing()

    async def _planned(self, kept: KeptRequest, result: Result) -> Result:
        shown_at = kept.answered_at or kept.asked.made_at
        acceptances = await self.store.load_acceptances(kept.asked.id)
        signed = next((one.record for one in acceptances if one.record is not None), None)
        if signed is None:
            return planned(result, shown_at=shown_at)
        record = verify_record(JointlySigned.from_json(dict(signed)), vendor_keys=self.keys)
        offers = [one for one in await self.store.load_offers(kept.asked.id) if one.digest == record.offer]
        grants = parse_agreement(offers[0].text).agreement.grants if offers else ()
        events = await self.store.load_events(record.identifier)
        return with_ends(planned(result, shown_at=shown_at, record=record, grants=grants), record, shown_at, events)


def planned(
    result: Result,
    *,
    shown_at: datetime,
    record: AgreementRecord | None = None,
    grants: Sequence[Grant] = (),
) -> Result:
    """The result with the end of each claim, as the accepted grants promise it; `grants` are those of the offer."""

    def allowed(one: Learned) -> Learned:
        gids = (
            (path, () if record is None else allowing(one.vct, path, record=record, grants=grants))
            for path in one.paths
        )
        return replace(one, retained=tuple(Retained(path=path, gids=some, until=None) for path, some in gids))

    learned = {name: tuple(map(allowed, some)) for name, some in result.learned.items()}
    return _ending(replace(result, learned=learned), record, shown_at, {})


def with_ends(result: Result, record: AgreementRecord, shown_at: datetime, events: Sequence[KeptEvent]) -> Result:
    """The result with the ends as they are after these events: some promises count from when the person left."""
    return _ending(result, record, shown_at, withdrawn_at(events))


def withdrawn_at(events: Sequence[KeptEvent]) -> Mapping[str, datetime]:
    """When the person took back which process of a record."""
    taken_back = [one for one in events if one.kind == EventKind.WITHDRAW]
    return {gid: one.at for one in reversed(taken_back) for gid in parse_event(one.text).event.gids}


def _ending(
    result: Result, record: AgreementRecord | None, shown_at: datetime, ended: Mapping[str, datetime]
) -> Result:
    retention = {} if record is None else {gid: of_use(some) for gid, some in record.retention.items()}

    def ends(one: Learned) -> Learned:
        found = (
            replace(kept, until=kept_until(kept.gids, retention, shown_at=shown_at, ended=ended))
            for kept in one.retained
        )
        return replace(one, retained=tuple(found))

    return replace(result, learned={name: tuple(map(ends, some)) for name, some in result.learned.items()})
