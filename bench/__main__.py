"""`python -m bench` prints one table for each algorithm; about a minute."""

import sys

from bench import credentials, public
from bench.measuring import measure, table


def main() -> None:
    """Measure and print."""
    for alg in ("EdDSA", "ES256"):
        sys.stdout.write(f"measuring {alg}…\n")
        sys.stdout.flush()
        cases = [*credentials.cases(alg), public.case(alg)]
        sys.stdout.write(table(cases, measure(cases)) + "\n\n")
    sys.stdout.write("x raw: multiples of the raw signatures of the same run; compare these, not the times.\n")


main()
