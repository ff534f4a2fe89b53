"""Every row belongs to one owner, and no key, reference or statement reaches across owners, on both engines."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from didkit_py.service.storage import scrubbing
from tests.needs import REPOSITORY
from tests.stores.engines import Engine
from tests.stores.ownership import Schema, read_schema, schema_problems, statement_problems, statements_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What a program keeps, and which of it belongs to no owner, with the reason."""

    owner: str
    sources: tuple[Path, ...]
    shared: Mapping[str, str]


_MIGRATIONS: Final = "the schema is the database's, the same for all owners"
_LISTS: Final = "public: all owners that follow a trust list share what was fetched for it"
PROGRAMS: Final[Mapping[str, Tables]] = MappingProxyType(
    {
        "issuer": Tables(owner="party_id", sources=(REPOSITORY / "issuer",), shared={"schema_migrations": _MIGRATIONS}),
        "verifier": Tables(
            owner="party_id",
            sources=(REPOSITORY / "verifier", Path(scrubbing.__file__)),
            shared={"schema_migrations": _MIGRATIONS, "sources": _LISTS, "source_versions": _LISTS},
        ),
        "wallet": Tables(
            owner="wallet_id",
            sources=(REPOSITORY / "wallet",),
            shared={"schema_migrations": _MIGRATIONS, "sources": _LISTS},
        ),
    }
)


@pytest.fixture(params=["issuer", "verifier", "wallet"])
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def schema(engine: Engine, program: str) -> AsyncIterator[Schema]:
    database = await engine.open(Path(str(files(program) / "migrations")))
    yield await read_schema(database, engine.name)
    await database.close()


async def test_every_table_key_and_reference_begins_with_the_owner(schema: Schema, program: str) -> None:
    kept = PROGRAMS[program]
    assert kept.shared.keys() <= schema.columns.keys(), "an exception for a table that there is not"
    assert schema_problems(schema, owner=kept.owner, shared=kept.shared) == []


async def test_every_statement_is_held_to_the_owner_of_each_table_in_it(schema: Schema, program: str) -> None:
    kept = PROGRAMS[program]
    found = statements_of(*kept.sources)
    problems = {
        place: wrong
        for place, sql in found.items()
        if (wrong := statement_problems(sql, owner=kept.owner, tables=schema.columns, shared=kept.shared))
    }
    assert problems == {}
    for table in schema.columns.keys() - {"schema_migrations"}:
        assert any(table in sql.split() for sql in found.values()), f"no statement about {table} was found"


# The rules notice what they are for

SOUND = """
CREATE TABLE things (party_id TEXT NOT NULL, id TEXT NOT NULL, note TEXT, PRIMARY KEY (party_id, id));
CREATE TABLE parts (
    party_id TEXT NOT NULL, id TEXT NOT NULL, thing TEXT NOT NULL,
    PRIMARY KEY (party_id, id), FOREIGN KEY (party_id, thing) REFERENCES things (party_id, id)
);
CREATE TABLE lists (url TEXT NOT NULL PRIMARY KEY);
CREATE INDEX things_by_note ON things (note);
"""
PLANTED: Final[Mapping[str, tuple[str, set[str]]]] = {
    "nothing": ("", set()),
    "a table without owner": (
        "CREATE TABLE more (id TEXT NOT NULL PRIMARY KEY);",
        {"more: party_id is missing or may be NULL", "more: * begins with id"},
    ),
    "an owner that may be NULL": (
        "CREATE TABLE more (party_id TEXT, id TEXT NOT NULL, UNIQUE (party_id, id));",
        {"more: party_id is missing or may be NULL", "more: has no primary key"},
    ),
    "a primary key that ends with the owner": (
        "CREATE TABLE more (party_id TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (id, party_id));",
        {"more: * begins with id"},
    ),
    "a unique column": (
        "CREATE TABLE more (party_id TEXT NOT NULL, id TEXT NOT NULL UNIQUE, PRIMARY KEY (party_id, id));",
        {"more: * begins with id"},
    ),
    "a unique index": ("CREATE UNIQUE INDEX more ON things (note, party_id);", {"things: * begins with note"}),
    "a unique index of an expression": (
        "CREATE UNIQUE INDEX more ON things (lower(note), party_id);",
        {"things: * begins with an expression"},
    ),
    "a reference to the things of another": (
        (
            "CREATE TABLE more (party_id TEXT NOT NULL, id TEXT NOT NULL, other TEXT, PRIMARY KEY (party_id, id),"
            " FOREIGN KEY (other, id) REFERENCES things (party_id, id));"
        ),
        {"more: refers to things without party_id"},
    ),
    "a reference to what all share": (
        "CREATE TABLE more (party_id TEXT PRIMARY KEY NOT NULL, url TEXT NOT NULL REFERENCES lists (url));",
        {"more: refers to lists across the line between what is owned and what is shared"},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
async def test_a_planted_table_index_or_reference_is_found(engine: Engine, tmp_path: Path, name: str) -> None:
    planted, problems = PLANTED[name]
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "0001_things.sql").write_text(SOUND + planted)
    database = await engine.open(tmp_path / "planted")
    schema = await read_schema(database, engine.name)
    await database.close()
    found = schema_problems(schema, owner="party_id", shared={"schema_migrations", "lists"})
    assert {re.sub(r": \S+ begins", ": * begins", one) for one in found} == problems


HELD: Final = (
    "SELECT id FROM things WHERE party_id = ? AND id = ?",
    "SELECT 1 AS one",
    "SELECT url FROM lists",
    "SELECT t.id FROM things AS t JOIN parts p ON p.party_id = t.party_id AND p.thing = t.id WHERE p.party_id = ?",
    "SELECT count(*) AS n FROM things WHERE party_id = ? AND (note = ? OR note IS NULL) GROUP BY note",
    "UPDATE things SET note = ? WHERE party_id = ? AND id IN (SELECT thing FROM parts WHERE party_id = ? LIMIT ?)",
    (
        "DELETE FROM things WHERE party_id = ? AND NOT EXISTS"
        " (SELECT 1 FROM parts WHERE parts.party_id = things.party_id AND parts.thing = things.id)"
    ),
    "INSERT INTO things (party_id, id) VALUES (?, ?) ON CONFLICT (party_id, id) DO UPDATE SET note = things.note",
)
UNHELD: Final = (
    "SELECT id FROM things",
    "SELECT id FROM things WHERE id = ?",
    "SELECT party_id FROM things WHERE id = ?",
    "SELECT CASE WHEN party_id = ? THEN 1 ELSE 0 END AS mine FROM things WHERE id = ?",
    "SELECT id FROM things WHERE party_id = ? OR id = ?",
    "SELECT id FROM things WHERE (party_id = ? OR id = ?)",
    "SELECT id FROM things WHERE NOT party_id = ?",
    "SELECT id FROM things WHERE party_id = party_id",
    "SELECT id FROM things WHERE party_id > ?",
    "SELECT t.id FROM things AS t JOIN parts p ON p.thing = t.id WHERE p.party_id = ?",
    "SELECT t.id FROM things AS t, parts AS p WHERE p.thing = t.id AND t.party_id = ?",
    "SELECT t.id FROM things AS t JOIN parts p ON p.party_id = t.party_id",
    "SELECT id FROM things WHERE party_id = ? UNION ALL SELECT id FROM parts",
    "SELECT id FROM nothing WHERE party_id = ?",
    "UPDATE things SET note = ? WHERE id = ?",
    "UPDATE things SET party_id = ? WHERE party_id = ? AND id = ?",
    "UPDATE things SET note = ? WHERE party_id = ? AND id IN (SELECT thing FROM parts LIMIT ?)",
    "DELETE FROM things",
    "DELETE FROM things WHERE party_id = ? AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.thing = things.id)",
    "INSERT INTO things (id, party_id) VALUES (?, ?)",
    "INSERT INTO things (party_id, id) VALUES ('us', ?)",
    "INSERT INTO things (party_id, id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
)
NAMES: Final = ("things", "parts", "lists")


@pytest.mark.parametrize("sql", HELD)
def test_a_statement_that_is_held_to_its_owner_is_let_pass(sql: str) -> None:
    assert statement_problems(sql, owner="party_id", tables=NAMES, shared=("lists",)) == []


@pytest.mark.parametrize("sql", UNHELD)
def test_a_planted_statement_is_found(sql: str) -> None:
    assert statement_problems(sql, owner="party_id", tables=NAMES, shared=("lists",)) != []


def test_the_texts_of_a_program_are_found_with_their_constants_put_in(tmp_path: Path) -> None:
    (tmp_path / "store.py").write_text(
        'COLUMNS = "id, note"\n'
        'READ: Final = f"SELECT {COLUMNS} FROM things"\n'
        "def read(database, wanted):\n"
        '    """SELECT nothing: a docstring."""\n'
        '    inner = "SELECT id FROM parts WHERE party_id = ?"\n'
        '    database.fetch(f"{READ} WHERE id IN ({inner}) LIMIT {wanted}")\n'
        '    inner = "SELECT url FROM lists"\n'
        '    database.fetch(f"SELECT id FROM things WHERE url IN ({inner})")\n'
        '    return database.execute("DELETE FROM things")\n'
    )
    assert sorted(statements_of(tmp_path).values()) == [
        "DELETE FROM things",
        "SELECT id FROM things WHERE url IN (SELECT url FROM lists)",
        "SELECT id, note FROM things WHERE id IN (SELECT id FROM parts WHERE party_id = ?) LIMIT ?",
    ]
