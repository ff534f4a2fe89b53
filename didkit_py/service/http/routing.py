"""Routes: each address is either wire (JSON, no cookies) or a page (HTML, session, CSRF), and pages deny by default."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from aiohttp import web

from didkit_py.encoding import Json
from didkit_py.errors import DidkitError
from didkit_py.service.http.media_types import FILE, HTML, TEXT, MediaType, form_of
from didkit_py.service.observability.metrics import Metric
from didkit_py.service.setup.settings import ServiceSettings

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
WireErrors: TypeAlias = Mapping[type[DidkitError], tuple[int, str]]

MAX_BODY_BYTES: Final = 2**20  # a form or message; an upload says more
CSRF_FIELD: Final = "csrf"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFacts:
    """What the middlewares must know of a route, and what its callers may: what it takes, and gives by status."""

    kind: Literal["wire", "page"]
    gives: Mapping[int, MediaType | None]
    takes: MediaType | None = None
    query: Collection[str] = ()
    bearer: bool = False  # whether callers show a token
    signed_in: bool = False
    errors: WireErrors = field(default_factory=lambda: MappingProxyType({}))
    max_bytes: int = MAX_BODY_BYTES
    repeatable: frozenset[str] = frozenset()  # form fields that may stand more than once, such as ticked boxes
    counted: Metric | None = None  # the counter of its answers by outcome: ok, or the code of the refusal

    @property
    def fields(self) -> Collection[str]:
        """The names of the fields of the route's form, beside the token that guards a page."""
        fields = self.takes.schema.get("properties") if self.takes is not None else None
        return [name for name in fields if name != CSRF_FIELD] if isinstance(fields, dict) else []


SETTINGS: Final = web.AppKey("settings", ServiceSettings)
SERVICE: Final = web.AppKey("service", str)
FACTS: Final = web.AppKey("facts", dict[web.AbstractRoute, RouteFacts])
BEHIND_SIGN_IN: Final = web.AppKey("behind_sign_in", list[web.AbstractResource])


class Routes:
    """Adds routes to `app`. The docstring of a handler describes its route; one without cannot be added.

    routes.wire("POST", "/token", token, takes=TOKEN_REQUEST, gives=TOKEN_RESPONSE, errors=TOKEN_STATUS)
    routes.page("POST", "/ask", make, fields=("request", "action"))
    """

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def wire(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        gives: MediaType | Mapping[int, MediaType],
        takes: MediaType | None = None,
        bearer: bool = False,
        errors: WireErrors | None = None,
        max_bytes: int = MAX_BODY_BYTES,
        counted: Metric | None = None,
    ) -> None:
        """A protocol's endpoint, which gives one content, or one by status.

        Errors are JSON, named by `errors` where it knows their type or family.
        """
        facts = RouteFacts(
            kind="wire",
            gives={200: gives} if isinstance(gives, MediaType) else gives,
            takes=takes,
            bearer=bearer,
            errors=errors or {},
            max_bytes=max_bytes,
            counted=counted,
        )
        self._add(method, path, handler, facts)

    def page(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        signed_in: bool = True,
        query: Collection[str] = (),
        fields: Collection[str] = (),
        repeatable: Collection[str] = (),
        files: Collection[str] = (),
        statuses: Collection[int] = (),
        gives: MediaType = HTML,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        """A page: errors are HTML, unsafe methods need our own form, and a sign-in unless `signed_in=False`.

        The form has `fields`, some of them `repeatable`, and `files`. `statuses` are what this page answers beside the
        errors of every page; unless said, 200 to who looks at it and 303 to who sends a form.
        """
        usual = (200,) if method == "GET" else (303,)
        several: dict[str, Json] = {"type": "array", "items": TEXT}
        form = form_of(
            {CSRF_FIELD: TEXT, **dict.fromkeys(files, FILE)},
            dict.fromkeys(fields, TEXT) | dict.fromkeys(repeatable, several),
        )
        facts = RouteFacts(
            kind="page",
            gives={status: None if status == 303 else gives for status in statuses or usual},  # noqa: PLR2004 - RFC 9110, 15.4.4
            takes=None if method == "GET" else form,
            query=query,
            signed_in=signed_in,
            max_bytes=max_bytes,
            repeatable=frozenset(repeatable),
        )
        self._add(method, path, handler, facts)

    def _add(self, method: str, path: str, handler: Handler, facts: RouteFacts) -> None:
        if not handler.__doc__:
            raise ValueError(f"{method} {path} has no description: its handler has no docstring")
        adding = self._app.router.add_get if method == "GET" else None
        route = adding(path, handler) if adding else self._app.router.add_route(method, path, handler)
        self._app[FACTS][route] = facts
        if facts.signed_in and route.resource is not None and route.resource not in self._app[BEHIND_SIGN_IN]:
            self._app[BEHIND_SIGN_IN].append(route.resource)
        if method == "GET":  # add_get answers HEAD with a route of its own
            for other in route.resource or ():
                self._app[FACTS].setdefault(other, facts)


def facts_of(request: web.Request) -> RouteFacts | None:
    """The facts of the route that answers, or None where no route does."""
    return request.app[FACTS].get(request.match_info.route)


def needs_sign_in(app: web.Application, path: str) -> bool:
    """Whether a page behind the sign-in is at `path`, which is encoded as in an address."""
    infos = (resource.get_info() for resource in app[BEHIND_SIGN_IN])
    return any(
        info.get("path") == path or ((pattern := info.get("pattern")) and pattern.fullmatch(path)) for info in infos
    )


async def refuse_unregistered(app: web.Application) -> None:
    """Start-up check: a route without facts would have no guard."""
    for route in app.router.routes():
        if route not in app[FACTS]:
            raise RuntimeError(f"{route.method} {route.resource} was not added through Routes")
