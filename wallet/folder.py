"""The folder that a wallet lives in: settings, the sealed key, the head of an empty ledger."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from didkit_py.errors import NotFound, Rejected
from didkit_py.service.settings import FILE_NAME, load
from wallet.ledger import HeadFile
from wallet.settings import HEAD, KEYS, WalletSettings
from wallet.vault import create_key, require_passphrase


class FolderInUse(Rejected):
    """The folder exists."""

    code = "folder-in-use"
    hint = "Choose a folder that does not exist yet; `init` never replaces a wallet."


def create_folder(folder: Path, *, settings: Mapping[str, str | int | tuple[str, ...]], passphrase: str) -> None:
    """Make the folder of a new wallet, whole or not at all. Raises FolderInUse, Malformed or BadSettings."""
    require_passphrase(passphrase)
    if folder.exists():
        raise FolderInUse(f"{folder} exists already")
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    try:
        (draft / FILE_NAME).write_text(_toml(settings), encoding="utf-8")
        load(WalletSettings, draft, {})
        HeadFile(path=draft / HEAD, box=create_key(draft / KEYS, passphrase)).create()
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _toml(values: Mapping[str, str | int | tuple[str, ...]]) -> str:
    """Settings as a TOML text; a JSON string is a TOML basic string."""
    lines = (
        f"{name} = {json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}"
        for name, value in values.items()
    )
    return "# Every setting is described in specs/settings.md. Change and start again.\n" + "\n".join(lines) + "\n"


def load_settings(folder: Path) -> WalletSettings:
    """The settings of the wallet in this folder. Raises NotFound or BadSettings."""
    if not (folder / FILE_NAME).exists():
        raise NotFound(f"{folder} holds no wallet", hint=f"Make one: didkit-py wallet init {folder} …")
    return load(WalletSettings, folder, os.environ)
