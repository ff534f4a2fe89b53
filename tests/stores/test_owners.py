"""Two owners in one database: each does the same with the same names, and neither notices the other."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from didkit_py.errors import NotFound, Replayed
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.asking_store import (
    AskedRequest,
    Effect,
    KeptAcceptance,
    KeptEvent,
    Learned,
    OwnCredential,
    RequestTemplate,
    Result,
    SentOffer,
    remains_of,
)
from didkit_py.roles.issuing_store import NewOffer, Offer, WantedCredential
from didkit_py.service.fetching.lists import Source
from didkit_py.service.storage.sealing import Box
from didkit_py.status.states import Status
from didkit_py.trust import TrustedIssuer
from issuer.publishing.documents import Publications
from issuer.publishing.status_lists import StatusLists
from issuer.store import OfferStore
from tests.cast import CREDIT_UNION, DEALER, dealer_role
from tests.e2e.verifier.shop import affordability
from tests.needs import REPOSITORY
from tests.stores.engines import Engine
from tests.stores.ownership import Listening, read_schema, statement_problems
from tests.stores.purse import KEY, NOW, URL, Purse
from tests.stores.test_schema import PROGRAMS
from tests.unit.roles.vendor import Counter
from verifier.storage.public_lists import KeptLists
from verifier.storage.store import UNANSWERED_KEPT, VendorStore

DAY: Final = timedelta(days=1)
LONG_AFTER: Final = NOW + UNANSWERED_KEPT + 2 * DAY
Rows = Mapping[str, tuple[str, ...]]  # by table


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A database that two owners have opened."""

    program: str
    engine: Engine
    database: Listening

    async def rows(self, owner: str) -> Rows:
        """All that is stored of one owner."""
        kept = PROGRAMS[self.program]
        owned = (await read_schema(self.database, self.engine.name)).columns.keys() - kept.shared
        found = {}
        for table in owned:
            sql = f"SELECT * FROM {table} WHERE {kept.owner} = ?"  # noqa: S608 - names of ours
            found[table] = tuple(sorted(str(sorted(row.items())) for row in await self.database.fetch(sql, owner)))
        return found

    async def require_held(self) -> None:
        """Each statement that was really made names the owner of each table in it."""
        columns, kept = (await read_schema(self.database, self.engine.name)).columns, PROGRAMS[self.program]
        said = [one for one in self.database.said if any(f" {table} " in f"{one} " for table in columns)]
        assert len(said) > 15
        for sql in said:
            assert statement_problems(sql, owner=kept.owner, tables=columns, shared=kept.shared) == [], sql


async def opened(engine: Engine, program: str) -> Shared:
    database = await engine.open(Path(str(files(program) / "migrations")))
    return Shared(program=program, engine=engine, database=Listening(database))


@pytest.fixture
async def issuing(engine: Engine) -> AsyncIterator[Shared]:
    shared = await opened(engine, "issuer")
    yield shared
    await shared.database.close()


@pytest.fixture
async def asking(engine: Engine) -> AsyncIterator[Shared]:
    shared = await opened(engine, "verifier")
    yield shared
    await shared.database.close()


@pytest.fixture
async def holding(engine: Engine) -> AsyncIterator[Shared]:
    shared = await opened(engine, "wallet")
    yield shared
    await shared.database.close()


# Two issuers


class Union:
    """One issuer at a shared database."""

    def __init__(self, shared: Shared, party_id: str) -> None:
        database, signer = shared.database, CREDIT_UNION.signer
        self.store = OfferStore(database=database, party_id=party_id, storage_key=KEY, random=Counter())
        self.lists = StatusLists(database=database, party_id=party_id, signer=signer, issuer_url=URL, ttl=DAY)
        self.publications = Publications(
            database=database, party_id=party_id, signer=signer, issuer_url=URL, key_sources=KEY_SOURCES
        )

    async def work(self) -> object:
        """Offer, issue, withdraw, take back and publish; gives all that it saw."""
        assert await self.store.save_offers([new_offer(name) for name in ("one", "two", "three")], batch="b")
        tried = await self.store.count_try(b"one", now=NOW)
        assert await self.store.spend_code("one", token_hash=b"token", token_expires_at=NOW + timedelta(minutes=5))
        registered = await self.store.register("one", keys=[b"key"], nonce=b"nonce", with_status=True, now=NOW)
        await self.store.spend_nonce(b"another", now=NOW)
        await self.store.replace_tx_code("two", b"new code", now=NOW)
        await self.store.withdraw("three", now=NOW)
        await self.lists.change("one", Status.INVALID)
        published = await self.publications.publish_terms(REPOSITORY / "examples" / "terms", now=NOW)
        await self.publications.trust(
            TrustedIssuer(id=DEALER.did, name="Dealer", vcts=frozenset({"x"}), status_lists=None)
        )
        await self.publications.trust(
            TrustedIssuer(id=CREDIT_UNION.did, name="Union", vcts=frozenset({"x"}), status_lists=None)
        )
        await self.publications.distrust(CREDIT_UNION.did)
        return tried, registered, published, await self.view()

    async def view(self) -> object:
        name = (await self.publications.terms())[0].url.rpartition("/")[2]
        return (
            await self.store.known_offers([b"one", b"two", b"three"], now=NOW),
            await self.store.load_grant(b"token", now=NOW),
            await self.store.find(now=NOW),
            await self.store.find(now=NOW, reference_hash=b"two", batch="b", state=IssuanceState.OFFERED),
            await self.store.counts(now=NOW),
            await self.store.open_list(),
            await self.lists.uris(),
            len(await self.lists.token(1, now=NOW)),
            await self.publications.terms(),
            len(await self.publications.terms_document(name)),  # each signature is another
            await self.publications.trusted(),
            len(await self.publications.trust_list(now=NOW)),
        )


def new_offer(name: str) -> NewOffer:
    wanted = WantedCredential(type_name="insurer-good-standing", values={}, reference=name)
    mark = name.encode()
    return NewOffer(
        offer=Offer(id=name, wanted=wanted, code=name, made_at=NOW, expires_at=NOW + DAY),
        fingerprint=mark,
        reference_hash=mark,
        code_hash=mark,
        tx_code_hash=mark,
    )


async def test_two_issuers_in_one_database_do_the_same_and_neither_notices_the_other(issuing: Shared) -> None:
    ours, theirs = Union(issuing, "us"), Union(issuing, "them")
    seen, viewed = await ours.work(), await ours.view()
    before = await issuing.rows("us")
    assert all(before.values()), "each table holds something of ours"
    with pytest.raises(NotFound):
        await theirs.store.load("one", now=NOW)
    assert (await theirs.store.counts(now=NOW)).total == 0

    assert await theirs.work() == seen
    await theirs.store.let_time_pass(now=NOW + 4 * DAY)

    assert (await theirs.store.counts(now=NOW)).states[IssuanceState.EXPIRED] == 1
    assert await issuing.rows("us") == before
    assert await ours.view() == viewed
    with pytest.raises(Replayed):
        await ours.store.spend_nonce(b"nonce", now=NOW)
    await theirs.store.spend_nonce(b"nonce", now=NOW + 4 * DAY)
    await issuing.require_held()


# Two vendors


class Shop:
    """One vendor at a shared database."""

    def __init__(self, shared: Shared, party_id: str, *, trust_list: str = "https://lists.example/trust") -> None:
        box = Box(key=KEY, random=Counter())
        self.store = VendorStore(database=shared.database, party_id=party_id, box=box, formats=FORMATS)
        self.lists = KeptLists(
            database=shared.database, trust_list_url=trust_list, trust_list_signer="did:web:x", key_sources=KEY_SOURCES
        )

    async def work(self) -> object:
        """Ask, be answered, keep records, erase and sweep; gives all that it saw."""
        store = self.store
        for name in ("answered", "refused", "waiting", "unanswered"):
            await store.save_request(asked(name))
            await store.save_fetched(name, SentOffer(digest=name, request_id=name, text="promise"), now=NOW)
        await store.save_try("refused", ExchangeState.REFUSED, Result(), now=NOW)
        for name in ("answered", "waiting"):
            await store.save_acceptance(acceptance(name), at_most=1, now=NOW)
        signed = acceptance("answered", record={"payload": "p"})
        await store.save_answer("answered", RESULT, now=NOW, response_code_hash=b"code", record=signed)
        with pytest.raises(Replayed):
            await store.save_answer("answered", RESULT, now=NOW, response_code_hash=b"other")
        remains = remains_of(await store.load_request("answered", now=NOW), Result())
        event = KeptEvent(record_id="r-answered", seq=0, kind="eraseRequest", at=NOW, text="erase")
        await store.save_event(event, Effect(request_id="answered", ends=True, erases=True, remains=remains))
        answer = KeptEvent(record_id="r-answered", seq=0, kind="eraseRequest", at=NOW, text="erase", answer="done")
        await store.save_event_answer(answer, now=NOW)
        text = await dealer_role(DEALER)
        await store.save_credential(OwnCredential.of(text, id="role", received_at=NOW))
        return await self.view()

    async def view(self) -> object:
        return (
            await self.store.requests(now=NOW),
            await self.store.counts(now=NOW),
            await self.store.has_response_code(b"code"),
            [await self.store.load_offers(name) for name in ("answered", "refused")],
            await self.store.load_offer("refused"),
            await self.store.load_acceptances("answered"),
            await self.store.load_recorded("r-answered"),
            await self.store.load_acceptance("waiting"),
            await self.store.load_events("r-answered"),
            [one.id for one in await self.store.own_credentials()],
            await self.store.load_due(now=LONG_AFTER, limit=10),
        )


RESULT: Final = Result(
    learned={"car": (Learned(vct="v", issuer="did:web:x", issuer_name="X", claims={"vehicle": "car"}),)}
)


def asked(name: str) -> AskedRequest:
    return AskedRequest(
        id=name,
        template=RequestTemplate.from_json(affordability(), formats=FORMATS),
        nonce="n",
        state="s",
        rel="r",
        encryption_jwk={},
        made_at=NOW,
        expires_at=NOW + timedelta(minutes=10),
    )


def acceptance(name: str, record: Mapping[str, str] | None = None) -> KeptAcceptance:
    return KeptAcceptance(
        payload_digest=name,
        request_id=name,
        record_id=f"r-{name}",
        presented="d",
        accepted={"payload": "p"},
        record=record,
    )


async def test_two_vendors_in_one_database_do_the_same_and_neither_notices_the_other(asking: Shared) -> None:
    ours, theirs = Shop(asking, "us"), Shop(asking, "them")
    seen = await ours.work()
    before = await asking.rows("us")
    assert all(before.values()), "each table holds something of ours"
    with pytest.raises(NotFound):
        await theirs.store.load_request("answered", now=NOW)
    assert await theirs.store.counts(now=NOW) == {}
    assert not await theirs.store.has_response_code(b"code")

    assert await theirs.work() == seen
    await theirs.store.finish_erasing()
    await theirs.store.sweep(now=LONG_AFTER)

    assert await theirs.store.load_acceptance("waiting") is None
    assert [kept.asked.id for kept in await theirs.store.requests(now=NOW)] == ["answered"]
    assert await asking.rows("us") == before, "nothing of ours was swept, counted or scrubbed"
    assert await ours.view() == seen
    await asking.require_held()


async def test_vendors_share_the_lists_of_one_trust_list_and_leave_those_of_another_alone(asking: Shared) -> None:
    ours, theirs = Shop(asking, "us"), Shop(asking, "them")
    others = Shop(asking, "others", trust_list="https://other.example/trust")
    fetched = [Source(url="https://lists.example/1", body=b"one", fetched_at=NOW)]
    different = [Source(url="https://lists.example/1", body=b"two", fetched_at=NOW)]
    await ours.lists.save_sources(fetched)
    await others.lists.save_sources(different)

    assert await theirs.lists.load_sources() == tuple(fetched)
    assert await others.lists.load_sources() == tuple(different)


# Two wallets


async def test_two_wallets_in_one_database_do_the_same_and_neither_notices_the_other(
    holding: Shared, tmp_path: Path
) -> None:
    hers, his = Purse(holding.database, "hers", tmp_path / "hers"), Purse(holding.database, "his", tmp_path / "his")
    seen = await hers.work()
    before = await holding.rows("hers")
    assert all(before.values()), "each table holds something of hers"
    with pytest.raises(NotFound):
        await his.keeping.load_exchange("answered")
    assert await his.store.load_credentials() == ()
    assert await his.ledger.read() == ()

    assert await his.work() == seen
    await his.keeping.delete_document(await his.store.load_credential("kept"), now=NOW)

    assert await his.store.load_credentials() == ()
    assert await holding.rows("hers") == before
    assert await hers.view() == seen
    await holding.require_held()
