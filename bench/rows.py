"""What a request costs when few and when many rows are stored."""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import issuer_load, vendor_load
from bench.engines import Engine, engines
from bench.services import Send, cores, take_turns

FEW: Final = 1_000
MANY: Final = 1_000_000
REQUESTS: Final = 300
WARM_UP: Final = 50
TARGET: Final = 1.1  # times as much with many as with few
Kinds = tuple[Sequence[Send], Sequence[Send]]


def main() -> None:
    """Measure and print."""
    os.sched_setaffinity(0, {cores()[1]})
    print(
        f"{f'cost of a request with {FEW:,} and {MANY:,} rows a table':58} {'few, ms':>9} {'many, ms':>9} {'x few':>7}"
    )
    with engines() as found:
        for engine in found:
            asyncio.run(_issuers(engine))
            asyncio.run(_vendors(engine))


async def _issuers(engine: Engine) -> None:
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        few, many = (
            issuer_load.issuer(Path(name) / kind, engine, offers=REQUESTS, rows=rows)
            for kind, rows in (("few", FEW), ("many", MANY))
        )
        async with few as (one, some), many as (other, more):
            await _compare(f"issuer, ten copies: {engine.name}", (await one.requests(some), await other.requests(more)))


async def _vendors(engine: Engine) -> None:
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        few, many = (
            vendor_load.vendor(Path(name) / kind, engine, asks=REQUESTS, rows=rows)
            for kind, rows in (("few", FEW), ("many", MANY))
        )
        async with few as (one, some), many as (other, more):
            sends = (await one.requests(some), await other.requests(more))
            await _compare(f"vendor, one presentation: {engine.name}", sends)


async def _compare(name: str, sends: Kinds) -> None:
    few, many = sends
    await take_turns(few[:WARM_UP], many[:WARM_UP])
    least, most = await take_turns(few[WARM_UP:], many[WARM_UP:])
    wanted = f"<= {TARGET}{'' if most / least <= TARGET else '  MISSED'}"
    print(f"{name:58} {least * 1e3:9.2f} {most * 1e3:9.2f} {most / least:7.2f}  {wanted}", flush=True)
