import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didkit_py.encoding import Json, b64url, read_json, write_json
from didkit_py.errors import Malformed, TooLarge
from didkit_py.jose import parse_compact
from didkit_py.oid4vci.nonce import NonceResponse
from didkit_py.oid4vp.response import ResponseAnswer
from didkit_py.roles.self_check import RequestVerdict
from didkit_py.service.http.messages import ErrorMessage, HealthReport, ReadinessReport
from didkit_py.service.http.openapi import _referring
from didkit_py.status.token_list import StatusListAggregation
from didkit_py.structs import (
    JsonValue,
    Message,
    Moment,
    OriginUrl,
    Text,
    Url,
    fitting,
    plain,
    read_as,
    schema_of,
    text,
    whole,
)

NO_MOMENT = "expected an RFC 3339 date and time with an offset"
SPECS = Path(__file__).parents[2] / "specs"
SECRET = "tell-nobody of length <= 4 - at `$.name`"  # also a text that looks like msgspec's own words


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(Message):
    name: Annotated[str, text(at_most=5)]
    count: Annotated[int, whole(0, 10)]


class Thing(Message):
    name: Annotated[str, text(at_most=50)]
    parts: Annotated[tuple[Part, ...], msgspec.Meta(max_length=2)]
    named: dict[str, Part] | None = None
    colour: Colour | None = None
    kind: Literal["a", "b"] | None = None
    flag: bool | None = None
    at: datetime | None = None
    key: bytes | None = None
    url: Url | None = None
    origin: OriginUrl | None = None
    letters: Annotated[str, fitting("a+", expected="letters a")] | None = None
    dotted: Text | None = msgspec.field(name="urn:a.b[0]", default=None)


PART: dict[str, Json] = {"name": "n", "count": 1}
BODY: dict[str, Json] = {"name": "x", "parts": [PART]}


# Where messages are defined.
for name in ("didkit_py.service.http.messages", "issuer.api.messages", "verifier.api.messages", "wallet.models"):
    import_module(name)


def every_message() -> set[type[Message]]:
    found: set[type[Message]] = set()
    waiting = [Message]
    while waiting:
        below = waiting.pop().__subclasses__()
        found.update(below)
        waiting += below
    return {one for one in found if not one.__module__.startswith("test")}


def refusal(body: Json) -> Malformed:
    with pytest.raises(Malformed) as refused:
        read_as(Thing, body, at="whole")
    return refused.value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": 4}, "whole.name: expected a non-empty text"),
        ({"name": ""}, "whole.name: expected a non-empty text"),
        ({"name": "a\0"}, "whole.name: expected a non-empty text"),
        ({"name": None}, "whole.name: expected a non-empty text"),
        ({"parts": {}}, "whole.parts: expected an array"),
        ({"parts": [PART, 1]}, "whole.parts[1]: expected an object"),
        ({"parts": [{"count": 1}]}, "whole.parts[0].name: missing"),
        ({"parts": [PART | {"count": True}]}, "whole.parts[0].count: expected a whole number from 0 to 10"),
        ({"parts": [PART | {"count": 1.0}]}, "whole.parts[0].count: expected a whole number from 0 to 10"),
        ({"parts": [PART | {"count": 2**63}]}, "whole.parts[0].count: expected a whole number from 0 to 10"),
        ({"named": []}, "whole.named: expected an object"),
        ({"named": {SECRET: {"name": "n"}}}, "whole.named[...].count: missing"),
        ({"colour": SECRET}, "whole.colour: expected one of blue, red"),
        ({"kind": SECRET}, "whole.kind: expected one of a, b"),
        ({"flag": 1}, "whole.flag: expected true or false"),
        ({"at": SECRET}, "whole.at: expected an RFC 3339 date and time with an offset"),
        ({"key": SECRET}, "whole.key: expected base64"),
        ({"url": f"http://{SECRET}"}, "whole.url: expected an https URL without user part or fragment"),
        (
            {"origin": "https://a.example/?b"},
            "whole.origin: expected an https URL without user part, query or fragment",
        ),
        ({"letters": "aa\n"}, "whole.letters: expected letters a"),
        ({"urn:a.b[0]": 1}, "whole.urn:a.b[0]: expected a non-empty text"),
    ],
)
def test_an_error_says_where_and_what_was_expected(change: dict[str, Json], said: str) -> None:
    error = refusal(BODY | change)
    assert str(error) == said
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_a_text_or_array_beyond_its_bound_is_too_large() -> None:
    changes: list[tuple[dict[str, Json], str]] = [
        ({"parts": [PART, PART, PART]}, "whole.parts: more than 2 items"),
        ({"name": "x" * 51}, "whole.name: longer than 50 characters"),
    ]
    for change, said in changes:
        error = refusal(BODY | change)
        assert isinstance(error, TooLarge)
        assert str(error) == said


def test_a_body_that_is_no_object_is_refused() -> None:
    assert str(refusal([])) == "whole: expected an object"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(SECRET) | st.sampled_from(["name"]), inner),
    max_leaves=5,
)


@given(place=st.sampled_from([one.encode_name for one in msgspec.structs.fields(Thing)]), value=json_values)
def test_no_error_shows_a_value(place: str, value: Json) -> None:
    said = ""
    try:
        read_as(Thing, BODY | {place: value}, at="whole")
    except Malformed as error:
        said = str(error)
    assert "tell-nobody" not in said


def test_a_doubled_member_does_not_reach_a_struct() -> None:
    with pytest.raises(Malformed, match="twice"):
        read_as(Part, read_json('{"name": "a", "name": "b", "count": 1}'), at="part")
    assert msgspec.json.decode('{"name": "a", "name": "b", "count": 1}', type=Part).name == "b"  # why the gate stands


def test_a_member_that_is_null_counts_as_absent_where_it_may_be() -> None:
    optional = [one for one in msgspec.structs.fields(Thing) if not one.required]
    assert read_as(Thing, BODY | {one.encode_name: None for one in optional}, at="whole") == Thing(
        name="x", parts=(Part(name="n", count=1),)
    )


@pytest.mark.parametrize("kind", sorted(every_message(), key=str))
def test_every_message_follows_the_rules(kind: type[Message]) -> None:
    assert kind.__struct_config__.frozen
    for one in msgspec.structs.fields(kind):
        wanted = msgspec.inspect.type_info(kind)
        assert isinstance(wanted, msgspec.inspect.StructType)
        typed = next(each.type for each in wanted.fields if each.name == one.name)
        nullable = isinstance(typed, msgspec.inspect.UnionType) and typed.includes_none
        assert nullable is not one.required or isinstance(typed, msgspec.inspect.AnyType)
        assert one.required or one.default is None
    bounded(msgspec.inspect.type_info(kind))


def bounded(wanted: msgspec.inspect.Type) -> None:
    """Every whole number has both bounds, and no time is a text: others could write an offset beyond the calendar."""
    assert not isinstance(wanted, msgspec.inspect.DateTimeType)
    if isinstance(wanted, msgspec.inspect.IntType):
        assert wanted.ge is not None
        assert wanted.le is not None
    if isinstance(wanted, msgspec.inspect.StructType):
        for one in wanted.fields:
            bounded(one.type)
    for inner in getattr(wanted, "types", ()):
        bounded(inner)
    for name in ("item_type", "value_type", "type"):
        if isinstance(inner := getattr(wanted, name, None), msgspec.inspect.Type):
            bounded(inner)


def test_a_message_is_frozen_and_its_repr_shows_nothing() -> None:
    part = Part(name="abcde", count=1)
    with pytest.raises(AttributeError):
        part.name = "b"  # type: ignore[misc] # that is the test
    assert repr(part) == str(part) == "Part(…)"
    assert "abcde" not in f"{part!r} {[part]} {Thing(name='x', parts=(part,))}"


def test_a_message_written_is_read_as_the_same() -> None:
    body = Thing(
        name="x",
        parts=(Part(name="n", count=1),),
        colour=Colour.BLUE,
        at=datetime(2026, 12, 1, 4, 5, 6, 7, tzinfo=UTC) + timedelta(days=1),
        key=b"\0\xff",
        url="https://a.example/b",
        dotted="d",
    )
    written = body.to_json()
    assert read_as(Thing, read_json(write_json(written)), at="whole") == body
    assert set(written) == {"name", "parts", "colour", "at", "key", "url", "urn:a.b[0]"}
    assert isinstance(written["parts"], list)


def test_a_url_that_is_none_cannot_be_built_either() -> None:
    with pytest.raises(ValueError, match="expected an https URL"):
        Thing(name="x", parts=(), url="ftp://a.example")


def test_a_schema_says_what_is_read() -> None:
    schema = schema_of(Thing)
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert schema["title"] == "Thing"
    assert schema["required"] == ["name", "parts"]
    assert properties["name"] == {"type": "string", "minLength": 1, "maxLength": 50}
    shape = "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$"
    assert properties["url"] == {"type": "string", "maxLength": 2_048, "format": "uri", "pattern": shape}
    assert properties["letters"] == {"type": "string", "maxLength": 65_536, "pattern": "^(a+)$"}
    assert properties["kind"] == {"enum": ["a", "b"]}
    part: Json = {
        "title": "Part",
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 5},
            "count": {"type": "integer", "minimum": 0, "maximum": 10},
        },
        "required": ["name", "count"],
    }
    assert properties["parts"] == {"type": "array", "items": part, "maxItems": 2}
    assert "default" not in str(schema)
    assert "null" not in str(schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    path: tuple[str | int | None, ...]
    until: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: str
    colour: Colour
    secret: bytes = field(repr=False)
    inner: tuple[Inner, ...] = ()
    claims: Mapping[str, JsonValue]
    note: Text | None = None


ROW = Row(
    id="1",
    colour=Colour.RED,
    secret=b"\0\xff",
    inner=(Inner(path=("a", 0, None), until=None), Inner(path=(), until=datetime(2026, 12, 1, tzinfo=UTC))),
    claims={"a": {"max": None, "b": [1.5, True, "x"]}},
)


def test_a_row_is_read_as_it_was_written_with_its_columns_beside() -> None:
    written = plain(ROW, without=("id", "colour"))
    assert "id" not in written
    body = read_json(write_json(written))
    assert read_as(Row, body, at="row", columns={"id": "1", "colour": Colour.RED}) == ROW
    assert read_as(Row, {**written, "id": "2"}, at="row", columns={"id": "1", "colour": "red"}).id == "1"


def test_a_row_with_a_mapping_that_cannot_be_changed_is_written_too() -> None:
    assert plain(replace(ROW, claims=MappingProxyType({"a": 1})))["claims"] == {"a": 1}
    with pytest.raises(TypeError, match="object"):
        plain(replace(ROW, claims={"a": object()}))  # type: ignore[dict-item] # that is the test


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"note": "a\0"}, "row.note: expected a non-empty text"),
        ({"inner": [1]}, "row.inner[0]: expected an object"),
        ({"inner": [{"path": []}]}, "row.inner[0].until: missing"),
        ({"inner": [{"path": [], "until": SECRET}]}, f"row.inner[0].until: {NO_MOMENT}"),
        ({"inner": [{"path": [], "until": "2026-12-01T00:00:00"}]}, f"row.inner[0].until: {NO_MOMENT}"),
        ({"inner": [{"path": {}, "until": None}]}, "row.inner[0].path: expected an array"),
        ({"secret": SECRET}, "row.secret: expected base64"),
    ],
)
def test_an_error_in_a_row_says_where_too(change: dict[str, Json], said: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_as(Row, plain(ROW) | change, at="row")
    assert str(refused.value) == said


def test_what_was_signed_is_kept_as_it_was_signed_with_members_that_nobody_knows() -> None:
    """A struct would lose `later` and the blanks: signed texts are kept as texts, in rows as in messages."""
    signed = '{"b": 1,  "a": 2, "later": {"x": null}}'
    kept = replace(ROW, note=signed)
    assert read_as(Row, read_json(write_json(plain(kept))), at="row").note == signed
    header = b64url(b'{"alg":"ES256","typ":"x"}')
    parsed = parse_compact(f"{header}.{b64url(signed.encode())}.{b64url(bytes(64))}", typ="x")
    assert parsed.payload == signed.encode()
    assert parsed.signing_input.endswith(b64url(signed.encode()).encode())


def test_the_interface_documents_take_the_schemas_of_messages_from_their_classes() -> None:
    described: dict[str, Json] = {}
    for name in ("issuer", "verifier", "wallet"):
        document = json.loads((SPECS / "openapi" / f"{name}.json").read_text(encoding="utf-8"))
        described |= document["components"]["schemas"]
    for kind in (
        ErrorMessage,
        HealthReport,
        ReadinessReport,
        NonceResponse,
        StatusListAggregation,
        RequestVerdict,
        ResponseAnswer,
    ):
        made: dict[str, Json] = {}
        _referring(schema_of(kind), made)
        assert made.keys() >= {kind.__name__}
        assert made.items() <= described.items()
