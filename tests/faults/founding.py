"""Founding the town: folders and keys, the terms and the trust list, the vendor's statement about the terms."""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from didkit_py.credentials.template import TEMPLATES
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.service.setup.folders import KEYS, load_folder
from didkit_py.service.setup.keyfile import ServiceKeys, open_keyfile, read_unlock
from didkit_py.trust import TrustedIssuer
from issuer.composition import open_parts as open_issuer
from issuer.context import IssuerContext
from issuer.folder import create_folder as create_issuer
from issuer.folder import load_settings as load_issuer
from tests.faults.points import Side
from tests.faults.stores import Keys
from tests.faults.town import Program, Town
from tests.harness.folders import cheap_sealing
from tests.harness.ports import free_port
from tests.harness.town import signed_terms
from tools.driving.parties import Party, Role
from tools.driving.wallet_pages import Sally
from verifier.composition import open_parts as open_vendor
from verifier.context import VerifierContext
from verifier.folder import create_vendor
from verifier.folder import load_settings as load_vendor
from verifier.settings import VerifierSettings
from wallet.folder import create_folder as create_wallet
from wallet.storage.vault import open_key

TERMS: Final = Path(__file__).resolve().parents[2] / "examples" / "terms"
ROLES: Final[Mapping[Side, Role]] = {
    "issuer": Role(key="issuer", program="issuer", name="Harbour Town"),
    "vendor": Role(key="vendor", program="verifier", name="Clearsound"),
    "wallet": Role(key="wallet", program="wallet", name="Sally's wallet"),
}
TYPES: Final = ("affordability-range", "digital-receipt", "terms-signatory")


@contextmanager
def founded(folder: Path, database_url: str | None) -> Iterator[Town]:
    """The town at work, on a database server or on files; all its processes end with it."""
    cast = _cast(folder)
    _make_folders(cast, database_url)
    programs: dict[Side, Program] = {side: Program(party=party) for side, party in cast.items()}
    try:
        for program in programs.values():
            program.start()
        terms_id = asyncio.run(_equip(cast))
        keys = Keys(
            vendor=_vendor_keys(cast["vendor"]),
            wallet=open_key(cast["wallet"].folder / KEYS, cast["wallet"].passphrase),
        )
        town = Town(programs=programs, keys=keys, terms_id=terms_id, sally=Sally(cast["wallet"]))
        offer_id = town.offer("Sally's car")
        town.take(town.open_offer(offer_id), town.replace_code(offer_id))
        town.refresh("wallet")
        town.check()
        yield town
    finally:
        for program in programs.values():
            program.kill()


def _cast(folder: Path) -> dict[Side, Party]:
    cast: dict[Side, Party] = {}
    for side, role in ROLES.items():
        secret = folder / f"{side}.passphrase"
        secret.write_text(secrets.token_hex(16))
        cast[side] = Party(role=role, port=free_port(), folder=folder / side, passphrase_file=secret)
    return cast


def _make_folders(cast: Mapping[Side, Party], database_url: str | None) -> None:
    common: dict[str, Any] = {
        "loopback_origins": tuple(party.url for party in cast.values()),
        "trust_list_url": f"{cast['issuer'].url}/trust-list",
        "trust_list_signer": cast["issuer"].did,
    }
    common |= {} if database_url is None else {"database_url": database_url}
    settings = {
        side: {"name": party.role.name, "base_url": party.url, "port": party.port, **common}
        for side, party in cast.items()
    }
    issuer, vendor, wallet = cast["issuer"], cast["vendor"], cast["wallet"]
    types = settings["issuer"] | {"types": TYPES}
    with cheap_sealing():
        create_issuer(issuer.folder, settings=types, alg="ES256", passphrase=issuer.passphrase)
        create_vendor(vendor.folder, settings=settings["vendor"], alg="ES256", passphrase=vendor.passphrase)
        create_wallet(wallet.folder, settings=settings["wallet"], passphrase=wallet.passphrase)


def _vendor_keys(vendor: Party) -> ServiceKeys:
    settings = load_folder(vendor.folder, VerifierSettings)
    return open_keyfile(vendor.folder / KEYS, unlock=read_unlock(settings.key_file))


async def _equip(cast: Mapping[Side, Party]) -> str:
    """The terms are published, the vendor signed them and has that confirmed; the id of the terms."""
    now = datetime.now(UTC).replace(microsecond=0)
    async with open_issuer(cast["issuer"].folder, load_issuer(cast["issuer"].folder)) as issuer:
        terms = await issuer.publications.publish_terms(TERMS, now=now)
        lists = f"{cast['issuer'].url}/status-lists"
        entry = TrustedIssuer(id=issuer.did, name="Harbour Town", vcts=frozenset(TEMPLATES), status_lists=lists)
        await issuer.publications.trust(entry)
        async with open_vendor(cast["vendor"].folder, load_vendor(cast["vendor"].folder)) as vendor:
            await _confirm_terms(issuer, vendor, terms.id, now)
            await vendor.refresh()
    return terms.id


async def _confirm_terms(issuer: IssuerContext, vendor: VerifierContext, terms_id: str, now: datetime) -> None:
    signed = await signed_terms(terms_id, vendor.signer, now)
    wanted = WantedCredential(type_name="terms-signatory", values=signed, reference="the vendor", subject=vendor.did)
    made = await issuer.issuing.make_offer(wanted, now=now)
    await vendor.receive(await vendor.preview(issuer.issuing.offer_link(made.offer.id)), tx_code=made.tx_code)
