"""A program for test_postgres: it opens the database, waits to be told, spends one code 25 times, says who won."""

import asyncio
import sys
from pathlib import Path

from didkit_py.service.storage.database import Value
from tests.stores.engines import open_database

REDEEM = (
    "UPDATE codes SET redeemed_at = 1, redeemed_by = ? WHERE code = ? AND redeemed_at IS NULL RETURNING redeemed_by"
)


async def main(name: str, address: str, migrations: str) -> None:
    database = await open_database(address, Path(migrations))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    results = await asyncio.gather(*(database.execute(REDEEM, f"{name}-{number}", b"code") for number in range(25)))
    await database.close()
    winners: list[Value] = [row["redeemed_by"] for rows in results for row in rows]
    sys.stdout.write(" ".join(map(str, winners)) + "\n")


asyncio.run(main(*sys.argv[1:]))
