"""Reading the files that commands are given."""

import sys
from pathlib import Path
from typing import Final

from didkit_py.errors import Malformed, TooLarge

STDIN: Final = Path("-")


def read_file(file: Path, *, max_bytes: int) -> bytes:
    """The bytes of a file, or of the standard input for `-`. Raises TooLarge, or Malformed when it cannot be read."""
    if file == STDIN:
        octets = sys.stdin.buffer.read(max_bytes + 1)
    else:
        try:
            with file.open("rb") as opened:
                octets = opened.read(max_bytes + 1)
        except OSError as error:
            raise Malformed(f"{file}: cannot be read ({error.strerror})") from error
    if len(octets) > max_bytes:
        raise TooLarge(f"{file}: longer than {max_bytes} bytes")
    return octets
