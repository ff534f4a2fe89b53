"""The messages that several programs know: errors, health, key documents, agreement records."""

from typing import Annotated, Final, Literal

from didkit_py import structs
from didkit_py.records.record import CONFORMS_TO
from didkit_py.service.http.media_types import (
    AKP_JWK,
    ANY,
    JSON,
    PUBLIC_JWK,
    TEXT,
    URL,
    Schema,
    fitting,
    json_of,
    many,
    members,
    one_of,
    text,
)
from didkit_py.structs import Message, schema_of

PATH: Final = many({"type": ["string", "integer", "null"]})  # a claims path (OpenID4VP 1.0, 7)
PATHS: Final = many(PATH, at_least=0)
DIGEST: Final = fitting(r"sha-256;[A-Za-z0-9_-]{43}")
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
NAME: Final = r"[a-z][a-z0-9_-]*"
DESCRIPTION: Final = r"[\x20\x21\x23-\x5b\x5d-\x7e]*"  # RFC 6749, 5.2

Name = Annotated[str, structs.fitting(NAME, expected="a name in lower case")]


class ErrorMessage(Message):
    """What a program answers instead of what was asked (RFC 6749, 5.2), with members of its own beside."""

    error: Name
    error_description: Annotated[str, structs.fitting(DESCRIPTION, expected="printable ASCII")]
    code: Name | None = None  # of the check that did not hold, where `error` is the protocol's word
    hint: structs.Text | None = None
    request_id: Annotated[str, structs.fitting(r"[0-9a-f]{16}", expected="16 hexadecimal digits")] | None = None


class HealthReport(Message):
    """That the process answers."""

    status: Literal["ok"]


class ReadinessReport(Message):
    """Whether every part of a program is there, and in a word what one lacks."""

    status: Literal["ready", "not-ready"]
    checks: dict[str, Name]


ERROR: Final = json_of(schema_of(ErrorMessage))
HEALTH: Final = json_of(schema_of(HealthReport))
READINESS: Final = json_of(schema_of(ReadinessReport))

_METHOD: Final = members(
    {"id": URL, "type": one_of("JsonWebKey"), "controller": URL, "publicKeyJwk": {"anyOf": [PUBLIC_JWK, AKP_JWK]}}
)
DID_DOCUMENT: Final = json_of(  # DID Core 1.0, 5
    members(
        {
            "@context": many(ANY),
            "id": URL,
            "verificationMethod": many(_METHOD),
            "authentication": many(URL),
            "assertionMethod": many(URL),
        },
        title="DidDocument",
    )
)

# Our own: didkit_py/records/record.py
_PROCESS: Final = members(
    {"gid": TEXT, "state": one_of("accepted", "declined"), "hasPurpose": many(TEXT, at_least=0), "hasLegalBasis": TEXT},
    {
        "acceptedData": PATHS,
        "declinedData": PATHS,
        "hasStorageCondition": many(ANY, at_least=0),
        "hasRecipient": many(TEXT, at_least=0),
        "hasJurisdiction": TEXT,
    },
)
_RECORD: Final = members(
    {
        "@context": many(TEXT),
        "@type": many(TEXT),
        "conformsTo": one_of(CONFORMS_TO),
        "identifier": {"type": "string", "format": "uuid"},
        "created": MOMENT,
        "rel": text(at_most=64),
        "hasDataSubject": fitting(r"jkt:[A-Za-z0-9_-]{43}"),
        "hasDataController": members({"id": TEXT, "name": TEXT}),
        "terms": TEXT,
        "offer": DIGEST,
        "hasProcess": many(_PROCESS),
        "withdrawal": members({"uri": URL, "within": TEXT}),
        "decision": members({"by": TEXT, "presented": DIGEST}),
        "status": one_of("dpv:ContractFullySigned"),
    },
    {"signatory": DIGEST, "hasNotice": many(members({"lang": TEXT, "digest": DIGEST}), at_least=0)},
    title="AgreementRecord",
)
_PAYLOAD: Final[Schema] = {
    "type": "string",
    "contentEncoding": "base64url",
    "contentMediaType": JSON,
    "contentSchema": _RECORD,
}


def signed_record(*, signatures: int) -> Schema:
    """A record in the general JSON form of a JWS (RFC 7515, 7.2.1)."""
    each = many(members({"protected": TEXT, "signature": TEXT}), at_least=signatures)
    return members({"payload": _PAYLOAD, "signatures": each | {"maxItems": signatures}})


SIGNED_RECORD: Final = json_of(signed_record(signatures=2))
