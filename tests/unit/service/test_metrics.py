"""Metrics are shown on a port of their own and nowhere else, each application has its own, and labels say little."""

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer, unused_port

from didkit_py.errors import Unavailable
from didkit_py.service.http.instrumentation import METRICS, install_metrics, metrics_app
from didkit_py.service.http.web import create_base_app, serve
from didkit_py.service.observability.metrics import COMMON, REQUEST_SECONDS, Metric, Metrics
from didkit_py.service.setup.settings import ServiceSettings
from tests.shown_metrics import samples_of, value
from tests.unit.service.small_app import Client, small_app

THINGS = Metric(name="things_total", kind="counter", labels=("outcome",), help="Things.")


@pytest.fixture
async def monitor() -> AsyncIterator[Client]:
    metrics, port = Metrics((*COMMON, THINGS)), unused_port()
    async with Client(TestServer(metrics_app(metrics, port), host="127.0.0.1", port=port)) as client:
        yield client


async def test_the_port_for_monitoring_shows_the_metrics_and_nothing_else(monitor: Client) -> None:
    answer = await monitor.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# TYPE things_total counter" in await answer.text()
    assert "_created" not in await answer.text()
    assert (await monitor.get("/")).status == 404
    assert (await monitor.post("/metrics")).status == 405


async def test_a_page_that_calls_this_machine_by_its_own_name_reads_no_metrics(monitor: Client) -> None:
    answer = await monitor.get("/metrics", headers={"Host": "evil.example"})
    assert answer.status == 421
    assert "things" not in await answer.text()


async def test_the_public_address_shows_no_metrics() -> None:
    port = unused_port()
    settings = ServiceSettings(base_url=f"http://127.0.0.1:{port}", name="A", port=port)
    app = small_app(settings)
    install_metrics(app, ())
    async with Client(TestServer(app, host="127.0.0.1", port=port)) as client:
        assert (await client.get("/metrics")).status == 404
        assert (await client.request("PROPFIND", "/wire/json")).status == 405
        assert (await client.get("/page/fail/unexpected")).status == 500
    seen = await samples_of(app[METRICS])
    name = f"{REQUEST_SECONDS.name}_count"
    assert value(seen, name, method="GET", route="none", status="404") == 1
    assert value(seen, name, method="other", route="none", status="405") == 1
    assert value(seen, name, method="GET", route="/page/fail/{kind}", status="500") == 1
    assert value(seen, "didkit_sessions") == 0


async def test_two_applications_in_one_process_count_apart() -> None:
    first, second = Metrics((THINGS,)), Metrics((THINGS,))
    first.count(THINGS, "ok")
    assert value(await samples_of(first), "things_total", outcome="ok") == 1
    assert value(await samples_of(second), "things_total", outcome="ok") is None


async def test_a_service_opens_the_port_for_monitoring_that_its_settings_name() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        own = unused_port()
        settings = ServiceSettings(base_url=f"http://localhost:{own}", name="A", port=own)
        app = create_base_app(settings, service="issuer")
        install_metrics(app, ())
        with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1, port {port}"):
            await serve(app, settings, metrics_port=port)
