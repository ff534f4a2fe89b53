"""The issuer's credential endpoint and the vendor's response endpoint, each on one core, against raw signatures."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import issuer_load, vendor_load
from bench.engines import Engine, engines
from bench.measuring import Case, measure
from bench.services import Load, cores, load

REQUESTS: Final = 500
WARM_UP: Final = 100


def main() -> None:
    """Measure and print."""
    os.sched_setaffinity(0, {cores()[1]})
    print(f"{'endpoint, on one core, eight callers':58} {'per second':>11} {'p99 ms':>8} {'raw/s':>9} {'of raw':>7}")
    with engines() as found:
        for engine in found:
            issued = asyncio.run(_issue(engine))
            _print(f"issuer, ten copies a request: {engine.name}", issued, issuer_load.raw())
            answered = asyncio.run(_answer(engine))
            _print(f"vendor, one presentation a request: {engine.name}", answered, vendor_load.raw())


async def _issue(engine: Engine) -> Load:
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        async with issuer_load.issuer(Path(name) / "issuer", engine, offers=WARM_UP + REQUESTS) as (one, offers):
            await load(await one.requests(offers[:WARM_UP]))
            return await load(await one.requests(offers[WARM_UP:]))


async def _answer(engine: Engine) -> Load:
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        async with vendor_load.vendor(Path(name) / "vendor", engine, asks=WARM_UP + REQUESTS) as (one, asked):
            await load(await one.requests(asked[:WARM_UP]))
            return await load(await one.requests(asked[WARM_UP:]))


def _print(name: str, found: Load, raw: Callable[[], None]) -> None:
    least = 1 / measure([Case(name=name, call=raw, baseline=name)])[name]
    print(f"{name:58} {found.rate:11,.0f} {found.p99 * 1e3:8.1f} {least:9,.0f} {found.rate / least:7.0%}", flush=True)
