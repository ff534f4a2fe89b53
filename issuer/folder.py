"""The folder that an issuer lives in."""

from pathlib import Path

from didkit_py.service.setup import folders
from issuer.settings import IssuerSettings


def create_folder(folder: Path, *, settings: folders.Given, alg: str, passphrase: str) -> None:
    """Make the folder with fresh keys, whole or not at all. Raises FolderInUse, Malformed or BadSettings."""
    folders.create_folder(folder, IssuerSettings, settings=settings, alg=alg, passphrase=passphrase)


def load_settings(folder: Path) -> IssuerSettings:
    """The settings of the issuer in this folder. Raises NotFound or BadSettings."""
    return folders.load_folder(folder, IssuerSettings)
