"""`python -m bench` measures everything, in about ten minutes; with words, only those parts."""

import sys

from bench import endpoints, history, rows, signatures, starting, storage

PARTS = {
    "signatures": signatures.main,
    "storage": storage.main,
    "endpoints": endpoints.main,
    "rows": rows.main,
    "history": history.main,
    "starting": starting.main,
}


def main(wanted: list[str]) -> int:
    """Measure the wanted parts; the exit status says whether there are such parts."""
    if unknown := set(wanted) - PARTS.keys():
        sys.stderr.write(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}\n")
        return 2
    for name in wanted or PARTS:
        print(f"\n{name}: measuring…", flush=True)
        PARTS[name]()
    return 0


sys.exit(main(sys.argv[1:]))
