"""Message, the base of typed JSON messages of our own, and `read_as`, the gate through which one is read.

`read_json` comes first, since msgspec alone accepts an object that has a member twice: nothing here decodes bytes.
A struct is for messages and rows whose members are all known. What was signed is kept as the bytes that were signed and
is read with `Reader`, as is whatever may hold members that we do not know and must not lose.

One rule for null: a member with a default may be null or absent, both of which mean None; any other may not be null.

    class NonceResponse(Message):
        c_nonce: Text

    read_as(NonceResponse, read_json(body), at="nonce_response").c_nonce
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, dataclass_transform

import msgspec
from msgspec import Meta, inspect

from didkit_py.encoding import Json
from didkit_py.errors import Malformed, TooLarge
from didkit_py.reading import MAX_TEXT, is_url

_NUL_FREE: Final = r"^[^\0]+$(?![\s\S])"  # no database takes a NUL; `$` alone would let a line end follow
_URL_SHAPE: Final = r"^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$(?![\s\S])"  # what a schema can say of `is_url`
_END: Final = r"(?![\s\S])"  # says again in Python's dialect what `$` says in that of JSON Schema
_AT: Final = " - at `$"
_LONG: Final = re.compile(r"\AExpected `(?:str|array|object)` of length <= ([0-9]+)\Z")
_FEW: Final = re.compile(r"\AExpected `(?:array|object)` of length >= ([0-9]+)\Z")
_ABSENT: Final = re.compile(r"\AObject missing required field `([^`]+)`\Z")


def text(*, at_most: int = MAX_TEXT) -> Meta:
    """The constraint of a non-empty text without NUL."""
    return Meta(min_length=1, max_length=at_most, pattern=_NUL_FREE)


def fitting(pattern: str, *, expected: str, at_most: int = MAX_TEXT) -> Meta:
    """The constraint of a text, all of which the pattern fits; `expected` says so in an error."""
    return Meta(max_length=at_most, pattern=f"^({pattern})${_END}", extra={"expected": expected})


def whole(minimum: int = 0, maximum: int = 2**53 - 1) -> Meta:
    """The constraint of a whole number inside the bounds."""
    return Meta(ge=minimum, le=maximum)


def url_by(check: Callable[[str], bool], expected: str) -> Meta:
    """The constraint of a URL for which `check` is true; `expected` says so in an error."""
    return Meta(
        max_length=2_048,
        pattern=_URL_SHAPE,
        extra={"check": check, "expected": expected},
        extra_json_schema={"format": "uri"},
    )


if TYPE_CHECKING:
    JsonValue = Json
else:
    JsonValue = Any  # msgspec cannot follow an alias that names itself; what `read_json` gave is JSON already
Text = Annotated[str, text()]
Url = Annotated[str, url_by(is_url, "an https URL without user part or fragment")]  # http on loopback alone
OriginUrl = Annotated[
    str, url_by(lambda value: is_url(value) and "?" not in value, "an https URL without user part, query or fragment")
]
Whole = Annotated[int, whole()]
Seconds = Annotated[int, whole()]  # a span, or a time since 1970
# Of rows that we wrote. Not for what others write: msgspec takes offsets that lead beyond the calendar.
Moment = Annotated[datetime, Meta(tz=True)]


class _UnfitError(ValueError):
    """A member that a check of ours refuses; the message is our own and shows no value."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A JSON object of ours with typed members; one that is None is left out when it is written.

    Its `repr` shows no member, since msgspec cannot hide single ones and some are secrets or claims.
    """

    def __post_init__(self) -> None:
        """Raises ValueError for a URL that is none; `read_as` makes it Malformed."""
        for name, written, check, expected in _checks(type(self)):
            value = getattr(self, name)
            if not all(map(check, value if isinstance(value, tuple) else () if value is None else (value,))):
                raise _UnfitError(f"{written}: expected {expected}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def to_json(self) -> dict[str, Json]:
        """The members as plain values, to be written with `write_json`."""
        members: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(self))
        return members


T = TypeVar("T")


def read_as(kind: type[T], body: Json, *, at: str, columns: Mapping[str, object] = MappingProxyType({})) -> T:
    """The message or row in `body`, which `read_json` has read; `at` names it in errors, such as `nonce_response`.

    `kind` is a Message, or a frozen dataclass for a row of a store; `columns` are members that stand beside a sealed
    row, in columns of their own, and win over what the row says.

    Raises Malformed, or TooLarge for a text or array beyond its bound. The error says where and what was expected,
    and is made from `kind` alone: msgspec's own words can show the value.
    """
    try:
        return msgspec.convert({**body, **columns} if isinstance(body, dict) else body, kind)
    except msgspec.ValidationError as error:
        raise _explained(error, kind, at) from None  # its message is not kept beside ours either


def plain(row: object, *, without: Collection[str] = ()) -> dict[str, Json]:
    """The members of a dataclass as plain values for a sealed row, but for those that stand in columns of their own.

    A moment becomes an RFC 3339 text, bytes become base64; `read_as` gives an equal value back. A mapping that msgspec
    does not know, such as MappingProxyType, is written as a dict; whatever else it does not know is a TypeError.
    """
    members: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(row, enc_hook=dict))
    return {name: value for name, value in members.items() if name not in without}


def _explained(error: msgspec.ValidationError, kind: type[object], at: str) -> Malformed:
    head, found, place = str(error).rpartition(_AT)  # the last one: a value that is quoted stands before it
    head, place = (head, place.rstrip("`")) if found else (place, "")
    if isinstance(error.__cause__, _UnfitError):
        return Malformed(f"{at}{place}.{error.__cause__}")
    if absent := _ABSENT.match(head):
        return Malformed(f"{at}{place}.{absent[1]}: missing")
    wanted, extra = _type_at(inspect.type_info(kind), place)
    if long := _LONG.match(head):
        what = "longer than {} characters" if isinstance(wanted, inspect.StrType) else "more than {} items"
        return TooLarge(f"{at}{place}: {what.format(long[1])}")
    if few := _FEW.match(head):
        return Malformed(f"{at}{place}: expected at least {few[1]} item(s)")
    if head.startswith("Object contains unknown field "):
        return Malformed(f"{at}{place}: has a member that is not known here")
    return Malformed(f"{at}{place}: expected {extra.get('expected') or _expectation(wanted)}")


def _type_at(wanted: inspect.Type, place: str) -> tuple[inspect.Type, Mapping[str, Any]]:
    """The type that stands at a path such as `.proofs.jwt[0]`, without None, and what its constraint says of it."""
    wanted, extra = _plain(wanted)
    while place:
        if isinstance(wanted, inspect.StructType | inspect.DataclassType):
            # A member's name may hold dots and brackets: the longest that fits is meant.
            names = [one for one in wanted.fields if place.removeprefix("." + one.encode_name) != place]
            member = max(names, key=lambda one: len(one.encode_name))
            wanted, extra = _plain(member.type)
            place = place[len(member.encode_name) + 1 :]
            continue
        if isinstance(wanted, inspect.DictType):
            wanted, extra = _plain(wanted.value_type)
        elif isinstance(wanted, inspect.VarTupleType | inspect.ListType):
            wanted, extra = _plain(wanted.item_type)
        else:
            break
        place = place.partition("]")[2]
    return wanted, extra


def _plain(wanted: inspect.Type) -> tuple[inspect.Type, Mapping[str, Any]]:
    extra: Mapping[str, Any] = {}
    while isinstance(wanted, inspect.UnionType | inspect.Metadata):
        if isinstance(wanted, inspect.Metadata):
            extra, wanted = wanted.extra or extra, wanted.type
        else:
            wanted = next(one for one in wanted.types if not isinstance(one, inspect.NoneType))
    return wanted, extra


_EXPECTED: Final[Mapping[type[inspect.Type], str]] = {
    inspect.StrType: "a non-empty text",
    inspect.BoolType: "true or false",
    inspect.FloatType: "a number",
    inspect.BytesType: "base64",
    inspect.DateTimeType: "an RFC 3339 date and time with an offset",
    inspect.VarTupleType: "an array",
    inspect.ListType: "an array",
    inspect.DictType: "an object",
    inspect.StructType: "an object",
    inspect.DataclassType: "an object",
}


def _expectation(wanted: inspect.Type) -> str:
    if isinstance(wanted, inspect.IntType):
        return "a whole number" if wanted.ge is None else f"a whole number from {wanted.ge} to {wanted.le}"
    if isinstance(wanted, inspect.LiteralType):
        return f"one of {', '.join(sorted(map(str, wanted.values)))}"
    if isinstance(wanted, inspect.EnumType):
        return f"one of {', '.join(sorted(str(one.value) for one in wanted.cls))}"
    return _EXPECTED.get(type(wanted), "another kind of value")


@lru_cache(maxsize=256)  # by class, of which there are few
def _checks(kind: type[Message]) -> tuple[tuple[str, str, Callable[[str], bool], str], ...]:
    """The members, or arrays, that a check of ours judges: attribute, member name, check, and what it expects."""
    members = inspect.type_info(kind)
    found = []
    for one in getattr(members, "fields", ()):
        wanted, extra = _plain(one.type)
        if isinstance(wanted, inspect.VarTupleType):
            _, extra = _plain(wanted.item_type)
        if "check" in extra:
            found.append((one.name, one.encode_name, extra["check"], extra["expected"]))
    return tuple(found)


def schema_of(kind: type[Message]) -> dict[str, Json]:
    """The JSON Schema (2020-12) of a message with each schema inside it in its place, under the title of its class.

    A member that may be absent is simply not required: that null also means absent is a courtesy to who writes to us.
    """
    (schema,), components = msgspec.json.schema_components([kind], ref_template="{name}")
    placed = _placed(schema, components)
    if not isinstance(placed, dict):
        raise TypeError("the schema of a message is an object")
    return placed


def _placed(schema: Any, components: Mapping[str, Any]) -> Json:  # noqa: ANN401 - a JSON Schema as msgspec gives it
    if isinstance(schema, list | tuple):
        return [_placed(one, components) for one in schema]
    if not isinstance(schema, dict):
        return schema if isinstance(schema, str | int | float) else None
    if "$ref" in schema:
        return _placed(components[schema["$ref"]], components)
    if "anyOf" in schema and {"type": "null"} in schema["anyOf"]:
        choices = [one for one in schema["anyOf"] if one != {"type": "null"}]
        outside = {name: one for name, one in schema.items() if name != "anyOf"}
        return _placed(outside | (choices[0] if len(choices) == 1 else {"anyOf": choices}), components)
    placed = {name: _placed(one, components) for name, one in schema.items() if name != "default"}
    pattern = placed.get("pattern")
    if pattern == _NUL_FREE:
        del placed["pattern"]
    elif isinstance(pattern, str):
        placed["pattern"] = pattern.removesuffix(_END)
    return placed
