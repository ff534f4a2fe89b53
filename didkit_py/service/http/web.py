"""The web side that all programs share: one base application, health, and running until told to stop.

What a program needs from the modules around it is named here once: `from didkit_py.service.http.web import …`.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from didkit_py.encoding import write_json
from didkit_py.errors import DidkitError, Unavailable
from didkit_py.localization import catalogues
from didkit_py.service.http.connections import BACKLOG, Limits, Runner
from didkit_py.service.http.error_responses import HEADERS, answer_errors
from didkit_py.service.http.instrumentation import METRICS, METRICS_HOST, install_metrics, metrics_app
from didkit_py.service.http.login import install_operator_sign_in, install_sign_in
from didkit_py.service.http.media_types import JSON, text_of
from didkit_py.service.http.messages import HEALTH, READINESS, HealthReport, ReadinessReport
from didkit_py.service.http.middleware import (
    add_headers,
    answer_preflight,
    check_host,
    guard_pages,
    name_request,
    security_headers,
)
from didkit_py.service.http.pages import (
    NAVIGATION,
    STATIC,
    TEMPLATES,
    Navigation,
    load_static,
    load_templates,
    notify,
    qr_svg,
    render,
    send_static,
)
from didkit_py.service.http.request_body import Upload, read_choices, read_form, read_json_body, read_upload
from didkit_py.service.http.routing import (
    BEHIND_SIGN_IN,
    FACTS,
    MAX_BODY_BYTES,
    SERVICE,
    SETTINGS,
    Routes,
    WireErrors,
    refuse_unregistered,
)
from didkit_py.service.http.sessions import (
    SESSIONS,
    LoginSession,
    LoginSessions,
    SessionPages,
    principal_of,
    session_of,
    sweep_sessions,
)
from didkit_py.service.observability.log import get_logger, write_line
from didkit_py.service.setup.settings import ServiceSettings
from didkit_py.structs import Message

__all__ = [
    "METRICS",
    "SERVICE",
    "SETTINGS",
    "LoginSession",
    "Routes",
    "Upload",
    "WireErrors",
    "create_base_app",
    "install_health",
    "install_metrics",
    "install_operator_sign_in",
    "install_sign_in",
    "json_answer",
    "notify",
    "principal_of",
    "qr_svg",
    "read_choices",
    "read_form",
    "read_json_body",
    "read_upload",
    "render",
    "run",
    "serve",
    "session_of",
]

DRAIN_SECONDS: Final = 10.0  # for requests under way when the service is told to stop
log = get_logger()

Readiness = Callable[[], Awaitable[Mapping[str, str]]]


def create_base_app(
    settings: ServiceSettings,
    *,
    service: str,
    csp_form_targets: Iterable[str] = (),
    folder: Path | None = None,
    navigation: Navigation = (),
    max_body_bytes: int = MAX_BODY_BYTES,
) -> web.Application:
    """An application with every guard and no route but /static; `folder` holds the program's templates and static."""
    app = web.Application(
        middlewares=[name_request, answer_errors, check_host, answer_preflight, guard_pages],
        client_max_size=max_body_bytes,
    )
    app[SETTINGS] = settings
    app[SERVICE] = service
    app[FACTS] = {}
    app[BEHIND_SIGN_IN] = []
    app[SESSIONS] = LoginSessions()
    app[TEMPLATES] = {language: load_templates(folder, words) for language, words in catalogues().items()}
    app[STATIC] = load_static(folder)
    app[NAVIGATION] = tuple(navigation)
    app[HEADERS] = security_headers(settings.base_url, tuple(csp_form_targets))
    app.on_startup.append(refuse_unregistered)
    app.cleanup_ctx.append(sweep_sessions)
    app.on_response_prepare.append(add_headers)
    app.router.register_resource(SessionPages(app))
    Routes(app).page("GET", "/static/{name}", send_static, query=("v",), gives=text_of("*/*"), signed_in=False)
    return app


def json_answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer: a message, or plain values."""
    plain = value.to_json() if isinstance(value, Message) else value
    return web.Response(body=write_json(plain), status=status, headers=headers, content_type=JSON)


def install_health(app: web.Application, ready: Readiness) -> None:
    """Add /healthz (the process answers) and /readyz (each named part is `ok`, or says in a word what it lacks)."""

    async def healthz(_: web.Request) -> web.Response:
        """Whether the process answers; any host name will do."""
        return json_answer(HealthReport(status="ok"))

    async def readyz(_: web.Request) -> web.Response:
        """Whether each part is `ok`, or what it lacks in a word; any host name will do."""
        try:
            checks = dict(await ready())
        except DidkitError as error:
            checks = {"ready": error.code}
        good = all(found == "ok" for found in checks.values())
        said = ReadinessReport(status="ready" if good else "not-ready", checks=checks)
        return json_answer(said, status=200 if good else 503)

    routes = Routes(app)
    routes.wire("GET", "/healthz", healthz, gives=HEALTH)
    routes.wire("GET", "/readyz", readyz, gives={200: READINESS, 503: READINESS})


async def serve(app: web.Application, settings: ServiceSettings, *, metrics_port: int | None = None) -> None:
    """Listen until SIGTERM or SIGINT, then finish what is under way. Raises Unavailable when a port is taken.

    With `metrics_port`, the metrics of `app` are shown there, to this machine alone.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers in its loop
            loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listening(app, settings.host, settings.port))
        if metrics_port is not None:
            monitoring = metrics_app(app[METRICS], metrics_port)
            await stack.enter_async_context(listening(monitoring, METRICS_HOST, metrics_port))
        write_line(sys.stdout, f"ready {settings.base_url}")
        await stopping.wait()
        log.info("stopping")


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int, *, limits: Limits | None = None) -> AsyncIterator[None]:
    """Answer there; at the end, finish what is under way. Raises Unavailable when the port is taken."""
    bounds = limits or Limits()
    runner = Runner(app, bounds, shutdown_timeout=DRAIN_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, backlog=min(BACKLOG, bounds.connections)).start()
        except OSError as error:
            raise Unavailable(
                f"cannot listen on {host}, port {port} ({error.strerror})",
                hint="Stop the program that uses the port, or choose another in the settings.",
            ) from error
        yield
    finally:
        await runner.cleanup()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end, on the faster loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - has no wheel for Windows
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)
