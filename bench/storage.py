"""Durable writes through the seam by 64 tasks, in calls a second; and the same while much that is over is swept."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from bench.engines import Engine, engines
from didkit_py.service.storage.database import Database, Statement

TASKS: Final = 64
CALLS: Final = 32_000
ROUNDS: Final = 4
EXPIRED: Final = 200_000
TARGET: Final = 20_000  # one-statement calls a second on SQLite
SCHEMA: Final = "CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY, body BYTEA NOT NULL, expires_at BIGINT NOT NULL)"
ADD: Final = "INSERT INTO things (id, body, expires_at) VALUES (?, ?, 2)"
NOTE: Final = "UPDATE things SET expires_at = expires_at + 1 WHERE id = ?"
BODY: Final = bytes(100)
Call = Callable[[int], Awaitable[object]]


def main() -> None:
    """Measure and print."""
    print(f"{'durable writes by 64 tasks':58} {'per second':>11}  target")
    with engines() as found:
        for engine in found:
            asyncio.run(_measure(engine))


async def _measure(engine: Engine) -> None:
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        (folder / "migrations").mkdir()
        (folder / "migrations" / "0001_things.sql").write_text(SCHEMA)
        database = await engine.open(folder, folder / "migrations")
        try:
            await _rates(engine, database)
        finally:
            await database.close()


async def _rates(engine: Engine, database: Database) -> None:
    calls = CALLS if engine.url is None else CALLS // 4
    one: Call = lambda number: database.execute(ADD, number, BODY)  # noqa: E731 - one of three alike
    two: Call = lambda number: database.apply(  # noqa: E731 - likewise
        Statement(ADD, (number, BODY), rows=1), Statement(NOTE, (number,), rows=1)
    )
    target = TARGET if engine.url is None else None
    _print(f"{engine.name}: one statement a call", await _rate(one, range(calls)), target)
    _print(f"{engine.name}: two statements a call", await _rate(two, range(calls, 2 * calls)))
    await _fill(database, first=10**9)
    sweeping = asyncio.create_task(_sweep(database))
    _print(
        f"{engine.name}: one statement, while {EXPIRED:,} rows are swept", await _rate(one, range(2 * calls, 3 * calls))
    )
    await sweeping


async def _rate(call: Call, numbers: range) -> float:
    """Acknowledged calls a second, in the best round: other programs on the machine can only take away."""
    size = len(numbers) // ROUNDS
    return max([await _round(call, numbers[start : start + size]) for start in range(0, size * ROUNDS, size)])


async def _round(call: Call, numbers: range) -> float:
    left = iter(numbers)

    async def work() -> None:
        for number in left:
            await call(number)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(TASKS)))
    return len(numbers) / (time.perf_counter() - began)


async def _fill(database: Database, *, first: int) -> None:
    for start in range(first, first + EXPIRED, 20_000):
        await database.execute(
            "WITH RECURSIVE more (n) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT n + 1 FROM more WHERE n + 1 < ?)"
            " INSERT INTO things (id, body, expires_at) SELECT n, CAST('x' AS BYTEA), 1 FROM more",
            *(start, start + 20_000),
        )
    await database.execute("CREATE INDEX things_by_end ON things (expires_at)")


async def _sweep(database: Database) -> None:
    """As the stores do it: in small steps, each a write among the others."""
    sql = "DELETE FROM things WHERE id IN (SELECT id FROM things WHERE expires_at < 2 LIMIT 500) RETURNING id"
    while await database.execute(sql):
        pass


def _print(name: str, rate: float, target: int | None = None) -> None:
    wanted = "" if target is None else f">= {target:,}{'' if rate >= target else '  MISSED'}"
    print(f"{name:58} {rate:11,.0f}  {wanted}", flush=True)
