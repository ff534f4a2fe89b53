"""The issuer's addresses, and what they refuse (OpenID4VCI 1.0; RFC 6749; RFC 6750)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, Final
from urllib.parse import urlencode

from didkit_py.encoding import b64url, write_json
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.offer import PRE_AUTHORIZED
from tests.attacks.endpoint import (
    FOREIGN_HOST,
    FORM,
    JSON,
    SPENT,
    Call,
    Change,
    Endpoint,
    EndpointCase,
    body,
    but,
    cases,
    fields,
    headers,
    members,
    send,
    url,
)
from tests.attacks.forging import FORGER, Token, header, payload, signature, signed_by, timed
from tests.e2e.issuer.office import STANDING, Office, Taken, keys

TYPE: Final = "insurer-good-standing"
_numbers = count(1)


async def offered(office: Office) -> Taken:
    """A fresh offer; each is for another member."""
    return await office.offer(TYPE, STANDING, reference=f"account-{next(_numbers)}")


# --- POST /token


def token_call(office: Office, offer: Taken) -> Call:
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": offer.code, "tx_code": offer.tx_code}
    return Call(
        method="POST",
        url=f"{office.url}/token",
        headers={"Content-Type": FORM},
        body=urlencode(form).encode(),
        secrets=(offer.code, offer.tx_code),
    )


async def good_token(office: Office) -> Call:
    return token_call(office, await offered(office))


def wrong(code: str) -> str:
    """Another transaction code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def wrong_tx_code(_: Office, call: Call) -> Call:
    return await fields(tx_code=wrong(call.secrets[1]))(None, call)


async def spent_code(office: Office, call: Call) -> Call:
    assert (await send(office.http, call)).status == 200
    return call


async def old_offer(office: Office, call: Call) -> Call:
    office.clock.forward(timedelta(days=31))
    return call


async def locked_offer(office: Office, call: Call) -> Call:
    """Four wrong codes before, and the fifth now; then not even the right one opens."""
    for _ in range(4):
        assert (await send(office.http, await wrong_tx_code(office, call))).status == 400
    return await wrong_tx_code(office, call)


async def after_lock(office: Office, call: Call) -> Call:
    assert (await send(office.http, await locked_offer(office, call))).status == 400
    return call


async def withdrawn_offer(office: Office, _: Call) -> Call:
    offer = await offered(office)
    await office.parts.store.withdraw(offer.id, now=office.clock())
    return token_call(office, offer)


async def others_tx_code(office: Office, call: Call) -> Call:
    other = await offered(office)
    return await fields(tx_code=other.tx_code)(None, call)


TRIES: Final = {"may_change": frozenset({"offers.tries"})}
LOCKS: Final = {"may_change": frozenset({"offers.tries", "offers.state"}), "still_good": False}
TOKEN: Final = Endpoint(name="POST /token", good=good_token)
OAUTH: Final = "RFC 6749, 5.2"
VCI6: Final = "OpenID4VCI 1.0, 6.3"
TOKEN_CASES: Final = cases(
    TOKEN,
    FOREIGN_HOST,
    ("a GET is refused", but(method="GET"), 405, "method-not-allowed", "RFC 6749, 3.2"),
    ("a JSON body is refused", headers(Content_Type=JSON), 400, "invalid_request", OAUTH),
    ("a body of no type is refused", headers(Content_Type=None), 400, "invalid_request", OAUTH),
    (
        "a multipart form is refused",
        but(
            headers={"Content-Type": "multipart/form-data; boundary=x"},
            body=b'--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nx\r\n--x--\r\n',
        ),
        400,
        "invalid_request",
        OAUTH,
    ),
    ("an empty body is refused", but(body=b""), 400, "invalid_request", OAUTH),
    ("bytes that are no text are refused", body(lambda octets: octets + b"&x=%ff"), 400, "invalid_request", OAUTH),
    ("a form without grant type is refused", fields(grant_type=None), 400, "invalid_request", OAUTH),
    ("an empty grant type is refused", fields(grant_type=""), 400, "invalid_request", OAUTH),
    ("another grant is refused", fields(grant_type="authorization_code"), 400, "unsupported_grant_type", OAUTH),
    ("a password grant is refused", fields(grant_type="password"), 400, "unsupported_grant_type", OAUTH),
    ("a grant type of 300 characters is refused", fields(grant_type="x" * 300), 400, "invalid_request", OAUTH),
    ("a form without code is refused", fields(pre__authorized_code=None), 400, "invalid_request", OAUTH),
    (
        "a code of 3,000 characters is refused",
        fields(pre__authorized_code="x" * 3_000),
        400,
        "invalid_request",
        OAUTH,
    ),
    (
        "a grant type that stands twice is refused",
        body(lambda octets: octets + b"&grant_type=x"),
        400,
        "invalid_request",
        "RFC 6749, 3.2",
    ),
    (
        "a code that stands twice is refused",
        body(lambda octets: octets + b"&pre-authorized_code=x"),
        400,
        "invalid_request",
        "RFC 6749, 3.2",
    ),
    (
        "300 fields are refused",
        body(lambda octets: octets + b"".join(b"&x%d=1" % place for place in range(300))),
        400,
        "invalid_request",
        OAUTH,
    ),
    (
        "a body of two megabytes is refused",
        body(lambda octets: octets + b"&x=" + b"x" * 2_097_152),
        400,
        "invalid_request",
        OAUTH,
    ),
    ("a form without transaction code is refused", fields(tx_code=None), 400, "invalid_request", VCI6),
    ("an empty transaction code is refused", fields(tx_code=""), 400, "invalid_request", VCI6),
    ("a transaction code of 65 characters is refused", fields(tx_code="1" * 65), 400, "invalid_request", VCI6),
    ("a wrong transaction code is refused", wrong_tx_code, 400, "invalid_grant", VCI6, TRIES),
    ("a transaction code with a blank is refused", fields(tx_code="12345 "), 400, "invalid_grant", VCI6, TRIES),
    ("a transaction code in other digits is refused", fields(tx_code="١٢٣٤٥٦"), 400, "invalid_grant", VCI6, TRIES),
    ("the transaction code of another offer is refused", others_tx_code, 400, "invalid_grant", VCI6, TRIES),
    ("the fifth wrong transaction code closes the offer", locked_offer, 400, "invalid_grant", VCI6, LOCKS),
    ("the right transaction code after five wrong ones is refused", after_lock, 400, "invalid_grant", VCI6, SPENT),
    ("an unknown code is refused", fields(pre__authorized_code="x" * 43), 400, "invalid_grant", VCI6),
    ("a code with a nul is refused", fields(pre__authorized_code="a\0b"), 400, "invalid_request", OAUTH),
    ("a code that was used is refused", spent_code, 400, "invalid_grant", VCI6, SPENT),
    ("a code after its offer's end is refused", old_offer, 400, "invalid_grant", VCI6, SPENT),
    ("a code of a withdrawn offer is refused", withdrawn_offer, 400, "invalid_grant", VCI6),
)

# --- POST /nonce


async def good_nonce(office: Office) -> Call:
    return Call(method="POST", url=f"{office.url}/nonce")


NONCE: Final = Endpoint(name="POST /nonce", good=good_nonce)
NONCE_CASES: Final = cases(
    NONCE,
    FOREIGN_HOST,
    ("a GET is refused", but(method="GET"), 405, "method-not-allowed", "OpenID4VCI 1.0, 7.1"),
    ("a DELETE is refused", but(method="DELETE"), 405, "method-not-allowed", "OpenID4VCI 1.0, 7.1"),
)

# --- POST /credential


async def credential_call(office: Office, signers: list[SoftwareSigner], *, nonce: str | None = None) -> Call:
    """A request with one proof per signer under a fresh token."""
    offer = await offered(office)
    token = await office.access_token(offer)
    request = await office.request(TYPE, signers, nonce=nonce)
    return Call(
        method="POST",
        url=f"{office.url}/credential",
        headers={"Content-Type": JSON, "Authorization": f"Bearer {token}"},
        body=write_json(request),
        secrets=(token, offer.code, "account-", "5+ years", "Sally"),
    )


async def good_credential(office: Office) -> Call:
    return await credential_call(office, keys(2))


def proofs(change: Callable[[Token], Token]) -> Change[Office]:
    """The first key proof changed and signed anew."""

    async def changed(_: Office, call: Call) -> Call:
        def change_first(request: Any) -> Any:
            texts = request["proofs"]["jwt"]
            texts[0] = change(Token.of(texts[0], keys(1)[0])).text()
            return request

        return await members(change_first)(None, call)

    return changed


def put(name: str, value: Any) -> Change[Any]:
    return members(lambda request: {n: v for n, v in {**request, name: value}.items() if v is not ...})


async def with_nonce(office: Office, call: Call, nonce: str) -> Call:
    request = await office.request(TYPE, keys(2), nonce=nonce)
    return replace(call, body=write_json(request))


async def used_nonce(office: Office, call: Call) -> Call:
    """A nonce that another request has spent."""
    nonce = await office.nonce()
    first = await credential_call(office, keys(1), nonce=nonce)
    assert (await send(office.http, first)).status == 200
    return await with_nonce(office, call, nonce)


async def old_nonce(office: Office, call: Call) -> Call:
    nonce = await office.nonce()
    office.clock.forward(timedelta(minutes=11))
    return await with_nonce(office, call, nonce)


async def foreign_nonce(office: Office, call: Call) -> Call:
    return await with_nonce(office, call, b64url(bytes(40)))


async def two_nonces(office: Office, call: Call) -> Call:
    one, other = [await office.request(TYPE, [signer]) for signer in keys(2)]
    both = [request["proofs"]["jwt"][0] for request in (one, other)]  # type: ignore[index] # JSON of our own
    return await put("proofs", {"jwt": both})(None, call)


async def eleven(office: Office, call: Call) -> Call:
    return replace(call, body=write_json(await office.request(TYPE, keys(11))))


async def one_key_twice(office: Office, call: Call) -> Call:
    return replace(call, body=write_json(await office.request(TYPE, keys(1) * 2)))


async def other_issuers_proof(office: Office, call: Call) -> Call:
    return replace(call, body=write_json(await office.request(TYPE, keys(2), audience="https://other.example")))


async def old_token(office: Office, call: Call) -> Call:
    office.clock.forward(timedelta(minutes=61))
    return await with_nonce(office, call, await office.nonce())


async def sent_before(office: Office, call: Call) -> Call:
    assert (await send(office.http, call)).status == 200
    return call


async def other_keys(office: Office, call: Call) -> Call:
    """The token was used for two keys; now a third is brought."""
    await sent_before(office, call)
    return replace(call, body=write_json(await office.request(TYPE, keys(3)[2:])))


async def offers_code_as_token(_: Office, call: Call) -> Call:
    return replace(call, headers={**call.headers, "Authorization": f"Bearer {call.secrets[1]}"})


async def token_in_the_address(_: Office, call: Call) -> Call:
    left = {name: value for name, value in call.headers.items() if name != "Authorization"}
    return replace(call, url=f"{call.url}?access_token={call.secrets[0]}", headers=left)


def old(token: Token) -> Token:
    return payload(iat=timed(timed_now(token) - timedelta(minutes=6)))(token)


def timed_now(token: Token) -> Any:
    from didkit_py.encoding import from_timestamp  # noqa: PLC0415

    moment = token.claims()["iat"]
    assert isinstance(moment, int)
    return from_timestamp(moment)


CREDENTIAL: Final = Endpoint(name="POST /credential", good=good_credential)
BEARER: Final = "RFC 6750, 3.1"
ERRORS: Final = "OpenID4VCI 1.0, 8.3.1.2"
REQUEST: Final = "invalid_credential_request"
CREDENTIAL_CASES: Final = cases(
    CREDENTIAL,
    FOREIGN_HOST,
    # the token
    ("a call without token is refused", headers(Authorization=None), 401, "invalid_token", BEARER),
    ("a token that is unknown is refused", headers(Authorization="Bearer " + "x" * 43), 401, "invalid_token", BEARER),
    ("a token of another scheme is refused", headers(Authorization="Basic YTpi"), 401, "invalid_token", BEARER),
    ("an empty token is refused", headers(Authorization="Bearer "), 401, "invalid_token", BEARER),
    ("two tokens are refused", headers(Authorization="Bearer a, Bearer b"), 401, "invalid_token", BEARER),
    (
        "a token of 5,000 characters is refused",
        headers(Authorization="Bearer " + "x" * 5_000),
        401,
        "invalid_token",
        BEARER,
    ),
    ("a token in the address is refused", token_in_the_address, 401, "invalid_token", "RFC 9700, 4.3.2"),
    ("a code in the token's place is refused", offers_code_as_token, 401, "invalid_token", BEARER),
    ("a token after its hour is refused", old_token, 401, "invalid_token", BEARER, SPENT),
    # the body
    ("a GET is refused", but(method="GET"), 405, "method-not-allowed", "OpenID4VCI 1.0, 8.2"),
    ("a form is refused", headers(Content_Type=FORM), 400, REQUEST, ERRORS),
    ("a body of no type is refused", headers(Content_Type=None), 400, REQUEST, ERRORS),
    (
        "another charset is refused",
        headers(Content_Type="application/json; charset=utf-16"),
        400,
        REQUEST,
        "RFC 8259, 8.1",
    ),
    ("a JWT instead of JSON is refused", headers(Content_Type="application/jwt"), 400, REQUEST, ERRORS),
    ("an empty body is refused", but(body=b""), 400, REQUEST, ERRORS),
    ("a body that is no JSON is refused", but(body=b"{"), 400, REQUEST, ERRORS),
    ("a list is refused", but(body=b"[]"), 400, REQUEST, ERRORS),
    (
        "a body nested 1,000 levels deep is refused",
        but(body=b'{"a":' * 1_000 + b"1" + b"}" * 1_000),
        400,
        REQUEST,
        ERRORS,
    ),
    ("a body of 70,000 bytes is refused", body(lambda octets: octets + b" " * 70_000), 400, REQUEST, ERRORS),
    (
        "a member that stands twice is refused",
        body(lambda octets: octets[:-1] + b',"proofs":{}}'),
        400,
        REQUEST,
        "RFC 8259, 4",
    ),
    # what is wanted
    ("a request for nothing is refused", put("credential_configuration_id", ...), 400, REQUEST, ERRORS),
    ("a request for a number is refused", put("credential_configuration_id", 7), 400, REQUEST, ERRORS),
    ("a request by both names is refused", put("credential_identifier", "x"), 400, REQUEST, ERRORS),
    (
        "a request by an identifier that nobody gave is refused",
        members(lambda request: {"credential_identifier": "x", "proofs": request["proofs"]}),
        400,
        "unknown_credential_identifier",
        ERRORS,
    ),
    (
        "an unknown configuration is refused",
        put("credential_configuration_id", "x"),
        400,
        "unknown_credential_configuration",
        ERRORS,
    ),
    (
        "a configuration that was not offered is refused",
        put("credential_configuration_id", "authorized-dealer"),
        400,
        "unknown_credential_configuration",
        ERRORS,
    ),
    (
        "an encrypted answer is refused",
        put("credential_response_encryption", {"jwk": {}}),
        400,
        "invalid_encryption_parameters",
        ERRORS,
    ),
    # the proofs
    ("a request without proofs is refused", put("proofs", ...), 400, "invalid_proof", ERRORS),
    (
        "the proof of an old draft is refused",
        put("proof", {"proof_type": "jwt", "jwt": "x"}),
        400,
        "invalid_proof",
        ERRORS,
    ),
    ("an empty list of proofs is refused", put("proofs", {"jwt": []}), 400, "invalid_proof", ERRORS),
    ("proofs that are a text are refused", put("proofs", "x"), 400, "invalid_proof", ERRORS),
    ("proofs of an unknown kind are refused", put("proofs", {"ldp_vp": [{}]}), 400, "invalid_proof", ERRORS),
    (
        "proofs of two kinds are refused",
        put("proofs", {"jwt": ["x"], "attestation": ["y"]}),
        400,
        "invalid_proof",
        ERRORS,
    ),
    ("a proof that is no JWT is refused", put("proofs", {"jwt": ["x"]}), 400, "invalid_proof", ERRORS),
    ("a proof that is a number is refused", put("proofs", {"jwt": [1]}), 400, "invalid_proof", ERRORS),
    ("eleven proofs are refused", eleven, 400, REQUEST, "OpenID4VCI 1.0, 12.2.4"),
    ("two proofs of one key are refused", one_key_twice, 400, "invalid_proof", "OpenID4VCI 1.0, 8.3"),
    ("a proof with alg none is refused", proofs(header(alg="none")), 400, "invalid_proof", "OpenID4VCI 1.0, F.4"),
    ("a proof by HMAC is refused", proofs(header(alg="HS256")), 400, "invalid_proof", "OpenID4VCI 1.0, F.4"),
    ("a proof of another type is refused", proofs(header(typ="JWT")), 400, "invalid_proof", "OpenID4VCI 1.0, F.4"),
    ("a proof with crit is refused", proofs(header(crit=["x"])), 400, "invalid_proof", "RFC 7515, 4.1.11"),
    ("a proof without key is refused", proofs(header(jwk=...)), 400, "invalid_proof", "OpenID4VCI 1.0, F.1"),
    (
        "a proof with a private key is refused",
        proofs(header(jwk={**FORGER.public.to_jwk(), "d": "AAAA"})),
        400,
        "invalid_proof",
        "RFC 7517, 9.2",
    ),
    (
        "a proof with another's key is refused",
        proofs(header(jwk=FORGER.public.to_jwk())),
        400,
        "invalid_proof",
        "OpenID4VCI 1.0, F.4",
    ),
    ("a proof signed by another is refused", proofs(signed_by(FORGER)), 400, "invalid_proof", "OpenID4VCI 1.0, F.4"),
    (
        "a proof with a signature of zeros is refused",
        proofs(signature(lambda _: bytes(64))),
        400,
        "invalid_proof",
        "RFC 7518, 3.4",
    ),
    (
        "a person's proof by the name of a key is refused",
        proofs(header(jwk=..., kid="did:web:x.example#1")),
        400,
        "invalid_proof",
        "OpenID4VCI 1.0, F.1",
    ),
    ("a proof for another issuer is refused", other_issuers_proof, 400, "invalid_proof", "OpenID4VCI 1.0, F.4"),
    ("an old proof is refused", proofs(old), 400, "invalid_proof", "OpenID4VCI 1.0, F.4"),
    ("a proof without nonce is refused", proofs(payload(nonce=...)), 400, "invalid_proof", "OpenID4VCI 1.0, F.4"),
    # nonces, and the same twice
    ("a nonce that was never ours is refused", foreign_nonce, 400, "invalid_nonce", ERRORS),
    ("a nonce that was used is refused", used_nonce, 400, "invalid_nonce", ERRORS),
    ("a nonce after its time is refused", old_nonce, 400, "invalid_nonce", ERRORS, SPENT),
    ("two nonces in one request are refused", two_nonces, 400, "invalid_nonce", ERRORS),
    ("the same request again is refused", sent_before, 400, "invalid_nonce", ERRORS, SPENT),
    ("other keys under a used token are refused", other_keys, 400, "credential_request_denied", ERRORS, SPENT),
)

# --- what is fetched


async def good_offer(office: Office) -> Call:
    offer = await offered(office)
    return Call(method="GET", url=f"{office.url}/credential-offers/{offer.id}", secrets=(offer.code, offer.tx_code))


def instead(path: str) -> Change[Any]:
    """Another last part of the address."""
    return url(lambda text: f"{text.rpartition('/')[0]}/{path}")


async def taken_up(office: Office, _: Call) -> Call:
    offer = await offered(office)
    await office.access_token(offer)
    return Call(method="GET", url=f"{office.url}/credential-offers/{offer.id}")


async def closed(office: Office, _: Call) -> Call:
    offer = await offered(office)
    await after_lock(office, token_call(office, offer))
    return Call(method="GET", url=f"{office.url}/credential-offers/{offer.id}")


async def withdrawn(office: Office, _: Call) -> Call:
    offer = await offered(office)
    await office.parts.store.withdraw(offer.id, now=office.clock())
    return Call(method="GET", url=f"{office.url}/credential-offers/{offer.id}")


OFFER: Final = Endpoint(name="GET /credential-offers/{id}", good=good_offer)
GONE: Final = "OpenID4VCI 1.0, 4.1.3"
OFFER_CASES: Final = cases(
    OFFER,
    FOREIGN_HOST,
    ("an unknown offer is not found", instead("x" * 22), 404, "not-found", GONE),
    ("an offer that was taken up is not found", taken_up, 404, "not-found", GONE),
    ("an offer that was closed is not found", closed, 404, "not-found", GONE),
    ("an offer that was withdrawn is not found", withdrawn, 404, "not-found", GONE),
    ("an offer after its end is not found", old_offer, 404, "not-found", GONE, SPENT),
    ("dots as a name are not found", instead("%2e%2e%2foffers"), 404, "not-found", GONE),
    ("a quotation mark as a name is not found", instead("'%20OR%201=1--"), 404, "not-found", GONE),
    ("a nul as a name is not found", instead("%00"), 404, "not-found", GONE),
    ("a nul in the address's question is not found", url(lambda text: text + "?x=%00"), 404, "not-found", GONE),
    ("bytes that are no text are not found", instead("%ff%fe"), 404, "not-found", GONE),
    ("half a surrogate pair is not found", instead("%ed%a0%80"), 404, "not-found", GONE),
    ("a name of 4,000 characters is not found", instead("x" * 4_000), 404, "not-found", GONE),
    ("a POST is refused", but(method="POST"), 405, "method-not-allowed", GONE),
)


async def good_status_list(office: Office) -> Call:
    return Call(method="GET", url=f"{office.url}/status-lists/1")


STATUS: Final = Endpoint(name="GET /status-lists/{number}", good=good_status_list)
STATUS_CASES: Final = cases(
    STATUS,
    ("a list that does not exist is not found", instead("99"), 404, "not-found", "Token Status List, 8.1"),
    ("a negative list is not found", instead("-1"), 404, "not-found", "Token Status List, 8.1"),
    ("a list of a large number is not found", instead("9" * 40), 404, "not-found", "Token Status List, 8.1"),
    ("a list in other digits is not found", instead("%D9%A1"), 404, "not-found", "Token Status List, 8.1"),
)

CASES: Final[tuple[EndpointCase[Any], ...]] = (
    *TOKEN_CASES,
    *NONCE_CASES,
    *CREDENTIAL_CASES,
    *OFFER_CASES,
    *STATUS_CASES,
)
