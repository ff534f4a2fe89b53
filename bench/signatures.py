"""Each step of a credential's life as a multiple of the raw signatures that it needs, beside two peers."""

from bench import credentials, public
from bench.measuring import measure, table


def main() -> None:
    """Measure and print one table for each algorithm."""
    for alg in ("EdDSA", "ES256"):
        cases = [*credentials.cases(alg), public.case(alg)]
        print(table(cases, measure(cases)) + "\n", flush=True)
    print("x raw: multiples of the raw signatures of the same run; compare these, not the times.")
