"""An issuer, and wallets that ask it for ten copies of a good-standing claim each."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp

from bench.credentials import loaded, point_of
from bench.engines import Engine
from bench.filling import fill
from bench.measuring import done
from bench.public import STANDING
from bench.services import PASSPHRASE, Send, free_port, serving, settings_in
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.key_proof import create_key_proof
from didkit_py.oid4vci.offer import PRE_AUTHORIZED
from didkit_py.roles.issuing_store import MadeOffer, WantedCredential
from didkit_py.service.setup.folders import Given, create_folder
from issuer.composition import open_parts
from issuer.settings import IssuerSettings

COPIES: Final = 10
TYPE: Final = "insurer-good-standing"
OFFERS: Final = (
    "INSERT INTO offers (id, type_name, batch, state, status, made_at, expires_at, reference_hash, code_hash,"
    " tx_code_hash, tries, token_hash, token_expires_at, issued_at, sealed)"
    " SELECT {text}, 'insurer-good-standing', '', 'issued', 0, 1, 4000000000, {octets}, {octets}, {octets}, 1,"
    " {octets}, 1, 1, {octets} FROM more"
)
COPIES_ISSUED: Final = (  # half a list each
    "INSERT INTO copies (offer_id, key_hash, list_number, list_index)"
    " SELECT {text}, {octets}, n / 65536 + 1, (n * 48271) % 131072 FROM more"
)
LISTS: Final = "INSERT INTO status_lists (number, size) SELECT n, 131072 FROM more WHERE n BETWEEN 1 AND 17"
NONCES: Final = "INSERT INTO spent_nonces (id, expires_at) SELECT {octets}, 4000000000 FROM more"
FILL: Final = (OFFERS, COPIES_ISSUED, LISTS, NONCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A running issuer."""

    url: str
    http: aiohttp.ClientSession

    async def requests(self, offers: Sequence[MadeOffer]) -> list[Send]:
        """One credential request for each offer, with everything before it done."""
        return [await self._request(offer) for offer in offers]

    async def _request(self, made: MadeOffer) -> Send:
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": made.offer.code, "tx_code": made.tx_code}
        async with self.http.post(f"{self.url}/token", data=form) as answer:
            token = (await answer.json())["access_token"]
        async with self.http.post(f"{self.url}/nonce") as answer:
            nonce = (await answer.json())["c_nonce"]
        keys = [
            SoftwareSigner.from_secret(secrets.token_bytes(31).rjust(32, b"\1"), alg="ES256") for _ in range(COPIES)
        ]
        now = datetime.now(UTC)
        proofs = [await create_key_proof(signer=key, audience=self.url, nonce=nonce, now=now) for key in keys]
        body = {"credential_configuration_id": TYPE, "proofs": {"jwt": proofs}}

        async def send() -> None:
            headers = {"Authorization": f"Bearer {token}"}
            async with self.http.post(f"{self.url}/credential", json=body, headers=headers) as answer:
                if len((await answer.json())["credentials"]) != COPIES:
                    raise AssertionError

        return send


@asynccontextmanager
async def issuer(
    folder: Path, engine: Engine, *, offers: int, rows: int = 0
) -> AsyncIterator[tuple[Issuer, list[MadeOffer]]]:
    """An issuer with so many offers to take up, and so many rows from earlier in each of its tables."""
    port = free_port()
    url = f"http://localhost:{port}"
    given: Given = {"base_url": url, "name": "Bench Insurance", "port": port, "types": (TYPE,)}
    create_folder(folder, IssuerSettings, settings=given, alg="ES256", passphrase=PASSPHRASE)
    settings = settings_in(folder, IssuerSettings, engine)
    async with open_parts(folder, settings) as parts:
        wanted = [WantedCredential(type_name=TYPE, values=STANDING, reference=f"{number}") for number in range(offers)]
        made = (await parts.issuing.make_offers(wanted, now=datetime.now(UTC))).made
        await fill(parts.store.database, FILL, rows)
    with serving("issuer", folder, url, engine):
        async with aiohttp.ClientSession() as http:
            yield Issuer(url=url, http=http), list(made)


def raw() -> Callable[[], None]:
    """What one request cannot do without: ten signatures checked, each by a key that came with it, and ten made."""
    row, message = ALGORITHMS["ES256"], b"m" * 400
    private, _ = row.load_private(bytes(range(32)))
    holders = [SoftwareSigner.from_secret(bytes([number + 1] * 32), alg="ES256") for number in range(COPIES)]
    proofs = [(point_of(one.public.loaded), done(one.sign(message))) for one in holders]

    def call() -> None:
        for point, signature in proofs:
            row.verify(loaded(point), signature, message)
            row.sign(private, message)

    return call
