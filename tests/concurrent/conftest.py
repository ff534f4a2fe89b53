"""An issuer and a vendor at work: on SQLite in one process, on PostgreSQL in two that share one database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from didkit_py.service.observability.metrics import Metrics
from didkit_py.service.storage.database import Database
from issuer.composition import open_parts as open_issuer
from issuer.context import IssuerContext as IssuerParts
from issuer.folder import create_folder as create_issuer
from issuer.folder import load_settings as load_issuer
from tests.cast import TERMS_BODY
from tests.concurrent.processes import Running, running
from tests.e2e.issuer.office import PASSPHRASE, Clock
from tests.e2e.verifier import shop
from tests.e2e.verifier.shop import Shop
from tests.harness.ports import free_port
from tests.needs import need
from tools.driving.postgres import temporary_database
from verifier.composition import open_parts as open_vendor
from verifier.folder import create_vendor
from verifier.folder import load_settings as load_vendor

ENGINES = {"sqlite": 1, "postgres": 2}  # how many processes share the database


@pytest.fixture(autouse=True)
def cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing at the lowest cost that opening accepts."""
    for module in ("didkit_py.keys.sealed", "didkit_py.service.setup.operator"):
        monkeypatch.setattr(f"{module}.MEMORY_BYTES", 8_192)
        monkeypatch.setattr(f"{module}.PASSES", 1)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The engine of every service that starts in this test, on a database of the test's own."""
    if request.param == "sqlite":
        yield request.param
        return
    need("postgres")
    with temporary_database() as url:
        monkeypatch.setenv("DIDKIT_DATABASE_URL", url)
        yield request.param


@pytest.fixture
def ports(engine: str) -> list[int]:
    """One for each process of the service; the first is the one that its address names."""
    return [free_port() for _ in range(ENGINES[engine])]


@pytest.fixture
def union_folder(ports: list[int], tmp_path: Path) -> Path:
    """The folder of a credit union that shares its processes' database."""
    url, types = f"http://localhost:{ports[0]}", ("affordability-range", "insurer-good-standing")
    settings: dict[str, Any] = {"name": "Harbour Credit Union", "base_url": url, "types": types}
    create_issuer(tmp_path / "union", settings=settings, alg="ES256", passphrase=PASSPHRASE)
    return tmp_path / "union"


@pytest.fixture
async def desks(union_folder: Path, ports: list[int]) -> AsyncIterator[list[IssuerParts]]:
    """The union's parts as each of its processes would have them, here in one process and without HTTP."""
    async with open_desks(union_folder, len(ports)) as opened:
        yield opened


@pytest.fixture
async def two_desks(union_folder: Path) -> AsyncIterator[list[IssuerParts]]:
    """The union's parts twice, also on SQLite, as a service and a command beside it have them."""
    async with open_desks(union_folder, 2) as opened:
        yield opened


@asynccontextmanager
async def open_desks(folder: Path, number: int) -> AsyncIterator[list[IssuerParts]]:
    async with AsyncExitStack() as stack:
        opened = [open_issuer(folder, load_issuer(folder), clock=Clock()) for _ in range(number)]
        yield [await stack.enter_async_context(one) for one in opened]


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """A credit union at work in processes of its own, and its parts beside them, for what an operator does."""

    url: str
    processes: tuple[Running, ...]
    parts: IssuerParts


@pytest.fixture
async def union(union_folder: Path, ports: list[int]) -> AsyncIterator[Union]:
    async with (
        running("issuer", union_folder, ports) as processes,
        open_issuer(union_folder, load_issuer(union_folder), clock=Clock()) as parts,
    ):
        yield Union(url=parts.settings.base_url, processes=processes, parts=parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealer:
    """A vendor at work in processes of its own; the shop is its parts and a buyer."""

    processes: tuple[Running, ...]
    shop: Shop


@pytest.fixture
async def dealer(ports: list[int], tmp_path: Path) -> AsyncIterator[Dealer]:
    folder = tmp_path / "dealer"
    url = f"http://localhost:{ports[0]}"
    settings: dict[str, Any] = {"name": "Riverside Chryota", "base_url": url, "port": ports[0]}
    settings |= {"trust_list_url": shop.TRUST_LIST, "trust_list_signer": TERMS_BODY.did}
    create_vendor(folder, settings=settings, alg="ES256", passphrase=PASSPHRASE)
    async with (
        running("verifier", folder, ports) as processes,
        open_vendor(folder, load_vendor(folder), clock=shop.Clock()) as parts,
        aiohttp.ClientSession() as http,
    ):
        terms, body = await shop.published_terms()
        await parts.lists.save_sources(await shop.sources(terms, body))
        await shop.give_papers(parts, terms)
        opened = Shop(
            url=url, folder=folder, clock=shop.Clock(), parts=parts, metrics=Metrics(()), terms=terms, http=http
        )
        yield Dealer(processes=processes, shop=opened)


async def count(database: Database, sql: str) -> int:
    """The one number that a query gives."""
    ((number,),) = [tuple(row.values()) for row in await database.fetch(sql)]
    assert isinstance(number, int)
    return number
