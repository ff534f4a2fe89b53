"""What a PostgreSQL session is given and what it is checked for, as SQL texts that take one round trip each.

A pooler between us and the server may drop what was asked at start-up, reset a session, or give each transaction to
another session of the server. So nothing is asked at start-up: settings are set by a statement and looked at again.

- A server that answers itself: `set_up` once, `check` each time the connection is taken from our pool.
- A pooler, which is known by a process number that is not the server's: `open_transaction` begins each transaction,
  sets everything for that transaction alone and checks it there, so that transaction pooling cannot part the two.

A check is made by the server, which raises NOT_AS_ASKED with the name of the first fact that is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from didkit_py.service.storage.postgres_address import quoted

STATEMENT_SECONDS: Final = 10
LOCK_SECONDS: Final = 5  # for another transaction that holds a row
NOT_AS_ASKED: Final = "DK001"  # SQLSTATE of our own; the standard leaves classes from I to Z to programs
BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
# Values as the server shows them, since they are compared.
SET_UP: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_encoding": "UTF8",
        "client_min_messages": "error",
        "default_transaction_isolation": "read committed",
        "idle_in_transaction_session_timeout": f"{STATEMENT_SECONDS}s",  # a process that hangs holds no rows for long
        "lock_timeout": f"{LOCK_SECONDS}s",
        "standard_conforming_strings": "on",  # a backslash in quotes is a backslash, as in SQLite
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "tcp_keepalives_idle": "30",
        "TimeZone": "UTC",
    }
)
NOT_COMPARED: Final = frozenset({"tcp_keepalives_idle"})  # it is 0 on a Unix socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that must be so; `found` is an SQL expression of text."""

    name: str
    found: str
    needed: tuple[str, ...]


DURABLE: Final = (
    Fact(name="synchronous_commit", found="current_setting('synchronous_commit')", needed=("on", "remote_apply")),
    Fact(name="fsync", found="current_setting('fsync')", needed=("on",)),
    Fact(name="server_encoding", found="current_setting('server_encoding')", needed=("UTF8",)),
    Fact(name="in recovery", found="pg_is_in_recovery()::text", needed=("false",)),  # a standby takes no writes
    # `replica` would switch foreign keys off.
    Fact(name="session_replication_role", found="current_setting('session_replication_role')", needed=("origin",)),
)


def search_path(schema: str) -> str:
    """The schema alone; a temporary table that a pooled session was left with never stands before ours."""
    return f"{quoted(schema)}, pg_temp"


def schema_fact(schema: str, *, may_be_absent: bool = False) -> Fact:
    """The schema is there, may be used, and is the one that names without a schema belong to."""
    place = f"to_regnamespace({_text(quoted(schema))})"
    # current_schema() makes a temporary schema where the first one of the path is absent, so it is asked second.
    found = f"CASE WHEN has_schema_privilege({place}::oid, 'USAGE') THEN current_schema()::text END"
    if may_be_absent:
        found = f"CASE WHEN {place} IS NULL THEN {_text(schema)} ELSE {found} END"
    return Fact(name="schema", found=found, needed=(schema,))


def facts_of(settings: Mapping[str, str]) -> tuple[Fact, ...]:
    """These settings still have their values."""
    return tuple(
        Fact(name=name, found=f"current_setting({_text(name)})", needed=(value,))
        for name, value in settings.items()
        if name not in NOT_COMPARED
    )


def set_up(settings: Mapping[str, str], *, transaction_only: bool = False) -> str:
    """Set these, for as long as the session lasts or for the transaction under way."""
    scope = "true" if transaction_only else "false"
    calls = (f"pg_catalog.set_config({_text(name)}, {_text(value)}, {scope})" for name, value in settings.items())
    return f"SELECT {', '.join(calls)}"


def check(facts: Sequence[Fact]) -> str:
    """Raise NOT_AS_ASKED, with the name as its detail, for the first fact that is not so."""
    rows = ", ".join(
        f"({_text(fact.name)}, {fact.found}, ARRAY[{', '.join(map(_text, fact.needed))}])" for fact in facts
    )
    all_hold = " AND ".join(f"{fact.found} IN ({', '.join(map(_text, fact.needed))})" for fact in facts)
    # One expression first, since the query that finds the name takes the server twice as long.
    return (
        f"DO $check$ DECLARE wrong record; BEGIN IF ({all_hold}) IS NOT TRUE THEN SELECT * INTO wrong FROM"  # noqa: S608 - names and literals of ours
        f" (VALUES {rows}) AS fact (name, value, needed) WHERE (fact.value = ANY (fact.needed)) IS NOT TRUE LIMIT 1;"
        f" RAISE EXCEPTION USING ERRCODE = '{NOT_AS_ASKED}', DETAIL = wrong.name, MESSAGE ="
        " format('the database has %s = %s, needed is %s', wrong.name, coalesce(wrong.value, 'none'), wrong.needed[1]);"
        " END IF; END $check$"
    )


def open_transaction(
    settings: Mapping[str, str], facts: Sequence[Fact], *, reads_only: bool = False, first: Sequence[str] = ()
) -> str:
    """Begin a transaction in which all of this is set, `first` was done, and the facts hold."""
    begin = f"{BEGIN} READ ONLY" if reads_only else BEGIN
    return "; ".join((begin, set_up(settings, transaction_only=True), *first, check(facts)))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
