"""What only the PostgreSQL engine has: a server that hangs up, neighbours in other processes, a bounded pool."""

import asyncio
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from didkit_py.errors import CannotOpen, StorageUnavailable
from didkit_py.service.storage import postgres_connection, postgres_pool, postgres_settings
from didkit_py.service.storage.database import BadStatement, ConstraintFailed, Statement
from didkit_py.service.storage.postgres import READERS, WRITERS, PostgresDatabase, open_postgres
from didkit_py.service.storage.postgres_address import Address
from didkit_py.service.storage.postgres_settings import DURABLE, Fact
from tests.needs import REPOSITORY
from tests.stores.engines import make_postgres
from tests.stores.engines import postgres_address as address_of
from tests.stores.proxy import Proxy
from tools.driving.postgres import USER, postgres_address, temporary_database

pytestmark = pytest.mark.needs("postgres")

ADD = "INSERT INTO things (name, size) VALUES (?, ?)"
ADD_NUMBER = "INSERT INTO things (name) VALUES (?)"
ADD_PART = "INSERT INTO parts (name, thing) VALUES (?, ?)"


@pytest.fixture
def address(postgres_url: str) -> Address:
    return address_of(make_postgres(postgres_url).address)


@pytest.fixture
async def database(address: Address, migrations: Path) -> AsyncIterator[PostgresDatabase]:
    database = await open_postgres(address, migrations=migrations)
    yield database
    await database.close()


@pytest.fixture
async def admin(postgres_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(postgres_url, ssl=False)
    yield connection
    await connection.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    proxy = Proxy(*postgres_address())
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def distant(address: Address, proxy: Proxy, database: PostgresDatabase) -> AsyncIterator[PostgresDatabase]:
    """The same database, reached through the proxy."""
    host, port = postgres_address()
    url = address.url.replace(f"{host}:{port}", f"127.0.0.1:{proxy.port}")
    distant = PostgresDatabase(Address(url=url, schema=address.schema))
    yield distant
    await distant.close()


async def hang_up_on_all(admin: "asyncpg.Connection[asyncpg.Record]") -> int:
    rows = await admin.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'didkit-py'"
    )
    return len(rows)


async def names(database: PostgresDatabase) -> set[object]:
    return {row["name"] for row in await database.fetch("SELECT name FROM things")}


def told(error: BaseException) -> str:
    """All that a log could say about an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__) + repr(error.__cause__)


# Other processes


def start(name: str, address: str, migrations: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stores.racer", name, address, str(migrations)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_four_processes_that_start_on_nothing_make_the_schema_once_and_of_all_their_tries_one_wins(
    postgres_url: str, migrations: Path
) -> None:
    for number in range(2, 6):
        (migrations / f"000{number}_add.sql").write_text(ADD_NUMBER.replace("?", f"'{number}'"))
    address = make_postgres(postgres_url).address
    racers = [start(f"racer-{number}", address, migrations) for number in range(4)]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        database = await open_postgres(address_of(address), migrations=migrations)
        await database.execute("INSERT INTO codes (code) VALUES (?)", b"code")
        winners = [winner for racer in tell(racers) for winner in racer.split()]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert sorted(map(str, await names(database))) == list("2345")
    assert [row["redeemed_by"] for row in await database.fetch("SELECT redeemed_by FROM codes")] == winners
    assert len(winners) == 1
    await database.close()


def tell(racers: list["subprocess.Popen[str]"]) -> list[str]:
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    return [racer.communicate(timeout=30)[0] for racer in racers]


async def test_two_parties_share_a_database_and_see_nothing_of_each_other(
    database: PostgresDatabase, address: Address, migrations: Path
) -> None:
    await database.execute(ADD, "mine", 1)
    other = await open_postgres(Address(url=address.url, schema=f"{address.schema[:50]}-other"), migrations=migrations)
    assert await names(other) == set()
    await other.close()


# Each waits, with its first row in hand, until the other has its own: the server must then undo one of them. The
# sequence counts the tries, since what it gave is never taken back.
MEET = """
CREATE SEQUENCE circle.tries;
CREATE FUNCTION circle.meet() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE number bigint; BEGIN
number := nextval('circle.tries');
WHILE (SELECT last_value FROM circle.tries) < 2 LOOP PERFORM pg_sleep(0.005); END LOOP;
RETURN number; END $$;
"""
GROW = "UPDATE things SET size = size + 1 WHERE name = ?"
LOSE = """
CREATE SEQUENCE "{schema}".tries;
CREATE FUNCTION "{schema}".lose() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF nextval('"{schema}".tries') <= {times} THEN
RAISE EXCEPTION 'lost' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$;
CREATE TRIGGER lose BEFORE INSERT ON "{schema}".things FOR EACH ROW EXECUTE FUNCTION "{schema}".lose();
"""


async def test_writes_that_wait_for_each_other_in_a_circle_are_made_again(migrations: Path) -> None:
    with temporary_database("deadlock_timeout = '20ms'") as url:
        database = await open_postgres(Address(url=url, schema="circle"), migrations=migrations)
        admin = await asyncpg.connect(url, ssl=False)
        await admin.execute(MEET)
        await database.apply(Statement(ADD, ("a", 0)), Statement(ADD, ("b", 0)))
        await asyncio.gather(
            *(
                database.apply(
                    Statement(GROW, (first,), rows=1), Statement("SELECT meet() AS number"), Statement(GROW, (second,))
                )
                for first, second in (("a", "b"), ("b", "a"))
            )
        )
        assert [row["size"] for row in await database.fetch("SELECT size FROM things")] == [2, 2]
        assert await admin.fetchval("SELECT last_value FROM circle.tries") > 2
        await admin.close()
        await database.close()


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_write_that_loses_nine_times_in_a_row_is_still_made(
    database: PostgresDatabase, address: Address, admin: "asyncpg.Connection[asyncpg.Record]", code: str
) -> None:
    await admin.execute(LOSE.format(schema=address.schema, times=9, code=code))
    await database.execute(ADD, "won", 1)
    assert await names(database) == {"won"}


async def test_a_write_that_goes_on_losing_is_given_up_at_the_deadline(
    database: PostgresDatabase,
    address: Address,
    admin: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("didkit_py.service.storage.postgres.RETRY_SECONDS", 0.2)
    await admin.execute(LOSE.format(schema=address.schema, times=10**9, code="40001"))
    begun = asyncio.get_running_loop().time()
    with pytest.raises(StorageUnavailable, match="SerializationError"):
        await database.execute(ADD, "lost", 1)
    assert asyncio.get_running_loop().time() - begun < 10
    assert await names(database) == set()


# A server that hangs up


async def test_connections_that_were_cut_while_idle_are_noticed_before_they_are_used(
    database: PostgresDatabase, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await asyncio.gather(*(database.execute(ADD, f"{number}", number) for number in range(20)))
    await asyncio.gather(*(database.fetch("SELECT name FROM things") for _ in range(20)))
    assert await hang_up_on_all(admin) > 2
    await asyncio.sleep(0.1)
    await database.execute(ADD, "afterwards", 1)
    await database.apply(Statement(ADD, ("again", 1), rows=1))
    assert len(await names(database)) == 22


async def test_a_connection_that_the_network_forgot_is_noticed_before_it_is_used(
    distant: PostgresDatabase, proxy: Proxy
) -> None:
    await distant.execute(ADD, "before", 1)
    with proxy.cut_once(b"DO $check$"):  # the question whether all is as it was
        await distant.execute(ADD, "after", 1)
    assert proxy.cuts == 1
    assert await names(distant) == {"before", "after"}


async def test_a_transaction_cut_before_its_commit_is_made_again(distant: PostgresDatabase, proxy: Proxy) -> None:
    await distant.execute(ADD, "thing", 1)
    for word in (b"BEGIN", b"the first", b"the second"):
        body = word.decode()
        with proxy.cut_once(word):
            await distant.apply(
                Statement("UPDATE things SET size = size + 1, note = ?", ("the first",), rows=1),
                Statement(ADD_PART, (body, "thing"), rows=1),
                Statement("UPDATE things SET note = ?", ("the second",), rows=1),
            )
    assert proxy.cuts == 3
    rows = await distant.fetch("SELECT size, note FROM things")
    assert [dict(row) for row in rows] == [{"size": 4, "note": "the second"}]
    assert len(await distant.fetch("SELECT name FROM parts")) == 3


@pytest.mark.parametrize("delivers", [True, False])
async def test_a_commit_whose_answer_never_came_is_not_made_again(
    distant: PostgresDatabase, proxy: Proxy, *, delivers: bool
) -> None:
    await distant.execute(ADD, "thing", 1)
    grow = "UPDATE things SET size = size + 1 WHERE note IS NULL"
    with proxy.cut_once(b"COMMIT\0", delivers=delivers), pytest.raises(StorageUnavailable):
        await distant.apply(Statement(grow, rows=1))
    assert [row["size"] for row in await distant.fetch("SELECT size FROM things")] == [2 if delivers else 1]
    with proxy.cut_once(b"alone", delivers=delivers), pytest.raises(StorageUnavailable):
        await distant.execute("INSERT INTO things (name) VALUES (?)", "alone")
    assert proxy.cuts == 2
    assert ("alone" in await names(distant)) is delivers


async def test_a_read_that_was_cut_is_made_again(distant: PostgresDatabase, proxy: Proxy) -> None:
    await distant.execute(ADD, "thing", 1)
    with proxy.cut_once(b"wanted"):
        assert await distant.fetch("SELECT name FROM things WHERE name = ?", "wanted") == ()
    assert proxy.cuts == 1


async def test_a_server_that_is_away_is_named_at_once_and_works_when_it_is_back(
    distant: PostgresDatabase, proxy: Proxy
) -> None:
    await distant.execute(ADD, "before", 1)
    await proxy.stop()
    for call in (distant.execute(ADD, "lost", 1), distant.fetch("SELECT name FROM things")):
        with pytest.raises(StorageUnavailable, match="ConnectionRefusedError") as failed:
            await call
        assert failed.value.advice == "Check that PostgreSQL runs at the address in database_url."
    await proxy.start()
    await distant.execute(ADD, "after", 1)
    assert await names(distant) == {"before", "after"}


async def test_what_was_acknowledged_while_connections_were_cut_is_there_and_nothing_is_there_by_half(
    database: PostgresDatabase, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    acknowledged: set[object] = set()
    refused = 0

    async def write(task: int) -> None:
        nonlocal refused
        for number in range(40):
            name = f"{task}-{number}"
            try:
                await database.apply(Statement(ADD, (name, number), rows=1), Statement(ADD_PART, (name, name)))
            except StorageUnavailable:
                refused += 1
            else:
                acknowledged.add(name)

    writing = asyncio.gather(*(write(task) for task in range(12)))
    cut = 0
    while not writing.done():
        await asyncio.sleep(0.02)
        cut += await hang_up_on_all(admin)
    await writing
    assert cut > 0
    things = await names(database)
    assert acknowledged <= things
    assert len(acknowledged) + refused == 480
    assert len(things) <= 480
    assert things == {row["name"] for row in await database.fetch("SELECT name FROM parts")}


# A server that cannot do it now

FULL_DISK = """
CREATE FUNCTION "{schema}".fail() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON "{schema}".parts FOR EACH ROW EXECUTE FUNCTION "{schema}".fail();
"""
ROOM_AGAIN = 'DROP TRIGGER full_disk ON "{schema}".parts; DROP FUNCTION "{schema}".fail();'


async def test_a_server_whose_disk_is_full_refuses_a_write_as_a_whole_and_takes_it_once_there_is_room(
    database: PostgresDatabase, address: Address, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    both = (Statement(ADD, ("thing", 1), rows=1), Statement(ADD_PART, ("part", "thing"), rows=1))
    await admin.execute(FULL_DISK.format(schema=address.schema))
    with pytest.raises(StorageUnavailable, match="DiskFullError") as failed:
        await database.apply(*both)
    assert "look at its disk" in failed.value.advice
    assert await names(database) == set()
    await admin.execute(ROOM_AGAIN.format(schema=address.schema))
    await database.apply(*both)
    assert await names(database) == {"thing"}


async def test_a_server_that_only_reads_for_now_is_read_and_takes_writes_again_afterwards(migrations: Path) -> None:
    with temporary_database() as url:
        database = await open_postgres(Address(url=url, schema="mine"), migrations=migrations)
        await database.execute(ADD, "before", 1)
        admin = await asyncpg.connect(url, ssl=False)
        await set_read_only(admin, "on")
        with pytest.raises(StorageUnavailable, match="ReadOnlySQLTransactionError"):
            await database.execute(ADD, "lost", 1)
        assert await names(database) == {"before"}
        await set_read_only(admin, "off")
        await database.execute(ADD, "after", 1)
        assert await names(database) == {"before", "after"}
        await admin.close()
        await database.close()


async def set_read_only(admin: "asyncpg.Connection[asyncpg.Record]", value: str) -> None:
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
    await hang_up_on_all(admin)  # it concerns new connections
    await asyncio.sleep(0.05)


async def test_a_server_that_takes_no_more_connections_is_unavailable_and_recovers(
    postgres_url: str, migrations: Path, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    role = f"didkit_test_{uuid4().hex}"
    await admin.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0")
    await admin.execute(f"GRANT CREATE ON DATABASE {postgres_url.rpartition('/')[2]} TO {role}")
    address = Address(url=postgres_url.replace(f"{USER}@", f"{role}@"), schema=role)
    try:
        with pytest.raises(StorageUnavailable, match="TooManyConnectionsError") as failed:
            await open_postgres(address, migrations=migrations)
        assert "max_connections" in failed.value.advice
        await admin.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
        database = await open_postgres(address, migrations=migrations)
        await database.execute(ADD, "after", 1)
        assert await names(database) == {"after"}
        await database.close()
    finally:
        await admin.execute(f"DROP OWNED BY {role} CASCADE")
        await admin.execute(f"DROP ROLE {role}")


# Bounds


async def test_many_callers_share_few_connections(
    database: PostgresDatabase, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    calls = [database.execute(ADD, f"{number}", number) for number in range(300)]
    reads = [database.fetch("SELECT name FROM things") for _ in range(300)]
    await asyncio.gather(*calls, *reads)
    count = await admin.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'didkit-py'"
    )
    assert 2 <= count <= WRITERS + READERS


async def test_a_statement_that_takes_too_long_is_stopped_and_hurts_nobody(
    address: Address, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_settings, "SET_UP", {**postgres_settings.SET_UP, "statement_timeout": "100ms"})
    impatient = PostgresDatabase(address)
    with pytest.raises(StorageUnavailable, match="QueryCanceledError"):
        await impatient.fetch("SELECT 1 AS one FROM (SELECT pg_sleep(20)) AS slow")
    await impatient.execute(ADD, "afterwards", 1)
    await impatient.close()


async def test_a_row_that_another_program_holds_is_unavailable_and_recovers(
    address: Address,
    database: PostgresDatabase,
    admin: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await database.execute(ADD, "held", 1)
    monkeypatch.setattr(postgres_settings, "SET_UP", {**postgres_settings.SET_UP, "lock_timeout": "50ms"})
    impatient = PostgresDatabase(address)
    async with admin.transaction():
        await admin.execute(f'UPDATE "{address.schema}".things SET size = 2')  # noqa: S608 - a name of ours
        with pytest.raises(StorageUnavailable, match="LockNotAvailableError"):
            await impatient.apply(Statement("UPDATE things SET size = 3", rows=1))
    await impatient.apply(Statement("UPDATE things SET size = 3", rows=1))
    await impatient.close()


async def test_a_caller_that_waits_too_long_for_a_connection_is_told_so(
    address: Address, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_pool, "WAIT_SECONDS", 0.1)
    narrow = PostgresDatabase(address, readers=1)
    slow = asyncio.ensure_future(narrow.fetch("SELECT 1 AS one FROM (SELECT pg_sleep(0.5)) AS slow"))
    await asyncio.sleep(0)
    with pytest.raises(StorageUnavailable, match="all connections to the database are in use"):
        await narrow.fetch("SELECT 1 AS one")
    assert len(await slow) == 1
    assert len(await narrow.fetch("SELECT 1 AS one")) == 1
    await narrow.close()


# What is checked at start


async def refusal(url: str, migrations: Path, **more: Path) -> StorageUnavailable:
    with pytest.raises(StorageUnavailable) as failed:
        await open_postgres(Address(url=url, schema="refused", **more), migrations=migrations)
    return failed.value


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
async def test_a_server_that_acknowledges_before_it_keeps_is_refused(migrations: Path, value: str) -> None:
    with temporary_database(f"synchronous_commit = {value}") as url:
        error = await refusal(url, migrations)
    assert str(error) == f"the database has synchronous_commit = {value}, needed is on"


async def test_a_server_that_cannot_hold_every_text_is_refused(migrations: Path) -> None:
    with temporary_database(encoding="LATIN1") as url:
        assert "server_encoding = LATIN1" in str(await refusal(url, migrations))


@pytest.mark.parametrize("fact", DURABLE, ids=lambda fact: fact.name)
async def test_a_fact_of_the_server_is_refused_when_another_value_is_needed(
    postgres_url: str, migrations: Path, monkeypatch: pytest.MonkeyPatch, fact: Fact
) -> None:
    """The server of the tests syncs and is no standby, so what is needed is turned round instead."""
    monkeypatch.setattr(postgres_connection, "DURABLE", (replace(fact, needed=("another",)),))
    assert f"the database has {fact.name} = " in str(await refusal(postgres_url, migrations))


async def test_a_server_that_is_too_old_is_refused(
    postgres_url: str, migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "OLDEST_SERVER", 99)
    assert str(await refusal(postgres_url, migrations)).endswith("needed is 99")


# What errors tell


async def test_no_error_of_a_connection_tells_who_logs_in_where_or_with_what(
    postgres_url: str, migrations: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("open-sesame-7\n")
    secret.chmod(0o600)
    somebody = postgres_url.replace(f"{USER}@", "somebody-7@")
    nowhere = postgres_url.rpartition("/")[0].replace(f"{USER}@", "somebody-7@") + "/vault-7"
    closed = "postgresql://somebody-7@127.0.0.1:1/vault-7"
    for url in (somebody, nowhere, closed):
        error = await refusal(url, migrations, password_file=secret)
        assert error.advice
        for word in ("open-sesame-7", "somebody-7", "vault-7"):
            assert word not in told(error)


async def test_a_password_is_read_from_a_file_of_the_owner_alone_and_never_from_the_environment(
    postgres_url: str, migrations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    connect = asyncpg.connect

    async def listen(*words: object, **named: object) -> object:
        given.append(named["password"])
        return await connect(*words, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(asyncpg, "connect", listen)
    monkeypatch.setenv("PGPASSWORD", "from the environment")
    secret = tmp_path / "password"
    secret.write_text("of the file\n")
    for mode, file in ((0o644, secret), (0o600, tmp_path / "absent")):
        secret.chmod(mode)
        with pytest.raises(CannotOpen):
            await open_postgres(Address(url=postgres_url, schema="mine", password_file=file), migrations=migrations)
    for file_or_none in (secret, None):
        address = Address(url=postgres_url, schema="mine", password_file=file_or_none)
        await (await open_postgres(address, migrations=migrations)).close()
    assert set(given) == {"of the file", ""}


async def test_no_error_of_a_statement_tells_a_value(database: PostgresDatabase) -> None:
    await database.execute(ADD, "secret-7", 7)
    wrong = [
        ("INSERT INTO things (name) VALUES (?)", "secret-7", ConstraintFailed),
        ("INSERT INTO things (name, body) VALUES ('x', ?)", "secret-7", TypeError),
        ("INSERT INTO things (name, size) VALUES ('x', CAST(? AS BIGINT))", "secret-7", TypeError),
        ("INSERT INTO things (name, size) VALUES ('x', CAST(CAST(? AS TEXT) AS BIGINT))", "secret-7", TypeError),
        ("INSERT INTO parts (name, thing) VALUES ('x', ?)", "another-secret-7", ConstraintFailed),
        ("SELECT missing FROM things WHERE name = ?", "secret-7", BadStatement),
        ("SELECT 1 / CAST(CAST(? AS TEXT) AS BIGINT) AS x", "0", BadStatement),
    ]
    for sql, value, kind in wrong:
        with pytest.raises(kind) as failed:
            await database.execute(sql, value)
        assert "secret-7" not in told(failed.value)


# Erasure


async def table_files(admin: "asyncpg.Connection[asyncpg.Record]", address: Address) -> bytes:
    """Every byte of the files that the tables of this schema are in."""
    files = await admin.fetch(
        "SELECT pg_read_binary_file(pg_relation_filepath(oid)) AS content FROM pg_class WHERE"
        " relkind IN ('r', 'i', 't') AND (relnamespace = to_regnamespace($1) OR oid IN"
        " (SELECT reltoastrelid FROM pg_class WHERE relnamespace = to_regnamespace($1)))",
        f'"{address.schema}"',
    )
    return b"".join(row["content"] for row in files)


async def test_what_was_deleted_is_in_no_table_file_after_scrub(
    database: PostgresDatabase, address: Address, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for number in range(300):
        body = f"<value {number:05}>".encode() * (1 + number % 40)
        await database.execute("INSERT INTO things (name, body) VALUES (?, ?)", f"{number}", body)
    await database.execute("DELETE FROM things WHERE CAST(name AS BIGINT) > 10")
    await database.scrub()
    await admin.execute("CHECKPOINT")
    stored = await table_files(admin, address)
    assert [number for number in range(300) if f"<value {number:05}>".encode() in stored] == list(range(11))


async def test_scrub_says_so_when_somebody_reads_an_old_state(
    database: PostgresDatabase, admin: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("didkit_py.service.storage.postgres.SCRUB_SECONDS", 0.2)
    async with admin.transaction(isolation="repeatable_read"):
        await admin.fetch("SELECT count(*) FROM pg_class")
        await database.execute(ADD, "a", 1)
        with pytest.raises(StorageUnavailable, match="an old state"):
            await database.scrub()
    await database.scrub()


async def test_scrub_waits_for_a_write_in_another_database_and_then_leaves_nothing(
    database: PostgresDatabase, address: Address, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    with temporary_database() as elsewhere:
        other = await asyncpg.connect(elsewhere, ssl=False)
        under_way = other.transaction()
        await under_way.start()
        await other.fetch("SELECT pg_current_xact_id()")
        await database.execute("INSERT INTO things (name, body) VALUES (?, ?)", "a", b"<what is erased>")
        await database.execute("DELETE FROM things")
        scrubbing = asyncio.create_task(database.scrub())
        await asyncio.sleep(0.3)
        assert not scrubbing.done()
        await under_way.rollback()
        await other.close()
        await scrubbing
    await admin.execute("CHECKPOINT")
    assert b"<what is erased>" not in await table_files(admin, address)
