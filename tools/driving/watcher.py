"""Ends processes when whoever started them is gone, in whatever way: its standard input is then at its end.

A line `+PID` adds a process and `-PID` takes one away. A pipe does on every system what Linux has a signal for.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from typing import Final

END_SECONDS: Final = 10


def main() -> None:
    """Watch until the end of the input."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # those are for who started us
    running: set[int] = set()
    for line in sys.stdin:
        (running.add if line[0] == "+" else running.discard)(int(line[1:]))
    deadline = time.monotonic() + END_SECONDS
    _tell(running, signal.SIGTERM)
    while running and time.monotonic() < deadline:
        time.sleep(0.05)
        _tell(running, 0)
    _tell(running, signal.SIGKILL)


def _tell(running: set[int], number: int) -> None:
    for process in tuple(running):
        try:
            os.kill(process, number)
        except ProcessLookupError:
            running.discard(process)
        except PermissionError:  # the number is another's by now
            running.discard(process)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
