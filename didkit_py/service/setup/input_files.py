"""Reading the files that people make and commands are given."""

import sys
from pathlib import Path
from typing import Final

from didkit_py.errors import Malformed, TooLarge

STDIN: Final = Path("-")
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
SAVE_AS_UTF_8: Final = "Save the file as UTF-8 and try again."


def read_file(file: Path, *, max_bytes: int) -> bytes:
    """What a text file holds, or the standard input for `-`, without a byte order mark.

    Raises TooLarge, or Malformed when it cannot be read or is in UTF-16.
    """
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
    if not_utf_8(octets):
        raise Malformed(f"{file}: expected text in UTF-8", hint=SAVE_AS_UTF_8)
    return octets.removeprefix(BYTE_ORDER_MARK)


def not_utf_8(octets: bytes) -> bool:
    """Whether an editor has saved it as UTF-16 or UTF-32, by its mark or by the zeros beside each letter."""
    return octets.startswith(UTF_16_MARKS) or b"\0" in octets[:1000]
