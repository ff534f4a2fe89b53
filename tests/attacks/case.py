"""A case: one bad input, made from a good one by one named change, and the answer that it must get."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import pytest

from didkit_py.errors import DidkitError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Generic[T]):
    """A function of the library that reads or judges what others send."""

    name: str
    good: Callable[[], Awaitable[T]]  # a fresh input that it accepts
    judge: Callable[[T], object]
    secrets: Callable[[T], Collection[str]]  # what no error may repeat


@dataclass(frozen=True, slots=True)
class Case(Generic[T]):
    """One row of the table; `name` is a sentence."""

    name: str
    at: Function[T]
    change: Callable[[T], T]
    error: type[DidkitError]
    spec: str
    reason: str = ""  # the finer code, where the error has one


Row: TypeAlias = (
    tuple[str, Callable[[T], T], type[DidkitError], str] | tuple[str, Callable[[T], T], type[DidkitError], str, str]
)


def cases(at: Function[T], *rows: Row[T]) -> tuple[Case[Any], ...]:
    """The rows of one function."""
    return tuple(Case(row[0], at, row[1], row[2], row[3], *row[4:]) for row in rows)


def to(value: T) -> Callable[[T], T]:
    """The change that puts another input in the good one's place."""
    return lambda _: value


def nothing(_: object) -> Collection[str]:
    """The secrets of an input that has none."""
    return ()


def all_of(*changes: Callable[[T], T]) -> Callable[[T], T]:
    """One change after the other."""

    def change(value: T) -> T:
        for each in changes:
            value = each(value)
        return value

    return change


class Named(Protocol):
    """A case of any kind."""

    @property
    def name(self) -> str: ...

    @property
    def at(self) -> "Place": ...


class Place(Protocol):
    """What a case goes to."""

    @property
    def name(self) -> str: ...


def rows(found: Iterable[Named]) -> list[Any]:
    """The cases as parameters of a test, each under a name of its own."""
    named = [(f"{case.at.name}: {case.name}", case) for case in found]
    assert len(dict(named)) == len(named), "two cases have the same name"
    return [pytest.param(case, id=name) for name, case in named]
