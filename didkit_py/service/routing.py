"""Routes: each address is either wire (JSON, no cookies) or a page (HTML, session, CSRF), and pages deny by default."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from aiohttp import web

from didkit_py.errors import DidkitError
from didkit_py.service.metrics import Metric
from didkit_py.service.settings import ServiceSettings

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
WireErrors: TypeAlias = Mapping[type[DidkitError], tuple[int, str]]

MAX_BODY_BYTES: Final = 2**20  # a form or message; an upload says more


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFacts:
    """What the middlewares must know of a route."""

    kind: Literal["wire", "page"]
    signed_in: bool = False
    errors: WireErrors = field(default_factory=lambda: MappingProxyType({}))
    challenge: str = "Bearer"  # the scheme that a 401 asks for (RFC 9110, 11.6.1)
    max_bytes: int = MAX_BODY_BYTES
    repeatable: frozenset[str] = frozenset()  # form fields that may stand more than once, such as ticked boxes
    counted: Metric | None = None  # the counter of its answers by outcome: ok, or the code of the refusal


SETTINGS: Final = web.AppKey("settings", ServiceSettings)
SERVICE: Final = web.AppKey("service", str)
FACTS: Final = web.AppKey("facts", dict[web.AbstractRoute, RouteFacts])


class Routes:
    """Adds routes to `app`: `routes.wire("POST", "/token", token, errors=TABLE)`, `routes.page("GET", "/", home)`."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def wire(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        errors: WireErrors | None = None,
        challenge: str = "Bearer",
        max_bytes: int = MAX_BODY_BYTES,
        counted: Metric | None = None,
    ) -> None:
        """A protocol's endpoint: errors are JSON, named by `errors` where it knows their type or family."""
        facts = RouteFacts(kind="wire", errors=errors or {}, challenge=challenge, max_bytes=max_bytes, counted=counted)
        self._add(method, path, handler, facts)

    def page(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        signed_in: bool = True,
        max_bytes: int = MAX_BODY_BYTES,
        repeatable: Collection[str] = (),
    ) -> None:
        """A page: errors are HTML, unsafe methods need our own form, and a sign-in unless `signed_in=False`."""
        facts = RouteFacts(kind="page", signed_in=signed_in, max_bytes=max_bytes, repeatable=frozenset(repeatable))
        self._add(method, path, handler, facts)

    def _add(self, method: str, path: str, handler: Handler, facts: RouteFacts) -> None:
        adding = self._app.router.add_get if method == "GET" else None
        route = adding(path, handler) if adding else self._app.router.add_route(method, path, handler)
        self._app[FACTS][route] = facts
        if method == "GET":  # add_get answers HEAD with a route of its own
            for other in route.resource or ():
                self._app[FACTS].setdefault(other, facts)


def facts_of(request: web.Request) -> RouteFacts | None:
    """The facts of the route that answers, or None where no route does."""
    return request.app[FACTS].get(request.match_info.route)


async def refuse_unregistered(app: web.Application) -> None:
    """Start-up check: a route without facts would have no guard."""
    for route in app.router.routes():
        if route not in app[FACTS]:
            raise RuntimeError(f"{route.method} {route.resource} was not added through Routes")
