"""PostgreSQL behind a pooler, and sessions that were changed meanwhile: no party reaches another's tables."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from didkit_py.errors import StorageUnavailable
from didkit_py.service.storage.database import Statement
from didkit_py.service.storage.postgres import PostgresDatabase, open_postgres
from didkit_py.service.storage.postgres_address import Address
from didkit_py.service.storage.postgres_connection import PostgresSession, SessionPurpose, connect
from didkit_py.service.storage.postgres_pool import Pool
from tests.needs import need
from tests.stores.pooler import pgbouncer, through
from tests.stores.test_postgres import ADD, names
from tools.driving.postgres import temporary_database

# A session that may write was not asked for anything else.
HARMLESS = ("SET default_transaction_read_only = off",)
pytestmark = pytest.mark.needs("postgres")
Admin = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
def url() -> Iterator[str]:
    with temporary_database() as made:
        yield made


@asynccontextmanager
async def parties(url: str, migrations: Path) -> AsyncIterator[tuple[PostgresDatabase, PostgresDatabase]]:
    """Two services of different origins in one database, opened at the same moment."""
    async with AsyncExitStack() as stack:
        one, two = await asyncio.gather(
            *(open_postgres(Address(url=url, schema=name), migrations=migrations) for name in ("one.example", "two"))
        )
        stack.push_async_callback(one.close)
        stack.push_async_callback(two.close)
        yield one, two


async def tables(url: str) -> set[tuple[str, str]]:
    admin = await asyncpg.connect(url, ssl=False)
    try:
        found = await admin.fetch("SELECT schemaname, tablename FROM pg_tables WHERE tablename = 'things'")
    finally:
        await admin.close()
    return {(row["schemaname"], row["tablename"]) for row in found}


@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
async def test_two_parties_behind_a_pooler_that_drops_what_was_asked_at_startup_keep_their_tables_apart(
    url: str, migrations: Path, pool_mode: str
) -> None:
    need("pooler")
    with pgbouncer(pool_mode, "default_pool_size = 30") as port:
        async with parties(through(port, url), migrations) as (one, two):
            await asyncio.gather(
                *(
                    party.apply(Statement(ADD, (f"{mark}{number}", number), rows=1), Statement(ADD, (f"{number}", 0)))
                    for number in range(30)
                    for party, mark in ((one, "a"), (two, "b"))
                ),
                *(one.execute(ADD, f"alone {number}", number) for number in range(10)),
                *(two.fetch("SELECT name FROM things") for _ in range(20)),
            )
            assert await names(one) == {
                *(f"a{n}" for n in range(30)),
                *map(str, range(30)),
                *(f"alone {n}" for n in range(10)),
            }
            assert await names(two) == {*(f"b{n}" for n in range(30)), *map(str, range(30))}
            await one.execute("DELETE FROM things")
            await one.scrub()
        assert await tables(url) == {("one.example", "things"), ("two", "things")}


async def test_behind_a_transaction_pooler_with_one_connection_nothing_of_a_neighbours_session_is_used(
    url: str, migrations: Path
) -> None:
    need("pooler")
    with pgbouncer("transaction", "default_pool_size = 1") as port:
        pooled = through(port, url)
        database = await open_postgres(Address(url=pooled, schema="ours"), migrations=migrations)
        neighbour = await asyncpg.connect(pooled, ssl=False, statement_cache_size=0)
        await neighbour.execute("CREATE SCHEMA evil; CREATE TABLE evil.things (LIKE ours.things)")
        await neighbour.execute("CREATE TEMP TABLE things (LIKE ours.things); SET search_path = evil")
        await database.execute(ADD, "ours", 1)
        assert await names(database) == {"ours"}
        assert await names(database) == {"ours"}
        assert await neighbour.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0, "it may be anybody's next"
        assert await neighbour.fetchval("SELECT count(*) FROM pg_temp.things") == 0
        await neighbour.execute("SET session_replication_role = replica")
        await database.execute(ADD, "checked", 1)  # by way of another session, since that one was given up
        assert await neighbour.fetchval("SHOW session_replication_role") == "origin"
        assert await neighbour.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
        await neighbour.close()
        await database.close()


async def test_a_pooler_that_parts_a_transaction_is_refused_with_its_remedy(url: str, migrations: Path) -> None:
    need("pooler")
    with pgbouncer("statement") as port, pytest.raises(StorageUnavailable, match="parts transactions") as failed:
        await open_postgres(Address(url=through(port, url), schema="ours"), migrations=migrations)
    assert "pool_mode" in failed.value.advice
    assert await tables(url) == set()


# A session that was changed after it was set up


def the_only(pool: Pool) -> PostgresSession:
    """What the pool holds, without taking it, since taking checks it."""
    (session,) = pool._idle
    return session


@pytest.mark.parametrize(
    "change",
    [
        "RESET ALL",
        "DISCARD ALL",
        "DEALLOCATE ALL",
        "SET search_path = public",
        "SET synchronous_commit = off",
        "SET default_transaction_isolation = 'serializable'",
        "SET default_transaction_read_only = off",
        "SET statement_timeout = 0",
        "SET lock_timeout = 0",
        "SET idle_in_transaction_session_timeout = 0",
        "SET standard_conforming_strings = off",
        "SET TimeZone = 'Asia/Tokyo'",
        "SET client_encoding = 'LATIN1'",
        "SET session_replication_role = replica",
        "SET ROLE pg_read_all_data",
    ],
)
async def test_a_session_that_was_changed_is_left_and_another_one_does_the_work(
    url: str, migrations: Path, change: str
) -> None:
    database = await open_postgres(Address(url=url, schema="ours"), migrations=migrations)
    await database.execute(ADD, "before", 1)
    assert await names(database) == {"before"}
    for pool in (database._readers, database._writers):
        session = the_only(pool)
        await session._connection.execute(change)
        await session._connection.execute("SET didkit.changed = 'yes'")
    await database.execute(ADD, "after", 1)
    assert await names(database) == {"before", "after"}
    for pool in (database._readers, database._writers):
        session = the_only(pool)
        (row,) = await session.run_by_hand("SELECT current_setting('didkit.changed', true) AS changed")
        assert row["changed"] is None or change in HARMLESS
    assert await tables(url) == {("ours", "things")}
    await database.close()


async def test_a_server_that_answers_itself_keeps_our_statements_by_name(url: str, migrations: Path) -> None:
    database = await open_postgres(Address(url=url, schema="ours"), migrations=migrations)
    for number in range(5):
        await database.execute(ADD, f"{number}", number)
        assert len(await names(database)) == number + 1
    for pool, sql in ((database._readers, "SELECT name FROM things"), (database._writers, "INSERT INTO things%")):
        found = await the_only(pool).run_by_hand(
            f"SELECT count(*) AS number FROM pg_prepared_statements WHERE statement LIKE '{sql}'"  # noqa: S608 - ours
        )
        assert 1 <= found[0]["number"] <= 2, "one for all five; another one told its columns"
    await database.close()


@pytest.mark.parametrize("change", ["DROP SCHEMA ours CASCADE", "ALTER SCHEMA ours RENAME TO theirs"])
async def test_a_schema_that_is_gone_is_said_so_and_no_other_one_is_used(
    url: str, migrations: Path, change: str
) -> None:
    database = await open_postgres(Address(url=url, schema="ours"), migrations=migrations)
    await database.execute(ADD, "before", 1)
    admin = await asyncpg.connect(url, ssl=False)
    await admin.execute("CREATE TABLE public.things (name TEXT PRIMARY KEY, size BIGINT)")
    await admin.execute(change)
    for call in (database.execute(ADD, "after", 1), database.fetch("SELECT name FROM things")):
        with pytest.raises(StorageUnavailable, match="schema = none, needed is ours") as failed:
            await call
        assert "dropped or renamed" in failed.value.advice
    assert await admin.fetchval("SELECT count(*) FROM public.things") == 0
    await admin.close()
    await database.close()


@pytest.mark.parametrize(
    "setting", ["search_path = public", "statement_timeout = '2s'", "default_transaction_isolation = 'serializable'"]
)
async def test_what_a_database_sets_for_each_session_does_not_count(migrations: Path, setting: str) -> None:
    with temporary_database(setting) as url:
        for more in ("", "?search_path=public&lock_timeout=1"):
            database = await open_postgres(Address(url=url + more, schema="ours"), migrations=migrations)
            await database.execute(ADD, f"a thing{more}", 1)
            await database.close()
        assert await tables(url) == {("ours", "things")}


async def test_to_check_a_connection_takes_one_round_trip_and_none_besides_the_transactions_own_behind_a_pooler(
    url: str, migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await open_postgres(Address(url=url, schema="ours"), migrations=migrations)).close()
    said: list[str] = []
    execute = asyncpg.Connection.execute

    async def listen(connection: object, sql: str, *words: object, **named: object) -> object:
        said.append(sql)
        return await execute(connection, sql, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncpg.Connection, "execute", listen)
    direct = await connect(Address(url=url, schema="ours"), SessionPurpose())
    said.clear()
    direct.used_at = asyncio.get_running_loop().time()
    assert await direct.is_fit()
    assert len(said) == 1
    await direct.close()
    pooled = await connect(Address(url=url, schema="ours"), SessionPurpose(first=("SELECT 1",)))
    said.clear()
    pooled.used_at = asyncio.get_running_loop().time()
    assert await pooled.is_fit()
    await pooled.write(())
    assert [sql[:6] for sql in said] == ["BEGIN ", "COMMIT"]
    await pooled.close()
