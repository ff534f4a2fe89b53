"""The states of what was issued, as operators name them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from didkit_py.status.states import Status

WORDS: Final[Mapping[str, Status]] = MappingProxyType(
    {"valid": Status.VALID, "revoked": Status.INVALID, "suspended": Status.SUSPENDED}
)


def word(status: Status) -> str:
    """The status as people are told it."""
    return next(name for name, each in WORDS.items() if each is status)
