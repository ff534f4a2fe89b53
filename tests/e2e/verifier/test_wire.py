"""The wire of a vendor: what the public verifier suite asks for, and what must be refused."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from didkit_py.encoding import Json, b64url, from_b64url, read_json
from didkit_py.formats.sd_jwt_vc import bind, select
from didkit_py.jose import encrypt, sign_compact
from didkit_py.oid4vp.response import create_error, create_response
from tests.cast import Stored, signer_of, wallet
from tests.e2e.verifier.shop import SECRETS, Clock, Fetched, Shop, affordability, car_only, sound_system


async def receipt() -> Stored:
    return next(one for one in await wallet() if one.id == "digital-receipt")


def payload_of(text: str) -> Any:
    return read_json(from_b64url(text.split(".")[1]))


async def presented(shop: Shop, fetched: Fetched, **changes: object) -> dict[str, list[str]]:
    """An honest presentation of the receipt, with one thing changed."""
    held = await receipt()
    selected = select(held.text, [("vehicle", "model"), ("vehicle", "audioSystem")])
    arguments: dict[str, Any] = {
        "nonce": fetched.request.request.nonce,
        "audience": fetched.request.request.client_id.full,
        "now": shop.clock(),
        "signer": held.signer,
    }
    return {"car": [await bind(selected, **(arguments | changes))]}


async def test_a_wallet_gets_the_signed_request_twice_and_with_its_own_nonce(shop: Shop) -> None:
    made = await shop.ask()
    first = await shop.get(made.request_uri)
    again = await shop.post(made.request_uri, data={"wallet_nonce": "wallet-side-randomness-1"})
    assert (first.status, again.status) == (200, 200)
    assert first.headers["Content-Type"] == "application/oauth-authz-req+jwt"
    assert first.headers["Cache-Control"] == "no-store"
    claims, theirs = payload_of(first.text), payload_of(again.text)
    assert "wallet_nonce" not in claims
    assert theirs["wallet_nonce"] == "wallet-side-randomness-1"
    assert claims["nonce"] == theirs["nonce"]
    assert {"request", "request_uri", "scope", "presentation_definition", "redirect_uri"}.isdisjoint(claims)
    assert (claims["response_type"], claims["response_mode"]) == ("vp_token", "direct_post.jwt")
    assert claims["aud"] == "https://self-issued.me/v2"
    (key,) = claims["client_metadata"]["jwks"]["keys"]
    assert (key["alg"], key["use"], key["crv"]) == ("ECDH-ES", "enc", "P-256")
    assert "d" not in key


async def test_no_two_requests_share_a_nonce_a_state_a_key_or_a_relationship(shop: Shop) -> None:
    first, second = [payload_of((await shop.get((await shop.ask()).request_uri)).text) for _ in range(2)]
    for name in ("nonce", "state"):
        assert first[name] != second[name]
        assert len(first[name]) >= 22
    assert first["client_metadata"]["jwks"] != second["client_metadata"]["jwks"]
    rels = [payload_of(claims["verifier_info"][-1]["data"])["rel"] for claims in (first, second)]
    assert rels[0] != rels[1]


async def test_the_request_carries_role_signatory_and_a_promise_for_all_queries(shop: Shop) -> None:
    made = await shop.ask(affordability())
    info = payload_of((await shop.get(made.request_uri)).text)["verifier_info"]
    kinds = [one["format"].removeprefix("urn:didkit-py:verifier-info:") for one in info]
    assert kinds == ["role-credential:1", "terms-signatory:1", "relationship-agreement:1"]
    assert info[-1]["credential_ids"] == ["afford"]
    promise = payload_of(info[-1]["data"])
    assert promise["terms"] == {"id": shop.terms.id}
    assert promise["controller"]["name"] == "Riverside Chryota Ltd"
    assert promise["receipt"]["uri"] == f"{shop.url}/agreements"


async def test_an_honest_answer_is_verified_and_every_check_is_named(shop: Shop) -> None:
    made = await shop.ask(affordability())
    fetched = await shop.fetch(made)
    answer = await shop.respond(fetched, await shop.present(fetched))
    assert answer.status == 200
    assert answer.json()["redirect_uri"].startswith(f"{shop.url}/done?response_code=")
    kept = await shop.parts.store.load_request(made.id, now=shop.clock())
    assert (kept.state.value, kept.result is not None) == ("answered", True)
    assert kept.result is not None
    names = [one.check.name for one in kept.result.checks]
    assert names == [
        *("answer-encrypted", "state", "first-answer", "answer-shape"),
        *("format", "trusted-issuer", "issuer-key", "signature", "disclosures", "profile", "time", "key-binding"),
        *("status", "credentials", "query-answered", "no-more-than-asked"),
    ]
    assert all(one.check.passed for one in kept.result.checks)
    learned = kept.result.learned["afford"][0].claims
    assert learned["at_least"] == {"20000": True}
    assert "cnf" not in learned


async def test_the_persons_browser_comes_back_with_a_code_that_is_fresh(shop: Shop) -> None:
    codes = set()
    for _ in range(2):
        fetched = await shop.fetch(await shop.ask())
        answer = await shop.respond(fetched, await shop.present(fetched))
        redirect = answer.json()["redirect_uri"]
        codes.add(redirect)
        page = await shop.get(redirect)
        assert page.status == 200
        assert "Chryota Dart" not in page.text
    assert len(codes) == 2


@pytest.mark.parametrize("fault", ["nonce", "audience", "key", "sd_hash", "a year ago", "in a year", "signature"])
async def test_a_faulty_key_binding_is_refused(shop: Shop, fault: str) -> None:
    made = await shop.ask(car_only())
    fetched = await shop.fetch(made)
    changes: dict[str, dict[str, object]] = {
        "nonce": {"nonce": "b3JkaW5hcnktbm9uY2UtMTI4Yml0"},
        "audience": {"audience": "decentralized_identifier:did:web:other.example"},
        "key": {"signer": signer_of("thief")},
        "a year ago": {"now": shop.clock() - timedelta(days=365)},
        "in a year": {"now": shop.clock() + timedelta(days=365)},
    }
    vp_token = await presented(shop, fetched, **changes.get(fault, {}))
    if fault == "sd_hash":
        vp_token = {"car": [await with_other_hash(shop, fetched)]}
    if fault == "signature":
        vp_token = {"car": [spoil_last(vp_token["car"][0])]}
    answer = await shop.respond(fetched, vp_token)
    assert answer.status == 400
    assert answer.json()["code"] in {"bad-key-binding", "bad-signature"}
    await assert_nothing_believed(shop, fetched)


async def with_other_hash(shop: Shop, fetched: Fetched) -> str:
    """A proof over less than what is shown."""
    held = await receipt()
    less = select(held.text, [("vehicle", "model")])
    more = select(held.text, [("vehicle", "model"), ("vehicle", "audioSystem")])
    asked = fetched.request.request
    bound = await bind(less, nonce=asked.nonce, audience=asked.client_id.full, now=shop.clock(), signer=held.signer)
    return more + bound.rpartition("~")[2]


def spoil_last(text: str) -> str:
    """The same with the first octet of its last signature changed."""
    head, _, signature = text.rpartition(".")
    octets = from_b64url(signature)
    return f"{head}.{b64url(bytes([octets[0] ^ 1]) + octets[1:])}"


async def test_a_credential_with_a_spoilt_signature_is_refused(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask(car_only()))
    (text,) = (await presented(shop, fetched))["car"]
    issuer_signed, rest = text.split("~", 1)
    held = await receipt()
    asked = fetched.request.request
    selected = spoil_last(issuer_signed) + "~" + rest.rpartition("~")[0] + "~"
    bound = await bind(selected, nonce=asked.nonce, audience=asked.client_id.full, now=shop.clock(), signer=held.signer)
    answer = await shop.respond(fetched, {"car": [bound]})
    assert (answer.status, answer.json()["code"]) == (400, "bad-signature")
    await assert_nothing_believed(shop, fetched)


async def test_a_changed_disclosure_is_refused(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask(affordability()))
    held = next(one for one in await wallet() if one.id == "affordability-range")
    issuer_signed, disclosure, _ = select(held.text, [("at_least", "25000")]).split("~")
    salt, _, value = json.loads(from_b64url(disclosure))
    assert value is False
    forged = b64url(json.dumps([salt, "20000", True]).encode())
    asked = fetched.request.request
    bound = await bind(
        f"{issuer_signed}~{forged}~",
        nonce=asked.nonce,
        audience=asked.client_id.full,
        now=shop.clock(),
        signer=held.signer,
    )
    answer = await shop.respond(fetched, {"afford": [bound]})
    assert (answer.status, answer.json()["code"]) == (400, "bad-disclosure")
    await assert_nothing_believed(shop, fetched)


async def test_a_disclosure_that_nothing_refers_to_is_refused(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask(car_only()))
    held = await receipt()
    selected = select(held.text, [("vehicle", "model"), ("vehicle", "audioSystem")])
    added = b64url(json.dumps(["b3JkaW5hcnktc2FsdC0xMjg", "buyer_name", "Somebody Else"]).encode())
    asked = fetched.request.request
    bound = await bind(
        f"{selected}{added}~",
        nonce=asked.nonce,
        audience=asked.client_id.full,
        now=shop.clock(),
        signer=held.signer,
    )
    answer = await shop.respond(fetched, {"car": [bound]})
    assert (answer.status, answer.json()["code"]) == (400, "bad-disclosure")
    await assert_nothing_believed(shop, fetched)


async def assert_nothing_believed(shop: Shop, fetched: Fetched) -> None:
    kept = await shop.parts.store.load_request(fetched.made.id, now=shop.clock())
    assert kept.state.value == "failed"
    assert kept.result is not None
    assert not kept.result.learned
    assert not kept.result.checks[-1].check.passed
    assert kept.result.error is not None


async def test_the_same_answer_again_is_refused_and_changes_nothing(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    first = await shop.respond(fetched, vp_token)
    before = await shop.parts.store.load_request(fetched.made.id, now=shop.clock())
    again = await shop.respond(fetched, vp_token)
    assert (first.status, again.status) == (200, 400)
    assert again.json()["error"] == "invalid_request"
    assert again.json()["code"] == "replayed"
    assert await shop.parts.store.load_request(fetched.made.id, now=shop.clock()) == before


async def test_of_many_answers_at_once_one_wins(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    answers = await asyncio.gather(*(shop.respond(fetched, vp_token) for _ in range(8)))
    assert sorted(one.status for one in answers) == [200] + [400] * 7


async def test_an_answer_with_another_state_changes_nothing(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    asked = fetched.request.request
    body: dict[str, Json] = {"vp_token": {"car": ["x~"]}, "state": "another"}
    text = encrypt(json.dumps(body).encode(), jwk=asked.encryption_jwk, enc="A128GCM")
    answer = await shop.post(asked.response_uri, data={"response": text})
    assert (answer.status, answer.json()["code"]) == (400, "bad-response")
    assert await shop.state(fetched.made) == "fetched"


async def test_an_answer_for_another_request_does_not_open(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    other = await shop.fetch(await shop.ask())
    text = create_response(await shop.present(fetched), request=fetched.request.request)
    answer = await shop.post(other.request.request.response_uri, data={"response": text})
    assert answer.status == 400
    assert [await shop.state(one.made) for one in (fetched, other)] == ["fetched", "fetched"]


async def test_no_has_one_look_whatever_is_behind_it(shop: Shop) -> None:
    looks = set()
    for _ in range(2):
        fetched = await shop.fetch(await shop.ask())
        form = create_error("access_denied", state=fetched.request.request.state)
        answer = await shop.post(fetched.request.request.response_uri, data=form)
        kept = await shop.parts.store.load_request(fetched.made.id, now=shop.clock())
        assert kept.result is not None
        looks.add((answer.status, answer.body, kept.state.value, str(kept.result.to_json())))
    assert len(looks) == 1
    ((status, body, state, _),) = looks
    assert (status, body, state) == (200, b"{}", "refused")


async def test_a_no_without_the_requests_state_changes_nothing(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask())
    answer = await shop.post(fetched.request.request.response_uri, data={"error": "access_denied", "state": "guess"})
    assert answer.status == 400
    assert await shop.state(fetched.made) == "fetched"


@pytest.mark.parametrize("path", ["/oid4vp/requests/AAAAAAAAAAAAAAAAAAAAAA", "/oid4vp/response/AAAAAAAAAAAAAAAAAAAAAA"])
async def test_an_address_that_was_never_given_out_leads_nowhere(shop: Shop, path: str) -> None:
    answer = await shop.post(path, data={"error": "access_denied"})
    assert answer.status == 404


async def test_a_request_that_is_over_is_neither_shown_nor_answered(shop: Shop, clock: Clock) -> None:
    fetched = await shop.fetch(await shop.ask())
    vp_token = await shop.present(fetched)
    clock.forward(timedelta(minutes=33))
    assert (await shop.get(fetched.made.request_uri)).status == 410
    answer = await shop.respond(fetched, vp_token)
    assert (answer.status, answer.json()["code"]) == (400, "expired")
    assert await shop.state(fetched.made) == "expired"


async def test_nobody_can_answer_what_nobody_fetched(shop: Shop) -> None:
    made = await shop.ask()
    answer = await shop.post(f"/oid4vp/response/{made.id}", data={"error": "access_denied", "state": "x"})
    assert answer.status == 400
    assert await shop.state(made) == "created"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"response": "x"}}, 415),
        ({"data": {"response": "a" * 300_000}}, 413),
        ({"data": {}}, 400),
        ({"data": {"response": "x", "error": "access_denied"}}, 400),
        ({"data": {"response": "not.a.jwe"}}, 400),
        ({"data": {"response": "a.b.c.d.e"}}, 400),
        ({"data": {"vp_token": "{}"}}, 400),
        ({"data": [("response", "x"), ("response", "y")]}, 400),
    ],
)
async def test_what_is_no_answer_is_refused_and_changes_nothing(
    shop: Shop, sent: Mapping[str, Any], status: int
) -> None:
    fetched = await shop.fetch(await shop.ask())
    answer = await shop.post(fetched.request.request.response_uri, **sent)
    assert answer.status == status
    assert {"error", "code", "error_description"} <= set(answer.json())
    assert await shop.state(fetched.made) == "fetched"


async def test_more_than_was_asked_is_refused(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask(car_only()))
    held = await receipt()
    selected = select(held.text, [("vehicle", "model"), ("vehicle", "audioSystem"), ("vehicle", "vin")])
    asked = fetched.request.request
    bound = await bind(selected, nonce=asked.nonce, audience=asked.client_id.full, now=shop.clock(), signer=held.signer)
    answer = await shop.respond(fetched, {"car": [bound]})
    assert answer.status == 400
    await assert_nothing_believed(shop, fetched)


async def test_a_claim_of_an_issuer_that_nobody_trusts_is_refused(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask(car_only()))
    thief = signer_of("issuer's thief", key_id="did:jwk:eyJrdHkiOiJFQyJ9#0")
    held = await receipt()
    claims = {**payload_of(held.text.split("~")[0]), "iss": "did:web:nobody.example"}
    issuer_signed = await sign_compact(claims, typ="dc+sd-jwt", signer=thief)
    rest = select(held.text, [("vehicle", "model"), ("vehicle", "audioSystem")]).split("~", 1)[1]
    asked = fetched.request.request
    bound = await bind(
        f"{issuer_signed}~{rest}",
        nonce=asked.nonce,
        audience=asked.client_id.full,
        now=shop.clock(),
        signer=held.signer,
    )
    answer = await shop.respond(fetched, {"car": [bound]})
    assert (answer.status, answer.json()["code"]) == (400, "untrusted-issuer")


async def test_no_file_of_the_vendor_holds_a_claim_value(shop: Shop) -> None:
    fetched = await shop.fetch(await shop.ask(), optional=frozenset({"contact"}))
    vp_token = await shop.present(fetched)
    assert (await shop.send_acceptance(await shop.accept(fetched, vp_token))).status == 202
    assert (await shop.respond(fetched, vp_token)).status == 200
    kept = await shop.parts.store.load_request(fetched.made.id, now=shop.clock())
    assert kept.result is not None
    assert kept.result.learned["contact"][0].claims["email"] == "sally@post.example"
    octets = shop.files()
    assert not [value for value in SECRETS if value.encode() in octets]
    for secret in (fetched.request.request.nonce, str(fetched.request.request.state), vp_token["car"][0]):
        assert secret.encode() not in octets


async def test_the_promise_is_kept_exactly_as_each_wallet_got_it(shop: Shop) -> None:
    made = await shop.ask(sound_system())
    one = await shop.fetch(made, wallet_nonce="wallet-side-randomness-1")
    other = await shop.fetch(made, wallet_nonce=None)
    for fetched in (one, other):
        agreement = fetched.agreed.decision.case.agreement
        assert agreement is not None
        offer = await shop.parts.store.load_offer(agreement.offer_digest)
        assert offer is not None
        assert (offer.text, offer.request_id) == (agreement.text, made.id)
