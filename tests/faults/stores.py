"""What the three stores hold while nobody runs, or beside those who do; and what must hold of it at every moment."""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import read_credential
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.oid4vp.exchange import ExchangeState as Asked
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.asking_store import KeptAcceptance, KeptEvent, KeptRequest
from didkit_py.roles.ending import Ended
from didkit_py.roles.presenting_store import Exchange, PresentationState
from didkit_py.service.clock import utc_now
from didkit_py.service.setup.folders import DATABASE, load_folder
from didkit_py.service.setup.keyfile import ServiceKeys
from didkit_py.service.setup.settings import ServiceSettings
from didkit_py.service.storage.database import Database, Row
from didkit_py.service.storage.engines import postgres_address
from didkit_py.service.storage.postgres import PostgresDatabase
from didkit_py.service.storage.sealing import Box
from didkit_py.service.storage.sqlite import SqliteDatabase
from issuer.settings import IssuerSettings
from tests.faults.points import Side
from verifier.settings import VerifierSettings
from verifier.storage.store import VendorStore
from wallet.models import StoredCopy
from wallet.settings import HEAD, RULES_HEAD, WalletSettings
from wallet.storage.ledger import KEPT, Entry, Ledger
from wallet.storage.presentation_store import PresentationStore
from wallet.storage.rules_seal import RulesSeal
from wallet.storage.store import WalletStore
from wallet.storage.vault import wallet_id_of

FOR_A_PERSON, FOR_A_BUSINESS = 10, 1  # copies of a document
SAID_YES: Final = frozenset(
    {PresentationState.SENDING, PresentationState.RELEASED, PresentationState.RECORDED, PresentationState.FAILED}
)
SETTINGS: Final[Mapping[Side, type[ServiceSettings]]] = {
    "issuer": IssuerSettings,
    "vendor": VerifierSettings,
    "wallet": WalletSettings,
}
Places = tuple[tuple[int, int], ...]  # of each copy: number of the status list, index in it; (0, 0): it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What opens the sealed values of the two who have any here."""

    vendor: ServiceKeys
    wallet: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that is stored, at one moment."""

    offers: Mapping[str, str] = field(default_factory=dict)  # the issuer's, id -> state
    registered: Mapping[str, Places] = field(default_factory=dict)  # by offer
    requests: Mapping[str, KeptRequest] = field(default_factory=dict)  # the vendor's
    acceptances: Mapping[str, KeptAcceptance] = field(default_factory=dict)  # by the id of the record
    events: tuple[KeptEvent, ...] = ()
    unscrubbed: int = 0
    entries: tuple[Entry, ...] = ()  # of the wallet's ledger, verified
    exchanges: Mapping[str, Exchange] = field(default_factory=dict)
    endings: tuple[Ended, ...] = ()
    taken: Mapping[str, str] = field(default_factory=dict)  # the wallet's offers, id -> state
    documents: Mapping[str, Places] = field(default_factory=dict)  # by id
    used: frozenset[str] = frozenset()  # copies
    sources: Mapping[Side, frozenset[str]] = field(default_factory=dict)

    def facts(self) -> set[tuple[object, ...]]:
        """What was done and may never be undone."""
        return {
            *(("registered", *one) for one in self.registered.items()),
            *(("asked", one) for one in self.requests),
            *(("answered", one, kept.state) for one, kept in self.requests.items() if kept.result is not None),
            *(("signed", one) for one, kept in self.acceptances.items() if kept.record),
            *(("heard", one.text) for one in self.events),
            *(("obeyed", one.text, one.answer) for one in self.events if one.answer is not None),
            *(("written down", one.seq, one.digest) for one in self.entries),
            *(("recorded", one) for one, kept in self.exchanges.items() if kept.record),
            *(("confirmed", one.exchange_id, one.place, one.answer) for one in self.endings if one.confirmed),
            *(("held", *one) for one in self.documents.items()),
            *(("used", one) for one in self.used),
            *(("list", side, one) for side, some in self.sources.items() for one in some),
        }

    def answers_to(self, request_id: str) -> list[Exchange]:
        """With what Sally said yes to a request of the vendor, sent or about to be."""
        return [one for one in self.exchanges.values() if asked_by(one) == request_id and one.state in SAID_YES]

    def learned(self, request_id: str) -> list[object]:
        """What the vendor knows of the car by a request."""
        result = self.requests[request_id].result
        return [] if result is None else [one.claims["vehicle"] for one in result.learned["car"]]


def asked_by(exchange: Exchange) -> str:
    """What the vendor calls the request."""
    return exchange.request_uri.rpartition("/")[2]


async def look(folders: Mapping[Side, Path], keys: Keys) -> Seen:
    """Read everything, through the programs' own stores. Raises BrokenLedger for a wallet whose history does not hold.

    Of SQLite this is the first to open the file after whoever died, so it is also who recovers the journal.
    """
    found: dict[str, Any] = {"sources": {}}
    async with _opened(folders["issuer"], "issuer") as database:
        found |= await _issuer(database)
    async with _opened(folders["vendor"], "vendor") as database:
        found |= await _vendor(database, keys.vendor)
        found["sources"]["vendor"] = await _sources(database)
    async with _opened(folders["wallet"], "wallet") as database:
        found |= await _wallet(database, keys.wallet, folders["wallet"] / HEAD)
        found["sources"]["wallet"] = await _sources(database)
    return Seen(**found)


@asynccontextmanager
async def _opened(folder: Path, side: Side) -> AsyncIterator[Database]:
    address = postgres_address(load_folder(folder, SETTINGS[side]))
    database: Database
    if address is None:
        _require_whole_file(folder / DATABASE)
        database = SqliteDatabase(folder / DATABASE)
    else:
        database = PostgresDatabase(address)
    try:
        yield database
    finally:
        await database.close()


def _require_whole_file(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


async def sealed_result(folder: Path, request_id: str) -> bytes:
    """What the vendor in this folder learned by a request, as it is stored."""
    async with _opened(folder, "vendor") as database:
        ((row,),) = [await database.fetch("SELECT result FROM requests WHERE id = ?", request_id)]
    assert isinstance(row["result"], bytes)
    return row["result"]


async def _sources(database: Database) -> frozenset[str]:
    return frozenset(str(row["url"]) for row in await database.fetch("SELECT url FROM sources"))


async def _issuer(database: Database) -> dict[str, Any]:
    offers = await database.fetch("SELECT id, state FROM offers")
    copies = await database.fetch("SELECT offer_id, list_number, list_index FROM copies")
    return {
        "offers": {row["id"]: row["state"] for row in offers},
        "registered": _grouped((row["offer_id"], (row["list_number"] or 0, row["list_index"] or 0)) for row in copies),
    }


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Places]:
    found: dict[str, list[Any]] = {}
    for name, place in pairs:
        found.setdefault(name, []).append(place)
    return {name: tuple(sorted(some)) for name, some in found.items()}


async def _vendor(database: Database, keys: ServiceKeys) -> dict[str, Any]:
    store = VendorStore(database=database, party_id=keys.party_id, box=Box(key=keys.storage_key), formats=FORMATS)
    requests = await store.requests(now=utc_now())
    acceptances = [one for kept in requests for one in await store.load_acceptances(kept.asked.id)]
    scrubs = await database.fetch("SELECT wanted, done FROM scrubs")
    return {
        "requests": {one.asked.id: one for one in requests},
        "acceptances": {one.record_id: one for one in acceptances},
        "events": tuple([event for one in acceptances for event in await store.load_events(one.record_id)]),
        "unscrubbed": sum(row["wanted"] - row["done"] for row in scrubs),  # type: ignore[operator,misc]
    }


async def _wallet(database: Database, box: Box, head: Path) -> dict[str, Any]:
    rules = RulesSeal(path=head.with_name(RULES_HEAD), box=box)
    ledger = Ledger(database, wallet_id=wallet_id_of(box), box=box, head_path=head)
    store = WalletStore(database=database, wallet_id=wallet_id_of(box), box=box, ledger=ledger, rules=rules)
    keeping = PresentationStore(
        store=store, ledger=ledger, lists=lambda: None, formats=FORMATS, key_sources=KEY_SOURCES
    )
    ids = [str(row["id"]) for row in await database.fetch("SELECT id FROM requests")]
    offers = await database.fetch("SELECT id, state FROM offers")
    copies = await database.fetch("SELECT id, credential_id, used_at, sealed FROM copies")
    return {
        "entries": await ledger.read(),
        "exchanges": {one: await keeping.load_exchange(one) for one in ids},
        "endings": await store.load_endings(),
        "taken": {row["id"]: row["state"] for row in offers},
        "documents": _grouped((row["credential_id"], _place(box, row)) for row in copies),
        "used": frozenset(row["id"] for row in copies if row["used_at"] is not None),
    }


def _place(box: Box, row: Row) -> tuple[int, int]:
    name = str(row["id"])
    body = box.open(row["sealed"], place=f"copies:{name}")
    copy = StoredCopy.from_json(body, id=name, credential_id=str(row["credential_id"]))
    status = read_credential(parse_sd_jwt(copy.text)).status
    return (0, 0) if status is None else (int(status.uri.rpartition("/")[2]), status.index)


def require_whole(seen: Seen) -> None:
    """What holds at every moment, whoever died just now."""
    _require_issued_once(seen)
    _require_used_before_sent(seen)
    _require_one_answer(seen)
    _require_same_records(seen)
    _require_obeyed(seen)


def _require_issued_once(seen: Seen) -> None:
    """A registration is whole and belongs to one offer, and no two copies share a place in the status lists."""
    issued = {one for one, state in seen.offers.items() if state == "issued"}
    assert issued == set(seen.registered)
    assert {len(places) for places in seen.registered.values()} == {FOR_A_PERSON, FOR_A_BUSINESS}
    for held in (seen.registered, seen.documents):
        assert _each_once(place for places in held.values() for place in places if place != (0, 0))


def _require_used_before_sent(seen: Seen) -> None:
    """Every yes has its entry in the ledger and its own copy, marked as used, before anything of it leaves."""
    said_yes = [one for one in seen.entries if one.kind == "decided" and one.body["answer"] == "share"]
    spent = [copy for one in said_yes for copy in one.body["copies"]]  # type: ignore[union-attr]
    assert {one.request_id for one in said_yes} == {one.id for one in seen.exchanges.values() if one.state in SAID_YES}
    assert len(spent) == len(said_yes)
    assert _each_once(spent)
    assert set(spent) == seen.used
    for request_id in [one.request_id for one in seen.acceptances.values()] + [
        one for one, kept in seen.requests.items() if kept.state is Asked.ANSWERED
    ]:
        assert len(seen.answers_to(request_id)) == 1


def _require_one_answer(seen: Seen) -> None:
    """A request is answered whole or not at all, and the ledger tells each step once."""
    for kept in seen.requests.values():
        assert (kept.answered_at is None and kept.tried_at is None) == (kept.result is None)
        assert len(seen.answers_to(kept.asked.id)) <= 1
    told = Counter((one.kind, one.request_id) for one in seen.entries if one.kind != KEPT)
    assert set(told.values()) <= {1}
    for exchange in seen.exchanges.values():
        assert told["released", exchange.id] == (
            exchange.state in {PresentationState.RELEASED, PresentationState.RECORDED}
        )
        assert told["recorded", exchange.id] == (exchange.state is PresentationState.RECORDED)
        assert told["refused", exchange.id] == (
            exchange.state in {PresentationState.DECLINING, PresentationState.DECLINED}
        )


def _require_same_records(seen: Seen) -> None:
    """Both sides hold the same payload under the same signatures, or one of them holds none yet."""
    presented = {one.request_id: one.presented for one in seen.acceptances.values() if one.record is not None}
    for request_id, digest in presented.items():
        result = seen.requests[request_id].result
        assert result is not None
        assert result.presented == digest
    for exchange in seen.exchanges.values():
        if exchange.record is not None:
            mine = JointlySigned.from_json(dict(exchange.record))
            theirs = [one.record for one in seen.acceptances.values() if one.request_id == asked_by(exchange)]
            assert [JointlySigned.from_json(dict(one or {})) for one in theirs] == [mine]


def _require_obeyed(seen: Seen) -> None:
    """What Sally has as confirmed the vendor has as done; what it erased is gone."""
    answers = {one.text: one.answer for one in seen.events}
    for one in seen.endings:
        assert one.answer is None or answers[one.event or ""] == one.answer
    for kept in seen.requests.values():
        assert kept.erased_at is None or (kept.result is not None and not kept.result.learned)
    erased = {seen.acceptances[one.record_id].request_id for one in seen.events if one.kind == "eraseRequest"}
    assert erased == {one for one, kept in seen.requests.items() if kept.erased_at is not None}


def _each_once(some: Iterable[object]) -> bool:
    return all(count == 1 for count in Counter(some).values())
