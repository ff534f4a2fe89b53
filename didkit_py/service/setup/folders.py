"""The folder that a service lives in: settings, sealed keys, the key that opens them, the operator's hash."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from didkit_py.errors import NotFound, Rejected
from didkit_py.service.setup.atomic_files import sync_folder, write_private
from didkit_py.service.setup.keyfile import create_keyfile, create_unlock
from didkit_py.service.setup.operator import hash_passphrase
from didkit_py.service.setup.settings import FILE_NAME, ServiceSettings, load

S = TypeVar("S", bound=ServiceSettings)
Given = Mapping[str, str | int | tuple[str, ...]]

KEYS: Final = "keys.sealed"
UNLOCK: Final = "unlock.key"
OPERATOR_HASH: Final = "operator.hash"
DATABASE: Final = "database.sqlite3"
KEY_FRAGMENT: Final = "key-1"  # of the one key in a service's key document


class FolderInUse(Rejected):
    """The folder holds something already, or is served by another process."""

    code = "folder-in-use"
    hint = "Choose a folder that does not exist yet; `init` never replaces keys."


def make_folder(folder: Path, wanted: type[ServiceSettings], *, settings: Given, fill: Callable[[Path], None]) -> None:
    """Make a folder with settings and what `fill` puts in, whole or not at all. Raises FolderInUse or BadSettings."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderInUse(f"{folder} is in use")
    outer = [parent for parent in folder.parents if not parent.exists()]
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    try:
        write_private(draft / FILE_NAME, _toml(settings).encode())
        load(wanted, draft, {})
        fill(draft)
        draft.replace(folder)
        for made in (folder, *outer):
            sync_folder(made.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def create_folder(
    folder: Path,
    wanted: type[ServiceSettings],
    *,
    settings: Given,
    alg: str,
    passphrase: str,
    also: Callable[[Path], None] = lambda _: None,
) -> None:
    """Make the folder of a service that an operator runs, with fresh keys; `also` puts in what it needs besides.

    Raises FolderInUse, Malformed or BadSettings.
    """
    hashed = hash_passphrase(passphrase)

    def fill(draft: Path) -> None:
        create_keyfile(draft / KEYS, unlock=create_unlock(draft / UNLOCK), alg=alg)
        write_private(draft / OPERATOR_HASH, hashed + b"\n")
        also(draft)

    make_folder(folder, wanted, settings=settings, fill=fill)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process that serves from this folder, until it ends in whatever way. Raises FolderInUse."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(f"{folder} is served by another process", hint="Stop that process first.") from error
        yield
    finally:
        os.close(handle)


def load_folder(folder: Path, wanted: type[S]) -> S:
    """The settings of the service in this folder. Raises NotFound or BadSettings."""
    if not (folder / FILE_NAME).exists():
        raise NotFound(f"{folder} holds no service", hint="Make one with the command init.")
    return load(wanted, folder, os.environ)


def _toml(values: Given) -> str:
    """A JSON string is a TOML basic string, and a JSON array of them a TOML array."""
    lines = (
        f"{name} = {json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}"
        for name, value in values.items()
    )
    return "# Every setting is described in specs/settings.md. Change and start again.\n" + "\n".join(lines) + "\n"
