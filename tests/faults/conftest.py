"""One town for all kills on one engine: what dies is started again, so each test finds everybody at work."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.faults.founding import founded
from tests.faults.town import Town
from tests.needs import need
from tools.driving.postgres import temporary_database


@pytest.fixture(scope="package", params=["sqlite", "postgres"])
def shared_town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    if request.param == "postgres":
        need("postgres")
    with (
        temporary_database() if request.param == "postgres" else nullcontext() as url,
        founded(tmp_path_factory.mktemp(request.param), url) as town,
    ):
        yield town


@pytest.fixture
def town(shared_town: Town) -> Iterator[Town]:
    yield shared_town
    shared_town.recover()
