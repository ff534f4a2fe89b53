"""Acts 7 and 8: what an issuer takes back is seen at the vendor's next check, and by a page that is open just then."""

import time
from collections.abc import Mapping
from typing import Any

from demo import asking, setting_up
from demo.cast import STATUS_TTL_SECONDS
from demo.telling import Narrator
from tools.driving import requests
from tools.driving.parties import Party
from tools.driving.processes import run
from tools.driving.wallet_pages import Sally


def suspended_and_lifted(sally: Sally, cast: Mapping[str, Party], terms_id: str, narrator: Narrator) -> None:
    """The insurer doubts for a while that Sally's cover stands."""
    narrator.act("7. Her insurer suspends its word, and lifts that again")
    insurer, dealer = cast["insurer"], cast["dealer"]
    request = requests.good_standing(terms_id)
    known = _shown(sally, dealer, request)
    narrator.expect(known["state"] == "verified", "Riverside Chryota lends her a car: she is insured, in good standing")
    _says(insurer, "suspended", narrator)
    known = _shown(sally, dealer, request)
    narrator.expect(known["state"] == "failed" and not known["claims"], "the dealer's next check fails")
    narrator.expect("suspended" in known["error"]["message"], f"it is told why: {known['error']['message']}")
    sally.refresh_lists()
    page = sally.open(asking.ask(dealer, request)["link"])
    narrator.expect(
        (page.outcome, "cred.status" in page.codes) == ("refuse", True),
        "with fresh lists Sally's wallet says so itself, before anything is shown",
    )
    _says(insurer, "valid", narrator)
    sally.refresh_lists()
    known = _shown(sally, dealer, request)
    narrator.expect(known["state"] == "verified", "the dealer's next check holds again")


def taken_back_while_she_reads(
    sally: Sally, cast: Mapping[str, Party], terms_id: str, receipt: Mapping[str, Any], narrator: Narrator
) -> None:
    """Between page and press her receipt is taken back, and a corrected one fits."""
    narrator.act("8. A page that grew old is shown again")
    dealer, clearsound = cast["dealer-receipts"], cast["clearsound"]
    made = asking.ask(clearsound, requests.sound_system(terms_id))
    page = sally.open(made["link"])
    (issued,) = run("issuer", "issued", str(dealer.folder))
    run("issuer", "revoke", str(dealer.folder), issued["id"])
    offer = setting_up.offer_by_hand(dealer, "digital-receipt", {**receipt, "date": "2026-11-16"})
    sally.receive(offer["link"], offer["tx_code"])
    sally.refresh_lists()
    narrator.say(
        "While Sally reads, the dealer takes her receipt back and gives her one with another date. She presses:"
    )
    again = sally.answer(page, "share")
    narrator.expect(again.outcome == "ask" and "Nothing was shared" in again.text, "the page comes back, and says why")
    narrator.expect("Another document would be shown: Receipt" in again.text, "what differs is said in plain words")
    known = asking.result(clearsound, made["request_id"])
    narrator.expect(known["state"] != "verified" and not known["claims"], "Clearsound got nothing")
    narrator.expect(sally.answer(again, "refuse").outcome == "declined", "this time Sally says no")


def _says(insurer: Party, state: str, narrator: Narrator) -> None:
    """The insurer's operator changes what its list says; every copy of an older list is then out of date."""
    (issued,) = run("issuer", "issued", str(insurer.folder))
    run("issuer", "revoke", str(insurer.folder), issued["id"], "--state", state)
    narrator.say(f"{insurer.role.name} calls it {state} now; its list may be kept for {STATUS_TTL_SECONDS} seconds …")
    time.sleep(STATUS_TTL_SECONDS + 0.1)


def _shown(sally: Sally, dealer: Party, request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Sally shares it; what the dealer then knows."""
    made = asking.ask(dealer, request)
    sally.answer(sally.open(made["link"]), "share")
    return asking.result(dealer, made["request_id"])
