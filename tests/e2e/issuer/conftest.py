"""What the tests of the issuer share."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import nacl.pwhash.argon2id
import pytest
from click.testing import CliRunner

from didkit_py.encoding import b64url, write_json
from didkit_py.keys.sealed import open_with_passphrase, seal
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.service.setup.keyfile import read_unlock
from issuer.cli import group
from tests.e2e.issuer.office import PASSPHRASE, Clock, Office, open_business, open_office
from tests.harness.ports import free_port

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
    open_quickly(place / "issuer")
    return place / "issuer"


def open_quickly(folder: Path) -> None:
    """Seal the same keys at the least cost: tests open them two hundred times, and nobody guesses at them."""
    unlock, sealed = read_unlock(folder / "unlock.key"), folder / "keys.sealed"
    plain = open_with_passphrase(sealed.read_bytes().strip(), unlock)
    salt, passes, memory_bytes = bytes(16), 1, 8_192
    header = {"format": "didkit-sealed-1", "salt": b64url(salt), "passes": passes, "memory_bytes": memory_bytes}
    key = nacl.pwhash.argon2id.kdf(32, unlock, salt, opslimit=passes, memlimit=memory_bytes)
    closed = seal(plain, key=key, nonce=bytes(24), context=write_json(header))
    sealed.write_bytes(write_json({**header, "sealed": b64url(closed)}))


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
