"""What presenting remembers, kept in the wallet's tables and its ledger, in one transaction at a time."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from didkit_py.consent.decision import HeldState, History
from didkit_py.consent.policy import Policy
from didkit_py.errors import BadKey, IllegalMove, StorageUnavailable
from didkit_py.formats.format import Formats
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.parties.source import KeySources
from didkit_py.roles.ending import Ended
from didkit_py.roles.presenting_store import NOTHING, UNFINISHED, Exchange, HeldDocument, Note, Past, PresentationState
from didkit_py.service.fetching.lists import TrustedLists
from didkit_py.service.storage.database import GuardFailed
from didkit_py.service.storage.sealing import Box
from didkit_py.verification import parse_one
from wallet.giver import giver_of
from wallet.models import StoredCopy, StoredCredential
from wallet.storage.ledger import Draft, Ledger
from wallet.storage.rows import Write
from wallet.storage.store import StoredRequest, WalletStore

_PAIRWISE: Final = b"didkit-pairwise"  # at most 16 bytes: what the derived keys are for
_TRIES: Final = 16  # one in 2^32 secrets is no key of the curve


def relationship_signer(box: Box, client_id: str, rel: str) -> SoftwareSigner:
    """The key of one relationship, derived from the wallet's key: never stored, and the same after a restart."""
    for attempt in range(_TRIES):
        message = b"\0".join((client_id.encode(), rel.encode(), bytes([attempt])))
        secret = hashlib.blake2b(message, key=box.key, person=_PAIRWISE, digest_size=32).digest()
        try:
            return SoftwareSigner.from_secret(secret)
        except BadKey:
            continue
    raise RuntimeError("no key of the curve was found")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationStore:
    """The store of `Presenting`."""

    store: WalletStore
    ledger: Ledger
    formats: Formats
    lists: Callable[[], TrustedLists | None] = field(repr=False)  # None: nothing was fetched yet
    key_sources: KeySources
    _past: Past = field(default_factory=Past, repr=False)

    async def _read_past(self) -> Past:
        """What the verified ledger says about the past. Raises BrokenLedger."""
        entries = await self.ledger.read()
        for one in entries[self._past.count :]:
            self._past.follow(one.request_id, Note(kind=one.kind, body=one.body))
        return self._past

    async def load_documents(self, vcts: Collection[str]) -> Sequence[HeldDocument]:
        """Everything held of these types, each with the copy that would be shown next.

        Raises BrokenLedger where documents or copies are not as they were written.
        """
        held = await self.store.load_credentials_of(vcts)
        return [self._document(stored, copy) for stored, copy in held if stored.format in self.formats]

    def _document(self, stored: StoredCredential, copy: StoredCopy | None) -> HeldDocument:
        giver, row = giver_of(stored, self.lists(), key_sources=self.key_sources), self.formats[stored.format]
        return HeldDocument(
            held=stored.held(row, listed=giver.name is not None),
            state=HeldState(
                id=stored.id,
                vct=stored.vct,
                issuer_name=giver.sentence,
                expires_at=stored.expires_at,
                status=None if copy is None else parse_one(copy.text, row).status,
                unused=stored.copies_left,
            ),
            copy_id=None if copy is None else copy.id,
            text="" if copy is None else copy.text,
            signer=None if copy is None else copy.signer,
        )

    async def load_waiting_for(self, credential_id: str) -> Sequence[str]:
        """Who is still to be sent an answer with this document, as it may be shown."""
        copies = await self.store.load_copy_ids(credential_id)
        past = await self._read_past()
        return [
            one.vendor
            for one in await self.load_unfinished()
            if one.state is PresentationState.SENDING and not copies.isdisjoint(past.answered.get(one.id, ()))
        ]

    async def delete_document(self, stored: StoredCredential, *, now: datetime) -> None:
        """Destroy a document with its copies and their keys; the ledger notes the kind of document and nothing else.

        What was answered with it is sent all the same: it was made and signed before. Raises NotFound.
        """
        note = Draft(kind="deleted", request_id=stored.id, body={"type": stored.vct})
        await self.store.delete_credential(stored.id, note=note, now=now)
        with suppress(StorageUnavailable):  # it is deleted; what a busy database leaves in free pages is sealed
            await self.store.database.scrub()

    async def load_relationship_signer(self, client_id: str, rel: str) -> SoftwareSigner:
        """The key for one relationship alone."""
        return relationship_signer(self.store.box, client_id, rel)

    async def load_policy(self) -> Policy:
        """The person's rules."""
        return await self.store.load_policy()

    async def load_history(self, *, without: str, identifiers: AbstractSet[str]) -> History:
        """What the verified ledger says about the past. Raises BrokenLedger."""
        return (await self._read_past()).history(without=without, identifiers=identifiers)

    async def load_exchange(self, exchange_id: str) -> Exchange:
        """One exchange. Raises NotFound, or BrokenLedger when its row is not as it was written."""
        return _exchange(await self.store.load_request(exchange_id))

    async def load_unfinished(self) -> Sequence[Exchange]:
        """The exchanges that something is still to be done for."""
        return [_exchange(one) for one in await self.store.load_requests(*UNFINISHED)]

    async def load_open(self) -> Sequence[Exchange]:
        """The requests that wait for an answer, newest first."""
        return [_exchange(one) for one in await self.store.load_requests(PresentationState.OPEN)]

    async def save_opened(self, exchange: Exchange, *, note: Note, now: datetime) -> None:
        """Keep a new exchange and note it."""
        added = self.store.add_request(_stored(exchange, now))
        await self.ledger.append(_draft(exchange, note), now=now, also=[added])

    async def save_moved(
        self,
        exchange: Exchange,
        *,
        before: PresentationState,
        notes: Sequence[Note] = (),
        spent: Mapping[str, str] = NOTHING,
        now: datetime,
    ) -> None:
        """Replace an exchange that is still in `before`. Raises IllegalMove when it is not, or a copy was used."""
        writes = [
            self.store.change_request(_stored(exchange, now), before=before),
            *(self.store.spend_copy(copy, credential_id=held, now=now) for held, copy in spent.items()),
        ]
        try:
            await self.ledger.append(*(_draft(exchange, note) for note in notes), now=now, also=writes)
        except GuardFailed as error:
            raise IllegalMove("this request was answered already, on another page") from error

    async def load_ended(self, exchange_id: str) -> Sequence[Ended]:
        """What the person asked of the vendor about one record, in order."""
        return await self.store.load_endings_of(exchange_id)

    async def load_unconfirmed(self) -> Sequence[Ended]:
        """Everything that was asked of vendors and has no answer."""
        return [one for one in await self.store.load_endings() if not one.confirmed]

    async def save_wish(self, ended: Ended, *, note: Note, now: datetime) -> None:
        """Keep a new wish and note it. Raises IllegalMove when another one stands at its place."""
        await self._save_ending(self.store.add_ending(ended), ended, [note], now)

    async def save_ended(self, ended: Ended, *, notes: Sequence[Note] = (), now: datetime) -> None:
        """Replace a wish that has no answer yet, with its notes. Raises IllegalMove when it has one."""
        await self._save_ending(self.store.change_ending(ended), ended, notes, now)

    async def _save_ending(self, write: Write, ended: Ended, notes: Sequence[Note], now: datetime) -> None:
        drafts = [Draft(kind=one.kind, request_id=ended.exchange_id, body=one.body) for one in notes]
        try:
            await self.ledger.append(*drafts, now=now, also=[write])
        except GuardFailed as error:
            raise IllegalMove("this was done already, on another page") from error


def _exchange(stored: StoredRequest) -> Exchange:
    return Exchange.from_json(stored.body, id=stored.id, state=stored.state)


def _stored(exchange: Exchange, now: datetime) -> StoredRequest:
    return StoredRequest(
        id=exchange.id, state=exchange.state, opened_at=exchange.opened_at, changed_at=now, body=exchange.to_json()
    )


def _draft(exchange: Exchange, note: Note) -> Draft:
    return Draft(kind=note.kind, request_id=exchange.id, body=note.body)
