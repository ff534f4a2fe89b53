"""The folder that a wallet lives in: settings, the sealed key, the heads of an empty ledger and of no rules."""

from pathlib import Path

from didkit_py.service.setup.folders import KEYS, Given, load_folder, make_folder
from wallet.settings import HEAD, RULES_HEAD, WalletSettings
from wallet.storage.ledger import HeadFile
from wallet.storage.rules_seal import RulesSeal
from wallet.storage.vault import create_key, require_passphrase


def create_folder(folder: Path, *, settings: Given, passphrase: str) -> None:
    """Make the folder of a new wallet, whole or not at all. Raises FolderInUse, Malformed or BadSettings."""
    require_passphrase(passphrase)

    def fill(draft: Path) -> None:
        box = create_key(draft / KEYS, passphrase)
        HeadFile(path=draft / HEAD, box=box).create()
        RulesSeal(path=draft / RULES_HEAD, box=box).create()

    make_folder(folder, WalletSettings, settings=settings, fill=fill)


def load_settings(folder: Path) -> WalletSettings:
    """The settings of the wallet in this folder. Raises NotFound or BadSettings."""
    return load_folder(folder, WalletSettings)
