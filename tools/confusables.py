"""Make `didkit_py/unicode/confusables.txt` from the npm package unhomoglyph 1.0.6 (MIT), as specs/decisions/0006 says.

    npm pack unhomoglyph@1.0.6
    python tools/confusables.py unhomoglyph-1.0.6.tgz

The package is Unicode's own table (UTS 39, confusables.txt of version 13.0.0) as JSON. One line is written for each
entry, in order: the code point, and those that stand for it. Signs are written as numbers, for many cannot be seen.
"""

import hashlib
import json
import sys
import tarfile
from pathlib import Path

PACKAGE_SHA256 = "54ce464871ddbd2a8edc652f9f8f682ccc2296a8d99410f7ff9a4235cb5c19a4"
TARGET = Path(__file__).parent.parent / "didkit_py" / "unicode"


def lines(table: dict[str, str]) -> list[str]:
    """`2019 0027` for each entry, in the order of the code points."""
    return [" ".join(f"{ord(each):04X}" for each in (sign, *alike)) for sign, alike in sorted(table.items())]


def main(package: Path) -> None:
    """Write the table and its licence beside the code that reads them."""
    octets = package.read_bytes()
    if hashlib.sha256(octets).hexdigest() != PACKAGE_SHA256:
        sys.exit(f"{package} is not the package that was reviewed")
    with tarfile.open(package) as archive:
        read = {name: archive.extractfile(f"package/{name}") for name in ("data.json", "LICENSE")}
        table, licence = (file.read().decode() for file in read.values() if file is not None)
    (TARGET / "confusables.txt").write_text("\n".join(lines(json.loads(table))) + "\n")
    (TARGET / "confusables.LICENSE").write_text(licence)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
