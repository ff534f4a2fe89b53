"""The examples in the documentation of packages say what really happens."""

import doctest
from importlib import import_module

import pytest

MODULES = ("didkit_py.verification", "didkit_py.consent", "didkit_py.roles.presenting", "didkit_py.roles.issuing")


@pytest.mark.parametrize("name", MODULES)
def test_an_example_gives_what_it_shows(name: str) -> None:
    failed, tried = doctest.testmod(import_module(name))
    assert tried
    assert not failed
