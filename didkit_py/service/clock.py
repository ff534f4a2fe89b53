"""The clock of a running program; everything else takes the time as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time of this machine, aware and in UTC."""
    return datetime.now(UTC)
