"""What PostgreSQL is told and what its answers become; expected forms are those of PostgreSQL's manual."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didkit_py.service.storage.database import BadStatement, Statement
from didkit_py.service.storage.postgres_dialect import converter, in_our_dialect, prepare

QUOTED = st.text(st.sampled_from("?a'$ ;-/*\n\"\\"), max_size=8)
FRAGMENTS = st.one_of(
    st.just(("?", 1)),
    QUOTED.map(lambda text: (" '" + text.replace("'", "''") + "' ", 0)),
    QUOTED.map(lambda text: (' "' + text.replace('"', '""') + '" ', 0)),
    QUOTED.map(lambda text: ("--" + text.replace("\n", "") + "\n", 0)),
    QUOTED.map(lambda text: ("/*" + re.sub(r"[*/]{2,}|[*/]$|^[*/]", "", text) + " */", 0)),
    st.sampled_from([(" name ", 0), (" = ", 0), (" 12 ", 0), (", ", 0), ("(", 0), (")", 0)]),
)


@given(st.lists(FRAGMENTS, max_size=12))
def test_each_placeholder_gets_its_number_and_nothing_else_changes(fragments: list[tuple[str, int]]) -> None:
    fragments = [(f"{text} " if count else text, count) for text, count in fragments]
    sql = "SELECT " + "".join(text for text, _ in fragments)
    number, wanted = 0, "SELECT "
    for text, count in fragments:
        number += count
        wanted += f"${number} " if count else text
    assert in_our_dialect(sql) == (wanted, number, False)


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        (
            "CREATE TABLE t (a TEXT, b text NOT NULL)",
            'CREATE TABLE t (a TEXT COLLATE "C", b TEXT COLLATE "C" NOT NULL)',
        ),
        ("ALTER TABLE t ADD COLUMN a TEXT", 'ALTER TABLE t ADD COLUMN a TEXT COLLATE "C"'),
        ('CREATE TABLE t ("a?" TEXT)', 'CREATE TABLE t ("a?" TEXT COLLATE "C")'),
        ("CREATE TABLE t (text BYTEA, a BIGINT)", "CREATE TABLE t (text BYTEA, a BIGINT)"),
        ("CREATE INDEX i ON t (text)", "CREATE INDEX i ON t (text)"),
    ],
)
def test_columns_of_text_compare_by_code_point(sql: str, wanted: str) -> None:
    assert in_our_dialect(sql) == (wanted, 0, True)


def test_a_cast_to_text_stays_as_it_is() -> None:
    assert in_our_dialect("SELECT CAST(? AS TEXT) AS a") == ("SELECT CAST($1 AS TEXT) AS a", 1, False)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT $$ ? $$",
        "SELECT $a$ ? $a$",
        "SELECT ?1",
        "SELECT ?a",
        "SELECT e'\\' ?'",
        "SELECT 1 /* /* */ ? */",
        "SELECT '?",
    ],
)
def test_text_that_one_engine_would_cut_differently_is_refused(sql: str) -> None:
    with pytest.raises(BadStatement):
        in_our_dialect(sql)


def test_the_number_of_arguments_is_that_of_the_placeholders() -> None:
    assert prepare(Statement("SELECT ?, '?'", ("a",))).sql == "SELECT $1, '?'"
    with pytest.raises(BadStatement, match="1 placeholders and 2 arguments"):
        prepare(Statement("SELECT ?, '?'", ("a", "b")))


def test_results_become_values_that_both_engines_have() -> None:
    whole, truth = converter("a", "numeric"), converter("a", "bool")
    assert whole is not None
    assert truth is not None
    assert (whole(Decimal(2**63)), whole(None)) == (2**63, None)
    assert (truth(True), truth(False), truth(None)) == (1, 0, None)
    assert converter("a", "bytea") is None
    with pytest.raises(BadStatement):
        whole(Decimal("0.5"))
    with pytest.raises(BadStatement, match="column a of the answer is timestamptz"):
        converter("a", "timestamptz")
