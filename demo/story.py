"""The story in order: issue, receive, ask, check the vendor, release, record, suspend, refuse, leave; and a restart."""

import json
import textwrap
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from demo import afterwards, asking, refusals, setting_up, standing
from demo.afterwards import Shared
from demo.cast import HOME
from demo.telling import Narrator
from tools.driving import requests
from tools.driving.pages import Page
from tools.driving.parties import Party
from tools.driving.processes import Company, run
from tools.driving.wallet_pages import Sally

STORY: Final = HOME / "story"
MEMBERS: Final = setting_up.EXAMPLES / "members.csv"
SALLYS_NUMBER: Final = "100042"
MALLORYS_NUMBER: Final = "100017"
EMAIL: Final = "sally@post.example"
MODEL: Final = "Chryota Prim Hybrid"
AUDIO: Final = "Clearsound CS-900"
RECEIPT: Final[Mapping[str, Any]] = {
    "receipt_type": "vehicle-sale",
    "date": "2026-11-14",
    "seller": {"name": "Riverside Chryota Ltd"},
    "fullReceiptDigest": "sha-256;" + "A" * 43,
    "vehicle": {"model": MODEL, "audioSystem": AUDIO, "modelYear": 2026, "vin": "JTX00EXAMP1E00042"},
    "buyer_name": "Sally Example",
}
SHOWN_ROWS: Final = 6
END: Final = " -- "
BLOCKS: Final = ("Who asks", "What they want", "What they promise", "How to stop")


def tell(narrator: Narrator) -> None:
    """Everything. Raises StepFailed at the first step that does not hold."""
    company = Company()
    try:
        cast, terms_id = setting_up.start(STORY, company, narrator)
        sally = Sally(cast["wallet"])
        offers = issue(cast, narrator)
        receive(sally, offers, narrator)
        budget = affordability(sally, cast, terms_id, narrator)
        sound = sound_system(sally, cast, terms_id, narrator)
        standing.suspended_and_lifted(sally, cast, terms_id, narrator)
        standing.taken_back_while_she_reads(sally, cast, terms_id, RECEIPT, narrator)
        refusals.all_of_them(sally, cast, terms_id, offers["mallory"], narrator)
        afterwards.leaves(sally, cast, company, sound=sound, budget=budget, narrator=narrator)
        restart(sally, cast, company, budget, narrator)
        narrator.end()
    finally:
        company.close()


def issue(cast: Mapping[str, Party], narrator: Narrator) -> dict[str, dict[str, str]]:
    """Act 1: documents are offered to people. The offers, by whose they are."""
    narrator.act("1. Claims are issued")
    union = cast["credit-union"]
    codes_file = union.folder / "codes.csv"
    words = ["import", str(union.folder), str(MEMBERS), "--codes-out", str(codes_file)]
    imported = run("issuer", *words)
    rejected = imported["rejected"]
    narrator.say(f"{union.role.name} imports its members' pre-qualification results:")
    narrator.say(f"{imported['created']} offers made, {len(rejected)} rows refused, each with its line and reason:")
    narrator.detail(f"line {row['line']}, {row['column']}: {row['reason']}" for row in rejected[:SHOWN_ROWS])
    narrator.detail([f"… and {len(rejected) - SHOWN_ROWS} more"])
    narrator.expect(imported["created"] >= 400 and len(rejected) >= 10, "good rows became offers, bad rows are named")
    again = run("issuer", "import", str(union.folder), str(MEMBERS))
    narrator.expect(again["created"] == 0, f"the same file again makes nothing new ({again['unchanged']} known)")
    offers = _members_offers(union, codes_file)
    offers |= _offers_by_hand(cast)
    narrator.say("Sally is offered: her affordability range (by letter), a receipt for her car and its sound system,")
    narrator.say("a checked e-mail address, and her insurer's yearly word that she is in good standing.")
    return offers


def _members_offers(union: Party, codes_file: Path) -> dict[str, dict[str, str]]:
    links = {row["offer_id"]: row["link"] for row in run("issuer", "offers", str(union.folder))}
    rows = [line.split(",") for line in codes_file.read_text().splitlines()[1:]]
    by_member = {member: {"link": links[offer_id], "tx_code": code} for member, offer_id, code in rows}
    return {"afford": by_member[SALLYS_NUMBER], "mallory": by_member[MALLORYS_NUMBER]}


def _offers_by_hand(cast: Mapping[str, Party]) -> dict[str, dict[str, str]]:
    standing = {
        "standing": "good",
        "period": {"from": "2026-11-01", "to": "2027-10-31"},
        "since_band": "5+ years",
        "lines": ["motor"],
    }
    contact = {"kinds": ["email"], "verified_on": "2026-11-20", "email": EMAIL}
    return {
        "receipt": setting_up.offer_by_hand(cast["dealer-receipts"], "digital-receipt", RECEIPT),
        "standing": setting_up.offer_by_hand(cast["insurer"], "insurer-good-standing", standing),
        "contact": setting_up.offer_by_hand(cast["mail-checker"], "contact", contact),
    }


def receive(sally: Sally, offers: Mapping[str, Mapping[str, str]], narrator: Narrator) -> None:
    """Act 2: Sally takes what she is offered."""
    narrator.act("2. Sally's wallet receives them")
    sally.unlock()
    for key in ("afford", "receipt", "contact", "standing"):
        sally.receive(offers[key]["link"], offers[key]["tx_code"])
    sally.refresh_lists()
    held = sally.credentials()
    narrator.detail(f"{one['title']} from {one['issuer_name']}: {one['copies']} one-use copies" for one in held)
    narrator.expect(len(held) == 4, "four documents, by OpenID4VCI, each copy bound to a key of its own")
    narrator.expect(not _found_in(sally.party.folder, EMAIL, MODEL, AUDIO), "the wallet's files contain no claim value")


def _found_in(folder: Path, *values: str) -> list[str]:
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [value for value in values if any(value.encode() in text for text in texts)]


def affordability(sally: Sally, cast: Mapping[str, Party], terms_id: str, narrator: Narrator) -> Shared:
    """Acts 3 to 5: the dealer asks, the wallet checks the dealer, Sally decides, both keep the record."""
    dealer = cast["dealer"]
    narrator.act("3. The dealer asks")
    made = asking.ask(dealer, requests.affordability(terms_id, 20_000))
    narrator.say("Riverside Chryota asks: can you pay 20,000 pounds or more? No name, no amount.")
    narrator.act("4. The wallet checks the dealer, then Sally decides")
    page = sally.open(made["link"])
    narrator.say("The wallet's page, made only from what it verified:")
    narrator.detail(_blocks(page))
    narrator.expect(
        page.outcome == "ask", "the wallet itself verified who asks, the terms, and the promise made to her"
    )
    narrator.expect(set(page.items) == {"afford"}, "what will be sent is shown: " + _short(page.items["afford"]))
    narrator.expect(asking.result(dealer, made["request_id"])["state"] != "verified", "nothing has been released yet")
    done = sally.answer(page, "share")
    narrator.expect(done.outcome == "released", "Sally pressed Share; one thing was released")
    narrator.act("5. The dealer verifies; both sides keep the same record")
    known = asking.result(dealer, made["request_id"])
    narrator.say("The dealer's checks: " + ", ".join(check["name"] for check in known["checks"]))
    narrator.expect(known["state"] == "verified", "the dealer verified the answer")
    narrator.expect(known["claims"]["afford"][0].get("at_least") == {"20000": True}, "it learned: 20,000 or more")
    narrator.expect("range" not in json.dumps(known["claims"]), "it did not learn the range, an amount or a name")
    _same_record(sally, known, narrator)
    return Shared(in_wallet=_named(done), at_vendor=made["request_id"])


def _blocks(page: Page) -> list[str]:
    """The four blocks of the consent page, a line or two each."""
    text = page.text.partition(" Share th")[0] + END
    lines = []
    for heading, following in pairwise((*BLOCKS, END.strip())):
        lines += textwrap.wrap(
            f"{heading}: {text.partition(f' {heading} ')[2].partition(f' {following} ')[0]}",
            width=100,
            subsequent_indent="    ",
            max_lines=3,
            placeholder=" …",
        )
    return lines


def _short(text: str) -> str:
    return " ".join(text.split())[:100]


def _same_record(sally: Sally, known: Mapping[str, Any], narrator: Narrator) -> None:
    record = known["record"]
    narrator.expect(record and len(record["signatures"]) == 2, "the agreement record carries both signatures")
    mine = [entry.get("record") for entry in sally.ledger()["entries"]]  # type: ignore[attr-defined]
    narrator.expect(record in mine, "Sally's wallet holds the same record, byte for byte")


def sound_system(sally: Sally, cast: Mapping[str, Party], terms_id: str, narrator: Narrator) -> Shared:
    """Act 6: Clearsound, and one thing declined."""
    narrator.act("6. Clearsound asks for the car's model, its sound system and, if she likes, her e-mail")
    clearsound = cast["clearsound"]
    made = asking.ask(clearsound, requests.sound_system(terms_id))
    page = sally.open(made["link"])
    narrator.expect(set(page.items) == {"car", "contact"}, "the page shows both, the e-mail apart and unticked")
    done = sally.answer(page, "share")
    narrator.expect(done.outcome == "released", "Sally shares without ticking the e-mail")
    known = asking.result(clearsound, made["request_id"])
    learned = json.dumps(known["claims"])
    narrator.expect(MODEL in learned and AUDIO in learned, "Clearsound learned model and sound system")
    narrator.expect(EMAIL not in learned and "contact" not in known["claims"], "it did not get the e-mail address")
    _same_record(sally, known, narrator)
    return Shared(in_wallet=_named(done), at_vendor=made["request_id"], values=(MODEL, AUDIO))


def _named(page: Page) -> str:
    """What the wallet calls the request of this page."""
    return page.url.rstrip("/").rpartition("/")[2]


def restart(sally: Sally, cast: Mapping[str, Party], company: Company, waiting: Shared, narrator: Narrator) -> None:
    """Act 12: all processes end and start again; what the dealer did not confirm is sent again."""
    narrator.act("12. Every process is stopped and started again")
    before = (sally.credentials(), sally.ledger()["entries"])
    company.stop()
    company.start(*cast.values())
    narrator.expect((sally.credentials(), sally.ledger()["entries"]) == before, "what was acknowledged is still there")
    verified = sally.verify_ledger()
    narrator.expect(
        verified["holds"] is True, f"the ledger verifies: {verified['entries']} entries, chained and sealed"
    )
    sally.unlock()
    narrator.expect(
        _confirmed(sally, waiting), "Sally unlocks: the dealer gets the same withdrawal and signs that it obeys"
    )
    secrets = (EMAIL, AUDIO)
    found = {key: _found_in(party.folder, *secrets) for key, party in cast.items() if key in {"wallet", "dealer"}}
    narrator.expect(not any(found.values()), "no log or file of wallet and dealer names a value that it should not")


def _confirmed(sally: Sally, waiting: Shared) -> bool:
    """Whether the vendor confirms what it did not, within a moment: the wallet sends it by itself."""
    for _ in range(100):
        if sally.ended(waiting.in_wallet, "stop").startswith("confirmed"):
            return True
        time.sleep(0.1)
    return False
