"""What the wallet's store reads, and with how many statements."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import wallet
from didkit_py.consent.policy import DEFAULT_POLICY
from didkit_py.service.storage.database import Database, Row, Value
from didkit_py.service.storage.sealing import Box
from didkit_py.service.storage.sqlite import open_sqlite
from tests.stores.purse import PREVIEWED
from wallet.models import StoredCopy, StoredCredential, StoredOffer
from wallet.storage.ledger import HeadFile, Ledger
from wallet.storage.rows import BrokenLedger
from wallet.storage.rules_seal import RulesSeal
from wallet.storage.store import WalletStore

MIGRATIONS = Path(wallet.__file__).parent / "migrations"
BOX = Box(key=bytes(32))
VCT = "https://union.example/member"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


class Counting:
    """A database that counts what is asked of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements = 0

    async def fetch(self, sql: str, *args: Value) -> Sequence[Row]:
        self.statements += 1
        return await self._database.fetch(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[WalletStore, Counting]]:
    database = await open_sqlite(folder / "wallet.db", migrations=MIGRATIONS)
    counting = Counting(database)
    try:
        rules = RulesSeal(path=folder / "rules.head", box=BOX)
        if not rules.path.exists():
            rules.create()
            HeadFile(path=folder / "ledger.head", box=BOX).create()
        ledger = Ledger(counting, wallet_id="hers", box=BOX, head_path=folder / "ledger.head")
        yield WalletStore(database=counting, wallet_id="hers", box=BOX, ledger=ledger, rules=rules), counting
    finally:
        await database.close()


async def keep(store: WalletStore, number: int, *, copies: int, used: int) -> None:
    """A document with so many copies, of which the first ones are used."""
    name = f"document-{number:04}"
    document = StoredCredential(
        id=name,
        vct=VCT,
        issuer="did:web:union.example",
        issuer_says="",
        title="Member",
        claims={},
        disclosable=(),
        received_at=NOW + timedelta(seconds=number),
        issued_at=None,
        expires_at=None,
        copies=copies,
        copies_left=copies - used,
        format="dc+sd-jwt",
    )
    offer = StoredOffer(id=name, state="opened", link="link", previewed=PREVIEWED)
    await store.add_offer(offer, now=NOW)
    made = [
        StoredCopy(id=f"{name}-{place}", credential_id=name, text=f"{place}", secret=bytes(32), alg="ES256")
        for place in range(copies)
    ]
    await store.save_received(replace(offer, state="received", credential_id=name), document, made, before="opened")
    spent = [store.spend_copy(one.id, credential_id=name, now=NOW) for one in made[:used]]
    if spent:
        await store.ledger.append(now=NOW, also=spent)


async def test_each_document_comes_with_the_first_copy_that_nobody_has_seen(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, _):
        for number, (copies, used) in enumerate([(3, 0), (3, 2), (2, 2), (0, 0)]):
            await keep(store, number, copies=copies, used=used)
        found = await store.load_credentials_of([VCT])
    assert [(one.id[-1], one.copies, one.copies_left, None if copy is None else copy.text) for one, copy in found] == [
        ("0", 3, 3, "0"),
        ("1", 3, 1, "2"),
        ("2", 2, 0, None),
        ("3", 0, 0, None),
    ]


@pytest.mark.parametrize("documents", [1, 50])
async def test_documents_and_copies_are_read_by_one_statement(tmp_path: Path, documents: int) -> None:
    async with opened(tmp_path) as (store, counting):
        for number in range(documents):
            await keep(store, number, copies=2, used=1)
        await store.load_policy()
        counting.statements = 0
        assert len(await store.load_credentials_of([VCT])) == documents
        assert counting.statements == 4, "and one for the totals, and the newest entry of the ledger before and after"


async def test_rules_are_read_as_they_were_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, _):
        assert await store.load_policy() == DEFAULT_POLICY
        for name in ("Budget", "Clearsound"):
            await store.change_policy(lambda policy, name=name: policy.denying(name))  # type: ignore[misc]
        assert {"Budget", "Clearsound"} <= set((await store.load_policy()).deny)


RULE_CHANGES = {
    "removed": "DELETE FROM rules",
    "changed": "UPDATE rules SET sealed = zeroblob(200)",
    "older": "UPDATE rules SET version = 1, sealed = (SELECT sealed FROM kept)",
    "older under a newer number": "UPDATE rules SET sealed = (SELECT sealed FROM kept)",
    "under a number to come": "UPDATE rules SET version = version + 1",
    "added under another name, and removed": "UPDATE rules SET name = 'other'",
}


@pytest.mark.parametrize("change", RULE_CHANGES)
async def test_changed_rules_are_noticed_when_a_decision_reads_them(tmp_path: Path, change: str) -> None:
    async with opened(tmp_path) as (store, _):
        await store.change_policy(lambda policy: policy.denying("Budget"))
        with sqlite3.connect(tmp_path / "wallet.db") as database:
            database.execute("CREATE TABLE kept AS SELECT * FROM rules")
            database.commit()
        database.close()
        await store.change_policy(lambda policy: policy.denying("Clearsound"))
        with sqlite3.connect(tmp_path / "wallet.db") as database:
            database.execute(RULE_CHANGES[change])
        database.close()
        with pytest.raises(BrokenLedger, match="rules of this wallet"):
            await store.load_policy()
        with pytest.raises(BrokenLedger, match="rules of this wallet"):
            await store.change_policy(lambda policy: policy.denying("next"))


async def test_a_removed_seal_of_the_rules_is_noticed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, _):
        store.rules.path.unlink()
        with pytest.raises(BrokenLedger, match="missing or damaged"):
            await store.load_policy()


async def test_a_crash_before_the_seal_of_the_rules_was_replaced_is_healed_at_the_next_unlocking(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (store, _):
        before = store.rules.path.read_bytes()
        await store.change_policy(lambda policy: policy.denying("Budget"))
        store.rules.path.write_bytes(before)
        assert "Budget" in (await store.load_policy()).deny
        assert store.rules.path.read_bytes() == before, "reading writes nothing"
        await store.adopt()
        assert store.rules.read() == 1


async def test_an_older_seal_of_the_rules_is_never_put_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, _):
        store.rules.raise_to(2)
        store.rules.raise_to(1)  # as another process does whose row was written before
        assert store.rules.read() == 2
