"""How long a login lasts, apart from the web server that keeps it."""

from typing import Final

IDLE_SECONDS: Final = 30 * 60.0
ABSOLUTE_SECONDS: Final = 12 * 3600.0
