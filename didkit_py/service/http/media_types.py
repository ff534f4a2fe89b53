"""What goes into a route and comes out of it: media types, with JSON Schemas (2020-12) of what is inside.

A schema with a title stands once in a program's interface description, under that title, and is referred to elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from didkit_py.encoding import Json
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.keys.names import ALL_ALG_NAMES

Schema: TypeAlias = dict[str, Json]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

TEXT: Final[Schema] = {"type": "string"}
URL: Final[Schema] = {"type": "string", "format": "uri"}
FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 1}
SECONDS: Final[Schema] = {"type": "integer", "minimum": 0}  # a span, or a time since 1970
FILE: Final[Schema] = {"type": "string", "contentMediaType": "application/octet-stream"}
ANY: Final[Schema] = {}


@dataclass(frozen=True, slots=True)
class MediaType:
    """A body: its media type, and what is in it."""

    media_type: str
    schema: Mapping[str, Json]


def json_of(schema: Schema) -> MediaType:
    """A body in JSON."""
    return MediaType(JSON, schema)


def form_of(must: Mapping[str, Schema], may: Mapping[str, Schema] | None = None) -> MediaType:
    """A form with the fields that it must have, and those that it may."""
    return MediaType(MULTIPART if FILE in must.values() else FORM, members(must, may))


def text_of(media_type: str, schema: Schema = TEXT) -> MediaType:
    """A body that is no JSON."""
    return MediaType(media_type, schema)


HTML: Final = text_of("text/html")


def members(must: Mapping[str, Schema], may: Mapping[str, Schema] | None = None, *, title: str = "") -> Schema:
    """An object with the members that it always has, and those that it can have."""
    named: Schema = {"title": title} if title else {}
    required: Schema = {"required": [*must]} if must else {}
    return {**named, "type": "object", "properties": {**must, **(may or {})}, **required}


def many(schema: Schema, *, at_least: int = 1) -> Schema:
    """An array of such values."""
    return {"type": "array", "items": schema, "minItems": at_least}


def mapping(schema: Schema) -> Schema:
    """An object whose members, of whatever names, are such values."""
    return {"type": "object", "additionalProperties": schema}


def one_of(*values: Json) -> Schema:
    """Exactly one of these values."""
    return {"const": values[0]} if len(values) == 1 else {"enum": [*values]}


def text(*, at_most: int) -> Schema:
    """A text of at most so many characters."""
    return {**TEXT, "maxLength": at_most}


def fitting(pattern: str) -> Schema:
    """A text, all of which the pattern fits."""
    return {**TEXT, "pattern": f"^({pattern})$"}


_WITH_CURVE: Final = [row for row in ALGORITHMS.values() if row.crv is not None]
PUBLIC_JWK: Final = members(  # RFC 7517, 4; RFC 7518, 6.2.1; RFC 8037, 2
    {
        "kty": one_of(*dict.fromkeys(row.kty for row in _WITH_CURVE)),
        "crv": one_of(*dict.fromkeys(row.crv for row in _WITH_CURVE)),
        "x": TEXT,
    },
    {"y": TEXT},
    title="PublicJwk",
)
AKP_JWK: Final = members(  # RFC 9964, 3
    {
        "kty": one_of(*dict.fromkeys(row.kty for row in ALGORITHMS.values() if row.crv is None)),
        "alg": one_of(*(row.alg for row in ALGORITHMS.values() if row.crv is None)),
        "pub": TEXT,
    },
    title="AlgorithmKeyPair",
)


def jwt_of(typ: str, claims: Schema) -> Schema:
    """A compact JWS of this type with these claims, as JSON Schema Validation 2020-12, 8.6 writes it."""
    header = members({"typ": one_of(typ), "alg": one_of(*sorted(ALL_ALG_NAMES))}, {"kid": TEXT, "jwk": PUBLIC_JWK})
    return {
        **fitting(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"),
        "contentMediaType": "application/jwt",
        "contentSchema": {"type": "array", "minItems": 2, "prefixItems": [header, claims]},
    }
