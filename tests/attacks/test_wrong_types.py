"""Every member of every message in turn is of every wrong type: the answer is always one of ours, never a crash."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
# Numbers, dates and periods at and beyond every edge; they stand where such things stand, and where they may stand.
EXTREME: Final[tuple[Json, ...]] = (
    *(-1, -0.0, 0.5, 1e-320, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400, 1e300, float("nan"), float("inf")),
    *(253_402_300_799, 253_402_300_799.5, 253_402_300_800, 1_795_255_200.25, True, "1795255200"),
    *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z"),
    *("2026-06-30T23:59:60Z", "2026-02-30T00:00:00Z", "2026-W01-1T00:00:00Z", "9999-12-31", "24:00"),
    *("P0D", "-P1D", "P9999Y", "P99999999999999999999D", "P1Y2M3DT4H5M6S", "PT" + "9" * 400 + "S", "P", "P1.5D"),
)
TIMES: Final = ("iat", "nbf", "exp", "auth_time", "expires", "ttl", "expires_in", "interval")
ANY: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(EXTREME),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
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


def extremes(good: Any) -> Iterator[tuple[str, Any]]:
    """The body with a number, date or period of it replaced, and with one more where there is none."""
    for way in places(good):
        found = good
        for step in way:
            found = found[step]
        text = isinstance(found, str) and (found[:1] == "P" or found[:1].isdigit())
        if text or (isinstance(found, int | float) and not isinstance(found, bool)):
            for value in EXTREME:
                yield f"{way} = {str(value)[:30]}", put(good, way, value)
    if isinstance(good, dict):
        for name in TIMES:
            for value in EXTREME:
                yield f"{name} = {str(value)[:30]}", {**good, name: value}


@pytest.mark.parametrize("kind", SIGNED)
def test_numbers_dates_and_periods_at_every_edge_in_signed_claims_never_crash(kind: str) -> None:
    good = genuine(kind)
    for what, claims in extremes(json.loads(json.dumps(dict(good.claims())))):
        tried(JUDGES[kind], replace(good, payload=json.dumps(claims).encode()).text(), f"{kind}: {what}")


def test_numbers_dates_and_periods_at_every_edge_in_a_record_never_crash() -> None:
    good = genuine("record")
    assert isinstance(good.payload, bytes)
    for what, body in extremes(read_json(good.payload)):
        text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        tried(JUDGES["record"], replace(good, payload=text).text(), f"record: {what}")


@pytest.mark.parametrize("function", JSON_FUNCTIONS, ids=lambda function: function.name)
async def test_numbers_dates_and_periods_at_every_edge_in_messages_never_crash(function: Function[Any]) -> None:
    for what, body in extremes(await function.good()):
        if "18446744073709551616" not in what and "9223372036854775809" not in what and "1" + "0" * 29 not in what:
            tried(function.judge, body, f"{function.name}: {what}")  # others are written by nothing of ours


@pytest.mark.parametrize("kind", SIGNED)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_in_signed_claims_gives_one_of_our_errors(kind: str, data: st.DataObject) -> None:
    good = genuine(kind)
    claims = json.loads(json.dumps(dict(good.claims())))
    way = data.draw(st.sampled_from([*places(claims)]))
    value = data.draw(ANY)
    token = replace(good, payload=json.dumps(put(claims, way, value)).encode())
    tried(JUDGES[kind], token.text(), f"{kind}: {way} = {str(value)[:60]!r}")


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


@pytest.mark.parametrize("kind", [kind for kind in SIGNED if "iat" in dict(genuine(kind).claims())])
@pytest.mark.parametrize("fraction", [0.0, 0.25])
def test_a_numeric_date_with_a_fraction_is_accepted_by_every_reader(kind: str, fraction: float) -> None:
    """RFC 7519, 2: non-integer values can be represented (K07)."""
    good = genuine(kind)
    claims = dict(good.claims())
    dates = {name: value - 1 + fraction for name, value in claims.items() if name in TIMES and type(value) is int}
    JUDGES[kind](replace(good, payload={**claims, **dates}).text())
