"""Acts 9 and 10: what must not happen, tried for real. Each refusal is printed with its code; nothing is released."""

import json
import shutil
from collections.abc import Mapping
from typing import Any

from demo import asking, setting_up
from demo.cast import MALLORY, ports
from demo.telling import Narrator
from tools.driving import mallory, requests
from tools.driving.parties import Party
from tools.driving.processes import run
from tools.driving.wallet_pages import Sally


def all_of_them(
    sally: Sally, cast: Mapping[str, Party], terms_id: str, offer: Mapping[str, str], narrator: Narrator
) -> None:
    """Every refusal of the story."""
    narrator.act("9. A query that names no claims is refused")
    scene = Scene(sally, cast, terms_id, narrator)
    scene.no_claims_named()
    narrator.act("10. Refusals, each tried for real")
    scene.denied_dealer()
    scene.over_asking()
    scene.borrowed_promise()
    scene.second_threshold()
    scene.changed_terms()
    scene.revoked_signatory()
    scene.same_no_for_everything()
    scene.stranger_at_the_vendor(offer)


class Scene:
    """What the refusals share."""

    def __init__(self, sally: Sally, cast: Mapping[str, Party], terms_id: str, narrator: Narrator) -> None:
        self.sally, self.cast, self.terms_id, self.narrator = sally, cast, terms_id, narrator
        self.released = self._released()

    def refused_by_wallet(self, who: str, vendor: Party, request: Any, *codes: str) -> None:  # noqa: ANN401 - JSON
        """The wallet must refuse this request, with all of these codes, and release nothing."""
        made = asking.ask(vendor, request, refused=True)
        page = self.sally.open(made["link"])
        self._judge(who, page.outcome, page.codes, codes)
        self.narrator.expect(self._released() == self.released, "Sally's ledger shows no release")
        known = asking.result(vendor, made["request_id"])
        self.narrator.expect(
            known["state"] != "verified" and not known["claims"], f"{vendor.role.name} learned nothing"
        )

    def _judge(self, who: str, outcome: str, found: list[str], codes: tuple[str, ...]) -> None:
        self.narrator.refusal(who, list(dict.fromkeys(found)))
        self.narrator.expect(outcome == "refuse", "the wallet refused by itself and offers no way to share")
        self.narrator.expect(set(codes) <= set(found), f"for the right reason: {', '.join(codes)}")

    def _released(self) -> int:
        entries: Any = self.sally.ledger()["entries"]
        return sum(1 for entry in entries if entry["kind"] == "released")

    def denied_dealer(self) -> None:
        """Bob is on the deny list, by his dealer number; a new name and a new identifier do not help him."""
        self.sally.deny(setting_up.BOBS_NUMBER)
        request = requests.affordability(self.terms_id, 20_000)
        self.refused_by_wallet("Bob's Chryota, on Sally's list", self.cast["bobs"], request, "pol.denied")
        who = "Best Deal Motors, which is Bob under a fresh identifier"
        self.refused_by_wallet(who, self.cast["bobs-new"], request, "pol.denied")

    def over_asking(self) -> None:
        """More than was promised: a whole object, or one thing more."""
        clearsound = self.cast["clearsound"]
        whole = requests.sound_system(self.terms_id, whole_vehicle=True)
        self.refused_by_wallet("Clearsound asks for everything about the vehicle", clearsound, whole, "ask.excess")
        more = requests.sound_system(self.terms_id, extra_paths=[["vehicle", "vin"]])
        self.refused_by_wallet("Clearsound asks for one thing more", clearsound, more, "ask.excess")

    def no_claims_named(self) -> None:
        """Beside what it promises for, a whole document by a query that names none of its claims."""
        request = requests.sound_system(self.terms_id)
        whole = {"id": "more", "format": "dc+sd-jwt", "meta": {"vct_values": [requests.STANDING]}}
        request["query"] = {"credentials": [request["query"]["credentials"][0], whole]}
        who = "Clearsound asks for the car's model, and for her insurance without naming a claim"
        self.refused_by_wallet(who, self.cast["clearsound"], request, "ask.excess")

    def borrowed_promise(self) -> None:
        """A stranger signs a request of her own and shows Clearsound's promise with it."""
        made = asking.ask(self.cast["clearsound"], requests.sound_system(self.terms_id))
        genuine = mallory.fetch_request(made["link"])
        rogue = mallory.RogueVendor(ports()[MALLORY], genuine["verifier_info"], genuine["dcql_query"])
        try:
            page = self.sally.open(rogue.link)
            codes = ("vrf.identity-split", "agr.unbound")
            self._judge("Mallory shows Clearsound's promise as her own", page.outcome, page.codes, codes)
            self.narrator.expect(not rogue.answers, "Mallory's site received nothing")
        finally:
            rogue.close()

    def second_threshold(self) -> None:
        """The dealer tries to narrow down the range."""
        request = requests.affordability(self.terms_id, 25_000)
        self.refused_by_wallet("The dealer asks for a second threshold", self.cast["dealer"], request, "ask.probing")

    def changed_terms(self) -> None:
        """The same name and version, one byte changed: another document, which nobody has confirmed."""
        terms_body = self.cast["terms-body"]
        folder = terms_body.folder / "changed-terms"
        shutil.copytree(setting_up.TERMS, folder)
        plain = next(folder.glob("plain*"))
        text = plain.read_bytes()
        plain.write_bytes(text.replace(b"not", b"now", 1) if b"not" in text else text[:-1] + b"!")
        changed = run("issuer", "terms", "publish", str(terms_body.folder), str(folder))["id"]
        self.sally.refresh_lists()
        request = requests.sound_system(str(changed))
        self.refused_by_wallet(
            "Clearsound points at terms changed by one byte", self.cast["clearsound"], request, "terms.forged"
        )

    def revoked_signatory(self) -> None:
        """The terms body takes back its confirmation that Clearsound signed."""
        terms_body, clearsound = self.cast["terms-body"], self.cast["clearsound"]
        issued = run("issuer", "issued", str(terms_body.folder))
        mine = next(one for one in issued if one["subject"] == clearsound.did)
        run("issuer", "revoke", str(terms_body.folder), mine["id"])
        self.sally.refresh_lists()
        request = requests.sound_system(self.terms_id)
        self.refused_by_wallet(
            "Clearsound's signature under the terms was revoked", clearsound, request, "terms.revoked"
        )
        run("issuer", "revoke", str(terms_body.folder), mine["id"], "--state", "valid")
        self.sally.refresh_lists()

    def same_no_for_everything(self) -> None:
        """Sally's no and 'there is nothing' are one answer to the vendor."""
        clearsound = self.cast["clearsound"]
        refused = asking.ask(clearsound, requests.sound_system(self.terms_id))
        self.sally.respond(refused["link"], "refuse")
        nothing = requests.sound_system(self.terms_id)
        nothing["query"]["credentials"][0]["claims"][0]["values"] = ["A model that nobody has"]
        empty = asking.ask(clearsound, nothing)
        self.sally.respond(empty["link"], "refuse")
        known = [asking.result(clearsound, made["request_id"]) for made in (refused, empty)]
        same = [(one["state"], json.dumps(one["error"]), one["claims"]) for one in known]
        self.narrator.refusal("Sally says no; and another time has nothing to show", ["access_denied"])
        self.narrator.expect(same[0] == same[1] and known[0]["state"] == "refused", "the vendor cannot tell them apart")

    def stranger_at_the_vendor(self, offer: Mapping[str, str]) -> None:
        """A foreign wallet is served when honest; its replay and its forgery are refused by the dealer."""
        dealer = self.cast["dealer"]
        foreign = mallory.ForeignWallet()
        foreign.receive(offer["link"], offer["tx_code"])
        honest = asking.ask(dealer, requests.affordability(self.terms_id, 10_000))
        request = mallory.fetch_request(honest["link"])
        form = mallory.sealed_answer(request, "afford", foreign.present(0, request, "10000"))
        status, _ = mallory.post(request, form)
        known = asking.result(dealer, honest["request_id"])
        self.narrator.say("Mallory, a member too, answers the dealer with a wallet of her own making:")
        self.narrator.expect(
            status == 200 and known["state"] == "verified", "an honest answer from foreign software holds"
        )
        status, error = mallory.post(request, form)
        self._refused_by_vendor("Mallory sends the same answer again", status, error)
        after = asking.result(dealer, honest["request_id"])
        self.narrator.expect(after == known, "the first result stands unchanged")
        forged = asking.ask(dealer, requests.affordability(self.terms_id, 50_000))
        request = mallory.fetch_request(forged["link"])
        presentation = foreign.present(1, request, "50000", forge=True)
        status, error = mallory.post(request, mallory.sealed_answer(request, "afford", presentation))
        self._refused_by_vendor("Mallory changes false into true", status, error)
        known = asking.result(dealer, forged["request_id"])
        self.narrator.expect(known["state"] == "failed" and not known["claims"], "the dealer believed nothing of it")

    def _refused_by_vendor(self, who: str, status: int, error: Mapping[str, str]) -> None:
        self.narrator.refusal(who, [error.get("code") or error["error"]])
        self.narrator.expect(400 <= status < 500, "the dealer refused it with a clear error")
