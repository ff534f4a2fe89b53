"""`make mutation`: changes the judging code in 400 places, one at a time, and counts which changes the tests notice.

The changes are made by mutmut in a copy of the tree; which of them are taken is drawn with a fixed seed. Each is run
against those unit tests that call the changed function. What no test notices stands in specs/mutation.md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
RESULT: Final = REPOSITORY / "specs" / "mutation.md"
COUNT: Final = 400
SEED: Final = 20261201
WANTED: Final = 0.95  # the share that must be noticed
WANTED_OF_SAMPLE: Final = 0.8  # of a smaller number, in which two more or less are chance
SURVIVED: Final = 0  # mutmut's exit code where all tests passed
UNTESTED: Final = 33  # where no test calls the function
JUDGING: Final = (
    "didkit_py/verification/*.py",
    "didkit_py/terms/*.py",
    "didkit_py/consent/*.py",
    "didkit_py/records/*.py",
    "didkit_py/status/*.py",
    "didkit_py/dids/*.py",
    "didkit_py/formats/*.py",
    "didkit_py/oid4vp/*.py",
    "didkit_py/oid4vci/*.py",
    "didkit_py/service/http/middleware.py",
    "didkit_py/service/http/sessions.py",
    "didkit_py/service/http/login.py",
    "didkit_py/service/fetching/fetch.py",
)
TESTS: Final = (
    *(
        f"tests/unit/{folder}"
        for folder in ("dids", "formats", "keys", "oid4vci", "oid4vp", "roles", "status", "terms")
    ),
    *(f"tests/unit/test_{name}.py" for name in ("receipt_and_verification", "trust", "verification")),
    *(f"tests/unit/service/test_{name}.py" for name in ("fetch", "sessions", "web")),
    "tests/conformance",
)
CALLING: Final = ("tests/unit/roles", "tests/conformance")  # they call every package
FOLDERS: Final = ("didkit_py", "issuer", "verifier", "wallet", "specs", "tools", "examples", "demo", "bench")


def copied(place: Path, package: str) -> None:
    """The files that git knows or would add, and mutmut's settings; a package alone where one is named."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source, target = REPOSITORY / name, place / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    settings = {
        "source_paths": ["didkit_py"],
        "only_mutate": [one for one in JUDGING if one.startswith(f"didkit_py/{package}")],
        "also_copy": [name for name in FOLDERS if (place / name).exists() and name != "didkit_py"],
        "pytest_add_cli_args_test_selection": [one for one in TESTS if package in one or one in CALLING],
        "pytest_add_cli_args": ["-p", "no:xdist", "-p", "no:cacheprovider"],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with (place / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(["", "[tool.mutmut]", *lines, ""]))


def outcomes(place: Path, names: Sequence[str]) -> Mapping[str, int]:
    """What became of each mutant: mutmut's exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", "run", *names], cwd=place, capture_output=True, text=True, check=False
    )
    found: dict[str, int] = {}
    for file in (place / "mutants").rglob("*.meta"):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        found |= {name: code for name, code in codes.items() if name in names and code is not None}
    if len(found) != len(names):
        sys.stderr.write(done.stdout[-4_000:] + done.stderr[-4_000:])
        raise SystemExit(f"{len(names) - len(found)} of {len(names)} mutants were not run")
    return found


def report(codes: Mapping[str, int], changes: Mapping[str, str], *, seed: int) -> str:
    """The result as a page."""
    unnoticed = sorted(name for name, code in codes.items() if code in {SURVIVED, UNTESTED})
    noticed = len(codes) - len(unnoticed)
    per_package = Counter(name.split(".")[1] for name in codes)
    lost = Counter(name.split(".")[1] for name in unnoticed)
    lines = [
        "# Mutation run",
        "",
        f"`make mutation` changed the judging code in {len(codes)} places (seed {seed}), one at a time; changes of",
        f"texts alone are left out. **{noticed} of {len(codes)} were noticed ({noticed / len(codes):.1%}).**",
        "",
        "| package | mutants | noticed |",
        "| --- | --- | --- |",
        *(f"| {name} | {per_package[name]} | {per_package[name] - lost[name]} |" for name in sorted(per_package)),
        "",
        "## Not noticed",
    ]
    for name in unnoticed:
        body = [line for line in changes[name].splitlines()[2:] if line[:1] in {"-", "+"}]
        why = "no test of this run calls it" if codes[name] == UNTESTED else "the tests that call it pass"
        lines += ["", f"`{name}` ({why})", "", "```diff", *body, "```"]
    return "\n".join([*lines, ""])


def main(words: Sequence[str]) -> int:
    """Run, and write the result beside the specifications where the whole number was run."""
    parser = argparse.ArgumentParser(prog="make mutation")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--package", default="", help="of didkit_py, such as terms: a sample takes less time in one")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="didkit-mutation-") as folder:
        place = Path(folder).resolve()
        copied(place, given.package)
        settings = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        listing = [sys.executable, "-m", "tests.mutation.listing", str(given.count), str(given.seed)]
        made = subprocess.run(listing, cwd=place, env=settings, capture_output=True, text=True, check=True)
        listed = json.loads(made.stdout[made.stdout.index("{") :])
        changes: dict[str, str] = listed["drawn"]
        sys.stdout.write(f"{listed['all']:,} mutants, of which {len(changes)} are run\n")
        sys.stdout.flush()
        codes = outcomes(place, sorted(changes))
    page = report(codes, changes, seed=given.seed)
    if given.count >= COUNT:
        RESULT.write_text(page, encoding="utf-8")
    sys.stdout.write(page)
    noticed = sum(code not in {SURVIVED, UNTESTED} for code in codes.values()) / len(codes)
    return 0 if noticed >= (WANTED if given.count >= COUNT else WANTED_OF_SAMPLE) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
