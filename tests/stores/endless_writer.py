"""A program for test_database: 64 tasks write without end, and each prints a name once its write was acknowledged."""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from didkit_py.service.storage.database import Statement
from tests.stores.engines import open_database


async def main(address: str, migrations: str) -> None:
    database = await open_database(address, Path(migrations))
    numbers = itertools.count()

    async def write() -> None:
        for number in numbers:
            name = f"thing-{number}"
            await database.apply(
                Statement("INSERT INTO things (name, body) VALUES (?, ?)", (name, name.encode() * 20), rows=1),
                Statement("INSERT INTO parts (name, thing) VALUES (?, ?)", (name, name), rows=1),
            )
            os.write(sys.stdout.fileno(), f"{name}\n".encode())

    await asyncio.gather(*(write() for _ in range(64)))


asyncio.run(main(*sys.argv[1:]))
