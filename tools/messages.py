"""Compile the catalogues of messages: `didkit.po`, which people edit, to `didkit.mo`, which programs read.

`python -m tools.messages` writes them anew, `python -m tools.messages --check` ends with status 1 when one is stale.
"""

import io
import sys
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES: Final = Path(__file__).resolve().parent.parent / "didkit_py" / "locale"


def compiled(source: Path) -> bytes:
    """The catalogue in the form that programs read."""
    with source.open("rb") as file:
        catalogue = read_po(file, locale=source.parent.parent.name)
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def stale() -> list[Path]:
    """The catalogues whose compiled form is not theirs."""
    sources = sorted(LOCALES.glob("*/LC_MESSAGES/*.po"))
    return [
        one for one in sources if not (made := one.with_suffix(".mo")).is_file() or made.read_bytes() != compiled(one)
    ]


def main() -> int:
    """Write or check, as the arguments say."""
    found = stale()
    for source in found:
        if "--check" in sys.argv[1:]:
            print(f"{source.name} of {source.parent.parent.name} is not compiled: run make docs", file=sys.stderr)
        else:
            source.with_suffix(".mo").write_bytes(compiled(source))
    return 1 if found and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    raise SystemExit(main())
