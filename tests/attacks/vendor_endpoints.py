"""The vendor's addresses, and what they refuse (OpenID4VP 1.0; the agreement desk)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from didkit_py.encoding import b64url, digest, from_b64url, jcs, read_json, write_json
from didkit_py.formats.sd_jwt_vc import bind
from didkit_py.jose import JointlySigned, encrypt
from didkit_py.oid4vp.response import create_error, create_response
from didkit_py.records.events import create_erase_request, create_withdrawal
from didkit_py.records.record import verify_record
from tests.attacks.endpoint import (
    FOREIGN_HOST,
    FORM,
    JSON,
    SPENT,
    Call,
    Change,
    Endpoint,
    EndpointCase,
    Row,
    body,
    but,
    cases,
    fields,
    headers,
    members,
    send,
    url,
)
from tests.attacks.forging import FORGER, Token
from tests.attacks.forging import header as token_header
from tests.attacks.forging import payload as token_payload
from tests.attacks.forging import signed_by as token_signed_by
from tests.cast import signer_of, wallet
from tests.e2e.verifier.shop import SECRETS, Fetched, Shop, car_only, pairwise

VP: Final = "OpenID4VP 1.0"
NAMES: Final = ("x" * 22, "%00", "%2e%2e", "'%20OR%201=1--", "x" * 4_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request as a wallet has it, and what it would show."""

    fetched: Fetched
    vp_token: Mapping[str, Sequence[str]]


OPENED: dict[str, Opened] = {}  # by the address that the answer goes to


def instead(path: str) -> Change[Any]:
    """Another last part of the address."""
    return url(lambda text: f"{text.rpartition('/')[0]}/{path}")


# --- request_uri


async def good_get(shop: Shop) -> Call:
    return Call(method="GET", url=(await shop.ask()).request_uri)


async def good_post(shop: Shop) -> Call:
    form = urlencode({"wallet_nonce": "qPmxiNFCR3QTm19POc8uAA", "wallet_metadata": "{}"}).encode()
    return Call(method="POST", url=(await shop.ask()).request_uri, headers={"Content-Type": FORM}, body=form)


async def later(shop: Shop, call: Call) -> Call:
    shop.clock.forward(timedelta(minutes=33))
    return call


async def answered(shop: Shop, call: Call) -> Call:
    """The address of a request that another answer has ended."""
    response = await good_response(shop)
    assert (await send(shop.http, response)).status == 200
    return replace(call, url=response.url.replace("/response/", "/requests/"))


UNKNOWN: Final[tuple[Row[Any], ...]] = tuple(
    (f"the address {name[:24]} is not found", instead(name), 404, "not-found", f"{VP}, 5.10") for name in NAMES
)
GET: Final = Endpoint(name="GET /oid4vp/requests/{id}", good=good_get)
POST: Final = Endpoint(name="POST /oid4vp/requests/{id}", good=good_post)
REQUEST_CASES: Final = (
    *cases(
        GET,
        FOREIGN_HOST,
        *UNKNOWN,
        ("a request whose time is over is gone", later, 410, "expired", f"{VP}, 5.10", SPENT),
        ("a request that was answered is not told again", answered, 409, "illegal-move", f"{VP}, 14.1"),
        ("a PUT is refused", but(method="PUT"), 405, "method-not-allowed", f"{VP}, 5.10"),
    ),
    *cases(
        POST,
        FOREIGN_HOST,
        *UNKNOWN,
        ("a JSON body is refused", headers(Content_Type=JSON), 415, "unsupported-body", f"{VP}, 5.10"),
        ("a wallet's nonce with blanks is refused", fields(wallet_nonce="a b"), 400, "malformed", f"{VP}, 5.10"),
        ("a wallet's nonce of 513 signs is refused", fields(wallet_nonce="x" * 513), 400, "malformed", f"{VP}, 5.10"),
        ("a wallet's nonce with a nul is refused", fields(wallet_nonce="a\0"), 400, "malformed", f"{VP}, 5.10"),
        ("two nonces are refused", body(lambda text: text + b"&wallet_nonce=x"), 400, "malformed", "RFC 6749, 3.2"),
        ("metadata that is no JSON is refused", fields(wallet_metadata="{"), 400, "malformed", f"{VP}, 5.10"),
        ("metadata of 20,000 bytes is refused", fields(wallet_metadata=" " * 20_000), 413, "too-large", f"{VP}, 5.10"),
        ("a request whose time is over is gone", later, 410, "expired", f"{VP}, 5.10", SPENT),
        ("a request that was answered is not told again", answered, 409, "illegal-move", f"{VP}, 14.1"),
    ),
)

# --- the response address


async def opened(shop: Shop) -> Opened:
    fetched = await shop.fetch(await shop.ask(car_only()))
    found = Opened(fetched=fetched, vp_token=await shop.present(fetched))
    OPENED[fetched.request.request.response_uri] = found
    return found


def response_call(found: Opened, vp_token: Mapping[str, Sequence[str]]) -> Call:
    request = found.fetched.request.request
    return Call(
        method="POST",
        url=request.response_uri,
        headers={"Content-Type": FORM},
        body=urlencode({"response": create_response(vp_token, request=request)}).encode(),
        secrets=(*SECRETS, request.nonce, request.state or ""),
    )


async def good_response(shop: Shop) -> Call:
    found = await opened(shop)
    return response_call(found, found.vp_token)


def showing(change: Callable[[str], str]) -> Change[Shop]:
    """Another presentation in an answer that is encrypted as it should be."""

    async def changed(_: Shop, call: Call) -> Call:
        found = OPENED[call.url]
        return response_call(found, {name: [change(text) for text in some] for name, some in found.vp_token.items()})

    return changed


def answering(make: Callable[[Mapping[str, Sequence[str]]], Mapping[str, Sequence[str]]]) -> Change[Shop]:
    async def changed(_: Shop, call: Call) -> Call:
        found = OPENED[call.url]
        return response_call(found, make(found.vp_token))

    return changed


def encrypted(plain: Callable[[Opened], object]) -> Change[Shop]:
    """Anything, properly encrypted for this request."""

    async def changed(_: Shop, call: Call) -> Call:
        found = OPENED[call.url]
        text = encrypt(write_json(plain(found)), jwk=found.fetched.request.request.encryption_jwk, enc="A128GCM")
        return replace(call, body=urlencode({"response": text}).encode())

    return changed


def proven(**changes: Any) -> Change[Shop]:
    """The holder's proof made anew with something else in it."""

    async def changed(shop: Shop, call: Call) -> Call:
        found = OPENED[call.url]
        held = next(one for one in await wallet() if one.id == "digital-receipt")
        request = found.fetched.request.request
        arguments: dict[str, Any] = {"nonce": request.nonce, "audience": request.client_id.full, "now": shop.clock()}
        arguments |= {"signer": held.signer, **changes}
        selected = found.vp_token["car"][0].rpartition("~")[0] + "~"
        return response_call(found, {"car": [await bind(selected, **arguments)]})

    return changed


async def to_another(shop: Shop, call: Call) -> Call:
    """An answer that was made for another request."""
    other = await good_response(shop)
    return replace(call, body=other.body)


async def sent_before(shop: Shop, call: Call) -> Call:
    assert (await send(shop.http, call)).status == 200
    return call


async def unfetched(shop: Shop, call: Call) -> Call:
    made = await shop.ask()
    return replace(call, url=made.request_uri.replace("/requests/", "/response/"))


def other_value(text: str) -> str:
    """A disclosed claim with another value."""
    issuer_signed, first, *rest = text.split("~")
    parts = read_json(from_b64url(first))
    assert isinstance(parts, list)
    return "~".join((issuer_signed, b64url(write_json([*parts[:-1], "other"])), *rest))


def unproven(text: str) -> str:
    return text.rpartition("~")[0] + "~"


FAILS: Final[Mapping[str, Any]] = {  # the vendor keeps why a presentation failed, and a good one still counts
    "may_change": frozenset({"requests.state", "requests.result", "requests.tried_at", "requests.tries"}),
}
RESPONSE: Final = Endpoint(name="POST /oid4vp/response/{id}", good=good_response)
RESPONSE_CASES: Final = cases(
    RESPONSE,
    FOREIGN_HOST,
    *UNKNOWN,
    ("a GET is refused", but(method="GET", body=b""), 405, "method-not-allowed", f"{VP}, 8.2"),
    ("a JSON body is refused", headers(Content_Type=JSON), 415, "unsupported-body", f"{VP}, 8.2"),
    ("an empty form is refused", but(body=b""), 400, "malformed", f"{VP}, 8.2"),
    ("two answers in one form are refused", body(lambda text: text + b"&response=x"), 400, "malformed", f"{VP}, 8.2"),
    ("an answer with an error beside it is refused", fields(error="access_denied"), 400, "malformed", f"{VP}, 8.2"),
    ("an answer in the clear is refused", fields(vp_token="{}"), 400, "bad-response", f"{VP}, 8.3.1"),
    ("an answer that is no JWE is refused", fields(response="x"), 400, "malformed", "RFC 7516, 7.1"),
    (
        "an answer with alg none is refused",
        fields(response=b64url(b'{"alg":"none"}') + "...."),
        400,
        "unsupported-algorithm",
        "RFC 8725, 3.1",
    ),
    ("an answer of 300,000 bytes is refused", fields(response="x" * 300_000), 413, "too-large", f"{VP}, 8.3"),
    ("an answer to another request is refused", to_another, 400, "bad-response", f"{VP}, 14.1"),
    ("an answer to a request that nobody fetched is refused", unfetched, 400, "illegal-move", f"{VP}, 14.1"),
    ("an answer after its time is refused", later, 400, "expired", f"{VP}, 14.1", SPENT),
    ("the same answer again is refused", sent_before, 400, "replayed", f"{VP}, 14.1", SPENT),
    (
        "an error with another state is refused",
        but(body=urlencode(create_error("access_denied", state="x")).encode()),
        400,
        "rejected",
        f"{VP}, 8.5",
    ),
    ("an error without state is refused", but(body=b"error=access_denied"), 400, "rejected", f"{VP}, 8.5"),
    ("an error with odd characters is refused", but(body=b"error=%3Cscript%3E"), 400, "malformed", "RFC 6749, 4.1.2.1"),
    ("an encrypted list is refused", encrypted(lambda _: []), 400, "malformed", f"{VP}, 8.1"),
    ("an encrypted text is refused", encrypted(lambda _: "a~"), 400, "malformed", f"{VP}, 8.1"),
    (
        "an answer with another state is refused",
        encrypted(lambda one: {"vp_token": dict(one.vp_token), "state": "x"}),
        400,
        "bad-response",
        f"{VP}, 14.3.2",
    ),
    (
        "an answer without state is refused",
        encrypted(lambda one: {"vp_token": dict(one.vp_token)}),
        400,
        "bad-response",
        f"{VP}, 14.3.2",
    ),
    (
        "an answer that shows nothing is refused",
        encrypted(lambda one: {"vp_token": {}, "state": one.fetched.request.request.state}),
        400,
        "bad-response",
        f"{VP}, 8.1",
    ),
    # what was shown, and does not hold: the request ends, and nothing is learned
    (
        "an answer to a query that was not made is refused",
        answering(lambda one: {"x": one["car"]}),
        400,
        "bad-response",
        f"{VP}, 8.1",
        FAILS,
    ),
    (
        "two presentations for one are refused",
        answering(lambda one: {"car": [*one["car"], *one["car"]]}),
        400,
        "bad-response",
        f"{VP}, 8.1",
        FAILS,
    ),
    ("a presentation that is rubbish is refused", showing(lambda _: "x"), 400, "malformed", "RFC 9901, 4", FAILS),
    ("a presentation without proof is refused", showing(unproven), 400, "bad-key-binding", "RFC 9901, 7.3", FAILS),
    (
        "a presentation with another value is refused",
        showing(other_value),
        400,
        "bad-disclosure",
        "RFC 9901, 7.1",
        FAILS,
    ),
    ("a proof for another request is refused", proven(nonce="x" * 22), 400, "bad-key-binding", "RFC 9901, 7.3", FAILS),
    ("a proof for another vendor is refused", proven(audience="x"), 400, "bad-key-binding", "RFC 9901, 7.3", FAILS),
    ("a thief's proof is refused", proven(signer=signer_of("thief")), 400, "bad-signature", "RFC 9901, 7.3", FAILS),
)

# --- the agreement desk


async def acceptance_call(shop: Shop, found: Opened, change: Callable[[dict[str, Any]], object] = id) -> Call:
    record = shop.record(found.fetched, found.vp_token)
    change(record)
    signed = await JointlySigned(jcs(record), ()).countersign(
        pairwise(found.fetched),
        typ="agreement-record+jwt",
        header={"jwk": pairwise(found.fetched).public.to_jwk()},
    )
    return Call(
        method="POST",
        url=f"{shop.url}/agreements",
        headers={"Content-Type": JSON},
        body=write_json({"record": signed.to_json()}),
        secrets=(*SECRETS, found.fetched.request.request.response_uri),
    )


async def good_acceptance(shop: Shop) -> Call:
    return await acceptance_call(shop, await opened(shop))


def accepting(change: Callable[[dict[str, Any]], object]) -> Change[Shop]:
    """Another record, signed by the person's own key."""

    async def changed(shop: Shop, call: Call) -> Call:
        return await acceptance_call(shop, OPENED[call.secrets[-1]], change)

    return changed


def put(*steps: Any) -> Callable[[Any], Any]:
    *way, last, value = steps

    def change(found: Any) -> Any:
        inner = found
        for step in way:
            inner = inner[step]
        inner[last] = value
        return found

    return change


async def by_a_thief(shop: Shop, call: Call) -> Call:
    """The record of a person, signed by somebody else."""
    payload = from_b64url(json.loads(call.body)["record"]["payload"])
    signed = await JointlySigned(payload, ()).countersign(
        FORGER, typ="agreement-record+jwt", header={"jwk": FORGER.public.to_jwk()}
    )
    return replace(call, body=write_json({"record": signed.to_json()}))


def first_signature(**changes: Any) -> Change[Any]:
    def change(shape: Any) -> Any:
        shape["record"]["signatures"][0].update(changes)
        return shape

    return members(change)


ACCEPTANCE: Final = Endpoint(name="POST /agreements", good=good_acceptance)
DESK: Final = "agreement desk"
BODIES: Final[tuple[Row[Any], ...]] = (
    FOREIGN_HOST,
    ("a GET is refused", but(method="GET", body=b""), 405, "method-not-allowed", DESK),
    ("a form is refused", headers(Content_Type=FORM), 415, "unsupported-body", DESK),
    ("an empty body is refused", but(body=b""), 400, "malformed", "RFC 8259, 2"),
    ("a list is refused", but(body=b"[]"), 400, "malformed", DESK),
    ("an empty object is refused", but(body=b"{}"), 400, "malformed", DESK),
    (
        "a member that stands twice is refused",
        body(lambda text: text[:-1] + b',"a":1,"a":1}'),
        400,
        "malformed",
        "RFC 8259, 4",
    ),
    (
        "a body nested 1,000 levels deep is refused",
        but(body=b"[" * 1_000 + b"]" * 1_000),
        413,
        "too-large",
        "RFC 8259, 9",
    ),
    ("a body of 200,000 bytes is refused", body(lambda text: text + b" " * 200_000), 413, "too-large", "RFC 8259, 9"),
)
ACCEPTANCE_CASES: Final = cases(
    ACCEPTANCE,
    *BODIES,
    ("a record that is a text is refused", members(put("record", "x")), 400, "malformed", DESK),
    ("a record without signatures is refused", members(put("record", "signatures", [])), 400, "malformed", DESK),
    (
        "a record with alg none is refused",
        first_signature(protected=b64url(b'{"alg":"none","typ":"agreement-record+jwt"}')),
        400,
        "unsupported-algorithm",
        "RFC 8725, 3.1",
    ),
    (
        "a record with another signature is refused",
        first_signature(signature="A" * 86),
        400,
        "bad-signature",
        "RFC 7515, 5.2",
    ),
    ("a record signed by somebody else is refused", by_a_thief, 400, "bad-agreement", DESK),
    ("an acceptance of another offer is refused", accepting(put("offer", digest(b"x"))), 400, "bad-agreement", DESK),
    ("an acceptance of a nul is refused", accepting(put("offer", "a\0b")), 400, "malformed", DESK),
    ("an acceptance of other terms is refused", accepting(put("terms", "ni:///sha-256;x")), 400, "bad-agreement", DESK),
    (
        "an acceptance that shortens a promise is refused",
        accepting(put("hasProcess", 0, "hasStorageCondition", 0, "period", "P1D")),
        400,
        "bad-agreement",
        DESK,
    ),
    (
        "an acceptance with a value inside is refused",
        accepting(put("hasProcess", 0, "value", SECRETS[0])),
        400,
        "bad-agreement",
        DESK,
    ),
    (
        "an acceptance of yesterday is refused",
        accepting(put("created", "2026-11-20T10:00:00Z")),
        400,
        "bad-agreement",
        DESK,
    ),
)


async def event_call(shop: Shop, *, erase: bool = False) -> Call:
    """A whole agreement, then the person's event about it."""
    found = await opened(shop)
    acceptance = await acceptance_call(shop, found)
    assert (await send(shop.http, acceptance)).status == 202
    assert (await send(shop.http, response_call(found, found.vp_token))).status == 200
    answer = json.loads((await send(shop.http, acceptance)).body)
    record = verify_record(JointlySigned.from_json(answer["record"]), vendor_keys=await shop.document())
    key = pairwise(found.fetched)
    text = (
        await create_erase_request(record, previous=None, paths=(), basis="GDPR-17", signer=key, now=shop.clock())
        if erase
        else await create_withdrawal(
            record, previous=None, gids=["g-a"], effect="stop-use", signer=key, now=shop.clock()
        )
    )
    return Call(
        method="POST",
        url=f"{shop.url}/agreements/{'erase' if erase else 'withdraw'}",
        headers={"Content-Type": JSON},
        body=write_json({"event": text}),
        secrets=(*SECRETS, record.rel, found.fetched.request.request.response_uri),
    )


async def good_withdrawal(shop: Shop) -> Call:
    return await event_call(shop)


async def good_erasure(shop: Shop) -> Call:
    return await event_call(shop, erase=True)


def event(change: Callable[[Token], Token]) -> Change[Shop]:
    """The event changed and signed anew by the person's key."""

    async def changed(_: Shop, call: Call) -> Call:
        key = pairwise(OPENED[call.secrets[-1]].fetched)
        return await members(put_event(lambda text: change(Token.of(text, key)).text()))(None, call)

    return changed


def put_event(make: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda shape: {**shape, "event": make(shape["event"])}


def thiefs(token: Token) -> Token:
    return token_signed_by(FORGER)(token_header(jwk=FORGER.public.to_jwk())(token))


async def the_others_kind(shop: Shop, call: Call) -> Call:
    other = await (good_withdrawal if call.url.endswith("erase") else good_erasure)(shop)
    return replace(call, body=other.body)


EVENT: Final = "agreement event"
EVENTS: Final[tuple[Row[Any], ...]] = (
    *BODIES,
    ("an event that is a number is refused", members(put("event", 1)), 400, "malformed", EVENT),
    ("an event of another kind is refused", the_others_kind, 400, "bad-agreement", EVENT),
    (
        "an event about an unknown record is refused",
        event(token_payload(record="0198b0a2-5d1e-7c3a-9f42-000000000000")),
        400,
        "bad-agreement",
        EVENT,
    ),
    ("an event about a nul is refused", event(token_payload(record="a\0b")), 400, "malformed", EVENT),
    ("an event out of order is refused", event(token_payload(seq=2)), 400, "bad-agreement", EVENT),
    ("an event after another past is refused", event(token_payload(prev=digest(b"x"))), 400, "bad-agreement", EVENT),
    ("an event of tomorrow is refused", event(token_payload(at="2026-11-22T10:00:00Z")), 400, "bad-agreement", EVENT),
    ("an event with a member that nobody knows is refused", event(token_payload(more=1)), 400, "malformed", EVENT),
    ("a thief's event is refused", event(thiefs), 400, "bad-agreement", EVENT),
    ("an event with a forged signature is refused", event(token_signed_by(FORGER)), 400, "bad-signature", EVENT),
    ("an event with alg none is refused", event(token_header(alg="none")), 400, "unsupported-algorithm", EVENT),
    ("a token of another type is no event", event(token_header(typ="kb+jwt")), 400, "wrong-type", "RFC 8725, 3.11"),
)
WITHDRAWAL: Final = Endpoint(name="POST /agreements/withdraw", good=good_withdrawal)
ERASURE: Final = Endpoint(name="POST /agreements/erase", good=good_erasure)

CASES: Final[tuple[EndpointCase[Any], ...]] = (
    *REQUEST_CASES,
    *RESPONSE_CASES,
    *ACCEPTANCE_CASES,
    *cases(WITHDRAWAL, *EVENTS),
    *cases(ERASURE, *EVENTS[-7:-3]),
)
