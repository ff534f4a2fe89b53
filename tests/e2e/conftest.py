"""The programs run on SQLite, or on PostgreSQL where DIDKIT_TEST_ENGINE says so: each test on a database of its own.

Whatever they answer is compared with their interface descriptions.
"""

import importlib
import os
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from didkit_py.service.http.pages import load_templates
from tests.harness.folders import cheap_sealing
from tests.logged import Log, caught
from tests.needs import need
from tests.openapi.conforming import Listener
from tests.wording import watched
from tools.driving.postgres import temporary_database

ENGINE = os.environ.get("DIDKIT_TEST_ENGINE", "sqlite")

listener = Listener()
heard: list[tuple[str, str]] = []  # what pages said in the pseudo-locale that no catalogue has


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if ENGINE not in {"sqlite", "postgres"}:
        pytest.fail(f"DIDKIT_TEST_ENGINE is {ENGINE}; known are sqlite, postgres", pytrace=False)
    if ENGINE == "sqlite":
        yield
        return
    need("postgres")
    with temporary_database() as url:
        monkeypatch.setenv("DIDKIT_DATABASE_URL", url)
        yield


@pytest.fixture
def sqlite_only() -> None:
    """For a test that looks into SQLite's files."""
    if ENGINE != "sqlite":
        pytest.skip("it looks into the files of SQLite")


@pytest.fixture
def cheap_passphrases() -> Iterator[None]:
    """Sealing at the lowest cost that opening accepts: what a passphrase costs is tested where it is made."""
    with cheap_sealing():
        yield


@pytest.fixture
def log() -> Iterator[Log]:
    with caught() as written:
        yield written


@pytest.fixture(scope="session", autouse=True)
def listening() -> Iterator[None]:
    """Hear every answer of every program that a test of this folder starts."""
    with pytest.MonkeyPatch.context() as patch:
        for service in ("issuer", "verifier", "wallet"):
            create: Any = importlib.import_module(f"{service}.app").create_base_app
            patch.setattr(f"{service}.app.create_base_app", partial(listened, create))
        patch.setattr("didkit_py.service.http.web.load_templates", watched(load_templates, heard))
        yield


def listened(create: Any, settings: Any, *, service: str, **given: Any) -> web.Application:
    return listener.listen(service, create(settings, service=service, **given))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """Fail a test in which a program answered otherwise than its interface description says, or a page has words of its
    own: each page is drawn in a made-up language too.
    """
    listener.faults.clear()
    heard.clear()
    result = yield
    assert listener.faults == []
    assert sorted(set(heard)) == [], "a page says what no catalogue has"
    return result
