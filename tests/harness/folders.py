"""Folders of programs, copied from one that is made once: making keys and sealing them takes most of a test's time.

The copies have the keys of the original, and settings of their own. The original is sealed at the lowest cost that
opening accepts; what a passphrase costs is tested where it is made.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from didkit_py.service.setup.folders import Given, make_folder
from didkit_py.service.setup.settings import FILE_NAME
from issuer.folder import create_folder as create_issuer
from issuer.settings import IssuerSettings
from verifier.folder import create_vendor
from verifier.settings import VerifierSettings
from wallet.folder import create_folder as create_wallet
from wallet.settings import WalletSettings

Program = Literal["issuer", "verifier", "wallet"]
_SETTINGS = {"issuer": IssuerSettings, "verifier": VerifierSettings, "wallet": WalletSettings}


def copy_folder(folder: Path, program: Program, *, settings: Given, passphrase: str, alg: str = "ES256") -> None:
    """The folder of a program, as its `init` makes it, with these settings."""
    original = _original(program, passphrase, alg)

    def fill(draft: Path) -> None:
        for each in original.iterdir():
            if each.name != FILE_NAME:
                (shutil.copytree if each.is_dir() else shutil.copy2)(each, draft / each.name)

    make_folder(folder, _SETTINGS[program], settings=settings, fill=fill)


@cache
def _original(program: Program, passphrase: str, alg: str) -> Path:
    place = Path(tempfile.mkdtemp(prefix="didkit-original-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    given: Given = {"name": "An original", "base_url": "http://localhost:8100", "port": 8100}
    with cheap_sealing():
        if program == "issuer":
            create_issuer(place / program, settings={**given, "types": ("contact",)}, alg=alg, passphrase=passphrase)
        elif program == "verifier":
            create_vendor(place / program, settings=given, alg=alg, passphrase=passphrase)
        else:
            create_wallet(place / program, settings=given, passphrase=passphrase)
    return place / program


@contextmanager
def cheap_sealing() -> Iterator[None]:
    """Sealing at the lowest cost that opening accepts, as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patched:
        for module in ("didkit_py.keys.sealed", "didkit_py.service.setup.operator"):
            patched.setattr(f"{module}.MEMORY_BYTES", 8_192)
            patched.setattr(f"{module}.PASSES", 1)
        yield
