"""`make defects`: plants each defect of the registry into a copy of this tree, and sees the test that claims it fail.

With words, only the defects whose names hold one of them. Exits with 1 unless every unchanged test passes and every
defect is caught.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.defects.registry import DEFECTS, Defect
from tests.defects.reporting import REPORT

REPOSITORY: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 120  # for one defect; a defect that lets a test hang is not caught
ALL_SECONDS: Final = 600  # for all unchanged tests
PYTEST: Final = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.defects.reporting", "--no-header")


class Unfit(Exception):  # noqa: N818 - it is about the registry or the run, not about the code
    """Why nothing can be said about a defect."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A copy of the repository's files, in which tests run."""

    place: Path
    output: list[str] = field(default_factory=list)  # what pytest said last

    def run(self, tests: Sequence[str], *, seconds: float, keep_bytecode: bool = False) -> Mapping[str, str]:
        """What became of each test, by its id. Raises Unfit where the copy's code is not what ran."""
        report = self.place / "report.json"
        report.unlink(missing_ok=True)
        settings = {"PYTHONPATH": str(self.place), REPORT: str(report)}
        settings |= {} if keep_bytecode else {"PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                [sys.executable, *PYTEST, f"--rootdir={self.place}", *tests],
                cwd=self.place,
                env=os.environ | settings,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unfit(f"the test did not end within {seconds} seconds") from error
        self.output[:] = [done.stdout + done.stderr]
        if not report.exists():
            raise Unfit("pytest ran nothing")
        found = json.loads(report.read_text())
        for file in map(Path, found["code"]):
            if not file.is_relative_to(self.place):
                raise Unfit("another copy of the code was imported")
        outcomes: dict[str, str] = found["outcomes"]
        return outcomes

    @contextmanager
    def planted(self, defect: Defect) -> Iterator[None]:
        """The tree with this defect. Raises Unfit unless the text to replace stands there exactly once."""
        file = self.place / defect.file
        before, facts = file.read_text(), file.stat()
        if before.count(defect.text) != 1:
            raise Unfit(f"the text to replace stands {before.count(defect.text)} times in {defect.file}")
        file.write_text(before.replace(defect.text, defect.instead))
        later = facts.st_mtime_ns + 10_000_000_000  # compiled code goes by time and size, and neither may deceive
        os.utime(file, ns=(later, later))
        try:
            yield
        finally:
            file.write_text(before)
            os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def copied(place: Path) -> Tree:
    """The files that git knows or would add, as they are now."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source, target = REPOSITORY / name, place / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return Tree(place)


def ended(test: str, outcomes: Mapping[str, str]) -> set[str]:
    """How this test ended, with each of its parameters."""
    return {outcome for name, outcome in outcomes.items() if name == test or name.startswith(f"{test}[")}


def verdict(tree: Tree, defect: Defect, unchanged: Mapping[str, str]) -> str:
    """`caught`, or what is wrong."""
    if (before := ended(defect.test, unchanged)) != {"passed"}:
        return f"UNFIT: unchanged, the test {' and '.join(sorted(before)) or 'was not found'}"
    try:
        with tree.planted(defect):
            after = ended(defect.test, tree.run([defect.test], seconds=SECONDS))
    except Unfit as error:
        return f"UNFIT: {error}"
    if "failed" in after:
        return "caught"
    return f"NOT CAUGHT: the test {' and '.join(sorted(after)) or 'did not run'}"


def chosen(words: Sequence[str]) -> tuple[Defect, ...]:
    return tuple(one for one in DEFECTS if not words or any(word.lower() in one.name.lower() for word in words))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    """The table, and whether every defect was caught."""
    began, defects = time.monotonic(), chosen(words)
    tests = tuple(dict.fromkeys(one.test for one in defects))
    width = max((len(one.name) for one in defects), default=0)
    with tempfile.TemporaryDirectory(prefix="didkit-defects-") as place:
        tree = copied(Path(place).resolve())
        unchanged = tree.run(tests, seconds=ALL_SECONDS, keep_bytecode=True) if tests else {}
        passed = sum(ended(test, unchanged) == {"passed"} for test in tests)
        say(f"{passed} of {len(tests)} tests pass on the unchanged code.")
        if passed != len(tests):
            say(tree.output[0])
        caught = 0
        for defect in defects:
            found = verdict(tree, defect, unchanged)
            caught += found == "caught"
            say(f"{defect.name:{width}}  {found}" + ("" if found == "caught" else f"  {defect.test}"))
    say(f"{caught} of {len(defects)} defects caught, in {time.monotonic() - began:.0f} seconds.")
    return 0 if defects and caught == len(defects) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
