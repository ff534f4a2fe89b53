"""Founding the cast: folders and keys, the terms and the trust list, and the documents that vendors need."""

import json
import secrets
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from demo import databases
from demo.cast import CAST, MALLORY, origins, parties, ports
from demo.telling import Narrator
from tools.driving.parties import Party
from tools.driving.processes import Company, run, side_by_side

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "examples"
TERMS: Final = EXAMPLES / "terms"
BOBS_NUMBER: Final = "CH-0666"  # the dealer number that Bob keeps, whatever name he trades under
DEALERS: Final = {
    "dealer": ("CH-0042", "Riverside Chryota Ltd"),
    "bobs": (BOBS_NUMBER, "Bob's Chryota"),
    "bobs-new": (BOBS_NUMBER, "Best Deal Motors"),
}
SIGNERS: Final = ("dealer", "clearsound", "bobs", "bobs-new")


def found(folder: Path) -> dict[str, Party]:
    """Make every party's folder and keys."""
    if folder.exists():
        shutil.rmtree(folder)
    cast = parties(folder)
    databases.forget(cast.values())
    side_by_side(partial(_init, party, cast["terms-body"]) for party in cast.values())
    return cast


def _init(party: Party, terms_body: Party) -> None:
    words = ["init", str(party.folder), "--name", party.role.name, "--base-url", party.url, "--port", str(party.port)]
    for origin in origins():
        words += ["--loopback-origin", origin]
    words += ["--trust-list-url", f"{terms_body.url}/trust-list", "--trust-list-signer", terms_body.did]
    if party.role.program == "wallet":
        words += ["--passphrase-file", str(party.passphrase_file)]
    else:
        words += ["--operator-passphrase-file", str(party.passphrase_file), "--alg", party.role.alg]
    if party.role.types:
        words += ["--types", ",".join(party.role.types)]
    run(party.role.program, *words)
    if party.role.setting:
        with (party.folder / "settings.toml").open("a") as settings:
            settings.write(f"{party.role.setting}\n")


def publish(cast: Mapping[str, Party]) -> str:
    """The terms body publishes its terms and says whom to believe what. The identifier of the terms."""
    terms_body = cast["terms-body"]
    published = run("issuer", "terms", "publish", str(terms_body.folder), str(TERMS))
    for role in CAST:
        if role.program == "issuer":
            party = cast[role.key]
            words = ["--id", party.did, "--name", role.name, "--status-lists", f"{party.url}/status-lists"]
            for name in role.types:
                words += ["--vct", f"urn:didkit-py:vct:{name}:1"]
            run("issuer", "trust", "add", str(terms_body.folder), *words)
    return str(published["id"])


def equip_vendors(cast: Mapping[str, Party], terms_id: str, narrator: Narrator) -> None:
    """Each vendor signs the terms and gets that confirmed; dealers get their dealership confirmed."""
    side_by_side(partial(_equip, cast, key, terms_id) for key in SIGNERS)
    narrator.say("The vendors signed the terms; the terms body confirmed it to each by a document of its own.")
    narrator.say("Chryota confirmed its dealers, Bob among them. Vendors receive documents just as people do.")


def _equip(cast: Mapping[str, Party], key: str, terms_id: str) -> None:
    vendor = cast[key]
    signed = run("verifier", "sign-terms", str(vendor.folder), terms_id)
    values = {
        "terms": {"id": terms_id, "family": "example-standard-terms-of-sharing", "version": "1.0"},
        "signature": signed["signature"],
        "signedAt": signed["signedAt"],
        "level": "reviewed",
    }
    hand_over(cast["terms-body"], vendor, "terms-signatory", values)
    if key in DEALERS:
        number, name = DEALERS[key]
        dealership = {
            "brand": "Chryota",
            "scope": ["sales", "service"],
            "territory": ["GB-ENG"],
            "dealer_id": number,
            "name": name,
        }
        hand_over(cast["manufacturer"], vendor, "authorized-dealer", dealership)
    run("verifier", "refresh", str(vendor.folder))


def hand_over(issuer: Party, vendor: Party, kind: str, values: Mapping[str, Any]) -> None:
    """One document from an issuer to a business, link and transaction code by two ways."""
    offer = offer_by_hand(issuer, kind, values, subject=vendor.did)
    run("verifier", "receive", str(vendor.folder), offer["link"], "--tx-code", offer["tx_code"])


def offer_by_hand(issuer: Party, kind: str, values: Mapping[str, Any], *, subject: str | None = None) -> dict[str, str]:
    """An offer of one document, filled in by the issuer's operator."""
    sheet = issuer.folder / f"values-{secrets.token_hex(4)}.json"
    sheet.write_text(json.dumps(values))
    words = ["issuer", "offer", str(issuer.folder), kind, "--values", str(sheet)]
    made: dict[str, str] = run(*words, *(["--subject", subject] if subject else []))
    sheet.unlink()
    return made


def start(folder: Path, company: Company, narrator: Narrator) -> tuple[dict[str, Party], str]:
    """The whole cast, running and equipped; and the identifier of the terms."""
    narrator.act("The cast")
    narrator.say("Each gets a folder, keys and a passphrase of its own …")
    cast = found(folder)
    for role in CAST:
        narrator.say(f"{role.name:30} {role.program:9} {cast[role.key].url}")
    narrator.say(f"{'Mallory':30} stranger  http://localhost:{ports()[MALLORY]} (software of her own)")
    company.start(*cast.values())
    narrator.say(f"{len(cast)} processes run, each with keys and tables of its own, on {databases.engine()}.")
    terms_id = publish(cast)
    equip_vendors(cast, terms_id, narrator)
    return cast, terms_id
