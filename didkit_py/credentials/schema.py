"""What a claim type's JSON Schema says: its leaves, and whether values fit, told without the values."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, TypeAlias

import jsonschema_rs

from didkit_py.encoding import Json
from didkit_py.errors import BadTemplate

Validator: TypeAlias = jsonschema_rs.Draft202012Validator

# What a reader is told for each keyword of JSON Schema; the library's own sentences quote the value.
_SENTENCES: Final[Mapping[str, str]] = {
    "additionalProperties": "has a member that this claim type does not know",
    "const": "is not the one value that is possible here",
    "enum": "is none of the values that are possible here",
    "format": "is not of the expected form: {}",
    "maxItems": "has too many items",
    "maxLength": "is too long",
    "maximum": "is too large",
    "minItems": "has too few items",
    "minLength": "is too short",
    "minimum": "is too small",
    "pattern": "is not spelt as expected",
    "required": "lacks a member that is required: {}",
    "type": "is not of the expected type: {}",
    "uniqueItems": "names something twice",
}


def compile_schema(schema: Mapping[str, Json]) -> Validator:
    """The schema ready for use; only references inside itself are followed. Raises BadTemplate."""
    try:
        return Validator(dict(schema), validate_formats=True, retriever=_refuse_to_fetch)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise BadTemplate("schema: expected JSON Schema 2020-12") from error


def _refuse_to_fetch(_: str) -> Json:
    raise ValueError("a schema refers to nothing outside of itself")


def require_valid(validator: Validator, values: Mapping[str, Json]) -> None:
    """Raises BadTemplate with the path and the rule of the first fault."""
    for error in validator.iter_errors(dict(values)):
        where = ".".join(str(part) for part in error.instance_path) or "values"
        keyword = str(error.schema_path[-1]) if error.schema_path else "schema"
        sentence = _SENTENCES.get(keyword, f"breaks the rule {keyword}")
        raise BadTemplate(f"{where} {sentence.format(_expected(error))}", spec="JSON Schema 2020-12")


def _expected(error: jsonschema_rs.ValidationError) -> str:
    """What the schema wanted, which is public; never what was given."""
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        return str(kind.property)
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Type):
        return " or ".join(kind.types)
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Format):
        return kind.format
    return ""


def leaves(schema: Json, claims: Collection[tuple[str, ...]], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths at which the schema stops, or at which a claim stands for all below. Raises BadTemplate."""
    if not isinstance(schema, dict):
        raise BadTemplate(f"schema of {'.'.join(at)}: expected an object")
    members = schema.get("properties")
    if at in claims or not isinstance(members, dict):
        yield at
        return
    if schema.get("additionalProperties") is not False:
        raise BadTemplate(f"schema of {'.'.join(at) or 'values'}: additionalProperties must be false")
    for name, member in members.items():
        yield from leaves(member, claims, (*at, name))


def is_required(schema: Json, path: tuple[str, ...]) -> bool:
    """Whether every valid value holds the path."""
    for name in path:
        required = schema.get("required") if isinstance(schema, dict) else None
        if not isinstance(schema, dict) or not isinstance(required, list) or name not in required:
            return False
        properties = schema.get("properties")
        schema = properties.get(name) if isinstance(properties, dict) else None
    return True
