"""`make defects`: plants each defect of the registry, and sees the test that claims it fail.

With words, only the defects whose names hold one of them. Exits with 1 unless every unchanged test passes and every
defect is noticed.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.defects.planting import CHOSEN
from tests.defects.registry import DEFECTS

REPOSITORY: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 120  # a defect that lets its test hang is not noticed
FAILED: Final = 1  # pytest's exit status when tests ran and some failed
PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist")


def outcome(tests: Sequence[str], *, defect: int | None = None) -> int:
    """The exit status of pytest for these tests, with a defect planted or without one."""
    plugin = () if defect is None else ("-p", "tests.defects.planting")
    chosen = {} if defect is None else {CHOSEN: str(defect)}
    command = [*PYTEST, *plugin, *tests]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | chosen, capture_output=True, timeout=SECONDS, check=False
    )
    return done.returncode


def main(words: Sequence[str]) -> int:
    """One line for each defect, and whether all were noticed."""
    places = [
        place for place, one in enumerate(DEFECTS) if not words or any(word.lower() in one.name for word in words)
    ]
    if not places or outcome(sorted({DEFECTS[place].test for place in places})) != 0:
        sys.stdout.write("nothing to plant, or a test does not pass on the unchanged code\n")
        return 1
    noticed = 0
    for place in places:
        found = outcome([DEFECTS[place].test], defect=place) == FAILED
        noticed += found
        sys.stdout.write(f"{'noticed' if found else 'NOT NOTICED':12}{DEFECTS[place].name}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{noticed} of {len(places)} defects noticed.\n")
    return 0 if noticed == len(places) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
