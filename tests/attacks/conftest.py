"""The services that the attacks go against: each made once, its clock set back after every test."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner

from issuer.cli import group
from tests.cast import NOW as CAST_NOW
from tests.cast import TERMS_BODY
from tests.e2e.issuer.office import NOW, PASSPHRASE, Clock, Office, open_office
from tests.e2e.verifier.shop import TRUST_LIST, Shop, open_shop
from tests.e2e.verifier.shop import Clock as ShopClock
from tests.harness.ports import free_port
from verifier.cli import group as verifier_group

TYPES = "insurer-good-standing,affordability-range,authorized-dealer"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """One issuer for all cases of a file; each case makes an offer of its own."""
    place = tmp_path_factory.mktemp("office")
    passphrase = place / "passphrase"
    passphrase.write_text(PASSPHRASE)
    port = free_port()
    words = ["init", str(place / "issuer"), "--name", "Harbour Credit Union", "--types", TYPES]
    words += ["--base-url", f"http://localhost:{port}", "--port", str(port)]
    words += ["--operator-passphrase-file", str(passphrase)]
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0, result.output
    async with open_office(place / "issuer", Clock()) as opened:
        yield opened
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def office(shared_office: Office) -> Iterator[Office]:
    shared_office.clock.now = NOW
    yield shared_office
    shared_office.clock.now = NOW


@pytest.fixture
def database(office: Office) -> Path:
    return office.folder / "database.sqlite3"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """One vendor for all cases of a file; each case makes a request of its own."""
    place = tmp_path_factory.mktemp("shop")
    passphrase = place / "passphrase"
    passphrase.write_text(PASSPHRASE)
    port = free_port()
    words = ["init", str(place / "vendor"), "--name", "Riverside Chryota", "--port", str(port)]
    words += ["--base-url", f"http://localhost:{port}", "--operator-passphrase-file", str(passphrase)]
    words += ["--trust-list-url", TRUST_LIST, "--trust-list-signer", TERMS_BODY.did]
    result = CliRunner().invoke(verifier_group, words)
    assert result.exit_code == 0, result.output
    async with open_shop(place / "vendor", ShopClock()) as opened:
        yield opened
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def shop(shared_shop: Shop) -> Iterator[Shop]:
    shared_shop.clock.now = CAST_NOW
    yield shared_shop
    shared_shop.clock.now = CAST_NOW
