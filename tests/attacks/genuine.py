"""One genuine token of every kind, and the function that each is meant for.

One party is all at once here (issuer, publisher, vendor and holder, with one key), so that nothing but the kind of a
token keeps it out of a place that it is not meant for.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from didkit_py.consent.choices import sort_grants
from didkit_py.encoding import Json, b64url, content_address, digest, from_b64url, jcs, sha256, write_json
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, verify_key_binding
from didkit_py.formats.table import FORMATS
from didkit_py.jose import JointlySigned, PartySignature
from didkit_py.oid4vci.key_proof import verify_key_proof
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.oid4vp.request import RequestLink, VerifiedRequest, parse_request_object, verify_request_object
from didkit_py.oid4vp.response import create_encryption_key, create_response, open_response, public_encryption_key
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.records import record as records
from didkit_py.records.events import parse_event, verify_event
from didkit_py.records.record import AgreementRecord, verify_acceptance
from didkit_py.status.token_list import verify_status_list
from didkit_py.terms.agreement import Agreement, parse_agreement, verify_agreement
from didkit_py.terms.document import (
    Signatory,
    parse_terms,
    verify_delegation,
    verify_signatory_statement,
    verify_terms,
)
from didkit_py.trust import TrustedIssuer, TrustList, verify_trust_list
from didkit_py.verification import Evidence, KeyBinding, verify_credential
from tests.attacks.forging import NOW, Token, document, signer, timed

DID: Final = "did:web:dealer.example"
CLIENT: Final = f"decentralized_identifier:{DID}"
ORIGIN: Final = "https://dealer.example"
LINK: Final = RequestLink(client_id=CLIENT, request_uri=f"{ORIGIN}/oid4vp/requests/1", method="post")
WALLET_NONCE: Final = "qPmxiNFCR3QTm19POc8uAA"
NONCE: Final = "b3JkaW5hcnktbm9uY2UtMTI4Yml0"
C_NONCE: Final = "a-nonce-of-the-issuer"
LIST: Final = f"{ORIGIN}/status-lists/1"
VCT: Final = "urn:example:vct:plain:1"
REL: Final = "3v1cXg2yQk6bq0l1m2n3pA"
UUID: Final = "0198b0a2-5d1e-7c3a-9f42-1f0e6b7d9a01"
NAMED: Final = signer(7, f"{DID}#key-1")  # the key under its name
BARE: Final = signer(7)  # the same key, travelling as a JWK
DOCUMENT: Final = document(DID, NAMED.public)
JKT: Final = f"jkt:{NAMED.public.thumbprint}"
ENCRYPTION: Final = create_encryption_key(lambda count: sha256(b"encryption")[:1] * count)
TYPED: Final[Mapping[str, str]] = {
    "credential": "dc+sd-jwt",
    "key binding": "kb+jwt",
    "key proof": "openid4vci-proof+jwt",
    "request object": "oauth-authz-req+jwt",
    "agreement": "relationship-agreement+jwt",
    "record": "agreement-record+jwt",
    "event": "agreement-event+jwt",
    "terms proof": "terms-document+jwt",
    "terms signature": "terms-signature+jwt",
    "delegation": "terms-delegation+jwt",
    "trust list": "trust-list+jwt",
    "status list": "statuslist+jwt",
}
JWK_KINDS: Final = frozenset({"key proof", "record", "event"})  # their key stands in the header
NO_KEY_KINDS: Final = frozenset({"key binding"})  # their key stands in another token


def token(kind: str, payload: Mapping[str, Json] | bytes) -> Token:
    """A genuine token as its kind's specification lays it out."""
    header: dict[str, Json] = {"alg": "ES256", "typ": TYPED[kind]}
    if kind in JWK_KINDS:
        header["jwk"] = NAMED.public.to_jwk()
    elif kind not in NO_KEY_KINDS:
        header["kid"] = NAMED.key_id
    return Token(header=header, payload=payload, by=NAMED)


# --- what they say

QUERY: Final[dict[str, Json]] = {
    "credentials": [
        {
            "id": "plain",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [VCT]},
            "claims": [{"path": ["colour"]}],
        }
    ]
}
CREDENTIAL: Final[dict[str, Json]] = {
    "iss": DID,
    "vct": VCT,
    "iat": timed(NOW),
    "exp": timed(NOW + timedelta(days=30)),
    "cnf": {"jwk": NAMED.public.to_jwk()},
    "colour": "blue",
}
REQUEST: Final[dict[str, Json]] = {
    "iss": DID,
    "response_type": "vp_token",
    "response_mode": "direct_post.jwt",
    "client_id": CLIENT,
    "aud": "https://self-issued.me/v2",
    "response_uri": f"{ORIGIN}/oid4vp/response/1",
    "nonce": NONCE,
    "state": "af0ifjsldkj",
    "wallet_nonce": WALLET_NONCE,
    "iat": timed(NOW),
    "exp": timed(NOW + timedelta(minutes=30)),
    "dcql_query": QUERY,
    "client_metadata": {
        "jwks": {"keys": [public_encryption_key(ENCRYPTION)]},
        "encrypted_response_enc_values_supported": ["A128GCM", "A256GCM"],
        "vp_formats_supported": {"dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}},
    },
}
GRANT: Final[dict[str, Json]] = {
    "gid": "g-a",
    "data": [{"vct": VCT, "path": ["colour"], "necessity": "required"}],
    "purpose": ["https://w3id.org/dpv#RequestedServiceProvision"],
    "legalBasis": "contract",
    "retention": [{"class": "planning", "period": "P1Y", "from": "relationshipEnd", "then": "erase"}],
}
LAYER: Final = b"We use it once."
_TERMS: Final[dict[str, Json]] = {
    "schema": "urn:didkit-py:schema:terms-document:1",
    "type": "TermsDocument",
    "family": "plain-terms",
    "version": "1.0",
    "direction": "vendor-offered",
    "publisher": DID,
    "jurisdiction": "GB",
    "validity": {"effectiveFrom": "2026-01-01T00:00:00Z"},
    "layers": {
        "human": {
            "documents": [
                {"lang": "en", "mediaType": "text/plain", "digest": digest(LAYER), "href": f"{ORIGIN}/terms/layers/1"}
            ],
            "label": [{"icon": "purpose", "text": "Only for what you asked us to do", "rule": "g1.purpose"}],
        },
        "lawyer": [
            {
                "lang": "en",
                "mediaType": "text/plain",
                "digest": digest(LAYER),
                "href": f"{ORIGIN}/terms/layers/1",
                "governing": True,
            }
        ],
        "machine": {
            "ceiling": [
                {
                    "gid": "g1",
                    "data": [{"dataClass": "https://w3id.org/dpv/pd#Contact"}],
                    "purpose": ["https://w3id.org/dpv#RequestedServiceProvision"],
                    "legalBasis": "contract",
                }
            ]
        },
    },
    "clauseMap": [
        {"rule": "g1.purpose", "clause": "1", "label": 0},
        {"rule": "d1", "clause": "2", "label": None},
    ],
    "duties": [{"rule": "d1", "duty": "erasure", "within": "P30D"}],
}
TERMS_ID: Final = content_address(jcs(_TERMS))
AGREEMENT: Final[dict[str, Json]] = {
    "iss": CLIENT,
    "client_id": CLIENT,
    "aud": "https://self-issued.me/v2",
    "nonce": NONCE,
    "wallet_nonce": WALLET_NONCE,
    "iat": timed(NOW),
    "exp": timed(NOW + timedelta(minutes=30)),
    "rel": REL,
    "terms": {"id": TERMS_ID},
    "request_hash": digest(jcs(QUERY)),
    "controller": {"name": "The Dealer", "contact": "privacy@dealer.example"},
    "grants": [GRANT],
    "receipt": {"uri": f"{ORIGIN}/agreements", "within": "P1D"},
    "withdraw": {"uri": f"{ORIGIN}/agreements/withdraw", "within": "P3D"},
    "erase": {"uri": f"{ORIGIN}/agreements/erase", "within": "P30D"},
}
OFFER: Final = token("agreement", AGREEMENT).text()
ASKED: Final = DcqlQuery.from_json(QUERY, formats=FORMATS)
RECORD: Final[dict[str, Json]] = records._payload(
    parse_agreement(OFFER).agreement,
    terms=None,
    identifier=UUID,
    created="2026-11-21T12:00:00Z",
    subject=JKT,
    grants=sort_grants(parse_agreement(OFFER).agreement.grants, ASKED),
    accepted={"g-a": (("colour",),)},
    by="person",
    presented=digest(b"what was presented"),
)


def terms_body(proof: str) -> bytes:
    return write_json({**_TERMS, "id": TERMS_ID, "proof": proof})


def status_payload(packed: bytes = bytes(16)) -> dict[str, Json]:
    return {
        "sub": LIST,
        "iat": timed(NOW),
        "exp": timed(NOW + timedelta(days=1)),
        "ttl": 3600,
        "status_list": {"bits": 2, "lst": b64url(zlib.compress(packed))},
    }


TRUST_LIST: Final[dict[str, Json]] = {
    "iss": DID,
    "iat": timed(NOW),
    "exp": timed(NOW + timedelta(days=1)),
    "issuers": [{"id": DID, "name": "The Dealer", "vcts": [VCT], "status_lists": f"{ORIGIN}/status-lists"}],
    "terms": [{"id": TERMS_ID, "url": f"{ORIGIN}/terms/1"}],
}
PAYLOADS: Final[Mapping[str, Mapping[str, Json] | bytes]] = {
    "credential": CREDENTIAL,
    "key binding": {"iat": timed(NOW), "aud": CLIENT, "nonce": NONCE},  # sd_hash is added below
    "key proof": {"aud": ORIGIN, "iat": timed(NOW), "nonce": C_NONCE},
    "request object": REQUEST,
    "agreement": AGREEMENT,
    "record": jcs(RECORD),
    "event": {
        "rel": REL,
        "record": UUID,
        "seq": 1,
        "prev": digest(jcs(RECORD)),
        "event": "withdraw",
        "at": "2026-11-21T12:00:00Z",
        "gids": ["g-a"],
        "effect": "stop-use",
    },
    "terms proof": {"id": TERMS_ID},
    "terms signature": {"terms": {"id": TERMS_ID}, "signedAt": "2026-11-21T12:00:00Z"},
    "delegation": {"iss": DID, "sub": "did:web:delegate.example"},
    "trust list": TRUST_LIST,
    "status list": status_payload(),
}


def genuine(kind: str) -> Token:
    """The genuine token of a kind."""
    payload = PAYLOADS[kind]
    if kind == "key binding":
        assert not isinstance(payload, bytes)
        shown = genuine("credential").text() + "~"
        return token(kind, {**payload, "sd_hash": b64url(sha256(shown.encode()))})
    return token(kind, payload)


def genuine_response() -> str:
    """The one encrypted kind."""
    return create_response({"plain": ["a~"]}, request=verified_request().request)


# --- the functions, each given the text of a token


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """What the functions below need beside the token, made once."""

    trust: TrustList = field(
        default_factory=lambda: TrustList(
            publisher=DID,
            issued_at=NOW,
            expires_at=NOW + timedelta(days=1),
            issuers={DID: TrustedIssuer(id=DID, name="The Dealer", vcts=frozenset({VCT}), status_lists=None)},
        )
    )


def verified_request(text: str | None = None) -> VerifiedRequest:
    unverified = parse_request_object(text or genuine("request object").text(), link=LINK, key_sources=KEY_SOURCES)
    return verify_request_object(
        unverified, client_keys=DOCUMENT, expected_wallet_nonce=WALLET_NONCE, now=NOW, formats=FORMATS
    )


def verified_record() -> AgreementRecord:
    return judge_record(genuine("record").text())


def judge_credential(text: str) -> object:
    return verify_credential(
        text + "~",
        evidence=Evidence(trust=Judges().trust, parties={DID: DOCUMENT}, key_sources=KEY_SOURCES),
        now=NOW,
        key_binding=KeyBinding.NOT_REQUIRED,
        in_format=SD_JWT_VC,
    )


def judge_key_binding(text: str) -> object:
    shown = genuine("credential").text() + "~"
    verify_key_binding(
        parse_sd_jwt(shown + text), holder=NAMED.public, expected_nonce=NONCE, expected_audience=CLIENT, now=NOW
    )
    return True


def judge_key_proof(text: str) -> object:
    return verify_key_proof(text, expected_audience=ORIGIN, parties={DID: DOCUMENT}, now=NOW)


def judge_agreement(text: str) -> Agreement:
    return verify_agreement(parse_agreement(text), request=verified_request(), now=NOW)


def jointly(text: str) -> JointlySigned:
    """A compact token as a record's wire form spells it."""
    protected, payload, signature = text.split(".")
    return JointlySigned(from_b64url(payload), (PartySignature(protected, signature),))


def judge_record(text: str) -> AgreementRecord:
    return verify_acceptance(jointly(text), offer_text=OFFER, query=ASKED, terms=None, now=NOW)


def judge_event(text: str) -> object:
    return verify_event(parse_event(text), record=verified_record(), previous=None, vendor_keys=DOCUMENT, now=NOW)


def judge_terms(text: str) -> object:
    return verify_terms(parse_terms(terms_body(text)), layers={digest(LAYER): LAYER}, publisher=DOCUMENT)


def judge_statement(text: str) -> object:
    return verify_signatory_statement(text, vendor=DOCUMENT, now=NOW)


def judge_delegation(text: str) -> object:
    signatory = Signatory(
        issuer="did:web:delegate.example",
        issuer_name="A delegate",
        subject=DID,
        terms_id=TERMS_ID,
        family="plain-terms",
        version="1.0",
        level="reviewed",
        signed_at=NOW,
        delegation=text,
    )
    verify_delegation(signatory, publisher=DOCUMENT)
    return True


def judge_trust_list(text: str) -> TrustList:
    return verify_trust_list(text, publisher=DOCUMENT, now=NOW, key_sources=KEY_SOURCES)


def judge_status_list(text: str) -> object:
    return verify_status_list(text, uri=LIST, issuer=DID, key=NAMED.public, now=NOW)


def judge_response(text: str) -> object:
    return open_response(text, private_jwk=ENCRYPTION)


JUDGES: Final[Mapping[str, Callable[[str], object]]] = {
    "credential": judge_credential,
    "key binding": judge_key_binding,
    "key proof": judge_key_proof,
    "request object": verified_request,
    "agreement": judge_agreement,
    "record": judge_record,
    "event": judge_event,
    "terms proof": judge_terms,
    "terms signature": judge_statement,
    "delegation": judge_delegation,
    "trust list": judge_trust_list,
    "status list": judge_status_list,
    "response": judge_response,
}
