"""What the tests of the issuer share."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from didkit_py.keys.signer import SoftwareSigner
from issuer.cli import group
from tests.e2e.issuer.office import PASSPHRASE, Clock, Office, free_port, open_business, open_office

TYPES = "affordability-range,insurer-good-standing,authorized-dealer,terms-signatory"


@pytest.fixture(scope="session")
def business_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory, business_port: int) -> Path:
    """A folder as `init` makes it; making keys takes a second, so tests get copies."""
    place = tmp_path_factory.mktemp("founded")
    passphrase = place / "passphrase"
    passphrase.write_text(PASSPHRASE + "\n")
    port = free_port()
    words = ["init", str(place / "issuer"), "--name", "Harbour Credit Union", "--types", TYPES]
    words += ["--base-url", f"http://localhost:{port}", "--port", str(port)]
    words += ["--operator-passphrase-file", str(passphrase), "--loopback-origin", f"http://localhost:{business_port}"]
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0, result.output
    return place / "issuer"


@pytest.fixture
def folder(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "issuer"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def office(folder: Path, clock: Clock) -> AsyncIterator[Office]:
    async with open_office(folder, clock) as opened:
        yield opened


@pytest.fixture
async def business(business_port: int) -> AsyncIterator[SoftwareSigner]:
    async with open_business(business_port) as signer:
        yield signer
