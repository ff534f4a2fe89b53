"""Ports for programs that tests start."""

import os
import socket
from itertools import count
from typing import Final

# Below what systems hand out by themselves (Linux from 32768, others from 49152), so that no connection of anybody sits
# on a port between its choice and its use; each worker has a range of its own.
FIRST: Final = 20_000
RANGE: Final = 1_500
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_NEXT: Final = count(os.getpid() * 7)


def free_port() -> int:
    """A port on loopback that is free, and that no other test of this run is given."""
    for number in _NEXT:
        port = FIRST + _WORKER * RANGE + number % RANGE
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("counting never ends")
