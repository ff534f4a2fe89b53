"""A case at an address: a good call, changed in one thing; the answer that it must get; and what must not change."""

import io
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode

import aiohttp

W = TypeVar("W")  # the world that the endpoint stands in
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
# Words that only a careless error would show.
GIVEAWAYS: Final = (
    *("Traceback", "File ", ".py", "Error(", "Exception", "didkit_py", "site-packages", "object at 0x", "NoneType"),
    *("<class", "sqlite", "SELECT ", "UPDATE ", "INSERT ", "unhashable"),
)
MEMBERS: Final = frozenset({"error", "error_description", "hint", "code", "request_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request; `secrets` are what no answer may repeat."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


async def send(http: aiohttp.ClientSession, call: Call) -> Answer:
    async with http.request(
        call.method,
        call.url,
        data=io.BytesIO(call.body),
        headers=dict(call.headers),
        skip_auto_headers=("Content-Type",),
        allow_redirects=False,
    ) as answer:
        return Answer(status=answer.status, headers=answer.headers, body=await answer.read())


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[W]):
    """An address, a good call of it, and what any call of it may change, refused or not (`table.column`)."""

    name: str
    good: Callable[[W], Awaitable[Call]]


Change: TypeAlias = Callable[[W, Call], Awaitable[Call]]


@dataclass(frozen=True, slots=True)
class EndpointCase(Generic[W]):
    """One row of the table; `name` is a sentence."""

    name: str
    at: Endpoint[W]
    change: Change[W]
    status: int
    error: str
    spec: str
    may_change: frozenset[str] = frozenset()  # counters, as `table.column`
    still_good: bool = True  # whether the good call is accepted afterwards


Row: TypeAlias = tuple[str, Change[W], int, str, str] | tuple[str, Change[W], int, str, str, Mapping[str, Any]]


def cases(at: Endpoint[W], *rows: Row[W]) -> tuple[EndpointCase[Any], ...]:
    """The rows of one address."""
    return tuple(
        EndpointCase(row[0], at, row[1], row[2], row[3], row[4], **(row[5] if len(row) > 5 else {})) for row in rows
    )


SPENT: Final[Mapping[str, Any]] = {"still_good": False}  # the change has used the good call up

# --- changes


def plain(change: Callable[[Call], Call]) -> Change[Any]:
    """A change that needs no world."""

    async def changed(_: object, call: Call) -> Call:
        return change(call)

    return changed


def but(**members: Any) -> Change[Any]:
    return plain(lambda call: replace(call, **members))


def headers(**members: str | None) -> Change[Any]:
    """Other headers (`_` for `-`); None takes one away."""
    named = {name.replace("_", "-"): value for name, value in members.items()}
    return plain(
        lambda call: replace(
            call, headers={name: value for name, value in {**call.headers, **named}.items() if value is not None}
        )
    )


def body(make: Callable[[bytes], bytes]) -> Change[Any]:
    return plain(lambda call: replace(call, body=make(call.body)))


def fields(**members: str | None) -> Change[Any]:
    """Other fields of a form (`__` for `-`); None takes one away."""

    def change(octets: bytes) -> bytes:
        found: dict[str, str | None] = dict(parse_qsl(octets.decode()))
        found.update({name.replace("__", "-"): value for name, value in members.items()})
        return urlencode({name: value for name, value in found.items() if value is not None}).encode()

    return body(change)


def members(change: Callable[[Any], Any]) -> Change[Any]:
    """Another JSON body, made from the good one."""
    return body(lambda octets: json.dumps(change(json.loads(octets))).encode())


def url(make: Callable[[str], str]) -> Change[Any]:
    return plain(lambda call: replace(call, url=make(call.url)))


# What every address refuses alike, whatever it is for.
FOREIGN_HOST: Final[Row[Any]] = (
    "a call for another host is refused",
    headers(Host="forger.example"),
    421,
    "wrong-host",
    "RFC 9110, 15.5.20",
)

# --- what must not change


def dump(database: Path) -> Mapping[str, list[dict[str, object]]]:
    """Everything that stands in a database, by table."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {
            name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2')]  # noqa: S608 - its own names
            for name in names
        }
    connection.close()
    return found


def without(found: Mapping[str, list[dict[str, object]]], columns: Iterable[str]) -> object:
    """The dump without columns named `table.column`."""
    left_out = {tuple(column.split(".")) for column in columns}
    return {
        table: [{name: value for name, value in row.items() if (table, name) not in left_out} for row in rows]
        for table, rows in found.items()
    }


# --- the walk


def require_refusal(answer: Answer, case: EndpointCase[Any], secrets: Iterable[str]) -> None:
    """Check an answer's status, name, shape, headers and silence."""
    assert answer.status == case.status, answer.text
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    shape = json.loads(answer.body)
    assert isinstance(shape, dict)
    assert shape.keys() <= MEMBERS, shape
    assert shape["request_id"] == answer.headers["X-Request-Id"]
    assert all(isinstance(value, str) and value for value in shape.values())
    assert case.error in (shape["error"], shape.get("code")), shape
    assert len(shape["error_description"]) > 10, shape
    assert not [word for word in GIVEAWAYS if word in answer.text], answer.text
    assert not [secret for secret in secrets if secret and secret in answer.text]
    if case.status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def walk(case: EndpointCase[W], world: W, http: aiohttp.ClientSession, database: Path) -> None:
    """A good call is accepted; the changed one is refused as the table says and changes nothing."""
    good = await case.at.good(world)
    bad = await case.change(world, good)
    before = dump(database)
    require_refusal(await send(http, bad), case, (*good.secrets, *bad.secrets))
    assert without(dump(database), case.may_change) == without(before, case.may_change)
    if case.still_good:
        accepted = await send(http, good)
        assert 200 <= accepted.status < 300, accepted.text
