"""The version of the person's rules, sealed outside of the database: a row that was removed or put back shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from didkit_py.errors import CannotOpen, Malformed, StorageUnavailable
from didkit_py.reading import Reader
from didkit_py.service.setup.atomic_files import replace_private
from didkit_py.service.storage.sealing import Box
from wallet.storage.ledger import BrokenLedger

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

    def write(self, version: int) -> None:
        """Replace it at once and durably. Raises StorageUnavailable."""
        try:
            replace_private(self.path, self.box.seal({"version": version}, place=_PLACE))
        except OSError as error:
            raise StorageUnavailable(f"the seal of the wallet's rules cannot be written ({error.strerror})") from error
