"""The messages of the vendor's wire, as JSON Schemas: OpenID4VP 1.0, and the agreement desk."""

from typing import Final

from didkit_py.consent.vendor import RELATIONSHIP_AGREEMENT, ROLE_CREDENTIAL, TERMS_SIGNATORY
from didkit_py.jose import MAX_JWE
from didkit_py.keys.algorithms import KEY_AGREEMENT
from didkit_py.oid4vp.link import MAX_NONCE
from didkit_py.oid4vp.query import MAX_CREDENTIALS, MAX_ID
from didkit_py.oid4vp.request import AUDIENCE, TYPE
from didkit_py.oid4vp.request_claims import MAX_STATE, MIN_NONCE, RESPONSE_MODE, RESPONSE_TYPE
from didkit_py.oid4vp.response import ResponseAnswer
from didkit_py.records.events import MAX_CLAUSE, MAX_REASON, MAX_RESIDUAL, STOP_AND_ERASE, EventKind
from didkit_py.records.events import TYP as EVENT_TYP
from didkit_py.roles.self_check import RequestVerdict
from didkit_py.service.http.media_types import (
    COUNT,
    FLAG,
    SECONDS,
    TEXT,
    URL,
    Schema,
    fitting,
    form_of,
    json_of,
    jwt_of,
    many,
    mapping,
    members,
    one_of,
    text,
    text_of,
)
from didkit_py.service.http.messages import DIGEST, MOMENT, PATH, signed_record
from didkit_py.structs import schema_of
from didkit_py.terms.grant_parts import RETENTION_CLASSES

_ID: Final = text(at_most=MAX_ID) | fitting(r"[A-Za-z0-9_-]+")
_NONCE: Final = text(at_most=MAX_NONCE) | fitting(r"[A-Za-z0-9_.~-]+")

# OpenID4VP 1.0, 6
_CLAIM_QUERY: Final = members({"path": PATH}, {"id": _ID, "values": many({"type": ["string", "integer", "boolean"]})})
_CREDENTIAL_QUERY: Final = members(
    {"id": _ID, "format": text(at_most=MAX_ID), "meta": members({}, {"vct_values": many(TEXT)})},
    {
        "claims": many(_CLAIM_QUERY),
        "claim_sets": many(many(_ID)),
        "multiple": FLAG,
        "require_cryptographic_holder_binding": FLAG,
        "trusted_authorities": many(members({"type": text(at_most=MAX_ID), "values": many(TEXT)})),
    },
    title="CredentialQuery",
)
DCQL_QUERY: Final = members(
    {"credentials": many(_CREDENTIAL_QUERY) | {"maxItems": MAX_CREDENTIALS}},
    {"credential_sets": many(members({"options": many(many(_ID))}, {"required": FLAG}))},
    title="DcqlQuery",
)

# OpenID4VP 1.0, 5
_ENCRYPTION_JWK: Final = members(  # RFC 7517, 4
    {
        "kty": one_of(KEY_AGREEMENT.kty),
        "crv": one_of(KEY_AGREEMENT.crv),
        "x": TEXT,
        "y": TEXT,
        "kid": TEXT,
        "alg": one_of("ECDH-ES"),
    },
    {"use": one_of("enc")},
)
_METADATA: Final = members(
    {
        "jwks": members({"keys": many(_ENCRYPTION_JWK)}),
        "encrypted_response_enc_values_supported": many(TEXT),
        "vp_formats_supported": mapping(mapping(many(TEXT))),
    }
)
_VERIFIER_INFO: Final = members(
    {"format": one_of(ROLE_CREDENTIAL, TERMS_SIGNATORY, RELATIONSHIP_AGREEMENT), "data": TEXT},
    {"credential_ids": many(_ID)},
)
REQUEST_CLAIMS: Final = members(
    {
        "response_type": one_of(RESPONSE_TYPE),
        "response_mode": one_of(RESPONSE_MODE),
        "client_id": TEXT,
        "aud": one_of(AUDIENCE),
        "response_uri": URL,
        "nonce": _NONCE | {"minLength": MIN_NONCE},
        "iat": SECONDS,
        "exp": SECONDS,
        "dcql_query": DCQL_QUERY,
        "client_metadata": _METADATA,
    },
    {"state": text(at_most=MAX_STATE), "wallet_nonce": _NONCE, "verifier_info": many(_VERIFIER_INFO)},
    title="RequestObject",
)
REQUEST_OBJECT: Final = text_of(f"application/{TYPE}", jwt_of(TYPE, REQUEST_CLAIMS))
WALLET_FORM: Final = form_of({}, {"wallet_nonce": _NONCE, "wallet_metadata": TEXT})  # 5.10

# OpenID4VP 1.0, 8; `vp_token` is known in order to be refused
RESPONSE_FORM: Final = form_of(
    {},
    {
        "response": text(at_most=MAX_JWE),
        "error": fitting(r"[a-z][a-z0-9_]{0,63}"),
        "error_description": TEXT,
        "state": text(at_most=MAX_STATE),
        "vp_token": TEXT,
    },
)
REDIRECT: Final = json_of(schema_of(ResponseAnswer))

# Our own: didkit_py/roles/self_check.py
VERDICT: Final = json_of(schema_of(RequestVerdict))

# Our own: didkit_py/records/record.py
ACCEPTANCE: Final = json_of(members({"record": signed_record(signatures=1)}, title="Acceptance"))
RECORD: Final = json_of(members({"record": signed_record(signatures=2)}, title="Accepted"))
RECEIVED: Final = json_of(members({"state": one_of("received")}, title="Received"))

# Our own: didkit_py/records/events.py


def _event(kind: EventKind, must: dict[str, Schema], may: dict[str, Schema] | None = None) -> Schema:
    common: dict[str, Schema] = {"rel": text(at_most=64), "record": text(at_most=64), "seq": COUNT, "prev": DIGEST}
    claims = members({**common, "event": one_of(kind.value), "at": MOMENT, **must}, may)
    return members({"event": jwt_of(EVENT_TYP, claims)}, title=f"{kind.value[0].upper()}{kind.value[1:]}")


_WHAT: Final[dict[str, Schema]] = {"paths": many(PATH), "all": one_of(True)}  # one of the two
_ANSWER: Final[dict[str, Schema]] = {"of": DIGEST, "state": one_of("applied")}
_RESIDUAL: Final = many(
    members({"class": one_of(*RETENTION_CLASSES), "clause": text(at_most=MAX_CLAUSE), "until": MOMENT}), at_least=0
) | {"maxItems": MAX_RESIDUAL}
WITHDRAWAL: Final = json_of(
    _event(
        EventKind.WITHDRAW,
        {"gids": many(TEXT), "effect": one_of("stop-use", STOP_AND_ERASE)},
        {"reason": text(at_most=MAX_REASON)},
    )
)
ACKNOWLEDGEMENT: Final = json_of(_event(EventKind.ACKNOWLEDGE, _ANSWER))
ERASE_REQUEST: Final = json_of(_event(EventKind.ERASE_REQUEST, {"basis": text(at_most=80)}, _WHAT))
ERASE_PROOF: Final = json_of(_event(EventKind.ERASE_PROOF, _ANSWER, _WHAT | {"residual": _RESIDUAL}))
