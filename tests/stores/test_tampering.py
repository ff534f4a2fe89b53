"""What somebody does to the wallet's rows who has its database and not its key: the next decision that rests on them
refuses, and so does `ledger verify`.

Each kind of row is removed, changed, doubled under another name, or replaced by an older one of its own.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

from didkit_py.service.storage.database import Database, Row, Statement
from tests.stores.engines import Engine
from tests.stores.purse import DEALERSHIP, Purse
from wallet.storage.rows import BrokenLedger

Look = Callable[[Purse], Awaitable[object]]
WALLET: Final = "hers"
KEYS: Final = {  # what names a row, beside its wallet
    "credentials": ("id",),
    "copies": ("id",),
    "offers": ("id",),
    "requests": ("id",),
    "endings": ("request_id", "place"),
    "rules": ("name",),
    "ledger": ("seq",),
}


async def look_for_documents(purse: Purse) -> object:
    return await purse.keeping.load_documents([DEALERSHIP])


async def look_at_every_document(purse: Purse) -> object:
    return await purse.store.load_credentials()


async def look_at_the_request(purse: Purse) -> object:
    return await purse.keeping.load_exchange("answered")


async def look_at_the_inbox(purse: Purse) -> object:
    return await purse.keeping.load_open(), await purse.keeping.load_unfinished()


async def look_at_the_offer(purse: Purse) -> object:
    return await purse.store.load_offer("open")


async def look_at_offers(purse: Purse) -> object:
    return await purse.store.load_offers("opened", "received")


async def look_at_the_ending(purse: Purse) -> object:
    return await purse.keeping.load_ended("answered")


async def look_at_endings(purse: Purse) -> object:
    return await purse.keeping.load_unconfirmed()


async def look_at_rules(purse: Purse) -> object:
    return await purse.store.load_policy()


async def look_at_the_past(purse: Purse) -> object:
    return await purse.keeping.load_history(without="", identifiers=frozenset({"x"}))


# By table: which row is tampered with, the column that is changed, and what rests on it.
RESTS_ON: Final[dict[str, tuple[dict[str, Any], tuple[Look, ...]]]] = {
    "credentials": ({"id": "kept"}, (look_for_documents, look_at_every_document)),
    "copies": ({"id": "kept-1"}, (look_for_documents, look_at_every_document)),
    "requests": ({"id": "answered"}, (look_at_the_request, look_at_the_inbox)),
    "offers": ({"id": "open"}, (look_at_the_offer, look_at_offers)),
    "endings": ({"request_id": "answered"}, (look_at_the_ending, look_at_endings)),
    "rules": ({"name": "policy"}, (look_at_rules,)),
    "ledger": ({}, (look_at_the_past, look_for_documents, look_at_the_request)),
}
CASES: Final = [(table, look) for table, (_, looks) in RESTS_ON.items() for look in looks]


@pytest.fixture
async def database(engine: Engine) -> AsyncIterator[Database]:
    database = await engine.open(Path(str(files("wallet") / "migrations")))
    yield database
    await database.close()


@pytest.fixture
async def purse(database: Database, tmp_path: Path) -> Purse:
    purse = Purse(database, WALLET, tmp_path / WALLET)
    await purse.work()
    await purse.store.verify()
    return purse


async def row_of(database: Database, table: str) -> Row:
    """The row that is tampered with; of the ledger, the newest one."""
    found, _ = RESTS_ON[table]
    where = "".join(f" AND {name} = ?" for name in found)
    order = " ORDER BY " + ", ".join(f"{name} DESC" for name in KEYS[table])
    sql = f"SELECT * FROM {table} WHERE wallet_id = ?{where}{order} LIMIT 1"  # noqa: S608 - names of ours
    return (await database.fetch(sql, WALLET, *found.values()))[0]


async def put(database: Database, table: str, row: dict[str, Any]) -> None:
    sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - names of ours
    await database.apply(Statement(sql, tuple(row.values())))


async def remove(database: Database, table: str, row: Row) -> None:
    where = " AND ".join(f"{name} = ?" for name in KEYS[table])
    sql = f"DELETE FROM {table} WHERE wallet_id = ? AND {where}"  # noqa: S608 - names of ours
    below = {"credentials": "copies", "requests": "endings"}.get(table)
    if below is not None:  # they name it, and go first
        name = {"copies": "credential_id", "endings": "request_id"}[below]
        rest = f"DELETE FROM {below} WHERE wallet_id = ? AND {name} = ?"  # noqa: S608 - names of ours
        await database.apply(Statement(rest, (WALLET, row["id"])))
    await database.apply(Statement(sql, (WALLET, *(row[name] for name in KEYS[table]))))


async def write(database: Database, table: str, row: Row, **columns: Any) -> None:
    where = " AND ".join(f"{name} = ?" for name in KEYS[table])
    sets = ", ".join(f"{name} = ?" for name in columns)
    sql = f"UPDATE {table} SET {sets} WHERE wallet_id = ? AND {where}"  # noqa: S608 - names of ours
    await database.apply(Statement(sql, (*columns.values(), WALLET, *(row[name] for name in KEYS[table])), rows=1))


async def require_noticed(purse: Purse, look: Look) -> None:
    for each in (look, lambda purse: purse.store.verify()):
        with pytest.raises(BrokenLedger) as noticed:
            await each(purse)
        assert noticed.value.code == "ledger-broken"


@pytest.mark.parametrize(("table", "look"), CASES)
async def test_a_removed_row_is_noticed(purse: Purse, database: Database, table: str, look: Look) -> None:
    await look(purse)
    await remove(database, table, await row_of(database, table))
    await require_noticed(purse, look)


@pytest.mark.parametrize(("table", "look"), CASES)
async def test_a_changed_row_is_noticed(purse: Purse, database: Database, table: str, look: Look) -> None:
    row = await row_of(database, table)
    sealed = row["sealed"]
    assert isinstance(sealed, bytes)
    await write(database, table, row, sealed=sealed[:-1] + bytes([sealed[-1] ^ 1]))
    await require_noticed(purse, look)


ONE_ROW: Final = (("requests", look_at_the_request), ("offers", look_at_the_offer))
PLAIN: Final[dict[str, dict[str, Any]]] = {  # columns beside what is sealed
    "credentials": {"received_at": 1, "type_key": "another"},
    "copies": {"used_at": 1},
    "requests": {"state": "open", "changed_at": 1, "opened_at": 1},
    "offers": {"state": "received"},
    "endings": {"answered_at": 1},
    "rules": {"version": 7},
}


@pytest.mark.parametrize(
    ("table", "column", "look"),
    [(table, column, look) for table, look in CASES if table in PLAIN for column in PLAIN[table]],
)
async def test_a_changed_column_is_noticed(
    purse: Purse, database: Database, table: str, column: str, look: Look
) -> None:
    await write(database, table, await row_of(database, table), **{column: PLAIN[table][column]})
    await require_noticed(purse, look)


@pytest.mark.parametrize(("table", "look"), [case for case in CASES if case[0] != "rules"])
async def test_a_row_that_was_added_is_noticed(purse: Purse, database: Database, table: str, look: Look) -> None:
    row: dict[str, Any] = dict(await row_of(database, table))
    name = KEYS[table][-1]
    row[name] = row[name] + 1 if isinstance(row[name], int) else f"{row[name]}-again"
    await put(database, table, row)
    if (table, look) in ONE_ROW:  # it is about one row, and that one is as it was
        await look(purse)
        look = {"requests": look_at_the_inbox, "offers": look_at_offers}[table]
        if table == "requests":
            await write(database, table, row, state="sending")
    await require_noticed(purse, look)


async def move_the_request_on(purse: Purse) -> None:
    exchange = await purse.keeping.load_exchange("answered")
    await purse.keeping.save_moved(exchange, before=exchange.state, now=purse.later)


async def test_a_row_of_another_wallet_is_noticed(purse: Purse, database: Database, tmp_path: Path) -> None:
    """The key of both is the same here, so that nothing but the ledger can tell them apart."""
    his = Purse(database, "his", tmp_path / "his")
    await his.work()
    await move_the_request_on(his)
    (row,) = await database.fetch("SELECT * FROM requests WHERE wallet_id = ? AND id = ?", "his", "answered")
    await look_at_the_request(purse)
    await write(database, "requests", row, sealed=row["sealed"], changed_at=row["changed_at"])
    await require_noticed(purse, look_at_the_request)


async def an_older_offer(purse: Purse) -> None:
    offer = await purse.store.load_offer("open")
    await purse.store.save_offer(offer, before=offer.state, now=purse.later)


async def older_rules(purse: Purse) -> None:
    await purse.store.change_policy(lambda policy: policy.denying("somebody else"))


OLDER: Final[dict[str, tuple[Callable[[Purse], Awaitable[None]], Look]]] = {
    "requests": (move_the_request_on, look_at_the_request),
    "offers": (an_older_offer, look_at_the_offer),
    "rules": (older_rules, look_at_rules),
}


@pytest.mark.parametrize("table", OLDER)
async def test_an_older_row_is_noticed(purse: Purse, database: Database, table: str) -> None:
    change, look = OLDER[table]
    before = await row_of(database, table)
    await change(purse)
    now = await row_of(database, table)
    assert now["sealed"] != before["sealed"]
    await look(purse)
    columns = {name: value for name, value in before.items() if name not in {"wallet_id", *KEYS[table]}}
    await write(database, table, now, **columns)
    await require_noticed(purse, look)


async def test_an_older_answer_of_a_vendor_is_noticed(purse: Purse, database: Database) -> None:
    """The wish as it stood before its answer came."""
    await purse.wish("waiting")
    (before,) = await database.fetch("SELECT * FROM endings WHERE wallet_id = ? AND request_id = ?", WALLET, "waiting")
    await purse.confirm("waiting")
    await write(database, "endings", before, answered_at=before["answered_at"], sealed=before["sealed"])
    with pytest.raises(BrokenLedger):
        await purse.keeping.load_ended("waiting")
    with pytest.raises(BrokenLedger):
        await purse.store.verify()


async def test_a_used_copy_put_back_is_noticed_by_any_decision(purse: Purse, database: Database) -> None:
    (row,) = await database.fetch("SELECT * FROM copies WHERE wallet_id = ? AND id = ?", WALLET, "kept-0")
    assert row["used_at"] is not None
    await write(database, "copies", row, used_at=None)
    await require_noticed(purse, look_for_documents)
    with pytest.raises(BrokenLedger):
        await purse.keeping.load_documents(["a type that nobody holds"])


async def test_a_changed_row_is_noticed_after_a_restart_too(purse: Purse, database: Database, tmp_path: Path) -> None:
    await write(database, "requests", await row_of(database, "requests"), state="open")
    again = Purse(database, WALLET, tmp_path / WALLET, exists=True)
    await again.store.adopt()
    await require_noticed(again, look_at_the_request)


async def test_reading_writes_nothing(purse: Purse, tmp_path: Path) -> None:
    seals = {path: path.read_bytes() for path in (tmp_path / WALLET).glob("*.head")}
    assert len(seals) == 2
    await purse.view()
    await purse.store.verify()
    assert {path: path.read_bytes() for path in seals} == seals
