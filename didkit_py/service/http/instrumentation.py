"""Measuring a running service, and the port of its own on which an operator's monitoring reads the numbers.

They never stand at the public address: a service listens on loopback behind a web server that hands requests on, so
neither the sender's address nor the Host header tells a monitor from a stranger. A second port does, and there is none
unless the setting `metrics_port` names it. A wallet has no such port: its numbers would be what its person did.
"""

import time
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from didkit_py.service.http.error_responses import OUTCOME
from didkit_py.service.http.middleware import is_authority_of, method_of, route_of
from didkit_py.service.http.routing import Handler, facts_of
from didkit_py.service.http.sessions import SESSIONS as LIVING
from didkit_py.service.observability.metrics import COMMON, REQUEST_SECONDS, SESSIONS, Metric, Metrics
from didkit_py.service.observability.outcomes import OK

METRICS: Final = web.AppKey("metrics", Metrics)
METRICS_HOST: Final = "127.0.0.1"  # whoever watches from another machine needs a way in that an operator made
METRICS_PATH: Final = "/metrics"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def install_metrics(app: web.Application, rows: Iterable[Metric]) -> Metrics:
    """Measure `app` from now on; `rows` are those of its program beside the common ones."""
    metrics = app[METRICS] = Metrics((*COMMON, *rows))
    metrics.follow(SESSIONS, lambda: len(app[LIVING]))
    app.middlewares.insert(0, measure_request)
    return metrics


@web.middleware
async def measure_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: the time of each request, and its outcome where the route counts them."""
    began = time.perf_counter()
    answer = await handler(request)
    metrics, facts = request.app[METRICS], facts_of(request)
    labels = (method_of(request), route_of(request), str(answer.status))
    metrics.observe(REQUEST_SECONDS, time.perf_counter() - began, *labels)
    if facts is not None and facts.counted is not None:
        metrics.count(facts.counted, request.get(OUTCOME, OK))
    return answer


def metrics_app(metrics: Metrics, port: int) -> web.Application:
    """What answers on the port for monitoring: the metrics and nothing else."""
    origins = (f"http://{METRICS_HOST}:{port}", f"http://localhost:{port}")

    async def show(request: web.Request) -> web.Response:
        host = request.headers.get("Host", "")
        # A page in a browser of this machine may have renamed us.
        if not any(is_authority_of(each, host) for each in origins):
            raise web.HTTPMisdirectedRequest
        return web.Response(body=await metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get(METRICS_PATH, show)
    return app
