"""Outcomes as metrics and logs name them, apart from the library that counts."""

from typing import Final

OK: Final = "ok"  # the outcome of what was not refused
UNEXPECTED: Final = "unexpected"  # the outcome of what failed by a fault of ours
