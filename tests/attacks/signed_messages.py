"""Signed and encrypted messages: the gate that all pass, then what each kind insists on."""

import gzip
import zlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from didkit_py.encoding import Json, b64url, digest, from_b64url, jcs, read_json, sha256, write_json
from didkit_py.errors import (
    BadAgreement,
    BadDid,
    BadKey,
    BadRequestObject,
    BadResponse,
    BadSignature,
    BadStatusList,
    BadTerms,
    CannotOpen,
    Expired,
    Malformed,
    NotYetValid,
    Stale,
    TooLarge,
    UnknownKey,
    UnsupportedAlgorithm,
    Untrusted,
    WrongType,
)
from didkit_py.jose import encrypt
from didkit_py.oauth import InvalidProof, InvalidTransactionData, VpFormatsNotSupported
from didkit_py.oid4vp.response import create_encryption_key, public_encryption_key
from tests.attacks import genuine
from tests.attacks.case import Case, Function, Row, all_of, cases
from tests.attacks.forging import (
    FORGER,
    NOW,
    Token,
    finished,
    header,
    payload,
    payload_text,
    signature,
    signed_by,
    timed,
)
from tests.attacks.genuine import DID, ENCRYPTION, JUDGES, NONCE, ORIGIN, REQUEST, WALLET_NONCE

JWS: Final = "RFC 7515, 5.2"
BCP: Final = "RFC 8725, 3"
VP: Final = "OpenID4VP 1.0"
F4: Final = "OpenID4VCI 1.0, F.4"
TSL: Final = "Token Status List, 8.3"
AGREED: Final = "relationship agreement"
RECORDED: Final = "agreement record"
HALF_AN_HOUR: Final = timedelta(minutes=30)


def function(kind: str) -> Function[Token]:
    """The function that tokens of this kind are for."""

    async def good() -> Token:
        return genuine.genuine(kind)

    def secrets(token: Token) -> list[str]:
        return [token.text().partition(".")[2][:40], NONCE, WALLET_NONCE, genuine.C_NONCE, "blue"]

    return Function(name=kind, good=good, judge=lambda token: JUDGES[kind](token.text()), secrets=secrets)


def repeated(claims: Callable[[Mapping[str, Json]], Mapping[str, Json | Any]]) -> Callable[[Token], Token]:
    """Claims made from the good ones."""
    return lambda token: payload(**claims(token.claims()))(token)


# --- the gate: the same rows for every kind of token, since one careless reader is enough


def first(parts: Callable[[list[str]], list[str]]) -> Callable[[Token], Token]:
    return finished(lambda text: ".".join(parts(text.split("."))))


def der(raw: bytes) -> bytes:
    """An ECDSA signature as X.509 spells it."""
    numbers = [b"\0" + raw[:32], b"\0" + raw[32:]]
    return b"\x30\x46" + b"".join(b"\x02\x21" + number for number in numbers)


GATE: Final[tuple[Row[Token], ...]] = (
    ("alg none is refused", header(alg="none"), UnsupportedAlgorithm, BCP),
    ("HMAC with the public key is refused", header(alg="HS256"), UnsupportedAlgorithm, BCP),
    ("the algorithm of another key is refused", header(alg="EdDSA"), UnsupportedAlgorithm, BCP),
    ("an algorithm in lower case is refused", header(alg="es256"), UnsupportedAlgorithm, BCP),
    ("an object as algorithm is refused", header(alg={"ES256": 1}), UnsupportedAlgorithm, BCP),
    ("crit is refused", header(crit=["https://example.com/x"]), UnsupportedAlgorithm, "RFC 7515, 4.1.11"),
    ("an empty crit is refused", header(crit=[]), UnsupportedAlgorithm, "RFC 7515, 4.1.11"),
    ("b64 is refused", header(b64=False), UnsupportedAlgorithm, "RFC 7797, 3"),
    ("zip is refused", header(zip="DEF"), UnsupportedAlgorithm, BCP),
    ("jku is refused", header(jku="https://forger.example/"), UnsupportedAlgorithm, BCP),
    ("x5u is refused", header(x5u="https://forger.example/"), UnsupportedAlgorithm, BCP),
    ("x5c is refused", header(x5c=["MIIB"]), UnsupportedAlgorithm, BCP),
    ("a text as type of a plain JWT is refused", header(typ="JWT"), WrongType, BCP),
    ("a missing type is refused", header(typ=...), WrongType, BCP),
    ("a list of types is refused", header(typ=["a"]), WrongType, BCP),
    ("another signer is refused", signed_by(FORGER), BadSignature, JWS),
    ("an empty signature is refused", signature(lambda _: b""), BadSignature, JWS),
    ("a signature of zeros is refused", signature(lambda _: bytes(64)), BadSignature, "RFC 7518, 3.4"),
    ("a signature in DER is refused", signature(der), BadSignature, "RFC 7518, 3.4"),
    ("a signature that is cut is refused", signature(lambda raw: raw[:-1]), BadSignature, JWS),
    ("a signature that goes on is refused", signature(lambda raw: raw + b"\0"), BadSignature, JWS),
    ("two parts are refused", first(lambda parts: parts[:2]), Malformed, "RFC 7515, 7.1"),
    ("a fourth part is refused", first(lambda parts: [*parts, "AA"]), Malformed, "RFC 7515, 7.1"),
    ("padding is refused", first(lambda parts: [parts[0] + "=", *parts[1:]]), Malformed, "RFC 7515, 2"),
    ("a line break is refused", first(lambda parts: [parts[0], parts[1] + "\n", parts[2]]), Malformed, "RFC 7515, 2"),
    ("a header that is a list is refused", first(lambda parts: ["W10", *parts[1:]]), Malformed, "RFC 7515, 4"),
    ("a header that is no JSON is refused", first(lambda parts: ["AAAA", *parts[1:]]), Malformed, "RFC 7515, 4"),
    (
        "a header with alg twice is refused",
        first(lambda parts: [doubled(parts[0]), *parts[1:]]),
        Malformed,
        "RFC 7515, 4",
    ),
    ("a payload that is a list is refused", payload_text(b"[]"), Malformed, "RFC 7519, 7.2"),
    ("a payload that is no JSON is refused", payload_text(b"{"), Malformed, "RFC 7519, 7.2"),
    ("a payload with a member twice is refused", payload_text(b'{"iss":1,"iss":2}'), Malformed, "RFC 7519, 4"),
)


def doubled(part: str) -> str:
    return b64url(b'{"alg":"none",' + from_b64url(part)[1:])


# What a kind says in the issuer's protocol has one name there, whatever was wrong with it.
PROOF_GATE: Final[tuple[Row[Token], ...]] = tuple((row[0], row[1], InvalidProof, row[3]) for row in GATE)

# --- the issuer's protocol

KEY_PROOFS: Final[tuple[Row[Token], ...]] = (
    ("a proof for another issuer is refused", payload(aud="https://other.example"), InvalidProof, F4),
    ("a proof for several issuers is refused", payload(aud=[ORIGIN]), InvalidProof, F4),
    ("an old proof is refused", payload(iat=timed(NOW - timedelta(minutes=6))), InvalidProof, F4),
    ("a proof from the future is refused", payload(iat=timed(NOW + timedelta(minutes=6))), InvalidProof, F4),
    ("a proof without time is refused", payload(iat=...), InvalidProof, F4),
    ("a proof without nonce is refused", payload(nonce=...), InvalidProof, F4),
    ("a proof whose nonce is a number is refused", payload(nonce=1), InvalidProof, F4),
    ("a proof without key is refused", header(jwk=...), InvalidProof, "OpenID4VCI 1.0, F.1"),
    ("a proof with two keys is refused", header(kid=f"{DID}#key-1"), InvalidProof, "OpenID4VCI 1.0, F.1"),
    ("a proof by an unknown party is refused", header(jwk=..., kid="did:web:x.example#1"), InvalidProof, F4),
    ("a proof by an unlisted key is refused", header(jwk=..., kid=f"{DID}#key-2"), InvalidProof, F4),
    (
        "a proof that shows a private key is refused",
        header(jwk={**FORGER.public.to_jwk(), "d": "AAAA"}),
        InvalidProof,
        F4,
    ),
    ("a proof of a symmetric key is refused", header(jwk={"kty": "oct", "k": "AAAA"}), InvalidProof, F4),
    ("a proof with another key in its header is refused", header(jwk=FORGER.public.to_jwk()), InvalidProof, F4),
)

# --- requests


def client(prefix: str) -> Callable[[Token], Token]:
    return payload(client_id=f"{prefix}:{DID}")


def metadata(**members: Json | Any) -> Callable[[Token], Token]:
    known = REQUEST["client_metadata"]
    assert isinstance(known, dict)
    return payload(client_metadata={name: value for name, value in {**known, **members}.items() if value is not ...})


def encryption_key(**members: Json) -> Callable[[Token], Token]:
    return metadata(jwks={"keys": [{**public_encryption_key(ENCRYPTION), **members}]})


REQUESTS: Final[tuple[Row[Token], ...]] = (
    (
        "a request in another's name is refused",
        client("redirect_uri"),
        BadRequestObject,
        f"{VP}, 5.9",
        "vrf.unauthenticated",
    ),
    ("a request of an origin is refused", client("origin"), BadRequestObject, f"{VP}, 5.9", "vrf.unauthenticated"),
    ("a request of a certificate is refused", client("x509_hash"), BadRequestObject, f"{VP}, 5.9"),
    ("a request of no DID is refused", payload(client_id="decentralized_identifier:x"), BadDid, f"{VP}, 5.9"),
    (
        "a request of another client than the link's is refused",
        payload(client_id="decentralized_identifier:did:web:other.example"),
        BadRequestObject,
        f"{VP}, 5.10.1",
        "req.origin",
    ),
    (
        "a request signed in another's name is refused",
        header(kid="did:web:other.example#key-1"),
        BadRequestObject,
        f"{VP}, 5.9.3",
        "vrf.unauthenticated",
    ),
    ("a request by an unlisted key is refused", header(kid=f"{DID}#key-2"), UnknownKey, f"{VP}, 5.9.3"),
    (
        "a request whose answer goes elsewhere is refused",
        payload(response_uri="https://other.example/response"),
        BadRequestObject,
        f"{VP}, 14.3.1",
        "req.origin",
    ),
    ("a request whose answer travels in clear is refused", payload(response_uri="http://x.example/"), Malformed, VP),
    ("a request with redirect_uri is refused", payload(redirect_uri=ORIGIN), BadRequestObject, f"{VP}, 8.2"),
    ("a request for an answer in clear is refused", payload(response_mode="direct_post"), BadRequestObject, VP),
    ("a request for another answer is refused", payload(response_type="code"), BadRequestObject, VP),
    ("a request for another audience is refused", payload(aud="https://x.example"), BadRequestObject, f"{VP}, 5.8"),
    ("a request with a scope is refused", payload(scope="openid"), BadRequestObject, f"{VP}, 5"),
    ("a request with an old query is refused", payload(presentation_definition={}), BadRequestObject, f"{VP}, 5"),
    ("a request inside a request is refused", payload(request_uri=ORIGIN), BadRequestObject, "RFC 9101, 4"),
    ("unknown transaction data is refused", payload(transaction_data=["e30"]), InvalidTransactionData, f"{VP}, 8.4"),
    ("a request without nonce is refused", payload(nonce=...), Malformed, f"{VP}, 5.2"),
    ("a nonce of few characters is refused", payload(nonce="123"), BadRequestObject, f"{VP}, 5.2", "req.replay"),
    ("a nonce with odd characters is refused", payload(nonce="a" * 30 + "é"), BadRequestObject, f"{VP}, 5.2"),
    (
        "a request made for another wallet is refused",
        payload(wallet_nonce="another-wallets-nonce-aaaa"),
        BadRequestObject,
        f"{VP}, 5.10.1",
        "req.replay",
    ),
    ("a request that lost the wallet's nonce is refused", payload(wallet_nonce=...), BadRequestObject, f"{VP}, 5.10.1"),
    (
        "a request that ended is refused",
        payload(iat=timed(NOW - HALF_AN_HOUR), exp=timed(NOW - timedelta(minutes=2))),
        Expired,
        VP,
    ),
    ("a request that lives for hours is refused", payload(exp=timed(NOW + timedelta(hours=2))), BadRequestObject, VP),
    (
        "a request of tomorrow is refused",
        payload(iat=timed(NOW + timedelta(days=1)), exp=timed(NOW + timedelta(days=1, minutes=5))),
        NotYetValid,
        "RFC 7519, 4.1.6",
    ),
    ("a request without query is refused", payload(dcql_query=...), Malformed, f"{VP}, 5.1"),
    ("a request without encryption key is refused", metadata(jwks=...), Malformed, f"{VP}, 8.3"),
    ("a request with a private key is refused", encryption_key(d="AAAA"), Malformed, "RFC 7517, 9.2"),
    ("a request with a key of another use is refused", encryption_key(use="sig"), BadRequestObject, f"{VP}, 8.3"),
    ("a request with a key for RSA is refused", encryption_key(alg="RSA-OAEP"), BadRequestObject, f"{VP}, 8.3"),
    (
        "a request for a weak encryption is refused",
        metadata(encrypted_response_enc_values_supported=["A128CBC-HS256"]),
        BadRequestObject,
        VP,
    ),
    (
        "a request for other formats is refused",
        metadata(vp_formats_supported={"mso_mdoc": {}}),
        VpFormatsNotSupported,
        f"{VP}, 11.1",
    ),
    (
        "evidence about a query that is not there is refused",
        payload(verifier_info=[{"format": "x", "data": "y", "credential_ids": ["z"]}]),
        Malformed,
        f"{VP}, 5.1",
    ),
)

# --- promises, records, events, terms

AGREEMENTS: Final[tuple[Row[Token], ...]] = (
    ("a promise from another request is refused", payload(nonce="x" * 28), BadAgreement, AGREED),
    ("a promise to another wallet is refused", payload(wallet_nonce="x" * 22), BadAgreement, AGREED),
    ("a promise about another query is refused", payload(request_hash=digest(b"other")), BadAgreement, AGREED),
    ("a promise of another party is refused", payload(iss="did:web:other.example"), BadAgreement, AGREED),
    ("a promise in another client's name is refused", payload(client_id="x"), BadAgreement, AGREED),
    ("a promise by another key of the vendor is refused", header(kid=f"{DID}#key-2"), BadAgreement, AGREED),
    ("a promise that lives for a day is refused", payload(exp=timed(NOW + timedelta(days=1))), BadAgreement, AGREED),
    ("a promise that ends before it begins is refused", payload(exp=timed(NOW - HALF_AN_HOUR)), BadAgreement, AGREED),
    (
        "a promise of yesterday is refused",
        payload(iat=timed(NOW - timedelta(days=1)), exp=timed(NOW - timedelta(hours=23, minutes=45))),
        BadAgreement,
        AGREED,
    ),
    ("a guessable relationship is refused", payload(rel="1"), BadAgreement, AGREED),
    (
        "a desk at another party's is refused",
        payload(withdraw={"uri": "https://other.example/w", "within": "P1D"}),
        BadAgreement,
        AGREED,
    ),
    ("a promise with a member that nobody knows is refused", payload(small_print="all"), Malformed, AGREED),
    (
        "a grant with a member that nobody knows is refused",
        payload(grants=[{**genuine.GRANT, "plus": 1}]),
        Malformed,
        AGREED,
    ),
    ("a promise without grants is refused", payload(grants=[]), Malformed, AGREED),
    ("a promise to another audience is refused", payload(aud=ORIGIN), Malformed, AGREED),
)


def recorded(**members: Json | Any) -> Callable[[Token], Token]:
    """Another record, signed by the person."""
    body = {name: value for name, value in {**genuine.RECORD, **members}.items() if value is not ...}
    return payload_text(jcs(body))


def accepting(*paths: list[Json]) -> Callable[[Token], Token]:
    known = genuine.RECORD["hasProcess"]
    assert isinstance(known, list)
    assert isinstance(known[0], dict)
    return recorded(hasProcess=[{**known[0], "acceptedData": [*paths]}])


RECORDS: Final[tuple[Row[Token], ...]] = (
    ("an acceptance of another offer is refused", recorded(offer=digest(b"other")), BadAgreement, RECORDED),
    ("an acceptance of other terms is refused", recorded(terms="ni:///sha-256;x"), BadAgreement, RECORDED),
    ("an acceptance that adds a promise is refused", recorded(promise="a car"), BadAgreement, RECORDED),
    ("an acceptance that leaves a rule out is refused", recorded(hasProcess=[{"gid": "g-a"}]), Malformed, RECORDED),
    ("an acceptance of what was not offered is refused", accepting(["shape"]), BadAgreement, RECORDED),
    ("an acceptance of less than is required is refused", accepting(), BadAgreement, RECORDED),
    (
        "an acceptance that is not canonical is refused",
        payload_text(write_json(genuine.RECORD) + b" "),
        BadAgreement,
        "RFC 8785",
    ),
    (
        "an acceptance under another key's name is refused",
        recorded(hasDataSubject=f"jkt:{FORGER.public.thumbprint}"),
        BadAgreement,
        RECORDED,
    ),
    ("an acceptance of yesterday is refused", recorded(created="2026-11-20T12:00:00Z"), BadAgreement, RECORDED),
    ("an acceptance with a name of its own making is refused", recorded(identifier="1"), Malformed, "RFC 9562, 4"),
    ("an acceptance without key is refused", header(jwk=...), BadKey, RECORDED),
)
EVENTS: Final[tuple[Row[Token], ...]] = (
    (
        "an event by another key is refused",
        all_of(header(jwk=FORGER.public.to_jwk()), signed_by(FORGER)),
        BadAgreement,
        "agreement event",
    ),
    (
        "an event about another record is refused",
        payload(record="0198b0a2-5d1e-7c3a-9f42-000000000000"),
        BadAgreement,
        "agreement event",
    ),
    ("an event out of order is refused", payload(seq=2), BadAgreement, "agreement event"),
    ("an event after another past is refused", payload(prev=digest(b"x")), BadAgreement, "agreement event"),
    ("an event about what was not agreed is refused", payload(gids=["g-z"]), BadAgreement, "agreement event"),
    ("an event of tomorrow is refused", payload(at="2026-11-22T12:00:00Z"), BadAgreement, "agreement event"),
    ("an event of no kind is refused", payload(event="forget"), Malformed, "agreement event"),
    ("an event without sequence is refused", payload(seq=0), Malformed, "agreement event"),
)
TERMS: Final[tuple[Row[Token], ...]] = (
    ("a signature under other terms is no proof of these", payload(id="ni:///sha-256;x"), BadTerms, "terms document"),
    ("a signature that says more is no proof", payload(also="this"), BadTerms, "terms document"),
    ("a publisher's unlisted key is refused", header(kid=f"{DID}#key-2"), UnknownKey, "terms document"),
)
STATEMENTS: Final[tuple[Row[Token], ...]] = (
    (
        "a statement of another vendor is refused",
        header(kid="did:web:other.example#key-1"),
        BadTerms,
        "terms signature",
    ),
    ("a statement without name is refused", header(kid=...), BadTerms, "terms signature"),
    ("a statement of tomorrow is refused", payload(signedAt="2026-11-22T12:00:00Z"), BadTerms, "terms signature"),
)

# --- lists


def listed(**members: Json) -> Callable[[Token], Token]:
    """Other entries in a status list."""
    return payload(status_list={"bits": 2, "lst": b64url(zlib.compress(bytes(16))), **members})


BOMB: Final = zlib.compress(bytes(8_388_608), level=9)
STATUS_LISTS: Final[tuple[Row[Token], ...]] = (
    ("a list for another address is refused", payload(sub="https://x.example/1"), BadStatusList, TSL),
    ("a list of the past is stale", payload(exp=timed(NOW - timedelta(days=1))), Stale, TSL),
    (
        "a list of the future is refused",
        payload(iat=timed(NOW + timedelta(hours=1))),
        NotYetValid,
        "Token Status List, 5.1",
    ),
    (
        "a list that unfolds to eight megabytes is refused",
        listed(lst=b64url(BOMB)),
        BadStatusList,
        "Token Status List, 4.2",
    ),
    (
        "a list packed by gzip is refused",
        listed(lst=b64url(gzip.compress(bytes(16)))),
        BadStatusList,
        "Token Status List, 4.2",
    ),
    ("a list that is not packed is refused", listed(lst=b64url(bytes(16))), BadStatusList, "Token Status List, 4.2"),
    (
        "a list that is cut is refused",
        listed(lst=b64url(zlib.compress(bytes(16))[:-2])),
        BadStatusList,
        "Token Status List, 4.2",
    ),
    (
        "a list that goes on is refused",
        listed(lst=b64url(zlib.compress(bytes(16)) + b"x")),
        BadStatusList,
        "Token Status List, 4.2",
    ),
    ("entries of three bits are refused", listed(bits=3), BadStatusList, "Token Status List, 4.2"),
    ("entries of true bits are refused", listed(bits=True), Malformed, "Token Status List, 4.2"),
    ("a list in standard base64 is refused", listed(lst="+/=="), Malformed, "Token Status List, 4.2"),
    ("a list without entries is refused", payload(status_list=...), Malformed, "Token Status List, 5.1"),
)
TRUST_LISTS: Final[tuple[Row[Token], ...]] = (
    ("another publisher's list is refused", payload(iss="did:web:other.example"), Untrusted, "trust list"),
    ("a list by an unlisted key is refused", header(kid=f"{DID}#key-2"), UnknownKey, "trust list"),
    ("a list that names no key is refused", header(kid=...), UnknownKey, "trust list"),
    ("a list of the past is stale", payload(exp=timed(NOW)), Stale, "trust list"),
    ("a list of the future is refused", payload(iat=timed(NOW + timedelta(hours=1))), NotYetValid, "trust list"),
    ("a list without end is refused", payload(exp=...), Malformed, "trust list"),
    (
        "an issuer that stands twice is refused",
        repeated(lambda claims: {"issuers": [*as_list(claims["issuers"]) * 2]}),
        Malformed,
        "trust list",
    ),
    (
        "an issuer without types is refused",
        payload(issuers=[{"id": DID, "name": "x", "vcts": []}]),
        Malformed,
        "trust list",
    ),
    (
        "an issuer that is no DID is refused",
        payload(issuers=[{"id": "x", "name": "x", "vcts": ["y"]}]),
        BadDid,
        "trust list",
    ),
    ("1,001 issuers are refused", payload(issuers=[{}] * 1001), TooLarge, "trust list"),
)


def as_list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


SIGNED: Final[Mapping[str, tuple[Row[Token], ...]]] = {
    "key proof": (*PROOF_GATE, *KEY_PROOFS),
    "request object": (*GATE, *REQUESTS),
    "agreement": (*GATE, *AGREEMENTS),
    "record": RECORDS,
    "event": (*GATE, *EVENTS),
    "terms proof": TERMS,
    "terms signature": (*GATE, *STATEMENTS),
    "trust list": (*GATE, *TRUST_LISTS),
    "status list": (*GATE, *STATUS_LISTS),
}

# --- encrypted answers


async def good_response() -> str:
    return genuine.genuine_response()


def opened(text: str) -> object:
    return JUDGES["response"](text)


def protected(**members: Json | Any) -> Callable[[str], str]:
    """Another header over the same encrypted parts."""

    def change(text: str) -> str:
        head, dot, rest = text.partition(".")
        known = read_json(from_b64url(head))
        assert isinstance(known, dict)
        return b64url(write_json({n: v for n, v in {**known, **members}.items() if v is not ...})) + dot + rest

    return change


def part(place: int, make: Callable[[str], str]) -> Callable[[str], str]:
    """Another text in one of the five places."""

    def change(text: str) -> str:
        parts = text.split(".")
        parts[place] = make(parts[place])
        return ".".join(parts)

    return change


def encrypted(plain: bytes) -> Callable[[str], str]:
    """Something else, properly encrypted for the vendor."""
    return lambda _: encrypt(plain, jwk=public_encryption_key(ENCRYPTION), enc="A128GCM")


OTHER: Final = create_encryption_key(lambda count: sha256(b"other")[:1] * count)
ELSEWHERE: Final[Mapping[str, Json]] = {**public_encryption_key(OTHER), "kid": ENCRYPTION["kid"]}
JWE: Final = "RFC 7516, 5.2"
RESPONSE: Final = Function(
    name="open_response", good=good_response, judge=opened, secrets=lambda text: [text[:60], "a~"]
)
RESPONSES: Final[tuple[Row[str], ...]] = (
    (
        "a password's key is refused",
        protected(alg="PBES2-HS256+A128KW", p2c=10**7, p2s="AAAA"),
        UnsupportedAlgorithm,
        "CVE-2026-27932",
    ),
    ("a count of rounds is refused", protected(p2c=10**7), UnsupportedAlgorithm, "CVE-2026-27932"),
    ("a shared key is refused", protected(alg="dir"), UnsupportedAlgorithm, "OpenID4VP 1.0, 8.3"),
    ("RSA is refused", protected(alg="RSA1_5"), UnsupportedAlgorithm, "RFC 8725, 3.2"),
    ("a list of algorithms is refused", protected(alg=["ECDH-ES"]), UnsupportedAlgorithm, "RFC 7516, 4.1.1"),
    ("CBC is refused", protected(enc="A128CBC-HS256"), UnsupportedAlgorithm, "OpenID4VP 1.0, 8.3"),
    ("a compressed answer is refused", protected(zip="DEF"), UnsupportedAlgorithm, "CVE-2024-28102"),
    ("crit is refused", protected(crit=["exp"]), UnsupportedAlgorithm, "RFC 7516, 4.1.13"),
    ("a key's address is refused", protected(jku="https://forger.example"), UnsupportedAlgorithm, "RFC 8725, 3.10"),
    ("an answer for another key's name is refused", protected(kid="x"), BadResponse, "OpenID4VP 1.0, 8.3"),
    ("an answer without a key's name is refused", protected(kid=...), BadResponse, "OpenID4VP 1.0, 8.3"),
    ("an answer for another key is refused", lambda _: encrypt(b"{}", jwk=ELSEWHERE, enc="A128GCM"), CannotOpen, JWE),
    ("an answer without the sender's key is refused", protected(epk=...), CannotOpen, "RFC 7518, 4.6.1.1"),
    ("a sender's key that is a number is refused", protected(epk=5), CannotOpen, "RFC 7518, 4.6.1.1"),
    (
        "a sender's key off the curve is refused",
        protected(epk={"kty": "EC", "crv": "P-256", "x": b64url(bytes(32)), "y": b64url(bytes(32))}),
        CannotOpen,
        "RFC 8725, 3.4",
    ),
    (
        "a sender's key on another curve is refused",
        protected(epk={"kty": "EC", "crv": "P-384", "x": b64url(b"\1" * 48), "y": b64url(b"\1" * 48)}),
        CannotOpen,
        "RFC 8725, 3.4",
    ),
    ("a changed header is refused", protected(apu="AAAA"), CannotOpen, JWE),
    ("a changed text is refused", part(3, lambda text: "AAAA" + text[4:]), CannotOpen, JWE),
    ("a changed tag is refused", part(4, lambda _: b64url(bytes(16))), CannotOpen, JWE),
    ("a short tag is refused", part(4, lambda text: text[:4]), CannotOpen, JWE),
    ("a wrapped key where none belongs is refused", part(1, lambda _: "AAAA"), Malformed, JWE),
    ("signs that are no base64url are refused", part(1, lambda _: "!!"), Malformed, "RFC 7516, 2"),
    ("four parts are refused", lambda text: text.rpartition(".")[0], Malformed, "RFC 7516, 7.1"),
    ("a JWS is no encrypted answer", lambda _: genuine.genuine("credential").text(), Malformed, "RFC 7516, 7.1"),
    ("an answer beyond 262,144 characters is refused", lambda text: text + "A" * 262_144, TooLarge, JWE),
    ("an encrypted list is refused", encrypted(b"[]"), Malformed, "OpenID4VP 1.0, 8.1"),
    ("an encrypted nothing is refused", encrypted(b"{}"), Malformed, "OpenID4VP 1.0, 8.1"),
    ("an answer to no query is refused", encrypted(b'{"vp_token":{}}'), BadResponse, "OpenID4VP 1.0, 8.1"),
    ("an answer that is a text is refused", encrypted(b'{"vp_token":"a~"}'), Malformed, "OpenID4VP 1.0, 8.1"),
    (
        "a presentation outside of an array is refused",
        encrypted(b'{"vp_token":{"q":"a~"}}'),
        Malformed,
        "OpenID4VP 1.0, 8.1",
    ),
    (
        "a presentation that is a number is refused",
        encrypted(b'{"vp_token":{"q":[1]}}'),
        Malformed,
        "OpenID4VP 1.0, 8.1",
    ),
    ("an empty list of presentations is refused", encrypted(b'{"vp_token":{"q":[]}}'), Malformed, "OpenID4VP 1.0, 8.1"),
    (
        "a query that is answered twice is refused",
        encrypted(b'{"vp_token":{"q":["a"],"q":["b"]}}'),
        Malformed,
        "RFC 8259, 4",
    ),
)

CASES: Final[tuple[Case[Any], ...]] = (
    *(case for kind, rows in SIGNED.items() for case in cases(function(kind), *rows)),
    *cases(RESPONSE, *RESPONSES),
)
