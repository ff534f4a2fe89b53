"""Presenting against a vendor in this process, with crashes and silences between any two steps."""

import json
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from didkit_py.consent.decision import History, Outcome
from didkit_py.consent.page_digest import page_digest
from didkit_py.consent.policy import Policy
from didkit_py.encoding import b64url, read_json, write_json
from didkit_py.errors import BadRequestObject, IllegalMove, Refused, Unreachable, WrongType
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.oid4vp.request import create_request_link
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.records.record import countersign, create_acceptance, verify_acceptance
from didkit_py.roles.presenting import Presenting, authenticate, decide_unread
from didkit_py.roles.presenting_store import NOTHING, Exchange, HeldDocument, Note, Past, PresentationState
from didkit_py.roles.vendor_client import VendorClient
from didkit_py.terms.document import TermsDocument
from didkit_py.verification import Evidence
from tests.cast import NOW, SOUND, SOUND_GRANT, SOUND_QUERY, Situation, dealer_asks, happy, signer_of

ACCEPTANCE, PRESENTATION = "/agreements", "/oid4vp/response/1"


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: bytes
    content_type: str = "application/json"
    status: int = 200


@dataclass
class Lists:
    """What the wallet knows beforehand."""

    known: Evidence
    terms: Mapping[str, TermsDocument]

    def evidence(self) -> Evidence:
        return self.known


@dataclass
class Memory:
    """A store that forgets nothing and writes all of a move or none of it."""

    situation: Situation
    policy: Policy
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    notes: list[tuple[str, Note]] = field(default_factory=list)
    spent: list[str] = field(default_factory=list)

    async def load_documents(self, vcts: Collection[str]) -> Sequence[HeldDocument]:
        return [
            HeldDocument(held=one.held, state=one.state, copy_id=f"copy of {one.id}", text=one.text, signer=one.signer)
            for one in self.situation.held
            if one.held.vct in vcts
        ]

    async def load_relationship_signer(self, client_id: str, rel: str) -> SoftwareSigner:
        return signer_of(f"{client_id} {rel}")

    async def load_policy(self) -> Policy:
        return self.policy

    async def load_history(self, *, without: str, identifiers: AbstractSet[str]) -> History:
        past = Past()
        for exchange_id, note in self.notes:
            past.follow(exchange_id, note)
        return past.history(without=without, identifiers=identifiers)

    async def load_exchange(self, exchange_id: str) -> Exchange:
        stored = self.exchanges[exchange_id]
        return Exchange.from_json(read_json(write_json(stored.to_json())), id=stored.id, state=stored.state)

    async def load_unfinished(self) -> Sequence[Exchange]:
        return [one for one in self.exchanges.values() if one.unfinished]

    async def save_opened(self, exchange: Exchange, *, note: Note, now: datetime) -> None:
        self.exchanges[exchange.id] = exchange
        self.notes.append((exchange.id, note))

    async def save_moved(
        self,
        exchange: Exchange,
        *,
        before: PresentationState,
        notes: Sequence[Note] = (),
        spent: Mapping[str, str] = NOTHING,
        now: datetime,
    ) -> None:
        if self.exchanges[exchange.id].state is not before or set(spent.values()) & set(self.spent):
            raise IllegalMove("it moved on")
        self.exchanges[exchange.id] = exchange
        self.notes += [(exchange.id, note) for note in notes]
        self.spent += spent.values()

    @property
    def kinds(self) -> list[str]:
        return [note.kind for _, note in self.notes]


@dataclass
class Town:
    """The vendor's web site. `silent` are the numbers of posts that find nobody, before or after they arrived."""

    situation: Situation
    store: Memory
    text: str = ""
    content_type: str = "application/oauth-authz-req+jwt"
    offer: str = ""
    fetched: list[str] = field(default_factory=list)
    posted: list[tuple[str, bytes]] = field(default_factory=list)
    arrived: list[bytes] = field(default_factory=list)  # presentations
    lost_requests: set[int] = field(default_factory=set)
    lost_answers: set[int] = field(default_factory=set)
    refuses: dict[str, int] = field(default_factory=dict)
    forged_record: bool = False

    async def get(self, url: str, *, max_bytes: int, accept: str | None = None) -> Answer:
        self.fetched.append(url)
        if url.endswith("did.json"):
            return Answer(body=write_json(_document(self.situation)))
        return Answer(body=self.text.encode(), content_type=self.content_type)

    async def post(
        self, url: str, *, body: bytes, content_type: str, max_bytes: int, headers: Mapping[str, str] | None = None
    ) -> Answer:
        number = len(self.posted)
        path = url.removeprefix(self.situation.vendor.origin)
        if path in {ACCEPTANCE, PRESENTATION} and b"error=" not in body:
            assert all(one.state is not PresentationState.OPEN for one in self.store.exchanges.values()), (
                "sent before it was durable"
            )
        self.posted.append((path, body))
        if number in self.lost_requests:
            raise Unreachable("nobody answers")
        answer = await self._answer(path, body)
        if number in self.lost_answers:
            raise Unreachable("the answer was lost")
        return answer

    async def _answer(self, path: str, body: bytes) -> Answer:
        if path in self.refuses:
            return Answer(body=b"{}", status=self.refuses[path])
        if path == ACCEPTANCE:
            return await self._accept(body)
        if path == PRESENTATION and b"error=" not in body:
            if self.arrived:
                return Answer(body=b'{"error":"invalid_request"}', status=400)
            self.arrived.append(body)
        return Answer(body=b"{}")

    async def _accept(self, body: bytes) -> Answer:
        signed = JointlySigned.from_json(json.loads(body)["record"])
        query = DcqlQuery.from_json(self.situation.query, formats=FORMATS)
        verify_acceptance(signed, offer_text=self.offer, query=query, terms=self.situation.terms, now=NOW)
        if not self.arrived:
            return Answer(body=b'{"state":"received"}', status=202)
        if self.forged_record:
            changed = json.loads(signed.payload) | {"identifier": "another"}
            client_id = self.situation.plain_request().client_id.full
            key = await self.store.load_relationship_signer(client_id, changed["rel"])
            signed = await create_acceptance(changed, signer=key)
        record = await countersign(signed, signer=self.situation.vendor.signer)
        return Answer(body=write_json({"record": record.to_json()}))


def _document(situation: Situation) -> dict[str, object]:
    public = situation.vendor.signer.public.to_jwk()
    method = {"id": "#key-1", "type": "JsonWebKey", "controller": situation.vendor.did, "publicKeyJwk": public}
    return {
        "id": situation.vendor.did,
        "verificationMethod": [method],
        "authentication": ["#key-1"],
        "assertionMethod": ["#key-1"],
    }


@dataclass
class Scene:
    """One vendor, one wallet, one request."""

    situation: Situation
    store: Memory
    town: Town
    now: datetime = NOW
    made: int = 0

    @property
    def link(self) -> str:
        vendor = self.situation.vendor
        client_id = self.situation.plain_request().client_id
        return create_request_link(client_id, f"{vendor.origin}/oid4vp/requests/1", method="get")

    @property
    def presenting(self) -> Presenting:
        known = Lists(self.situation.evidence, {self.situation.terms.id: self.situation.terms})
        return Presenting(
            store=self.store,
            client=VendorClient(fetch=self.town, formats=FORMATS, key_sources=KEY_SOURCES),
            lists=lambda: known,
            clock=lambda: self.now,
            random=self.random,
        )

    async def seen(self, exchange_id: str) -> str:
        """The digest of the page as it is now."""
        return page_digest((await self.presenting.judge(exchange_id)).decision)

    async def share(self, exchange_id: str, *ticked: str, seen: str | None = None) -> Exchange:
        """The person's yes to the page that was seen before, or else as it is now."""
        page = await self.seen(exchange_id) if seen is None else seen
        return await self.presenting.share(exchange_id, seen=page, optional=frozenset(ticked))

    def random(self, count: int) -> bytes:
        self.made += 1
        return sha256(f"random {self.made}".encode()).digest()[:count]


async def scene_of(situation: Situation, *, policy: Policy | None = None) -> Scene:
    store = Memory(situation, policy or Policy())
    request = await situation.request()
    town = Town(situation, store, text=request.text)
    agreements = [one.data for one in request.request.verifier_info if one.format.endswith("relationship-agreement:1")]
    town.offer = agreements[0] if agreements else ""
    return Scene(situation, store, town)


@pytest.fixture
async def scene() -> Scene:
    return await scene_of((await happy()).but(query=SOUND_QUERY, grants=(SOUND_GRANT,), policy=Policy()))


async def test_opening_fetches_the_request_and_the_signers_document_and_nothing_else(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    assert scene.town.fetched == [
        "https://sound.example/oid4vp/requests/1",
        "https://sound.example/.well-known/did.json",
    ]
    assert scene.town.posted == []
    assert scene.store.kinds == ["asked"]
    assert exchange.state is PresentationState.OPEN


async def test_a_request_of_another_content_type_is_not_read(scene: Scene) -> None:
    scene.town.content_type = "text/html"
    with pytest.raises(WrongType):
        await scene.presenting.open(scene.link)
    assert len(scene.town.fetched) == 1


async def test_a_request_without_the_nonce_that_was_sent_is_refused(scene: Scene) -> None:
    link = scene.link.replace("request_uri_method=get", "request_uri_method=post")
    scene.town._answer = lambda path, body: _request_object(scene)  # type: ignore[method-assign] # it answers as by GET
    with pytest.raises(BadRequestObject) as refused:
        await scene.presenting.open(link)
    assert refused.value.reason == "req.replay"
    assert scene.store.kinds == []
    sent = scene.town.posted[0][1].decode()
    assert "wallet_nonce=" + b64url(sha256(b"random 1").digest()[:16]) in sent


async def _request_object(scene: Scene) -> Answer:
    return Answer(body=scene.town.text.encode(), content_type="application/oauth-authz-req+jwt")


async def test_what_could_not_be_read_is_refused_with_its_code() -> None:
    decision = decide_unread(BadRequestObject("no", reason="req.origin"), now=NOW)
    assert (decision.outcome, decision.codes) == (Outcome.REFUSE, ("req.origin",))


async def test_a_yes_is_durable_then_acceptance_then_presentation_then_the_record(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    done = await scene.share(exchange.id, "contact")
    assert done.state is PresentationState.RECORDED
    assert [path for path, _ in scene.town.posted] == [ACCEPTANCE, PRESENTATION, ACCEPTANCE]
    assert scene.town.posted[0] == scene.town.posted[2], "the same bytes are the same acceptance"
    assert scene.store.kinds == ["asked", "decided", "released", "recorded"]
    assert sorted(scene.store.spent) == ["copy of contact", "copy of digital-receipt"]
    assert done.record is not None
    assert len(done.record["signatures"]) == 2  # type: ignore[arg-type] # a list


async def test_an_optional_document_that_was_not_ticked_keeps_its_copy(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    done = await scene.share(exchange.id)
    assert scene.store.spent == ["copy of digital-receipt"]
    assert {item["query"] for item in done.shared} == {"car"}


@pytest.mark.parametrize("kind", ["lost_requests", "lost_answers"])
@pytest.mark.parametrize("number", [0, 1, 2])
async def test_silence_at_any_step_leads_to_the_same_end_with_the_same_bytes(
    scene: Scene, kind: str, number: int
) -> None:
    exchange = await scene.presenting.open(scene.link)
    setattr(scene.town, kind, {number})
    halted = await scene.share(exchange.id)
    assert halted.unfinished
    scene.town.lost_requests, scene.town.lost_answers = set(), set()
    (done,) = await scene.presenting.resume()
    assert done.state is PresentationState.RECORDED
    assert len(scene.town.arrived) == 1
    assert len({body for path, body in scene.town.posted if path == ACCEPTANCE}) == 1
    assert len({body for path, body in scene.town.posted if path == PRESENTATION}) == 1
    assert scene.store.kinds == ["asked", "decided", "released", "recorded"]
    assert await scene.presenting.resume() == []


async def test_a_vendor_that_refuses_its_own_promise_gets_nothing(scene: Scene) -> None:
    scene.town.refuses = {ACCEPTANCE: 400}
    exchange = await scene.presenting.open(scene.link)
    done = await scene.share(exchange.id)
    assert (done.state, done.problem) == (PresentationState.FAILED, "vendor.refused-agreement")
    assert [path for path, _ in scene.town.posted] == [ACCEPTANCE]
    assert "released" not in scene.store.kinds


async def test_a_promise_refused_after_the_presentation_left_counts_it_as_seen(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    scene.town.lost_answers = {1}
    halted = await scene.share(exchange.id)
    assert (halted.state, len(scene.town.arrived)) == (PresentationState.SENDING, 1), (
        "it arrived, and nobody here knows"
    )
    scene.town.lost_answers, scene.town.refuses = set(), {ACCEPTANCE: 400}
    (done,) = await scene.presenting.resume()
    assert (done.state, done.problem) == (PresentationState.FAILED, "vendor.refused-answer")
    assert scene.store.kinds == ["asked", "decided", "released"]
    assert scene.store.notes[-1][1].body["accepted"] is False


async def test_a_promise_refused_before_the_presentation_left_gives_nothing_away(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    scene.town.lost_requests = {0}
    await scene.share(exchange.id)
    scene.town.lost_requests, scene.town.refuses = set(), {ACCEPTANCE: 400}
    (done,) = await scene.presenting.resume()
    assert (done.state, done.problem) == (PresentationState.FAILED, "vendor.refused-agreement")
    assert "released" not in scene.store.kinds


async def test_a_presentation_that_was_refused_counts_as_seen(scene: Scene) -> None:
    scene.town.refuses = {PRESENTATION: 400}
    exchange = await scene.presenting.open(scene.link)
    done = await scene.share(exchange.id)
    assert (done.state, done.problem) == (PresentationState.FAILED, "vendor.refused-answer")
    assert scene.store.notes[-1][1].body["accepted"] is False


async def test_a_record_of_something_else_is_not_kept(scene: Scene) -> None:
    scene.town.forged_record = True
    exchange = await scene.presenting.open(scene.link)
    done = await scene.share(exchange.id)
    assert (done.state, done.problem) == (PresentationState.RELEASED, "record.bad-agreement")
    assert "recorded" not in scene.store.kinds


async def test_a_no_sends_one_form_and_no_reason(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    done = await scene.presenting.refuse(exchange.id)
    assert done.state is PresentationState.DECLINED
    assert scene.town.posted == [(PRESENTATION, b"error=access_denied&state=state-1")]
    assert scene.store.kinds == ["asked", "refused"]
    assert scene.store.spent == []


async def test_nothing_is_shared_against_a_rule_that_came_while_the_page_was_read(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    scene.store.policy = Policy(deny=frozenset({SOUND.did}))
    with pytest.raises(Refused) as refused:
        await scene.share(exchange.id)
    assert refused.value.reason == "pol.denied"
    assert scene.town.posted == []
    assert scene.store.kinds == ["asked"]


async def test_a_request_that_grew_too_old_is_refused_when_it_is_looked_at(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    scene.now = NOW + timedelta(minutes=29)
    assert (await scene.presenting.judge(exchange.id)).decision.outcome is Outcome.ASK
    scene.now = NOW + timedelta(minutes=32)
    assert (await scene.presenting.judge(exchange.id)).decision.codes == ("req.replay",)


async def test_a_request_that_was_answered_is_a_replay_when_it_comes_again(scene: Scene) -> None:
    first = await scene.presenting.open(scene.link)
    await scene.presenting.refuse(first.id)
    again = await scene.presenting.open(scene.link)
    assert (await scene.presenting.judge(again.id)).decision.codes == ("req.replay",)


async def test_an_answer_is_given_once(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    await scene.share(exchange.id)
    with pytest.raises(IllegalMove):
        await scene.share(exchange.id)
    with pytest.raises(IllegalMove):
        await scene.presenting.refuse(exchange.id)
    assert len(scene.town.arrived) == 1


async def test_a_threshold_that_was_only_asked_is_remembered() -> None:
    scene = await scene_of((await dealer_asks("20000")).but(policy=Policy()))
    await scene.presenting.open(scene.link)
    higher = scene.situation.but(query=(await dealer_asks("25000")).query, nonce="bmV3LW9yZGluYXJ5LW5vbmNlLTEyOA")
    scene.town.text = (await higher.request()).text
    second = await scene.presenting.open(scene.link)
    assert "ask.probing" in (await scene.presenting.judge(second.id)).decision.codes


async def test_the_ledger_keeps_what_authenticating_again_needs(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    kept = scene.store.notes[0][1].body
    again = replace(exchange, text=str(kept["signed_request"]), document=str(kept["key_document"]))
    found = authenticate(again, now=NOW, formats=FORMATS, key_sources=KEY_SOURCES)
    assert (found.request.request.client_id.identifier, found.vendor_keys.id) == (SOUND.did, SOUND.did)


async def test_a_share_checks_each_signature_of_others_once_and_none_of_its_own(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request, the promise, the paper on the signed terms and the vendor's word in it; at last the record."""
    exchange = await scene.presenting.open(scene.link)
    page = await scene.seen(exchange.id)
    checked: list[bytes] = []
    verify, answer = PublicKey.verify, scene.town._answer

    def noted(key: PublicKey, signature: bytes, message: bytes, *, alg: str) -> None:
        verify(key, signature, message, alg=alg)
        checked.append(message)

    async def vendors_part(path: str, body: bytes) -> Answer:
        with monkeypatch.context() as patch:
            patch.setattr(PublicKey, "verify", verify)
            return await answer(path, body)

    monkeypatch.setattr(PublicKey, "verify", noted)
    scene.town._answer = vendors_part  # type: ignore[method-assign] # what the vendor checks is not counted
    done = await scene.presenting.share(exchange.id, seen=page, optional=frozenset({"contact"}))
    assert done.state is PresentationState.RECORDED
    assert len(checked) == len(set(checked)) == 5
