"""The messages of the issuer's wire, as JSON Schemas: OpenID4VCI 1.0, and what everybody may read."""

from typing import Final

from didkit_py.formats.table import FORMATS
from didkit_py.keys.names import ALG_NAMES, ALL_ALG_NAMES
from didkit_py.oid4vci.credential_request import BATCH_SIZE, JWT
from didkit_py.oid4vci.key_proof import TYPE as KEY_PROOF_TYP
from didkit_py.oid4vci.metadata import DID_WEB, JWK
from didkit_py.oid4vci.nonce import MAX_NONCE, NonceResponse
from didkit_py.oid4vci.offer import MAX_CODE, MAX_DESCRIPTION, PRE_AUTHORIZED
from didkit_py.oid4vci.token import MAX_TX_CODE
from didkit_py.service.http.media_types import (
    ANY,
    COUNT,
    FLAG,
    SECONDS,
    TEXT,
    URL,
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
from didkit_py.service.http.messages import PATH
from didkit_py.status.token_list import BITS, StatusListAggregation
from didkit_py.status.token_list import CONTENT_TYPE as STATUS_LIST_TYPE
from didkit_py.status.token_list import TYP as STATUS_LIST_TYP
from didkit_py.structs import schema_of
from didkit_py.terms.document import SCHEMA as TERMS_SCHEMA
from didkit_py.terms.document import TYP as TERMS_TYP
from didkit_py.trust import CONTENT_TYPE as TRUST_LIST_TYPE
from didkit_py.trust import TYP as TRUST_LIST_TYP

# OpenID4VCI 1.0, 4.1
_TX_CODE: Final = members(
    {}, {"input_mode": one_of("numeric", "text"), "length": COUNT, "description": text(at_most=MAX_DESCRIPTION)}
)
_GRANT: Final = members({"pre-authorized_code": text(at_most=MAX_CODE)}, {"tx_code": _TX_CODE})
CREDENTIAL_OFFER: Final = json_of(
    members(
        {
            "credential_issuer": URL,
            "credential_configuration_ids": many(TEXT),
            "grants": members({PRE_AUTHORIZED: _GRANT}),
        },
        title="CredentialOffer",
    )
)

# OpenID4VCI 1.0, 6
TOKEN_REQUEST: Final = form_of(
    {"grant_type": one_of(PRE_AUTHORIZED), "pre-authorized_code": text(at_most=MAX_CODE)},
    {"tx_code": text(at_most=MAX_TX_CODE)},
)
TOKEN_RESPONSE: Final = json_of(
    members(
        {"access_token": TEXT, "token_type": one_of("Bearer")},
        {"expires_in": SECONDS},
        title="TokenResponse",
    )
)

# OpenID4VCI 1.0, 7
NONCE_RESPONSE: Final = json_of(schema_of(NonceResponse))

# OpenID4VCI 1.0, 8
_KEY_PROOF: Final = jwt_of(
    KEY_PROOF_TYP, members({"aud": URL, "iat": SECONDS, "nonce": text(at_most=MAX_NONCE)}, title="KeyProof")
)
CREDENTIAL_REQUEST: Final = json_of(
    members(
        {
            "credential_configuration_id": text(at_most=1_024),
            "proofs": members({JWT: many(_KEY_PROOF) | {"maxItems": BATCH_SIZE}}),
        },
        title="CredentialRequest",
    )
)
CREDENTIAL_RESPONSE: Final = json_of(
    members({"credentials": many(members({"credential": TEXT}))}, title="CredentialResponse")
)

# OpenID4VCI 1.0, 12.2
_DISPLAY: Final = many(members({"name": TEXT, "locale": TEXT}, {"description": TEXT}))
_ALGORITHMS: Final = many(one_of(*ALG_NAMES))
_CONFIGURATION: Final = members(
    {
        "format": one_of(*FORMATS),
        "vct": TEXT,
        "credential_signing_alg_values_supported": many(one_of(*ALL_ALG_NAMES)),
        "cryptographic_binding_methods_supported": many(one_of(JWK, DID_WEB)),
        "proof_types_supported": members({JWT: members({"proof_signing_alg_values_supported": _ALGORITHMS})}),
        "credential_metadata": members(
            {"display": _DISPLAY}, {"claims": many(members({"path": PATH, "display": _DISPLAY}))}
        ),
    },
    title="CredentialConfiguration",
)
ISSUER_METADATA: Final = json_of(
    members(
        {
            "credential_issuer": URL,
            "credential_endpoint": URL,
            "nonce_endpoint": URL,
            "batch_credential_issuance": members({"batch_size": COUNT}),
            "display": _DISPLAY,
            "credential_configurations_supported": mapping(_CONFIGURATION),
        },
        title="IssuerMetadata",
    )
)

# RFC 8414, 2; OpenID4VCI 1.0, 12.3
SERVER_METADATA: Final = json_of(
    members(
        {
            "issuer": URL,
            "token_endpoint": URL,
            "grant_types_supported": many(one_of(PRE_AUTHORIZED)),
            "token_endpoint_auth_methods_supported": many(one_of("none")),
            "pre-authorized_grant_anonymous_access_supported": FLAG,
        },
        title="ServerMetadata",
    )
)

# Token Status List, 5.1 and 9.3
STATUS_LISTS: Final = json_of(schema_of(StatusListAggregation))
STATUS_LIST: Final = text_of(
    STATUS_LIST_TYPE,
    jwt_of(
        STATUS_LIST_TYP,
        members(
            {
                "sub": URL,
                "iat": SECONDS,
                "exp": SECONDS,
                "ttl": SECONDS,
                "status_list": members({"bits": one_of(*BITS), "lst": TEXT}),
            },
            title="StatusList",
        ),
    ),
)

# SD-JWT VC, type metadata; `group` and `data_class` are our own
_CLAIM: Final = members(
    {
        "path": PATH,
        "display": many(members({"locale": TEXT, "label": TEXT})),
        "mandatory": FLAG,
        "sd": one_of("always", "never"),
    },
    {"group": TEXT, "data_class": URL},
)
TYPE_METADATA: Final = json_of(
    members(
        {"vct": TEXT, "name": TEXT, "description": TEXT, "display": _DISPLAY, "claims": many(_CLAIM)},
        title="TypeMetadata",
    )
)

# Our own: didkit_py/terms/document.py and didkit_py/trust.py
TERMS: Final = json_of(
    members(
        {
            "schema": one_of(TERMS_SCHEMA),
            "type": one_of("TermsDocument"),
            "id": TEXT,
            "family": TEXT,
            "version": TEXT,
            "direction": one_of("vendor-offered", "person-proffered"),
            "publisher": URL,
            "jurisdiction": TEXT,
            "validity": ANY,
            "layers": members({"human": ANY, "lawyer": many(ANY), "machine": ANY}),
            "duties": many(ANY, at_least=0),
            "clauseMap": many(ANY, at_least=0),
            "proof": jwt_of(TERMS_TYP, members({"id": TEXT})),
        },
        dict.fromkeys(("supersedes", "precedence", "exceptions", "liability", "authority", "dispute"), ANY),
        title="TermsDocument",
    )
)
TRUST_LIST: Final = text_of(
    TRUST_LIST_TYPE,
    jwt_of(
        TRUST_LIST_TYP,
        members(
            {
                "iss": URL,
                "iat": SECONDS,
                "exp": SECONDS,
                "issuers": many(
                    members({"id": URL, "name": TEXT, "vcts": many(TEXT)}, {"status_lists": URL}), at_least=0
                ),
                "terms": many(members({"id": TEXT, "url": URL}), at_least=0),
            },
            title="TrustList",
        ),
    ),
)
