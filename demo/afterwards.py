"""Act 11: Sally ends what she began. Done is only what the vendor signed."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import asking, databases
from demo.telling import Narrator
from tools.driving.parties import Party
from tools.driving.processes import Company
from tools.driving.wallet_pages import Sally


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One thing that Sally shared: its name in her wallet, its name at the vendor, and the values in it."""

    in_wallet: str
    at_vendor: str
    values: tuple[str, ...] = ()


def leaves(
    sally: Sally,
    cast: Mapping[str, Party],
    company: Company,
    *,
    sound: Shared,
    budget: Shared,
    narrator: Narrator,
) -> None:
    """Clearsound obeys and signs; the dealer is not there."""
    narrator.act("11. Afterwards: Sally withdraws, and has it erased")
    clearsound, dealer = cast["clearsound"], cast["dealer"]
    said = sally.end(sound.in_wallet, "stop")
    narrator.detail([said])
    narrator.expect(said.startswith("confirmed"), "Clearsound signed that it does not use it any more")
    before = _sealed(clearsound, sound)
    if before:
        narrator.expect(_found_in(clearsound.folder, *before), "its database file holds what it learned, sealed")
    said = sally.end(sound.in_wallet, "erase")
    narrator.detail([said])
    narrator.expect(said.startswith("erased"), "Clearsound signed that it erased everything that she had shared")
    known = asking.result(clearsound, sound.at_vendor)
    narrator.expect(
        known["ended_at"] and known["erased_at"] and not known["claims"],
        "Clearsound's own command shows no claim of hers",
    )
    narrator.expect(known["record"], "the record stays with both, without any value")
    values = [value.encode() for value in sound.values]
    where = "database, journal, logs and files" if before else "logs and files"
    narrator.expect(
        not _found_in(clearsound.folder, *before, *values), f"nothing of it is left in its {where}, not even sealed"
    )
    kinds = _kinds(sally)
    narrator.expect(kinds[-1] == "erasure-proved", f"her ledger holds both signatures: {', '.join(kinds[-4:])}")
    company.stop_one(dealer)
    narrator.say("The dealer's process is stopped, and Sally withdraws there too:")
    said = sally.end(budget.in_wallet, "stop")
    narrator.detail([said])
    narrator.expect(said.startswith("sent, unconfirmed"), "it is never called done without the dealer's signature")
    narrator.expect(_kinds(sally)[-1] == "withdrawn", "her wish is in her ledger, with its time")


def _kinds(sally: Sally) -> list[str]:
    entries: Any = sally.ledger()["entries"]
    return [str(entry["kind"]) for entry in entries]


def _sealed(vendor: Party, shared: Shared) -> tuple[bytes, ...]:
    """What the vendor learned, as its database file holds it; nothing where its tables are on a server."""
    if databases.engine() != "SQLite":
        return ()
    (file,) = vendor.folder.glob("*.sqlite3")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        ((sealed,),) = database.execute("SELECT result FROM requests WHERE id = ?", (shared.at_vendor,)).fetchall()
    return (bytes(sealed)[:64], bytes(sealed)[-64:])


def _found_in(folder: Path, *values: bytes) -> list[bytes]:
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [value for value in values if any(value in text for text in texts)]
