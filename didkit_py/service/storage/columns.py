"""Typed values out of rows, and placeholders for SQL."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from didkit_py.encoding import from_timestamp
from didkit_py.service.storage.database import Row

T = TypeVar("T")


def text(row: Row, name: str) -> str:
    """A text that must be there."""
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"the column {name} holds no text")
    return value


def number(row: Row, name: str) -> int:
    """A whole number that must be there."""
    value = row[name]
    if not isinstance(value, int):
        raise TypeError(f"the column {name} holds no number")
    return value


def octets(row: Row, name: str) -> bytes:
    """Bytes that must be there."""
    value = row[name]
    if not isinstance(value, bytes):
        raise TypeError(f"the column {name} holds no bytes")
    return value


def moment(row: Row, name: str) -> datetime | None:
    """The moment in a column of whole seconds, or None when the column is empty."""
    return None if row[name] is None else from_timestamp(number(row, name))


def placeholders(values: Sequence[object]) -> str:
    """`?, ?, ?` for these values."""
    return ", ".join("?" * len(values))


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in order, at most `size` at a time: a statement takes a bounded number of arguments."""
    return (items[start : start + size] for start in range(0, len(items), size))
