"""Messages that nobody signs: JSON texts, identifiers, key documents, queries, offers, links, answers, terms."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Final, TypeAlias

from didkit_py.dids.document import keys_of_document
from didkit_py.dids.methods import locations, read_document
from didkit_py.encoding import Json, b64url, digest, from_b64url, read_json, write_json
from didkit_py.errors import (
    BadDid,
    BadDidDocument,
    BadKey,
    BadRequestObject,
    BadResponse,
    BadTerms,
    Malformed,
    TooLarge,
    Unavailable,
    UnknownKey,
)
from didkit_py.formats.table import FORMATS
from didkit_py.keys.party import KeyPurpose
from didkit_py.oauth import InvalidNonce, InvalidRequestUriMethod, UnsupportedGrantType, VpFormatsNotSupported
from didkit_py.oid4vci.credential_request import CredentialResponse
from didkit_py.oid4vci.metadata import BadMetadata, IssuerMetadata, ServerMetadata
from didkit_py.oid4vci.nonce import NonceResponse, create_nonce, verify_nonce
from didkit_py.oid4vci.offer import PRE_AUTHORIZED, CredentialOffer, parse_offer_link
from didkit_py.oid4vci.token import TokenResponse
from didkit_py.oid4vp.dcql import DcqlQuery
from didkit_py.oid4vp.link import parse_request_link, parse_request_uri_form
from didkit_py.oid4vp.response import parse_redirect, parse_response_form
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.status.token_list import parse_aggregation
from didkit_py.structs import read_as
from didkit_py.terms.document import parse_terms, verify_terms
from tests.attacks import genuine
from tests.attacks.case import Case, Function, T, cases, nothing, to
from tests.attacks.forging import NOW, signer

Body: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Any], Any]


def text_function(name: str, good: str, judge: Callable[[str], object], *secrets: str) -> Function[str]:
    async def fresh() -> str:
        return good

    return Function(name=name, good=fresh, judge=judge, secrets=lambda _: secrets)


def json_function(name: str, good: Body, judge: Callable[[Any], object], *secrets: str) -> Function[Any]:
    async def fresh() -> Body:
        return deepcopy(good)

    return Function(name=name, good=fresh, judge=judge, secrets=lambda _: secrets)


def put(*steps: Any) -> Change:
    """Another value at one place of a JSON text."""
    *way, last, value = steps

    def change(body: Any) -> Any:
        found = body
        for step in way:
            found = found[step]
        if value is ...:
            del found[last]
        else:
            found[last] = value
        return body

    return change


# --- JSON texts

GOOD_TEXT: Final = b'{"credential_configuration_id":"contact","proofs":{"jwt":["a"]}}'


async def good_text() -> bytes:
    return GOOD_TEXT


TEXT: Final = Function(name="read_json", good=good_text, judge=read_json, secrets=nothing)
TEXTS: Final = cases(
    TEXT,
    ("a member that stands twice is refused", to(b'{"a":1,"a":2}'), Malformed, "RFC 8259, 4"),
    ("a member that stands twice in two spellings is refused", to(b'{"a":1,"\\u0061":2}'), Malformed, "RFC 8259, 4"),
    ("a member that stands twice deep inside is refused", to(b'{"a":[{"b":{"c":1,"c":1}}]}'), Malformed, "RFC 8259, 4"),
    ("33 levels are refused", to(b"[" * 33 + b"]" * 33), TooLarge, "RFC 8259, 9"),
    ("100,000 open brackets are refused", to(b"[" * 100_000), TooLarge, "RFC 8259, 9"),
    ("100,000 nested members are refused", to(b'{"a":' * 40_000), TooLarge, "RFC 8259, 9"),
    ("a text beyond 256 KiB is refused", to(b" " * 262_144 + b"{}"), TooLarge, "RFC 8259, 9"),
    ("NaN is refused", to(b'{"a":NaN}'), Malformed, "RFC 8259, 6"),
    ("Infinity is refused", to(b'{"a":-Infinity}'), Malformed, "RFC 8259, 6"),
    ("a leading zero is refused", to(b'{"a":01}'), Malformed, "RFC 8259, 6"),
    ("half a surrogate pair is refused", to(b'{"a":"\\ud800"}'), Malformed, "RFC 8259, 8.2"),
    ("bytes that are no UTF-8 are refused", to(b'{"a":"\xff"}'), Malformed, "RFC 8259, 8.1"),
    ("an overlong spelling is refused", to(b'{"a":"\xc0\xaf"}'), Malformed, "RFC 3629, 3"),
    ("UTF-16 is refused", to('{"a":1}'.encode("utf-16")), Malformed, "RFC 8259, 8.1"),
    ("a byte order mark is refused", to(b"\xef\xbb\xbf{}"), Malformed, "RFC 8259, 8.1"),
    ("a control character is refused", to(b'{"a":"\x00"}'), Malformed, "RFC 8259, 7"),
    ("a last comma is refused", to(b'{"a":1,}'), Malformed, "RFC 8259, 4"),
    ("a comment is refused", to(b'{"a":1}//'), Malformed, "RFC 8259, 2"),
    ("two values are refused", to(b"{}{}"), Malformed, "RFC 8259, 2"),
    ("single quotes are refused", to(b"{'a':1}"), Malformed, "RFC 8259, 7"),
    ("nothing is refused", to(b""), Malformed, "RFC 8259, 2"),
)

# --- identifiers and key documents

WEB: Final = "did:web:dealer.example"
KEY: Final = signer(7).public
MULTIKEY: Final = KEY.to_multikey()
PLAIN_DID: Final = text_function("locations", WEB, lambda did: (locations(did), True))
JWK_DID: Final = text_function("did:jwk", "did:jwk:" + b64url(write_json(KEY.to_jwk())), read_document)
KEY_DID: Final = text_function("did:key", f"did:key:{MULTIKEY}", read_document)


def jwk_did(**members: Json) -> Callable[[str], str]:
    return to("did:jwk:" + b64url(write_json({**KEY.to_jwk(), **members})))


DIDS: Final = (
    *cases(
        PLAIN_DID,
        ("another method is refused", to("did:example:123"), BadDid, "DID Core 1.0, 3.1"),
        ("a web address is no DID", to("https://dealer.example"), BadDid, "DID Core 1.0, 3.1"),
        ("a DID with a path is refused", to(f"{WEB}/x"), BadDid, "DID Core 1.0, 3.2"),
        ("a DID with a fragment is refused", to(f"{WEB}#key-1"), BadDid, "DID Core 1.0, 3.2"),
        ("an address as host is refused", to("did:web:169.254.169.254"), BadDid, "did:web, 3"),
        ("a short address as host is refused", to("did:web:10.1"), BadDid, "did:web, 3"),
        ("a number as host is refused", to("did:web:2130706433"), BadDid, "did:web, 3"),
        ("a hexadecimal host is refused", to("did:web:0x7f000001"), BadDid, "did:web, 3"),
        ("a slash in disguise is refused", to("did:web:dealer.example%2Fx"), BadDid, "did:web, 3"),
        ("a user in disguise is refused", to("did:web:dealer.example%40forger.example"), BadDid, "did:web, 3"),
        ("a query in disguise is refused", to("did:web:dealer.example%3Fx"), BadDid, "did:web, 3"),
        ("dots as a path are refused", to("did:web:dealer.example:..:x"), BadDid, "did:web, 3"),
        ("an encoded path is refused", to("did:web:dealer.example:%2e%2e"), BadDid, "did:web, 3"),
        ("an empty path segment is refused", to("did:web:dealer.example::x"), BadDid, "did:web, 3"),
        ("capitals in the host are refused", to("did:web:Dealer.example"), BadDid, "did:web, 3"),
        ("port 0 is refused", to("did:web:dealer.example%3A0"), BadDid, "did:web, 3"),
        ("port 65536 is refused", to("did:web:dealer.example%3A65536"), BadDid, "did:web, 3"),
        ("a line break is refused", to(f"{WEB}\n"), BadDid, "DID Core 1.0, 3.1"),
        ("letters of another alphabet are refused", to("did:web:dеaler.example"), BadDid, "did:web, 3"),  # noqa: RUF001
    ),
    *cases(
        JWK_DID,
        ("a private key as identifier is refused", jwk_did(d="AAAA"), BadKey, "did:jwk, 3"),
        ("a symmetric key as identifier is refused", jwk_did(kty="oct", k="AAAA"), BadKey, "did:jwk, 3"),
        ("a key off the curve is refused", jwk_did(y=b64url(bytes(32))), BadKey, "RFC 7518, 6.2"),
        ("a coordinate with a byte too many is refused", jwk_did(x=b64url(bytes(33))), BadKey, "RFC 7518, 6.2"),
        ("a list as curve is refused", jwk_did(crv=["P-256"]), BadKey, "RFC 7517, 4"),
        ("an identifier that holds no JSON is refused", to("did:jwk:AAAA"), BadDid, "did:jwk, 3"),
    ),
    *cases(
        KEY_DID,
        ("a key that is cut is refused", to(f"did:key:{MULTIKEY[:-3]}"), BadKey, "did:key, 3.1"),
        (
            "a key of another kind is refused",
            to("did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"),
            BadKey,
            "did:key, 3.1",
        ),
        ("a key in another base is refused", to("did:key:uAAAA"), BadDid, "did:key, 3.1"),
        ("a key of 4,000 characters is refused", to("did:key:z" + "1" * 4_000), BadDid, "did:key, 3.1"),
        ("a character that base58 lacks is refused", to(f"did:key:{MULTIKEY}0"), Malformed, "did:key, 3.1"),
    ),
)
METHOD: Final[Body] = {"id": f"{WEB}#key-1", "type": "JsonWebKey", "controller": WEB, "publicKeyJwk": KEY.to_jwk()}
KEYS: Final = json_function(
    "DID document",
    {"id": WEB, "verificationMethod": [METHOD], "assertionMethod": [f"{WEB}#key-1"]},
    lambda body: keys_of_document(body, did=WEB).key(f"{WEB}#key-1", KeyPurpose.ASSERTION, now=NOW),
)
DOCUMENTS: Final = cases(
    KEYS,
    ("another party's document is refused", put("id", "did:web:forger.example"), BadDidDocument, "DID Core 1.0, 5.1.1"),
    ("a document without id is refused", put("id", ...), Malformed, "DID Core 1.0, 5.1.1"),
    ("methods that are no array are refused", put("verificationMethod", {}), Malformed, "DID Core 1.0, 5.2"),
    ("a method that is a text is refused", put("verificationMethod", ["x"]), Malformed, "DID Core 1.0, 5.2"),
    ("a method without id is refused", put("verificationMethod", 0, "id", ...), Malformed, "DID Core 1.0, 5.2"),
    ("two methods of one id are refused", put("verificationMethod", [METHOD, METHOD]), BadDidDocument, "CID 1.0, 2.2"),
    ("65 methods are refused", put("verificationMethod", [METHOD] * 65), TooLarge, "DID Core 1.0, 5.2"),
    ("a key for signing in asserts nothing", put("assertionMethod", []), UnknownKey, "DID Core 1.0, 5.3"),
    (
        "a private key is no public one",
        put("verificationMethod", 0, "publicKeyJwk", "d", "A"),
        UnknownKey,
        "RFC 7517, 9.2",
    ),
    (
        "a key of an unknown kind does not serve",
        put("verificationMethod", 0, "type", "Magic"),
        UnknownKey,
        "DID Core 1.0, 5.2",
    ),
    (
        "a kind that is a list does not serve",
        put("verificationMethod", 0, "type", ["JsonWebKey"]),
        UnknownKey,
        "DID Core 1.0, 5.2",
    ),
    (
        "a key for encryption does not sign",
        put("verificationMethod", 0, "publicKeyJwk", "use", "enc"),
        UnknownKey,
        "RFC 7517, 4.2",
    ),
    (
        "a key for other operations does not sign",
        put("verificationMethod", 0, "publicKeyJwk", "key_ops", ["deriveKey"]),
        UnknownKey,
        "RFC 7517, 4.3",
    ),
    (
        "a revoked key does not serve",
        put("verificationMethod", 0, "revoked", "2020-01-01T00:00:00Z"),
        UnknownKey,
        "CID 1.0, 2.2",
    ),
    (
        "a key whose time is over does not serve",
        put("verificationMethod", 0, "expires", "2020-01-01T00:00:00Z"),
        UnknownKey,
        "CID 1.0, 2.2",
    ),
    (
        "a key of another document does not serve",
        put("verificationMethod", 0, "id", "did:web:x.example#key-1"),
        UnknownKey,
        "CID 1.0, 2.2",
    ),
)

# --- queries

DCQL: Final = json_function(
    "DCQL",
    {
        "credentials": [
            {
                "id": "a",
                "format": "dc+sd-jwt",
                "meta": {"vct_values": ["urn:x"]},
                "claims": [{"id": "c", "path": ["p"], "values": [True]}, {"id": "d", "path": ["q", None, 0]}],
                "claim_sets": [["c"], ["d"]],
            }
        ],
        "credential_sets": [{"options": [["a"]]}],
    },
    partial(DcqlQuery.from_json, formats=FORMATS),
)
CLAIM: Final = ("credentials", 0, "claims", 0)
DEEP: Final = ["x"] * 17
QUERIES: Final = cases(
    DCQL,
    ("a query for nothing is refused", put("credentials", []), Malformed, "OpenID4VP 1.0, 6"),
    ("a query without format is refused", put("credentials", 0, "format", ...), Malformed, "OpenID4VP 1.0, 6.1"),
    (
        "a query without types is refused",
        put("credentials", 0, "meta", "vct_values", []),
        Malformed,
        "OpenID4VP 1.0, B.3.5",
    ),
    ("a query without meta is refused", put("credentials", 0, "meta", ...), Malformed, "OpenID4VP 1.0, 6.1"),
    ("an id with odd characters is refused", put("credentials", 0, "id", "a b"), Malformed, "OpenID4VP 1.0, 6.1"),
    ("an empty id is refused", put("credentials", 0, "id", ""), Malformed, "OpenID4VP 1.0, 6.1"),
    ("an empty path is refused", put(*CLAIM, "path", []), Malformed, "OpenID4VP 1.0, 7"),
    ("a negative place is refused", put(*CLAIM, "path", [-1]), Malformed, "OpenID4VP 1.0, 7"),
    ("half a place is refused", put(*CLAIM, "path", [0.5]), Malformed, "OpenID4VP 1.0, 7"),
    ("true as a place is refused", put(*CLAIM, "path", [True]), Malformed, "OpenID4VP 1.0, 7"),
    ("a path of 17 steps is refused", put(*CLAIM, "path", DEEP), TooLarge, "OpenID4VP 1.0, 7"),
    ("values that hold null are refused", put(*CLAIM, "values", [None]), Malformed, "OpenID4VP 1.0, 6.3"),
    ("values that hold half numbers are refused", put(*CLAIM, "values", [1.5]), Malformed, "OpenID4VP 1.0, 6.3"),
    ("no values are refused", put(*CLAIM, "values", []), Malformed, "OpenID4VP 1.0, 6.3"),
    ("two claims of one id are refused", put(*CLAIM, "id", "d"), Malformed, "OpenID4VP 1.0, 6.3"),
    (
        "a set of unknown claims is refused",
        put("credentials", 0, "claim_sets", [["z"]]),
        Malformed,
        "OpenID4VP 1.0, 6.1",
    ),
    (
        "a set of unknown queries is refused",
        put("credential_sets", 0, "options", [["z"]]),
        Malformed,
        "OpenID4VP 1.0, 6.2",
    ),
    ("a set without options is refused", put("credential_sets", 0, "options", []), Malformed, "OpenID4VP 1.0, 6.2"),
    ("multiple as a text is refused", put("credentials", 0, "multiple", "no"), Malformed, "OpenID4VP 1.0, 6.1"),
    (
        "a query for other formats alone is refused",
        put("credentials", 0, "format", "mso_mdoc"),
        VpFormatsNotSupported,
        "OpenID4VP 1.0, 8.5",
    ),
    ("21 queries are refused", lambda body: {"credentials": body["credentials"] * 21}, TooLarge, "OpenID4VP 1.0, 6"),
    (
        "two queries of one id are refused",
        lambda body: {"credentials": body["credentials"] * 2},
        Malformed,
        "OpenID4VP 1.0, 6",
    ),
)

# --- what an issuer says to a wallet

UNION: Final = "https://creditunion.example"
CODE: Final = "SplxlOBeZQQYbYS6WxSbIA"
OFFER: Final = json_function(
    "credential offer",
    {
        "credential_issuer": UNION,
        "credential_configuration_ids": ["affordability-range"],
        "grants": {PRE_AUTHORIZED: {"pre-authorized_code": CODE, "tx_code": {"length": 6, "input_mode": "numeric"}}},
    },
    CredentialOffer.from_json,
    CODE,
)
GRANT: Final = ("grants", PRE_AUTHORIZED)
OFFERS: Final = cases(
    OFFER,
    (
        "an offer in clear is refused",
        put("credential_issuer", "http://creditunion.example"),
        Malformed,
        "OpenID4VCI 1.0, 12.2.1",
    ),
    (
        "an issuer with a query is refused",
        put("credential_issuer", f"{UNION}?x=1"),
        Malformed,
        "OpenID4VCI 1.0, 12.2.1",
    ),
    (
        "an issuer with a fragment is refused",
        put("credential_issuer", f"{UNION}#x"),
        Malformed,
        "OpenID4VCI 1.0, 12.2.1",
    ),
    (
        "an issuer with a password is refused",
        put("credential_issuer", "https://a:b@creditunion.example"),
        Malformed,
        "RFC 3986, 3.2.1",
    ),
    (
        "an issuer at a file is refused",
        put("credential_issuer", "file:///etc/passwd"),
        Malformed,
        "OpenID4VCI 1.0, 12.2.1",
    ),
    ("an offer of nothing is refused", put("credential_configuration_ids", []), Malformed, "OpenID4VCI 1.0, 4.1.1"),
    (
        "an offer of the same twice is refused",
        put("credential_configuration_ids", ["a", "a"]),
        Malformed,
        "OpenID4VCI 1.0, 4.1.1",
    ),
    ("an offer of a number is refused", put("credential_configuration_ids", [1]), Malformed, "OpenID4VCI 1.0, 4.1.1"),
    (
        "another grant is refused",
        put("grants", {"authorization_code": {}}),
        UnsupportedGrantType,
        "OpenID4VCI 1.0, 4.1.1",
    ),
    ("an offer without code is refused", put(*GRANT, "pre-authorized_code", ...), Malformed, "OpenID4VCI 1.0, 4.1.1"),
    (
        "a code of 2,049 characters is refused",
        put(*GRANT, "pre-authorized_code", "x" * 2_049),
        TooLarge,
        "OpenID4VCI 1.0, 4.1.1",
    ),
    ("a transaction code of true is refused", put(*GRANT, "tx_code", True), Malformed, "OpenID4VCI 1.0, 4.1.1"),
    (
        "an unknown way of typing is refused",
        put(*GRANT, "tx_code", "input_mode", "voice"),
        Malformed,
        "OpenID4VCI 1.0, 4.1.1",
    ),
)
BY_REFERENCE: Final = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fcreditunion.example%2Fo%2F1"
OFFER_LINK: Final = text_function("offer link", BY_REFERENCE, parse_offer_link)
OFFER_LINKS: Final = cases(
    OFFER_LINK,
    ("a script is no offer", to("javascript:alert(1)"), Malformed, "OpenID4VCI 1.0, 4.1"),
    ("a file is no offer", to("file:///x?credential_offer_uri=https://a.example"), Malformed, "OpenID4VCI 1.0, 4.1"),
    (
        "an offer at a file's address is refused",
        to("openid-credential-offer://?credential_offer_uri=file:///x"),
        Malformed,
        "OpenID4VCI 1.0, 4.1.3",
    ),
    (
        "an offer in clear is refused",
        to("openid-credential-offer://?credential_offer_uri=http://a.example"),
        Malformed,
        "OpenID4VCI 1.0, 4.1.3",
    ),
    ("both ways at once are refused", to(BY_REFERENCE + "&credential_offer={}"), Malformed, "OpenID4VCI 1.0, 4.1"),
    (
        "two addresses are refused",
        to(BY_REFERENCE + "&credential_offer_uri=https://b.example"),
        Malformed,
        "OpenID4VCI 1.0, 4.1",
    ),
    ("a link with nothing in it is refused", to("openid-credential-offer://"), Malformed, "OpenID4VCI 1.0, 4.1"),
    (
        "an offer that is no JSON is refused",
        to("openid-credential-offer://?credential_offer=%7B"),
        Malformed,
        "OpenID4VCI 1.0, 4.1.2",
    ),
    (
        "a nested offer is refused",
        to("openid-credential-offer://?credential_offer=" + "%5B" * 40),
        TooLarge,
        "OpenID4VCI 1.0, 4.1.2",
    ),
    ("a link of 17,000 characters is refused", to(BY_REFERENCE + "x" * 17_000), TooLarge, "OpenID4VCI 1.0, 4.1"),
    ("letters beyond ASCII are refused", to(BY_REFERENCE + "é"), Malformed, "RFC 3986, 2"),
    ("broken percent signs are refused", to(BY_REFERENCE + "&x=%ff"), Malformed, "RFC 3986, 2.1"),
)
TOKEN: Final = json_function(
    "token response", {"access_token": "abc", "token_type": "Bearer", "expires_in": 60}, TokenResponse.from_json, "abc"
)
CREDENTIALS: Final = json_function(
    "credential response", {"credentials": [{"credential": "a~"}]}, CredentialResponse.from_json, "a~"
)
C_NONCE: Final = json_function(
    "nonce response",
    {"c_nonce": "wKI4LT17ac15ES9bw8ac4"},
    partial(read_as, NonceResponse, at="nonce_response"),
    "wKI4LT17ac15ES9bw8ac4",
)
ISSUER: Final = json_function(
    "issuer metadata",
    {
        "credential_issuer": UNION,
        "credential_endpoint": f"{UNION}/credential",
        "nonce_endpoint": f"{UNION}/nonce",
        "batch_credential_issuance": {"batch_size": 10},
        "credential_configurations_supported": {
            "a": {
                "format": "dc+sd-jwt",
                "vct": "urn:a",
                "cryptographic_binding_methods_supported": ["jwk"],
                "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
            }
        },
    },
    lambda body: IssuerMetadata.from_json(body, issuer=UNION, formats=FORMATS),
)
SERVER: Final = json_function(
    "server metadata",
    {"issuer": UNION, "token_endpoint": f"{UNION}/token", "pre-authorized_grant_anonymous_access_supported": True},
    lambda body: ServerMetadata.from_json(body, issuer=UNION),
)
CONFIGURATION: Final = ("credential_configurations_supported", "a")
ISSUERS: Final = (
    *cases(
        TOKEN,
        ("a token of another kind is refused", put("token_type", "DPoP"), Malformed, "RFC 6750, 4"),
        ("an answer without token is refused", put("access_token", ...), Malformed, "RFC 6749, 5.1"),
        ("a token that is a number is refused", put("access_token", 1), Malformed, "RFC 6749, 5.1"),
        ("a token of 4,097 characters is refused", put("access_token", "x" * 4_097), TooLarge, "RFC 6749, 5.1"),
    ),
    *cases(
        CREDENTIALS,
        ("an answer with no credential is refused", put("credentials", []), Malformed, "OpenID4VCI 1.0, 8.3"),
        ("a credential that is a text is refused", put("credentials", ["a~"]), Malformed, "OpenID4VCI 1.0, 8.3"),
        (
            "101 credentials are refused",
            put("credentials", [{"credential": "a"}] * 101),
            TooLarge,
            "OpenID4VCI 1.0, 8.3",
        ),
        ("an answer for later is neither yes nor no", to({"transaction_id": "x"}), Unavailable, "OpenID4VCI 1.0, 9"),
    ),
    *cases(
        C_NONCE,
        ("an answer without nonce is refused", put("c_nonce", ...), Malformed, "OpenID4VCI 1.0, 7.2"),
        ("a nonce that is a list is refused", put("c_nonce", ["x"]), Malformed, "OpenID4VCI 1.0, 7.2"),
        ("a nonce of 1,025 characters is refused", put("c_nonce", "x" * 1_025), TooLarge, "OpenID4VCI 1.0, 7.2"),
    ),
    *cases(
        ISSUER,
        (
            "another issuer's metadata is refused",
            put("credential_issuer", "https://x.example"),
            BadMetadata,
            "OpenID4VCI 1.0, 12.2.1",
        ),
        (
            "an endpoint in clear is refused",
            put("credential_endpoint", "http://x.example/c"),
            Malformed,
            "OpenID4VCI 1.0, 12.2.4",
        ),
        (
            "a nonce endpoint in a script is refused",
            put("nonce_endpoint", "javascript:x"),
            Malformed,
            "OpenID4VCI 1.0, 12.2.4",
        ),
        (
            "configurations as a list are refused",
            put("credential_configurations_supported", []),
            Malformed,
            "OpenID4VCI 1.0, 12.2.4",
        ),
    ),
    *cases(
        SERVER,
        ("another server's metadata is refused", put("issuer", "https://x.example"), BadMetadata, "RFC 8414, 3.3"),
        ("a token endpoint in clear is refused", put("token_endpoint", "http://x.example/t"), Malformed, "RFC 8414, 2"),
        ("a metadata without endpoint is refused", put("token_endpoint", ...), Malformed, "RFC 8414, 2"),
    ),
)
NONCE_KEY: Final = bytes(range(32))
MADE: Final = create_nonce(key=NONCE_KEY, now=NOW, random=lambda count: b"n" * count)
NONCE: Final = text_function("verify_nonce", MADE, lambda text: verify_nonce(text, key=NONCE_KEY, now=NOW), MADE)


def other_octet(place: int) -> Callable[[str], str]:
    def change(text: str) -> str:
        octets = bytearray(from_b64url(text))
        octets[place] ^= 1
        return b64url(bytes(octets))

    return change


NONCES: Final = cases(
    NONCE,
    ("a nonce with another id is refused", other_octet(0), InvalidNonce, "OpenID4VCI 1.0, 8.3.1.2"),
    ("a nonce with another end is refused", other_octet(20), InvalidNonce, "OpenID4VCI 1.0, 8.3.1.2"),
    ("a nonce with another seal is refused", other_octet(-1), InvalidNonce, "OpenID4VCI 1.0, 8.3.1.2"),
    (
        "another issuer's nonce is refused",
        to(create_nonce(key=bytes(32), now=NOW, random=lambda n: b"n" * n)),
        InvalidNonce,
        "OpenID4VCI 1.0, 8.3.1.2",
    ),
    ("a nonce that is cut is refused", lambda text: text[:-4], InvalidNonce, "OpenID4VCI 1.0, 8.3.1.2"),
    ("no nonce is refused", to(""), InvalidNonce, "OpenID4VCI 1.0, 8.3.1.2"),
    ("a nonce of 4,000 characters is refused", to("A" * 4_000), InvalidNonce, "OpenID4VCI 1.0, 8.3.1.2"),
    ("a nonce that is no base64url is refused", to("!" * 54), InvalidNonce, "OpenID4VCI 1.0, 8.3.1.2"),
)

# --- what travels between a vendor and a wallet in the clear

LINK: Final = "openid4vp://?client_id=decentralized_identifier%3Adid%3Aweb%3Adealer.example&request_uri=https%3A%2F%2Fdealer.example%2F1"
REQUEST_LINK: Final = text_function(
    "request link", LINK, lambda text: parse_request_link(text, key_sources=KEY_SOURCES)
)
REQUEST_LINKS: Final = cases(
    REQUEST_LINK,
    (
        "a request inside the link is refused",
        to(LINK + "&request=x"),
        BadRequestObject,
        "OpenID4VP 1.0, 5",
        "req.malformed",
    ),
    (
        "a request from elsewhere is refused",
        to(LINK.replace("%2F%2Fdealer", "%2F%2Fforger")),
        BadRequestObject,
        "OpenID4VP 1.0, 15.4.1",
        "req.origin",
    ),
    (
        "a request from another port is refused",
        to(LINK.replace("dealer.example%2F1", "dealer.example%3A8443%2F1")),
        BadRequestObject,
        "OpenID4VP 1.0, 15.4.1",
        "req.origin",
    ),
    ("a request in clear is refused", to(LINK.replace("https%3A", "http%3A")), Malformed, "OpenID4VP 1.0, 5"),
    (
        "an unknown method is refused",
        to(LINK + "&request_uri_method=put"),
        InvalidRequestUriMethod,
        "OpenID4VP 1.0, 5.1",
    ),
    (
        "a client without prefix is refused",
        to(LINK.replace("decentralized_identifier%3A", "")),
        BadRequestObject,
        "OpenID4VP 1.0, 5.9",
        "vrf.unauthenticated",
    ),
    ("two clients are refused", to(LINK + "&client_id=x"), Malformed, "RFC 6749, 3.1"),
    ("a link without address is refused", to(LINK.partition("&")[0]), Malformed, "OpenID4VP 1.0, 5"),
    ("a script is no request", to("javascript:alert(1)"), Malformed, "OpenID4VP 1.0, 5"),
    ("a link of 9,000 characters is refused", to(LINK + "x" * 9_000), TooLarge, "OpenID4VP 1.0, 5"),
)
FETCH: Final = json_function(
    "request_uri form", {"wallet_nonce": "abc", "wallet_metadata": "{}"}, parse_request_uri_form
)
FETCHES: Final = cases(
    FETCH,
    ("a nonce with blanks is refused", put("wallet_nonce", "a b"), Malformed, "OpenID4VP 1.0, 5.10"),
    ("an empty nonce is refused", put("wallet_nonce", ""), Malformed, "OpenID4VP 1.0, 5.10"),
    ("a nonce of 513 characters is refused", put("wallet_nonce", "x" * 513), Malformed, "OpenID4VP 1.0, 5.10"),
    ("metadata that is no JSON is refused", put("wallet_metadata", "{"), Malformed, "OpenID4VP 1.0, 5.10"),
    ("metadata that is a list is refused", put("wallet_metadata", "[]"), Malformed, "OpenID4VP 1.0, 5.10"),
    ("metadata of 20,000 characters is refused", put("wallet_metadata", " " * 20_000), TooLarge, "OpenID4VP 1.0, 5.10"),
)
FORM: Final = json_function("response form", {"response": "a.b.c.d.e"}, parse_response_form, "a.b.c.d.e")
FORMS: Final = cases(
    FORM,
    ("an answer in the clear is refused", to({"vp_token": "{}"}), BadResponse, "OpenID4VP 1.0, 8.3.1"),
    ("an answer and an error at once are refused", put("error", "access_denied"), Malformed, "OpenID4VP 1.0, 8.2"),
    ("neither answer nor error is refused", to({}), Malformed, "OpenID4VP 1.0, 8.2"),
    ("an error with odd characters is refused", to({"error": "<script>"}), Malformed, "RFC 6749, 4.1.2.1"),
    ("an error of 100 characters is refused", to({"error": "x" * 100}), Malformed, "RFC 6749, 4.1.2.1"),
    (
        "a state of 2,000 characters is refused",
        to({"error": "access_denied", "state": "x" * 2_000}),
        TooLarge,
        "OpenID4VP 1.0, 8.5",
    ),
    ("an answer of 300,000 characters is refused", put("response", "x" * 300_000), TooLarge, "OpenID4VP 1.0, 8.3"),
)
REDIRECT: Final = json_function("answer's redirect", {"redirect_uri": "https://dealer.example/done#x"}, parse_redirect)
REDIRECTS: Final = cases(
    REDIRECT,
    ("a redirect to a script is refused", put("redirect_uri", "javascript:alert(1)"), Malformed, "OpenID4VP 1.0, 8.2"),
    ("a redirect in clear is refused", put("redirect_uri", "http://dealer.example"), Malformed, "OpenID4VP 1.0, 8.2"),
    ("a redirect to a file is refused", put("redirect_uri", "file:///etc/passwd"), Malformed, "OpenID4VP 1.0, 8.2"),
    ("a redirect that is a list is refused", put("redirect_uri", []), Malformed, "OpenID4VP 1.0, 8.2"),
)
LISTS: Final = json_function(
    "status list aggregation",
    {"status_lists": ["https://a.example/1"]},
    lambda body: parse_aggregation(write_json(body)),
)
AGGREGATIONS: Final = cases(
    LISTS,
    ("a list in clear is refused", put("status_lists", ["http://a.example/1"]), Malformed, "Token Status List, 9.3"),
    ("a list at a number is refused", put("status_lists", [1]), Malformed, "Token Status List, 9.3"),
    ("65 lists are refused", put("status_lists", ["https://a.example/1"] * 65), TooLarge, "Token Status List, 9.3"),
)

# --- terms


async def good_terms() -> Body:
    body = read_json(genuine.terms_body(genuine.genuine("terms proof").text()))
    assert isinstance(body, dict)
    return {"document": body, "layers": {digest(genuine.LAYER): genuine.LAYER}}


def judge_terms(found: Mapping[str, Any]) -> object:
    document = parse_terms(write_json(found["document"]))
    return verify_terms(document, layers=found["layers"], publisher=genuine.DOCUMENT)


def one_layer(octets: bytes) -> Change:
    return put("layers", {digest(genuine.LAYER): octets})


DOCUMENT: Final = ("document", "layers", "machine", "ceiling", 0)
TERMS: Final = Function(name="verify_terms", good=good_terms, judge=judge_terms, secrets=nothing)
TERMS_CASES: Final = cases(
    TERMS,
    ("terms with another word are other terms", put("document", "version", "1.1"), BadTerms, "terms document"),
    ("terms under another name are refused", put("document", "id", "ni:///sha-256;x"), BadTerms, "terms document"),
    ("a text with one byte changed is refused", one_layer(genuine.LAYER[:-1] + b"!"), BadTerms, "terms document"),
    ("a text that is missing is refused", put("layers", {}), BadTerms, "terms document"),
    ("a text of two megabytes is refused", one_layer(bytes(2_097_152)), TooLarge, "terms document"),
    ("terms that nobody signed are refused", put("document", "proof", ...), Malformed, "terms document"),
    ("terms with a member that nobody knows are refused", put("document", "extra", 1), Malformed, "terms document"),
    ("a document of 70,000 characters is refused", put("document", "family", "x" * 70_000), TooLarge, "terms document"),
    (
        "a document of 17 levels is refused",
        put(*DOCUMENT, "data", read_json("[" * 17 + "]" * 17)),
        TooLarge,
        "terms document",
    ),
    ("257 duties are refused", put("document", "duties", [{}] * 257), TooLarge, "terms document"),
    (
        "13 texts are refused",
        lambda found: put("document", "layers", "lawyer", found["document"]["layers"]["lawyer"] * 13)(found),
        TooLarge,
        "terms document",
    ),
    ("a rule without clause is refused", put("document", "clauseMap", []), BadTerms, "terms document"),
    (
        "two governing texts are refused",
        lambda found: put("document", "layers", "lawyer", found["document"]["layers"]["lawyer"] * 2)(found),
        BadTerms,
        "terms document",
    ),
)

CASES: Final[tuple[Case[Any], ...]] = (
    *TEXTS,
    *DIDS,
    *DOCUMENTS,
    *QUERIES,
    *OFFERS,
    *OFFER_LINKS,
    *ISSUERS,
    *NONCES,
    *REQUEST_LINKS,
    *FETCHES,
    *FORMS,
    *REDIRECTS,
    *AGGREGATIONS,
    *TERMS_CASES,
)
JSON_FUNCTIONS: Final = (KEYS, DCQL, OFFER, TOKEN, CREDENTIALS, C_NONCE, ISSUER, SERVER, REDIRECT, LISTS, TERMS)
__all__ = ["CASES", "JSON_FUNCTIONS", "T"]
