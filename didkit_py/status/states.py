"""The states of a credential (Token Status List, 7.1), apart from the lists that carry them."""

from enum import IntEnum


class Status(IntEnum):
    """What an entry says (7.1); other values belong to applications."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2
