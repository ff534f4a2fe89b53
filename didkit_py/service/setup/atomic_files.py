"""Files that survive a power cut: there as a whole, under their names, once the call returns."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o600


def write_private(path: Path, content: bytes) -> None:
    """A new file with all of `content` or no file at all, for its owner alone. Raises FileExistsError or OSError."""
    with _draft(path, content) as draft:
        os.link(draft, path)  # unlike a rename, a link never replaces what is there
    sync_folder(path.parent)


def replace_private(path: Path, content: bytes) -> None:
    """`content` in place of what the file held: the old or the new stands there, never half of one. Raises OSError."""
    with _draft(path, content) as draft:
        draft.replace(path)
    sync_folder(path.parent)


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """The content, synced, under another name beside `path`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
