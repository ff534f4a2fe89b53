"""What the tests of the vendor's program share."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cast import TERMS_BODY
from tests.e2e.verifier.shop import PASSPHRASE, TRUST_LIST, Clock, Shop, open_shop
from tests.harness.ports import free_port
from verifier.cli import group


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `init` makes it; making keys takes a second, so tests get copies."""
    place = tmp_path_factory.mktemp("founded")
    passphrase = place / "passphrase"
    passphrase.write_text(PASSPHRASE + "\n")
    port = free_port()
    words = ["init", str(place / "vendor"), "--name", "Riverside Chryota", "--port", str(port)]
    words += ["--base-url", f"http://localhost:{port}", "--operator-passphrase-file", str(passphrase)]
    words += ["--trust-list-url", TRUST_LIST, "--trust-list-signer", TERMS_BODY.did]
    words += ["--loopback-origin", f"http://localhost:{port}"]
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0, result.output
    return place / "vendor"


@pytest.fixture
def folder(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "vendor"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def shop(folder: Path, clock: Clock) -> AsyncIterator[Shop]:
    async with open_shop(folder, clock) as opened:
        yield opened
