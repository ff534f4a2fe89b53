"""The page that was answered is the page that counts: whatever differs when the person presses, nothing leaves."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from didkit_py.consent.consent import Answer_, consent, release
from didkit_py.consent.decision import decide
from didkit_py.consent.page_digest import page_changes, page_digest
from didkit_py.consent.policy import AllowRule, Policy
from didkit_py.encoding import Json
from didkit_py.errors import IllegalMove, PageChanged
from didkit_py.formats.table import FORMATS
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.localization import in_english
from didkit_py.roles.presenting_store import Exchange, Note, PresentationState
from tests.cast import (
    CAR_QUERY,
    DEALER,
    EMAIL_ITEM,
    EMAIL_VERIFIER,
    NOW,
    RECEIPT,
    SERVICE,
    SOUND,
    SOUND_GRANT,
    SOUND_QUERY,
    TERMS_BODY,
    Situation,
    Stored,
    grant,
    happy,
    promised,
    sound_allowed,
    stored,
)
from tests.unit.roles.test_presenting import Scene, scene_of

Change = Callable[[Scene], Awaitable[None]]
OTHER_VEHICLE: Final[dict[str, Json]] = {
    "model": "Chryota Comet",
    "audioSystem": "Clearsound Nine",
    "vin": "JTDBR32E720054321",
}


@pytest.fixture
async def scene() -> Scene:
    return await scene_of((await happy()).but(query=SOUND_QUERY, grants=(SOUND_GRANT,), policy=Policy()))


async def receipt(scene: Scene, **changes: Json) -> Stored:
    """The receipt that is held, with other claims."""
    (held,) = (one for one in scene.situation.held if one.id == "digital-receipt")
    claims = {name: held.held.claims[name] for name in ("receipt_type", "date", "seller", "fullReceiptDigest")}
    claims |= {"vehicle": dict(OTHER_VEHICLE), **changes}
    return await stored(DEALER, "digital-receipt", claims)


def holding(scene: Scene, **replaced: Stored | None) -> None:
    """The wallet holds something else now, by the names with underscores."""
    names = {name.replace("_", "-"): one for name, one in replaced.items()}
    kept = [names.get(one.id, one) for one in scene.situation.held]
    scene.store.situation = scene.situation = scene.situation.but(held=tuple(one for one in kept if one is not None))


async def another_document(scene: Scene) -> None:
    other = await receipt(scene)
    renamed = Stored(id="other", text=other.text, signer=other.signer, state=replace(other.state, id="other"))
    holding(scene, digital_receipt=renamed)


async def another_document_that_says_the_same(scene: Scene) -> None:
    (held,) = (one for one in scene.situation.held if one.id == "digital-receipt")
    renamed = Stored(id="other", text=held.text, signer=held.signer, state=replace(held.state, id="other"))
    holding(scene, digital_receipt=renamed)


async def another_value(scene: Scene) -> None:
    holding(scene, digital_receipt=await receipt(scene))


async def another_value_that_comes_along(scene: Scene) -> None:
    vehicle: Json = {"model": "Chryota Dart", "audioSystem": "Clearsound Seven"}
    holding(scene, digital_receipt=await receipt(scene, vehicle=vehicle, date="2026-11-19"))


async def another_issuers_name(scene: Scene) -> None:
    (held,) = (one for one in scene.situation.held if one.id == "digital-receipt")
    state = replace(held.state, issuer_name="Riverside Chryota")
    holding(scene, digital_receipt=replace(held, state=state))


async def an_optional_document_is_gone(scene: Scene) -> None:
    holding(scene, contact=None)


async def an_optional_document_says_something_else(scene: Scene) -> None:
    claims = {"kinds": ["email"], "verified_on": "2026-11-02", "email": "other@post.example"}
    holding(scene, contact=await stored(EMAIL_VERIFIER, "contact", claims))  # type: ignore[arg-type] # JSON


async def a_new_warning(scene: Scene) -> None:
    """In another tab the person answers a request of the same seller."""
    identifiers: list[Json] = [SOUND.did]
    body: dict[str, Json] = {"nonce_key": "x", "rel": "b2xkLXJlbGF0aW9uc2hpcC1pZA", "identifiers": identifiers}
    scene.store.notes.append(("another request", Note(kind="decided", body=body)))


async def a_rule_that_allows(scene: Scene) -> None:
    (rule,) = sound_allowed().allow
    mail = AllowRule(
        vendor=SOUND.did,
        purposes=frozenset({SERVICE}),
        vct="urn:didkit-py:vct:contact:1",
        paths=(("email",), ("kinds",), ("verified_on",)),
    )
    scene.store.policy = Policy(allow=(rule, mail))


async def another_name_of_who_confirms_the_terms(scene: Scene) -> None:
    known = scene.situation.evidence
    issuers = {
        name: replace(one, name="Unfair Terms Board") if one.id == TERMS_BODY.did else one
        for name, one in known.trust.issuers.items()
    }
    trust = replace(known.trust, issuers=issuers)
    scene.situation = scene.situation.but(evidence=replace(known, trust=trust))


CHANGES: Final[dict[Change, str]] = {
    another_document: "Another document would be shown: Receipt",
    another_document_that_says_the_same: "Another document would be shown: Receipt",
    another_value: "It says something else than before: Model of the car.",
    another_value_that_comes_along: "It says something else than before: Date of the receipt.",
    another_issuers_name: "Who gave this is known by another name: Receipt.",
    an_optional_document_is_gone: "Something that stood on this page is no longer part of it.",
    an_optional_document_says_something_else: "It says something else than before: E-mail address.",
    a_new_warning: "A warning is new: You already deal with this seller, and it now wants to start anew.",
    a_rule_that_allows: "Your own rules about this changed.",
    another_name_of_who_confirms_the_terms: "The terms behind the promises, or who confirms them, changed.",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__.replace("_", " "))
@pytest.mark.parametrize("ticked", [(), ("contact",)], ids=["nothing ticked", "ticked"])
async def test_nothing_leaves_when_the_page_would_say_something_else_and_it_is_said_what(
    scene: Scene, change: Change, ticked: tuple[str, ...]
) -> None:
    exchange = await scene.presenting.open(scene.link)
    seen = await scene.seen(exchange.id)
    await change(scene)
    with pytest.raises(PageChanged):
        await scene.share(exchange.id, *ticked, seen=seen)
    assert scene.town.posted == []
    assert [note.kind for exchange_id, note in scene.store.notes if exchange_id == exchange.id] == ["asked"]
    assert scene.store.spent == []
    said = page_changes(seen, (await scene.presenting.judge(exchange.id)).decision)
    assert CHANGES[change] in " ".join(map(in_english, said))
    assert (await scene.share(exchange.id)).state is PresentationState.RECORDED, "the page as it is now can be answered"


async def test_a_warning_that_ended_is_named(scene: Scene) -> None:
    await a_new_warning(scene)
    exchange = await scene.presenting.open(scene.link)
    seen = await scene.seen(exchange.id)
    scene.store.notes.pop(0)
    with pytest.raises(PageChanged):
        await scene.share(exchange.id, seen=seen)
    said = page_changes(seen, (await scene.presenting.judge(exchange.id)).decision)
    assert tuple(map(in_english, said)) == (
        "This is no longer so: You already deal with this seller, and it now wants to start anew.",
    )


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda seen: "",
        lambda seen: "x",
        lambda seen: seen.upper(),
        lambda seen: seen[1:],
        lambda seen: seen + ".",
        lambda seen: seen + " ",
        lambda seen: seen.partition(".")[0],
        lambda seen: ("B" if seen[0] == "A" else "A") + seen[1:],
        lambda seen: "." * 10_000,
        lambda seen: "\ud800\x00é" + seen,
    ],
)
async def test_a_missing_or_malformed_digest_is_a_different_one(scene: Scene, spoiled: Callable[[str], str]) -> None:
    exchange = await scene.presenting.open(scene.link)
    seen = spoiled(await scene.seen(exchange.id))
    with pytest.raises(PageChanged):
        await scene.share(exchange.id, seen=seen)
    assert scene.town.posted == []
    assert scene.store.kinds == ["asked"]
    page_changes(seen, (await scene.presenting.judge(exchange.id)).decision)


async def test_the_digest_of_another_request_is_a_different_one_and_tells_nothing_of_the_values(scene: Scene) -> None:
    """The same vendor, promise and documents: only the nonce differs, so that no part of a digest can be guessed."""
    exchange = await scene.presenting.open(scene.link)
    other = await scene_of(scene.situation.but(nonce="b3RoZXItbm9uY2Utb2YtMTI4Yml0cw"))
    twin = await other.presenting.open(other.link)
    mine, theirs = await scene.seen(exchange.id), await other.seen(twin.id)
    assert not set(mine.split(".")) & set(theirs.split("."))
    with pytest.raises(PageChanged):
        await scene.share(exchange.id, seen=theirs)


async def test_a_page_stays_good_while_time_passes_copies_are_spent_and_the_wallet_is_started_again(
    scene: Scene,
) -> None:
    exchange = await scene.presenting.open(scene.link)
    seen = await scene.seen(exchange.id)
    scene.now = NOW + timedelta(minutes=25)
    assert await scene.seen(exchange.id) == seen
    scene.now = NOW + timedelta(seconds=30)
    spent = [replace(one, state=replace(one.state, unused=1)) for one in scene.situation.held]
    holding(scene, **{one.id.replace("-", "_"): one for one in spent})
    kept = scene.store.exchanges[exchange.id]
    scene.store.exchanges[exchange.id] = Exchange.from_json(kept.to_json(), id=kept.id, state=kept.state)
    assert await scene.seen(exchange.id) == seen
    assert (await scene.share(exchange.id, "contact", seen=seen)).state is PresentationState.RECORDED


async def test_a_second_press_and_a_press_in_a_second_tab_send_nothing_more(scene: Scene) -> None:
    exchange = await scene.presenting.open(scene.link)
    seen = await scene.seen(exchange.id)
    await scene.share(exchange.id, seen=seen)
    for ticked in ((), ("contact",)):
        with pytest.raises(IllegalMove):
            await scene.share(exchange.id, *ticked, seen=seen)
    assert len(scene.town.arrived) == 1


async def test_what_was_compared_is_what_is_sent_whatever_happens_meanwhile(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the answer is being prepared, the wallet gets another document: the one that was judged is sent."""
    exchange = await scene.presenting.open(scene.link)
    load = scene.store.load_relationship_signer

    async def meanwhile(client_id: str, rel: str) -> SoftwareSigner:
        await another_value(scene)
        return await load(client_id, rel)

    monkeypatch.setattr(scene.store, "load_relationship_signer", meanwhile)
    done = await scene.share(exchange.id)
    assert done.state is PresentationState.RECORDED
    shown = {one["label"]: one["value"] for one in done.shared}
    assert shown["Model of the car"] == "Chryota Dart"


async def test_a_release_refuses_a_case_that_became_another_one_after_the_yes() -> None:
    situation: Situation = (await happy()).but(query=SOUND_QUERY, grants=(SOUND_GRANT,), policy=Policy())
    decision = decide(await situation.case())
    given = consent(decision, Answer_(share=True, seen=page_digest(decision)))
    held = {
        name: replace(one, issuer_name="Somebody") if one.vct == RECEIPT else one
        for name, one in decision.case.held.items()
    }
    other = replace(given, decision=replace(decision, case=replace(decision.case, held=held)), seal=given.seal)
    texts = {one.id: one.text for one in situation.held}
    signers = {one.id: one.signer for one in situation.held}
    with pytest.raises(PageChanged):
        await release(other, texts=texts, signers=signers, now=NOW, formats=FORMATS)
    assert await release(given, texts=texts, signers=signers, now=NOW, formats=FORMATS)


async def test_what_was_optional_and_is_needed_now_is_said() -> None:
    """One of two documents is needed: once the first is gone, the second, which could be left out, cannot be."""
    sets = [{"options": [["car"], ["contact"]]}, {"options": [["contact"]], "required": False}]
    promise = grant(data=[*promised(grant()), EMAIL_ITEM | {"necessity": "required"}])
    h = (await happy()).but(query={**SOUND_QUERY, "credential_sets": sets}, grants=(promise,), policy=Policy())
    seen = page_digest(decide(await h.case()))
    mail = tuple(one for one in h.held if one.id != "digital-receipt")
    said = [in_english(one) for one in page_changes(seen, decide(await h.but(held=mail).case()))]
    assert [one for one in said if "needed" in one] == ["Whether this is needed changed: How to reach you."]


@pytest.mark.parametrize("name", ["vendor", "address", "promise", "terms"])
async def test_a_query_of_any_name_hides_no_part_of_the_page(name: str) -> None:
    """A seller names its queries. What the page says beside the documents counts whatever they are called."""
    (car,) = CAR_QUERY["credentials"]
    h = (await happy()).but(query={"credentials": [{**car, "id": name}]}, policy=Policy())
    decision = decide(await h.case())
    (request, vendor), case = (decision.case.request, decision.case.vendor), decision.case
    assert request is not None
    assert vendor is not None
    assert vendor.agreement is not None
    seen = page_digest(decision)
    elsewhere = replace(request, request=replace(request.request, response_uri="https://sound.example/other"))
    changes = {
        "vendor": replace(case, vendor=replace(vendor, host="other.example")),
        "address": replace(case, request=elsewhere),
        "promise": replace(case, vendor=replace(vendor, agreement=replace(vendor.agreement, give=None))),
        "terms": replace(case, vendor=replace(vendor, terms=None)),
    }
    now = replace(decision, case=changes[name])
    assert page_digest(now).partition(".")[0] != seen.partition(".")[0]
    said = {
        "vendor": "Who asks is confirmed in another way than before.",
        "address": "The answer would go to another address.",
        "promise": "What they promise changed.",
        "terms": "The terms behind the promises, or who confirms them, changed.",
    }
    assert [in_english(one) for one in page_changes(seen, now)] == [said[name]]
