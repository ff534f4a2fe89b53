"""`make mutants`: changed texts of every kind, each shown to the function that judges its kind.

Exits with 1 if one was accepted that says something else, if a genuine one was refused, or if a judgement crashed or
did not end.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from tests.mutants.kinds import Kind, kinds
from tests.mutants.running import MAY_PASS, Found, Tally, run

COUNT = 50_000
SEED = 1


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="how many mutants (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="the same seed gives the same mutants (%(default)s)")
    parser.add_argument("--kind", action="append", default=[], help="only this kind; may be said again")
    parser.add_argument("--replay", metavar="KIND/NUMBER", help="one mutant, as it was printed")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    return parser.parse_args(words)


def chosen(names: Sequence[str]) -> tuple[Kind, ...]:
    """The kinds of these names, all without names."""
    known = {kind.name: kind for kind in kinds()}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"unknown kind {unknown[0]!r}; known are: {', '.join(known)}")
    return tuple(known[name] for name in names) or kinds()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def row(tally: Tally) -> str:
    return f"{tally.kind:22} {tally.made:8,} {tally.refused:10,} {tally.may_pass:10,} {len(tally.found):8,}"


def replay_line(found: Found, seed: int) -> str:
    again = f"python -m tests.mutants --seed {seed} --replay {found.name!r}"
    return f"  {found.verdict}: {found.edit} {found.said}\n    {again}"


def main(words: Sequence[str]) -> int:
    """Run, print, and say whether everything held."""
    given = arguments(words)
    name, _, number = (given.replay or "").rpartition("/")
    names = [name] if given.replay else given.kind
    began = time.monotonic()
    if not given.json:
        say(f"{'kind':22} {'mutants':>8} {'refused':>10} {MAY_PASS:>10} {'failed':>8}")
    tallies = run(
        chosen(names),
        count=given.count,
        seed=given.seed,
        only=int(number) if number else None,
        progress=lambda tally: None if given.json else say(row(tally)),
    )
    seconds = time.monotonic() - began
    found = [one for tally in tallies for one in tally.found]
    made, refused, may_pass = (
        sum(getattr(tally, name) for tally in tallies) for name in ("made", "refused", "may_pass")
    )
    if given.json:
        say(json.dumps({"seed": given.seed, "seconds": round(seconds, 1), "kinds": [asdict(one) for one in tallies]}))
    else:
        say(f"{made:,} mutants: {refused:,} refused, {may_pass:,} say the same, {len(found):,} failed; {seconds:.0f} s")
        for one in found:
            say(replay_line(one, given.seed))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
