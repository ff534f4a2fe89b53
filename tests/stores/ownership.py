"""Whose a row is: what must hold of every table and every SQL text, for the tables to hold many owners.

The schema is read from a migrated database, with SQL that is the engine's own. SQL texts are read from the sources of a
program, with the names in an f-string put in where they are constants of ours; what is only known when the program runs
stands as `?`.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final, TypeGuard

from didkit_py.service.storage.database import Database, Row, Statement, StatementKind, Value, pieces

SQL: Final = re.compile(r"\s*(SELECT|WITH|INSERT INTO|UPDATE \S+ SET|DELETE FROM)\b")
OPENING: Final = frozenset({"FROM", "JOIN", "INTO", "UPDATE"})  # a table follows
NO_ALIAS: Final = frozenset(
    {
        *("WHERE", "ON", "JOIN", "LEFT", "INNER", "CROSS", "GROUP", "ORDER", "LIMIT", "OFFSET"),
        *("SET", "VALUES", "RETURNING", "UNION", "HAVING", "SELECT", "USING"),
    }
)


# The schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A primary key or unique index; a column that is an expression is empty."""

    table: str
    name: str
    columns: tuple[str, ...]
    is_primary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A foreign key: columns and the ones they refer to, in pairs."""

    table: str
    target: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a migrated database says of itself."""

    columns: Mapping[str, Mapping[str, bool]]  # by table: its columns, and whether each is NOT NULL
    keys: tuple[Key, ...]
    references: tuple[Reference, ...]


SCHEMA_SQL: Final[Mapping[str, tuple[str, str, str]]] = {
    "sqlite": (
        (
            'SELECT t.name AS place, c.name AS item, c."notnull" AS required FROM sqlite_schema t,'
            " pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY 1, c.cid"
        ),
        (
            "SELECT t.name AS place, i.name AS name, i.origin = 'pk' AS leads, coalesce(c.name, '') AS item"
            " FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c"
            " WHERE t.type = 'table' AND i.\"unique\" = 1 ORDER BY 1, 2, c.seqno"
        ),
        (
            'SELECT t.name AS place, CAST(f.id AS TEXT) AS name, f."table" AS target, f."from" AS item, f."to" AS other'
            " FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' ORDER BY 1, 2, f.seq"
        ),
    ),
    "postgres": (
        (
            "SELECT t.relname AS place, c.attname AS item, c.attnotnull AS required FROM pg_class t"
            " JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped"
            " WHERE t.relkind = 'r' AND t.relnamespace = to_regnamespace(quote_ident(current_schema()))"
            " ORDER BY 1, c.attnum"
        ),
        (
            "SELECT t.relname AS place, n.relname AS name, i.indisprimary AS leads, coalesce(c.attname, '') AS item"
            " FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid"
            " CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, seq)"
            " LEFT JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.number"
            " WHERE t.relnamespace = to_regnamespace(quote_ident(current_schema()))"
            " AND i.indisunique ORDER BY 1, 2, k.seq"
        ),
        (
            "SELECT t.relname AS place, f.conname AS name, o.relname AS target, c.attname AS item, d.attname AS other"
            " FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid JOIN pg_class o ON o.oid = f.confrelid"
            " CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS k (mine, theirs, seq)"
            " JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.mine"
            " JOIN pg_attribute d ON d.attrelid = o.oid AND d.attnum = k.theirs"
            " WHERE f.contype = 'f' AND t.relnamespace = to_regnamespace(quote_ident(current_schema()))"
            " ORDER BY 1, 2, k.seq"
        ),
    ),
}


async def read_schema(database: Database, engine: str) -> Schema:
    """The tables, keys and references of a database."""
    columns, keys, references = [await database.fetch(sql) for sql in SCHEMA_SQL[engine]]
    return Schema(
        columns={
            table: {str(row["item"]): bool(row["required"]) for row in rows}
            for table, rows in groupby(columns, lambda row: str(row["place"]))
        },
        keys=tuple(
            Key(
                table=table,
                name=name,
                columns=tuple(str(row["item"]) for row in found),
                is_primary=bool(found[0]["leads"]),
            )
            for (table, name), rows in groupby(keys, _named)
            if (found := list(rows))
        ),
        references=tuple(
            Reference(
                table=table,
                target=str(found[0]["target"]),
                pairs=tuple((str(row["item"]), str(row["other"])) for row in found),
            )
            for (table, _), rows in groupby(references, _named)
            if (found := list(rows))
        ),
    )


def _named(row: Row) -> tuple[str, str]:
    return str(row["place"]), str(row["name"])


def schema_problems(schema: Schema, *, owner: str, shared: Iterable[str]) -> list[str]:
    """What is wrong with tables and keys; empty when every row belongs to one owner and nothing reaches across."""
    owned = schema.columns.keys() - set(shared)
    leading = {key.table for key in schema.keys if key.is_primary}
    return [
        *(f"{table}: {owner} is missing or may be NULL" for table in owned if not schema.columns[table].get(owner)),
        *(f"{table}: has no primary key" for table in owned - leading),
        *(
            f"{key.table}: {key.name} begins with {key.columns[0] or 'an expression'}"
            for key in schema.keys
            if key.table in owned and key.columns[0] != owner
        ),
        *(
            f"{one.table}: refers to {one.target} without {owner}"
            for one in schema.references
            if one.table in owned and one.target in owned and (owner, owner) not in one.pairs
        ),
        *(
            f"{one.table}: refers to {one.target} across the line between what is owned and what is shared"
            for one in schema.references
            if (one.table in owned) != (one.target in owned)
        ),
    ]


# SQL texts


@dataclass(frozen=True, slots=True)
class _Token:
    text: str  # words in capitals
    depth: int  # brackets around it, within its scope


@dataclass(slots=True)
class _Scope:
    """One SELECT, or the whole of a write; what is in brackets and begins with SELECT is a scope of its own."""

    outer: frozenset[str]
    tokens: list[_Token] = field(default_factory=list)
    inner: list[list[str]] = field(default_factory=list)


def statement_problems(sql: str, *, owner: str, tables: Iterable[str], shared: Iterable[str]) -> list[str]:
    """What is wrong with a statement; empty when each owned table in it is held to the owner that is bound to it.

    Reading and changing: `owner = ?`, or `owner = other.owner` of a table that is held, in the condition and not below
    an OR. Adding: the owner is the first column, and of the key that a conflict is about.
    """
    words = [
        text if kind is StatementKind.QUOTED else text.upper()
        for kind, text in pieces(sql)
        if kind not in {StatementKind.SPACE, StatementKind.COMMENT}
    ]
    known = {name.upper() for name in tables}
    return list(_problems(words, frozenset(), owner=owner.upper(), known=known, shared={s.upper() for s in shared}))


def _problems(
    words: Sequence[str], outer: frozenset[str], *, owner: str, known: set[str], shared: set[str]
) -> Iterator[str]:
    for part in _parts(words):
        scope = _scope(part, outer)
        found = list(_tables(scope.tokens))
        named = {words[place - 2] for place, word in enumerate(words) if word == "(" and words[place - 1] == "AS"}
        named |= {words[place + 1] for place, word in enumerate(words) if word in {"WITH", "RECURSIVE"}}
        yield from (f"{table}: there is no such table" for table, _ in found if table not in known | named)
        owned = [(table, alias) for table, alias in found if table in known - shared]
        if owned:
            yield from _unheld(scope, owned, owner)
        aliases = frozenset(alias for _, alias in owned) | outer
        for one in scope.inner:
            yield from _problems(one, aliases, owner=owner, known=known, shared=shared)


def _parts(words: Sequence[str]) -> Iterator[list[str]]:
    """The SELECTs of a UNION, or the whole."""
    depth, part = 0, list[str]()
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word == "UNION" and depth == 0:
            yield part
            part = []
        else:
            part.append(word)
    yield part


def _scope(words: Sequence[str], outer: frozenset[str]) -> _Scope:
    scope, depth, place = _Scope(outer), 0, 0
    while place < len(words):
        if words[place] == "(" and words[place + 1] in {"SELECT", "WITH"}:
            end = _closing(words, place)
            scope.inner.append(list(words[place + 1 : end]))
            scope.tokens.append(_Token("(SELECT)", depth))
            place = end + 1
            continue
        depth += {"(": 1, ")": -1}.get(words[place], 0)
        scope.tokens.append(_Token(words[place], depth))
        place += 1
    return scope


def _closing(words: Sequence[str], place: int) -> int:
    depth = 0
    for end in range(place, len(words)):
        depth += {"(": 1, ")": -1}.get(words[end], 0)
        if depth == 0:
            return end
    raise AssertionError("a bracket is not closed")


def _tables(tokens: Sequence[_Token]) -> Iterator[tuple[str, str]]:
    """Each table with the name that it goes by here."""
    words = [token.text for token in tokens] + ["", "", ""]
    for place, word in enumerate(words):
        if word not in OPENING or (word == "UPDATE" and words[place - 1] == "DO" and place):
            continue
        place += 1  # noqa: PLW2901 - the words are read on from here
        while words[place].isidentifier():
            table = words[place]
            place += 1 + (words[place + 1] == "AS")  # noqa: PLW2901
            has_alias = words[place].isidentifier() and words[place] not in NO_ALIAS
            yield table, words[place] if has_alias else table
            place += has_alias  # noqa: PLW2901
            if words[place] != ",":
                break
            place += 1  # noqa: PLW2901


def _unheld(scope: _Scope, owned: Sequence[tuple[str, str]], owner: str) -> Iterator[str]:
    words = [token.text for token in scope.tokens]
    if words[0] == "INSERT":
        yield from _wrong_insert(words, owned[0][0], owner)
        return
    begins = next((place for place, word in enumerate(words) if word in {"WHERE", "ON"}), len(words))
    if owner in words[:begins] and words[0] == "UPDATE":
        yield f"{owned[0][0]}: its owner is changed"
    if any(token.text == "OR" and token.depth == 0 for token in scope.tokens[begins:]):
        yield f"{owned[0][0]}: a condition stands beside an OR"
    held, links = set(scope.outer), list[tuple[str, str]]()
    for left, right in _comparisons(scope.tokens, begins, owner):
        one = left or owned[0][1]
        if right == "?":
            held.add(one)
        else:
            links += [(one, right), (right, one)]
    while more := {one for one, other in links if other in held} - held:
        held |= more
    yield from (f"{table}: is not held to its owner" for table, alias in owned if alias not in held)


def _comparisons(tokens: Sequence[_Token], begins: int, owner: str) -> Iterator[tuple[str, str]]:
    """`alias.owner = ?` as (alias, ?), `a.owner = b.owner` as (a, b); an alias that is not said is empty."""
    words = [token.text for token in tokens] + ["", "", "", ""]
    for place in range(begins, len(tokens)):
        if words[place] != owner or words[place + 1] != "=" or tokens[place].depth:
            continue
        qualified = words[place - 1] == "."
        if words[place - (3 if qualified else 1)] == "NOT":
            continue
        left = words[place - 2] if qualified else ""
        if words[place + 2] == "?":
            yield left, "?"
        elif words[place + 3 : place + 5] == [".", owner]:
            yield left, words[place + 2]


def _wrong_insert(words: Sequence[str], table: str, owner: str) -> Iterator[str]:
    if words[3:5] != ["(", owner]:
        yield f"{table}: {owner.lower()} is not the first column that is given"
    values = words.index("VALUES") if "VALUES" in words else 0
    if words[values + 1 : values + 3] != ["(", "?"]:
        yield f"{table}: the owner is not given as an argument"
    for place, word in enumerate(words):
        if word == "CONFLICT" and words[place + 1] == "(" and words[place + 2] != owner:
            yield f"{table}: a conflict is about a key of all owners"


# The texts of a program


Assigned = dict[str, list[ast.expr]]  # by name, in the order of their lines


def statements_of(*places: Path) -> dict[str, str]:
    """Every SQL text in these files and folders, by where it stands."""
    files = [file for place in places for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    constants: Assigned = {}
    for tree in trees.values():
        constants |= _assigned(tree.body)
    found: dict[str, str] = {}
    for file, tree in trees.items():
        for node, text in _texts(tree, constants):
            if SQL.match(text):
                found[f"{file.name}:{node.lineno}"] = text
            elif re.search(r"\b(FROM|JOIN|INTO) \w+ .*\b(WHERE|VALUES|ON)\b", text):
                raise AssertionError(f"{file.name}:{node.lineno}: SQL whose beginning is not known")
    return found


def _assigned(statements: Iterable[ast.AST]) -> Assigned:
    found: Assigned = {}
    for one in statements:
        match one:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_text(value):
                found.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_text(value):
                found.setdefault(name, []).append(value)
    return {name: sorted(values, key=lambda value: value.lineno) for name, values in found.items()}


def _is_text(value: ast.AST) -> TypeGuard[ast.expr]:
    return isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str))


def _texts(tree: ast.Module, constants: Assigned) -> Iterator[tuple[ast.expr, str]]:
    """Each text that is not just a part of another one."""
    skipped = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}  # docstrings
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    for place in (*functions, tree):
        local = {} if place is tree else _assigned(ast.walk(place))
        joined = [one for one in ast.walk(place) if isinstance(one, ast.JoinedStr)]
        used = {name.id for text in joined for name in ast.walk(text) if isinstance(name, ast.Name)}
        skipped |= {id(one) for text in joined for one in text.values}
        skipped |= {id(one) for name in used for one in (*local.get(name, ()), *constants.get(name, ()))}
        for one in ast.walk(place):
            if _is_text(one) and id(one) not in skipped:
                skipped.add(id(one))
                yield one, _rendered(one, local, constants)


def _rendered(text: ast.expr, local: Assigned, constants: Assigned) -> str:
    match text:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(_rendered(one, local, constants) for one in values)
        case ast.FormattedValue(value=ast.Name(id=name)):
            before = [one for one in local.get(name, []) if one.lineno < text.lineno] or constants.get(name, [])
            return _rendered(before[-1], local, constants) if before else "?"
    return "?"


# What is said while a program runs


class Listening:
    """A database whose statements are noted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.said: set[str] = set()

    async def fetch(self, sql: str, *args: Value) -> Sequence[Row]:
        self.said.add(sql)
        return await self._database.fetch(sql, *args)

    async def execute(self, sql: str, *args: Value) -> Sequence[Row]:
        self.said.add(sql)
        return await self._database.execute(sql, *args)

    async def apply(self, *statements: Statement) -> Sequence[Sequence[Row]]:
        self.said |= {one.sql for one in statements}
        return await self._database.apply(*statements)

    async def scrub(self) -> None:
        await self._database.scrub()

    async def close(self) -> None:
        await self._database.close()
