"""What Sally does with the pages of her wallet."""

from dataclasses import dataclass

from tools.driving.browser import Browser
from tools.driving.pages import Page, StepFailed
from tools.driving.parties import Party
from tools.driving.processes import run


@dataclass(frozen=True, slots=True)
class Answered:
    """A request, as the wallet showed it, and what came of it."""

    asked: Page
    result: Page

    @property
    def codes(self) -> list[str]:
        """Every code that the wallet gave, in order, once."""
        return list(dict.fromkeys([*self.asked.codes, *self.result.codes]))


class Sally:
    """The person at her wallet."""

    def __init__(self, party: Party) -> None:
        self.party = party
        self.browser = Browser(party.url)

    def unlock(self) -> None:
        """Open the wallet with her passphrase."""
        page = self.browser.fill("/sign-in", passphrase=self.party.passphrase)
        if page.status != 200 or any("passphrase" in form.names for form in page.forms):
            raise StepFailed(f"the wallet did not open: {page.text[:300]}")

    def receive(self, link: str, tx_code: str) -> Page:
        """Open an offer's link, read the page, type the transaction code."""
        page = self.browser.fill("/receive", offer=link)
        done = self.browser.submit(page, page.form("tx_code"), {"tx_code": tx_code})
        if done.outcome != "received":
            raise StepFailed(f"the offer was not received: {done.text[:600]}")
        return done

    def open(self, link: str) -> Page:
        """Open a vendor's request and read the page; nothing is answered yet."""
        return self.browser.fill("/answer", request=link)

    def answer(self, page: Page, decision: str, *, optional: tuple[str, ...] = ()) -> Page:
        """Press a button of the consent page."""
        form = page.form("decision")
        if ("decision", decision) not in form.buttons:
            raise StepFailed(f"the page has no button to {decision}: {page.text[:600]}")
        ticked = tuple(("optional", name) for name in optional)
        given = {name: value for name, value in form.fields if name != "decision"}
        return self.browser.submit(page, form, {**given, "decision": decision}, ticked)

    def respond(self, link: str, decision: str, *, optional: tuple[str, ...] = ()) -> Answered:
        """Open a request and answer it, if there is anything to answer."""
        page = self.open(link)
        can_answer = any(("decision", decision) in form.buttons for form in page.forms)
        return Answered(page, self.answer(page, decision, optional=optional) if can_answer else page)

    def refresh_lists(self) -> None:
        """Fetch the lists now instead of at the next appointed time."""
        page = self.browser.get("/rules")
        for form in page.forms:
            if form.action.endswith("/lists/refresh"):
                self.browser.submit(page, form, {})
                return
        raise StepFailed("the rules page has no button to refresh the lists")

    def deny(self, who: str) -> None:
        """Put somebody on her list of those she does not deal with."""
        page = self.browser.get("/rules")
        self.browser.submit(page, page.form("who"), {"who": who})

    def end(self, request_id: str, wish: str) -> str:
        """Stop somebody's use of what she shared, or have it erased: two presses. What her page says of it then."""
        address = f"/disclosures/{request_id}/{wish}"
        if address not in self.browser.get("/disclosures").links:
            raise StepFailed(f"the page of who has what offers no way to {wish} it")
        asked = self.browser.get(address)
        for form in asked.forms:
            if form.action == address:
                self.browser.submit(asked, form, {})
        return self.ended(request_id, wish)

    def ended(self, request_id: str, wish: str) -> str:
        """What her page says of it now."""
        return " ".join(self.browser.get("/disclosures").items.get(f"{wish}-{request_id}", "").split())

    def ledger(self) -> dict[str, object]:
        """What the wallet wrote down, read by its own command."""
        words = ("ledger", "show", str(self.party.folder), "--passphrase-file", str(self.party.passphrase_file))
        shown: dict[str, object] = run("wallet", *words)
        return shown

    def verify_ledger(self) -> dict[str, object]:
        """The wallet's own check of its ledger."""
        words = ("ledger", "verify", str(self.party.folder), "--passphrase-file", str(self.party.passphrase_file))
        verified: dict[str, object] = run("wallet", *words)
        return verified

    def credentials(self) -> list[dict[str, object]]:
        """What she holds."""
        words = ("credentials", str(self.party.folder), "--passphrase-file", str(self.party.passphrase_file))
        held: list[dict[str, object]] = run("wallet", *words)
        return held
