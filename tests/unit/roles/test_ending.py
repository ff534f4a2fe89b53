"""Ending against a vendor in this process: silent, slow, forging, or honest; only its signature counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from didkit_py.consent.policy import Policy
from didkit_py.encoding import Json, digest, read_json, write_json
from didkit_py.errors import IllegalMove, Malformed, Unreachable
from didkit_py.formats.table import FORMATS
from didkit_py.jose import sign_compact
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.records.events import (
    TYP,
    AgreementEvent,
    EventKind,
    Residual,
    create_acknowledgement,
    create_erase_proof,
    parse_event,
    verify_event,
)
from didkit_py.roles.ending import REFUSED, Ended, Ending, TerminationRequest, relationship_of
from didkit_py.roles.presenting_store import Exchange, Note, PresentationState
from didkit_py.roles.vendor_client import VendorClient
from tests.cast import BOB, NOW, SOUND, SOUND_GRANT, SOUND_QUERY, Party, happy, signer_of
from tests.unit.roles.test_presenting import Answer, scene_of

WITHDRAW, ERASE = "https://sound.example/agreements/withdraw", "https://sound.example/agreements/erase"


@dataclass
class Memory:
    """A store that keeps what it was told, by way of its JSON."""

    exchange: Exchange
    wishes: list[Ended] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    async def load_exchange(self, exchange_id: str) -> Exchange:
        assert exchange_id == self.exchange.id
        return self.exchange

    async def load_relationship_signer(self, client_id: str, rel: str) -> SoftwareSigner:
        return signer_of(f"{client_id} {rel}")

    async def load_ended(self, exchange_id: str) -> Sequence[Ended]:
        return [
            Ended.from_json(read_json(write_json(one.to_json())), exchange_id=exchange_id, place=one.place)
            for one in self.wishes
        ]

    async def save_wish(self, ended: Ended, *, note: Note, now: datetime) -> None:
        if ended.place != len(self.wishes) + 1:
            raise IllegalMove("its place is taken")
        self.wishes.append(ended)
        self.notes.append(note)

    async def save_ended(self, ended: Ended, *, notes: Sequence[Note] = (), now: datetime) -> None:
        if self.wishes[ended.place - 1].confirmed:
            raise IllegalMove("it has an answer")
        self.wishes[ended.place - 1] = ended
        self.notes += notes

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in self.notes]


@dataclass
class Vendor:
    """Its desk. `fault` is what it does wrong."""

    store: Memory
    fault: str = ""
    posted: list[tuple[str, str]] = field(default_factory=list)
    answered: dict[str, str] = field(default_factory=dict)
    last: AgreementEvent | None = None

    async def get(self, url: str, *, max_bytes: int, accept: str | None = None) -> Answer:
        raise AssertionError("nothing is fetched to end a relationship")

    async def post(
        self, url: str, *, body: bytes, content_type: str, max_bytes: int, headers: Mapping[str, str] | None = None
    ) -> Answer:
        read = read_json(body)
        assert isinstance(read, dict)
        text = str(read["event"])
        assert text in {one.event for one in self.store.wishes}, "sent before it was durable"
        self.posted.append((url, text))
        if self.fault == "silent":
            raise Unreachable("nobody answers")
        if self.fault.isdigit():
            return Answer(body=b"{}", status=int(self.fault))
        if text not in self.answered:
            self.answered[text] = await self._answer(text)
        if self.fault == "answer lost":
            raise Unreachable("the answer was lost")
        if self.fault == "no event":
            return Answer(body=b'{"state":"received"}')
        return Answer(body=write_json({"event": self.answered[text]}))

    async def _answer(self, text: str) -> str:
        record = relationship_of(self.store.exchange, formats=FORMATS, key_sources=KEY_SOURCES).record
        event = verify_event(parse_event(text), record=record, previous=self.last, vendor_keys=SOUND.document, now=NOW)
        signer = {"other vendor": BOB.signer, "stranger": replace_key(SOUND)}.get(self.fault, SOUND.signer)
        of = replace(event, text=event.text + "A") if self.fault == "other event" else event
        if self.fault == "future":
            answer = await create_acknowledgement(
                record, previous=event, of=of, state="applied", signer=signer, now=NOW + timedelta(days=1)
            )
        elif event.kind is EventKind.ERASE_REQUEST and self.fault not in {"acknowledged only", "received"}:
            about = replace(of, paths=(("vehicle", "model"),)) if self.fault == "other paths" else of
            residual = (
                [Residual(storage="legal", clause="d9", until=NOW + timedelta(days=365))]
                if self.fault == "keeps some"
                else []
            )
            answer = await create_erase_proof(record, of=about, residual=residual, signer=signer, now=NOW)
        else:
            state = "received" if self.fault == "received" else "applied"
            previous = replace(event, seq=event.seq + 1) if self.fault == "other place" else event
            answer = await create_acknowledgement(record, previous=previous, of=of, state=state, signer=signer, now=NOW)
        if not self.fault:
            self.last = parse_event(answer).event
        return answer


def replace_key(party: Party) -> SoftwareSigner:
    """A key that is not the vendor's, under its name."""
    return signer_of("stranger", key_id=party.signer.key_id)


@dataclass
class Scene:
    store: Memory
    vendor: Vendor
    now: datetime = NOW

    @property
    def ending(self) -> Ending:
        return Ending(
            store=self.store,
            client=VendorClient(fetch=self.vendor, formats=FORMATS, key_sources=KEY_SOURCES),
            clock=lambda: self.now,
        )

    async def end(self, wish: TerminationRequest) -> Ended:
        return (await self.ending.end(self.store.exchange.id, wish))[-1]

    async def send(self) -> Sequence[Ended]:
        return await self.ending.send(self.store.exchange.id)


@pytest.fixture
async def scene() -> Scene:
    presenting = await scene_of((await happy()).but(query=SOUND_QUERY, grants=(SOUND_GRANT,), policy=Policy()))
    opened = await presenting.presenting.open(presenting.link)
    done = await presenting.share(opened.id)
    assert done.state is PresentationState.RECORDED
    store = Memory(done)
    return Scene(store, Vendor(store))


async def test_a_withdrawal_is_done_when_the_vendor_signed_that_it_obeys(scene: Scene) -> None:
    ended = await scene.end(TerminationRequest.STOP)
    assert (ended.confirmed, ended.answered_at, ended.problem) == (True, NOW, "")
    ((address, text),) = scene.vendor.posted
    assert address == WITHDRAW
    event = parse_event(text).event
    assert (event.kind, event.effect, event.seq) == (EventKind.WITHDRAW, "stop-use", 1)
    assert set(event.gids) == set(
        relationship_of(scene.store.exchange, formats=FORMATS, key_sources=KEY_SOURCES).record.accepted
    )
    assert scene.store.kinds == ["withdrawn", "withdrawal-confirmed"]


async def test_an_erasure_is_done_only_by_a_signed_proof_which_goes_into_the_ledger(scene: Scene) -> None:
    ended = await scene.end(TerminationRequest.ERASE)
    assert (ended.confirmed, ended.residual) == (True, [])
    assert [address for address, _ in scene.vendor.posted] == [ERASE]
    assert scene.store.kinds == ["erasure-asked", "erasure-proved"]
    assert scene.store.notes[-1].body["answer"] == ended.answer
    assert scene.store.notes[-1].body["event"] == ended.event


async def test_both_follow_each_other_in_one_chain(scene: Scene) -> None:
    await scene.end(TerminationRequest.STOP)
    await scene.end(TerminationRequest.ERASE)
    chain = [parse_event(text).event for one in scene.store.wishes for text in (one.event, one.answer) if text]
    assert [one.seq for one in chain] == [1, 2, 3, 4]
    assert [one.prev for one in chain[1:]] == [one.digest for one in chain[:-1]]


async def test_what_was_asked_once_is_not_asked_twice(scene: Scene) -> None:
    first = await scene.end(TerminationRequest.STOP)
    again = await scene.end(TerminationRequest.STOP)
    assert again == first
    assert len(scene.vendor.posted) == 1
    assert scene.store.kinds.count("withdrawn") == 1


async def test_a_silent_vendor_leaves_it_unconfirmed_and_gets_the_same_bytes_again(scene: Scene) -> None:
    scene.vendor.fault = "silent"
    ended = await scene.end(TerminationRequest.STOP)
    assert (ended.confirmed, ended.asked_at, ended.problem) == (False, NOW, "unreachable")
    scene.now = NOW + timedelta(seconds=30)
    scene.vendor.fault = ""
    (ended,) = await scene.send()
    assert (ended.confirmed, ended.asked_at, ended.problem) == (True, NOW, "")
    assert len({text for _, text in scene.vendor.posted}) == 1
    assert scene.store.kinds == ["withdrawn", "withdrawal-confirmed"]


async def test_an_answer_that_was_lost_comes_again(scene: Scene) -> None:
    scene.vendor.fault = "answer lost"
    assert not (await scene.end(TerminationRequest.ERASE)).confirmed
    scene.vendor.fault = ""
    (ended,) = await scene.send()
    assert ended.confirmed
    assert len({text for _, text in scene.vendor.posted}) == 1


async def test_an_erasure_waits_until_the_withdrawal_before_it_is_confirmed(scene: Scene) -> None:
    scene.vendor.fault = "silent"
    await scene.end(TerminationRequest.STOP)
    waiting = await scene.end(TerminationRequest.ERASE)
    assert (waiting.event, waiting.confirmed) == (None, False)
    assert {address for address, _ in scene.vendor.posted} == {WITHDRAW}
    assert scene.store.kinds == ["withdrawn", "erasure-asked"], "the wish itself is durable"
    scene.vendor.fault = ""
    assert [one.confirmed for one in await scene.send()] == [True, True]
    assert scene.vendor.posted[-1][0] == ERASE


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("other vendor", "unknown-key"),
        ("stranger", "bad-signature"),
        ("other event", "bad-agreement"),
        ("other place", "bad-agreement"),
        ("received", "bad-agreement"),
        ("future", "bad-agreement"),
        ("no event", "malformed"),
        ("400", REFUSED),
        ("503", "unreachable"),
        ("429", "unreachable"),
    ],
)
async def test_nothing_is_done_without_the_vendors_signature_in_its_place(
    scene: Scene, fault: str, problem: str
) -> None:
    scene.vendor.fault = fault
    ended = await scene.end(TerminationRequest.STOP)
    assert (ended.confirmed, ended.problem) == (False, problem)
    assert scene.store.kinds == ["withdrawn"]


@pytest.mark.parametrize("fault", ["acknowledged only", "received", "other paths"])
async def test_an_erasure_is_not_done_by_less_than_a_proof_of_all_of_it(scene: Scene, fault: str) -> None:
    scene.vendor.fault = fault
    ended = await scene.end(TerminationRequest.ERASE)
    assert (ended.confirmed, ended.problem) == (False, "bad-agreement")
    assert scene.store.kinds == ["erasure-asked"]


async def test_what_a_vendor_keeps_nevertheless_is_told(scene: Scene) -> None:
    scene.vendor.fault = "keeps some"
    ended = await scene.end(TerminationRequest.ERASE)
    assert ended.residual == [("legal", "d9", NOW + timedelta(days=365))]


def without_record(exchange: Exchange) -> Exchange:
    return replace(exchange, record=None)


def of_another_offer(exchange: Exchange) -> Exchange:
    return replace(exchange, text=exchange.text[:-8] + "AAAAAAAA")


@pytest.mark.parametrize("change", [without_record, of_another_offer])
async def test_without_a_record_that_holds_there_is_nothing_to_end(
    scene: Scene, change: Callable[[Exchange], Exchange]
) -> None:
    scene.store.exchange = change(scene.store.exchange)
    with pytest.raises(Exception, match=r"no record|signature"):
        await scene.end(TerminationRequest.STOP)
    assert not scene.store.wishes
    assert not scene.vendor.posted


@pytest.mark.parametrize(
    ("residual", "why"),
    [
        ([{"class": "legal", "clause": "d9", "until": "2027-11-21T10:00:00Z"}] * 9, "too-large"),
        ([{"class": "erased", "clause": "d9", "until": "2027-11-21T10:00:00Z"}], "malformed"),
        ([{"class": "legal", "clause": "d" * 81, "until": "2027-11-21T10:00:00Z"}], "too-large"),
        ([{"class": "legal", "clause": "d9\u202edesare", "until": "2027-11-21T10:00:00Z"}], "malformed"),
        ([{"class": "legal", "clause": "d9\ndone", "until": "2027-11-21T10:00:00Z"}], "malformed"),
        ([{"class": "legal", "clause": "d9", "until": "for good"}], "malformed"),
        ([{"class": "legal", "clause": "d9", "until": "2027-11-21T10:00:00Z", "note": "erased"}], "malformed"),
    ],
    ids=["nine", "unknown class", "long clause", "direction", "line", "no date", "more"],
)
async def test_what_a_vendor_says_that_it_keeps_is_bounded(residual: list[Json], why: str) -> None:
    claims: dict[str, Json] = {
        "rel": "r",
        "record": "x",
        "seq": 2,
        "prev": digest(b"event"),
        "event": "eraseProof",
        "state": "applied",
        "at": "2026-11-21T10:00:00Z",
        "of": digest(b"event"),
        "all": True,
        "residual": residual,
    }
    text = await sign_compact(claims, typ=TYP, signer=SOUND.signer)
    with pytest.raises(Malformed) as refused:
        parse_event(text)
    assert refused.value.code == why
    good = claims | {"residual": [{"class": "legal", "clause": "d9", "until": "2027-11-21T10:00:00Z"}]}
    assert parse_event(await sign_compact(good, typ=TYP, signer=SOUND.signer)).event.residual
