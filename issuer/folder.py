"""The folder that an issuer lives in: settings, sealed keys, the key that opens them, the operator's hash."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from didkit_py.errors import Malformed, NotFound, Rejected
from didkit_py.service.keyfile import create_keyfile, create_unlock, write_private
from didkit_py.service.settings import FILE_NAME, load
from issuer.passphrase import hash_passphrase
from issuer.settings import KEYS, IssuerSettings, write_toml

UNLOCK: Final = "unlock.key"
OPERATOR: Final = "operator.hash"
MIN_PASSPHRASE: Final = 8  # characters


class FolderInUse(Rejected):
    """The folder holds something already."""

    code = "folder-in-use"
    hint = "Choose a folder that does not exist yet; `init` never replaces keys."


def create_folder(
    folder: Path, *, settings: Mapping[str, str | int | tuple[str, ...]], alg: str, passphrase: str
) -> None:
    """Make the folder with fresh keys, whole or not at all. Raises FolderInUse, Malformed or BadSettings."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise Malformed(f"the operator's passphrase has fewer than {MIN_PASSPHRASE} characters")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderInUse(f"{folder} is in use")
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    try:
        write_private(draft / FILE_NAME, write_toml(settings).encode())
        load(IssuerSettings, draft, {})
        create_keyfile(draft / KEYS, unlock=create_unlock(draft / UNLOCK), alg=alg)
        write_private(draft / OPERATOR, hash_passphrase(passphrase) + b"\n")
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def load_settings(folder: Path) -> IssuerSettings:
    """The settings of the issuer in this folder. Raises NotFound or BadSettings."""
    if not (folder / FILE_NAME).exists():
        raise NotFound(f"{folder} holds no issuer", hint=f"Make one: didkit-py issuer init {folder} …")
    return load(IssuerSettings, folder, os.environ)
