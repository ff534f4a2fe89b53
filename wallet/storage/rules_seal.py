"""The version of the person's rules, sealed outside of the database: a row that was removed or put back shows."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from didkit_py.errors import CannotOpen, Malformed, StorageUnavailable
from didkit_py.reading import Reader
from didkit_py.service.setup.atomic_files import replace_private
from didkit_py.service.storage.sealing import Box
from wallet.storage.rows import BrokenLedger

_PLACE: Final = "rules-head"


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesSeal:
    """The least version that the stored rules may have; 0 before the first change.

    The row is committed first and this file is replaced second, so after a crash between the two it is behind the row,
    never ahead of it.
    """

    path: Path
    box: Box

    def read(self) -> int:
        """The version. Raises BrokenLedger when it is gone or does not open, StorageUnavailable."""
        try:
            read = Reader(self.box.open(self.path.read_bytes(), place=_PLACE), at="rules-head")
            return read.integer("version", minimum=0)
        except (FileNotFoundError, CannotOpen, Malformed) as error:
            raise BrokenLedger("the seal of the wallet's rules is missing or damaged") from error
        except OSError as error:
            raise StorageUnavailable(f"the seal of the wallet's rules cannot be read ({error.strerror})") from error

    def create(self) -> None:
        """The seal of a new wallet's rules. Raises StorageUnavailable."""
        self._write(0)

    def raise_to(self, version: int) -> None:
        """Replace it durably, unless it is there already or further: several processes may change the rules.

        Raises BrokenLedger, StorageUnavailable.
        """
        with _turn(self.path.parent):
            if self.read() < version:
                self._write(version)

    def _write(self, version: int) -> None:
        try:
            replace_private(self.path, self.box.seal({"version": version}, place=_PLACE))
        except OSError as error:
            raise StorageUnavailable(f"the seal of the wallet's rules cannot be written ({error.strerror})") from error


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One process after the other; the lock of the folder itself says who serves from it. Raises StorageUnavailable."""
    try:
        file = (folder / "rules.lock").open("ab")
    except OSError as error:
        raise StorageUnavailable(f"the wallet's rules cannot be locked ({error.strerror})") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
