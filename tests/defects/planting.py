"""A pytest plugin: the function that a defect names does what the defect says, in this process alone."""

import importlib
import inspect
import os
from functools import reduce
from types import FunctionType
from typing import Any, Final

from tests.defects.registry import DEFECTS, Defect

CHOSEN: Final = "DIDKIT_DEFECT"  # its place in the registry


def function_of(defect: Defect) -> FunctionType:
    """The function that a defect names. Raises ImportError, AttributeError or TypeError for one that is not there."""
    module, _, name = defect.function.partition(":")
    named: Any = reduce(getattr, name.split("."), importlib.import_module(module))
    found = inspect.unwrap(named)
    if not isinstance(found, FunctionType) or not isinstance(defect.instead, FunctionType):
        raise TypeError(f"{defect.function} is no plain function")
    if found.__code__.co_freevars or inspect.iscoroutinefunction(found):
        raise TypeError(f"{defect.function} is a closure or a coroutine")
    if tuple(inspect.signature(found).parameters) != tuple(inspect.signature(defect.instead).parameters):
        raise TypeError(f"{defect.function} takes other parameters")
    return found


def pytest_configure() -> None:
    """Plant the chosen defect. Replacing the code reaches those who imported the function by name, and every table."""
    chosen = os.environ.get(CHOSEN)
    if chosen is not None:
        defect = DEFECTS[int(chosen)]
        function_of(defect).__code__ = defect.instead.__code__
