"""What the consent page and a share cost a wallet with a short and a long history, and with few and many documents."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench.wallet_load import Costs, Visitor, visitor

ROUNDS: Final = 40
WARM_UP: Final = 5
TARGET: Final = 1.2  # times as much with many as with few
FEW: Final = (100, 10)  # ledger entries, documents
MANY_ENTRIES: Final = (10_000, 10)
MANY_DOCUMENTS: Final = (100, 1_000)


def main() -> None:
    """Measure and print."""
    asyncio.run(_main())


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        async with AsyncExitStack() as stack:
            few, entries, documents = [
                await stack.enter_async_context(
                    visitor(Path(name) / f"{size[0]}-{size[1]}", entries=size[0], documents=size[1], shares=ROUNDS + 9)
                )
                for size in (FEW, MANY_ENTRIES, MANY_DOCUMENTS)
            ]
            best = await _least([few, entries, documents])
    print(f"{'processor time of a wallet, and the vendor beside it':58} {'few, ms':>9} {'many, ms':>9} {'x few':>7}")
    sizes = (f"{FEW[0]} and {MANY_ENTRIES[0]:,} entries", f"{FEW[1]} and {MANY_DOCUMENTS[1]:,} documents")
    for what, many in zip(sizes, best[1:], strict=True):
        _print(f"consent page, {what}", best[0].page, many.page)
        _print(f"share, {what}", best[0].share, many.share)


async def _least(visitors: list[Visitor]) -> list[Costs]:
    """The least of interleaved rounds: other programs on the machine can only add to it."""
    taken: list[list[Costs]] = [[] for _ in visitors]
    for number in range(ROUNDS):
        for each, costs in zip(visitors, taken, strict=True):
            found = await each.answer()
            if number >= WARM_UP:
                costs.append(found)
    return [Costs(page=min(one.page for one in costs), share=min(one.share for one in costs)) for costs in taken]


def _print(name: str, few: float, many: float) -> None:
    wanted = f"<= {TARGET}{'' if many / few <= TARGET else '  MISSED'}"
    print(f"{name:58} {few * 1e3:9.2f} {many * 1e3:9.2f} {many / few:7.2f}  {wanted}", flush=True)
