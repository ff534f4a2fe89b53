"""A wallet is one person's, and one process serves it; ten thousand at its door are still one person.

Offers are taken through the wallet's parts, as ten thousand tasks of one process; the issuer is real and over HTTP.
"""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from didkit_py.errors import DidkitError
from didkit_py.oauth import InvalidGrant
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.roles.receiving import Fetch, OfferAnswer
from didkit_py.service.setup.folders import FolderInUse
from tests.concurrent.conftest import Union, count
from tests.concurrent.crowd import CROWD
from tests.e2e.issuer.office import NOW, PASSPHRASE, STANDING, Clock
from tests.harness.ports import free_port
from tests.needs import REPOSITORY
from wallet.composition import open_parts
from wallet.context import WalletContext
from wallet.folder import create_folder, load_settings
from wallet.storage.vault import open_key

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

REJECTED: Final = 4  # how a command ends when something did not hold
SECONDS: Final = 0.5


@dataclass(slots=True)
class SlowLine:
    """The way out, on which the first answer of a token endpoint is long under way."""

    fetch: Fetch
    spent: asyncio.Event = field(default_factory=asyncio.Event)  # the issuer has answered
    arrive: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, url: str, *, max_bytes: int, accept: str | None = None) -> OfferAnswer:
        return await self.fetch.get(url, max_bytes=max_bytes, accept=accept)

    async def post(
        self, url: str, *, body: bytes, content_type: str, max_bytes: int, headers: Mapping[str, str] | None = None
    ) -> OfferAnswer:
        answer = await self.fetch.post(url, body=body, content_type=content_type, max_bytes=max_bytes, headers=headers)
        if url.endswith("/token") and not self.spent.is_set():
            self.spent.set()
            await self.arrive.wait()
        return answer


@pytest.fixture
def wallet_folder(engine: str, tmp_path: Path) -> Path:
    """A wallet; `engine` comes first, so that it is the wallet's too."""
    url = f"http://localhost:{free_port()}"
    create_folder(tmp_path / "wallet", settings={"name": "My wallet", "base_url": url}, passphrase=PASSPHRASE)
    return tmp_path / "wallet"


@pytest.fixture
async def wallet(union: Union, wallet_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WalletContext]:
    monkeypatch.setenv("DIDKIT_LOOPBACK_ORIGINS", union.url)
    settings = load_settings(wallet_folder)
    async with open_parts(wallet_folder, settings, clock=Clock(), serving=True) as parts:
        parts.vault.hold(open_key(settings.key_file, PASSPHRASE))
        yield parts


async def a_letter(union: Union) -> tuple[str, str]:
    """The link of an offer, and the transaction code that came by another way."""
    wanted = WantedCredential(type_name="insurer-good-standing", values=STANDING, reference="100042")
    made = await union.parts.issuing.make_offer(wanted, now=NOW)
    return union.parts.issuing.offer_link(made.offer.id), made.tx_code


async def taken(wallet: WalletContext, offer_id: str, tx_code: str) -> str:
    """The state that the offer is in then, or the code of the refusal."""
    try:
        return (await wallet.take(offer_id, tx_code)).state
    except DidkitError as refused:
        return refused.code


async def test_an_offer_is_taken_once_and_leaves_one_document(wallet: WalletContext, union: Union) -> None:
    link, tx_code = await a_letter(union)
    offer, again = [await wallet.opened.taking.open(link) for _ in range(2)]
    answers = await asyncio.gather(*(taken(wallet, offer.id, tx_code) for _ in range(CROWD)))
    assert Counter(answers) == {"received": 1, "illegal-move": CROWD - 1}
    with pytest.raises(InvalidGrant):
        await wallet.take(again.id, tx_code)
    assert await count(wallet.database, "SELECT count(*) FROM credentials") == 1
    assert await count(wallet.database, "SELECT count(*) FROM copies") == 10
    assert await count(union.parts.store.database, "SELECT count(*) FROM copies") == 10


async def test_a_second_page_cannot_lose_the_token_that_is_on_its_way_to_the_first(
    wallet: WalletContext, union: Union
) -> None:
    line = wallet.fetch = SlowLine(wallet.fetch)
    link, tx_code = await a_letter(union)
    offer = await wallet.opened.taking.open(link)
    first = asyncio.create_task(taken(wallet, offer.id, tx_code))
    await line.spent.wait()
    second = asyncio.create_task(taken(wallet, offer.id, tx_code))
    await asyncio.wait((second,), timeout=SECONDS)  # whatever it can do before the first goes on
    line.arrive.set()
    assert (await first, await second) == ("received", "illegal-move")


async def test_a_second_process_does_not_serve_a_wallet_and_commands_beside_it_work(wallet_folder: Path) -> None:
    settings = load_settings(wallet_folder)
    secret = wallet_folder.parent / "passphrase"
    secret.write_text(PASSPHRASE)
    async with open_parts(wallet_folder, settings, serving=True):
        with pytest.raises(FolderInUse):
            await open_parts(wallet_folder, settings, serving=True).__aenter__()
        refused = await command("serve", wallet_folder)
        assert refused.returncode == REJECTED
        assert "is served by another process" in refused.stderr
        beside = await command("credentials", wallet_folder, "--passphrase-file", secret, "--json")
        assert json.loads(beside.stdout) == []
    async with open_parts(wallet_folder, settings, serving=True):
        pass


async def command(*words: object) -> "subprocess.CompletedProcess[str]":
    given = [sys.executable, "-m", "wallet", *map(str, words)]
    return await asyncio.to_thread(
        subprocess.run, given, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
