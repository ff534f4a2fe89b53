"""Every member of every message in turn is of every wrong type: the answer is always one of ours, never a crash."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

import pytest

from didkit_py.encoding import Json, read_json
from didkit_py.errors import DidkitError
from tests.attacks.case import Function
from tests.attacks.genuine import JUDGES, PAYLOADS, TYPED, genuine
from tests.attacks.plain_messages import JSON_FUNCTIONS

WRONG: Final[tuple[Json, ...]] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e300,
    10**19,
    "",
    "x",
    "\u0000",
    "\U0001f600" * 3,
    [],
    [[]],
    ["x"],
    [None],
    {},
    {"x": {}},
    "x" * 70_000,
)
SIGNED: Final = tuple(kind for kind in TYPED if not isinstance(PAYLOADS[kind], bytes))


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a JSON value something stands; of a list the first item stands for all."""
    if way:
        yield way
    inner = value.items() if isinstance(value, Mapping) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, member in inner:
        yield from places(member, (*way, name))


def put(body: Any, way: tuple[Any, ...], value: Json) -> Any:
    """A copy with another value in one place."""
    copy = deepcopy(body)
    found = copy
    for step in way[:-1]:
        found = found[step]
    found[way[-1]] = value
    return copy


def tried(judge: Any, value: object, what: str) -> None:
    try:
        judge(value)
    except DidkitError:
        return
    except Exception as error:  # noqa: BLE001 - whatever else comes is what this test looks for
        pytest.fail(f"{what}: {type(error).__name__}: {error}", pytrace=False)


@pytest.mark.parametrize("kind", SIGNED)
def test_wrong_types_in_signed_claims_never_crash(kind: str) -> None:
    good = genuine(kind)
    claims = json.loads(json.dumps(dict(good.claims())))
    for way in places(claims):
        for value in WRONG:
            if len(way) > 1 or value != "x" * 70_000:
                token = replace(good, payload=put(claims, way, value))
                tried(JUDGES[kind], token.text(), f"{kind}: {way} = {str(value)[:20]!r}")


@pytest.mark.parametrize("kind", TYPED)
def test_wrong_types_in_headers_never_crash(kind: str) -> None:
    good = genuine(kind)
    head = json.loads(json.dumps(dict(good.header)))
    for way in places(head):
        for value in WRONG:
            token = replace(good, header=put(head, way, value))
            tried(JUDGES[kind], token.text(), f"{kind} header: {way} = {str(value)[:20]!r}")


def test_wrong_types_in_a_record_never_crash() -> None:
    good = genuine("record")
    assert isinstance(good.payload, bytes)
    body = read_json(good.payload)
    for way in places(body):
        for value in WRONG:
            text = json.dumps(put(body, way, value), sort_keys=True, separators=(",", ":")).encode()
            tried(JUDGES["record"], replace(good, payload=text).text(), f"record: {way} = {str(value)[:20]!r}")


@pytest.mark.parametrize("function", JSON_FUNCTIONS, ids=lambda function: function.name)
async def test_wrong_types_in_messages_never_crash(function: Function[Any]) -> None:
    good = await function.good()
    for way in places(good):
        for value in WRONG:
            if function.name != "verify_terms" or way[0] == "document":
                tried(function.judge, put(good, way, value), f"{function.name}: {way} = {str(value)[:20]!r}")
