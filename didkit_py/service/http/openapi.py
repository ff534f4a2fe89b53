"""The OpenAPI 3.1 document of a program's routes, made from what each says of itself where it is added.

HEAD is answered wherever GET is and stands in no document; 405 and the 404 of unknown addresses belong to no route.
"""

import re
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

from aiohttp import web

from didkit_py.encoding import Json
from didkit_py.errors import (
    DidkitError,
    ForeignRequest,
    IllegalMove,
    Malformed,
    NotFound,
    TooLarge,
    Unavailable,
    WrongHost,
)
from didkit_py.service.http.error_responses import status_of, wire_answer
from didkit_py.service.http.media_types import HTML, TEXT, MediaType, fitting
from didkit_py.service.http.messages import ERROR
from didkit_py.service.http.middleware import HEALTH, SAFE_METHODS
from didkit_py.service.http.request_body import UnsupportedBody
from didkit_py.service.http.routing import FACTS, SERVICE, SETTINGS, RouteFacts
from didkit_py.service.http.sessions import cookie_name

OPENAPI: Final = "3.1.1"
ABOUT: Final = (
    "Wire routes speak JSON and know no cookies; pages of other sites may call them, without credentials. Pages are"
    " HTML for people: a sign-in leads to a session below /s/{session}, where the pages behind it are at the paths"
    " given here, with a cookie for that path alone. A form needs the session's token in the field csrf and this origin"
    " in the header Origin. The header Host must name this origin, except for health. HEAD is answered wherever GET is."
)
HEADERS: Final = {303: "Location", 401: "WWW-Authenticate", 429: "Retry-After"}
MEANINGS: Final[Mapping[int, str]] = MappingProxyType(
    {
        200: "As asked",
        202: "Received; sent again later, it gets its answer",
        303: "Go on there",
        400: "It could not be read, or it does not hold",
        401: "The token is missing or does not hold",
        403: "Not allowed",
        404: "There is nothing here",
        409: "Not possible in the present state",
        410: "Its time is over",
        413: "Too large",
        415: "Another content type is expected",
        421: "Meant for another host",
        429: "Too many tries",
        503: "Not available now",
    }
)
_PARAMETER: Final = re.compile(r"\(\?P<(\w+)>([^()]+)\)")  # as aiohttp writes it into the pattern of a resource


def describe_interface(app: web.Application) -> dict[str, Json]:
    """The document of every route of `app`, as its settings have it."""
    schemas: dict[str, Json] = {}
    # One response for each kind of route and status that a route refers to.
    wanted = {(facts.kind, status) for route, facts in app[FACTS].items() for status in _error_statuses(route, facts)}
    refused: dict[str, Json] = {
        f"{kind}-{status}": _response(status, HTML if kind == "page" else ERROR) for kind, status in sorted(wanted)
    }
    settings = app[SETTINGS]
    return {
        "openapi": OPENAPI,
        "info": {"title": f"didkit-py {app[SERVICE]}", "version": version("didkit-py"), "description": ABOUT},
        "servers": [{"url": settings.base_url}],
        "paths": _referring(_paths(app), schemas),
        "components": {
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(app)},
                "token": {"type": "http", "scheme": "bearer"},
            },
            "responses": _referring(refused, schemas),
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _paths(app: web.Application) -> dict[str, Json]:
    paths: dict[str, dict[str, Json]] = {}
    for route, facts in app[FACTS].items():
        if route.method != "HEAD":
            paths.setdefault(_path(route), {})[route.method.lower()] = _operation(route, facts)
    return dict(sorted(paths.items()))


def _path(route: web.AbstractRoute) -> str:
    return route.resource.canonical if route.resource is not None else ""


def _operation(route: web.AbstractRoute, facts: RouteFacts) -> dict[str, Json]:
    summary, _, more = (route.handler.__doc__ or "").strip().partition("\n")
    described: dict[str, Json] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}.{route.handler.__name__}",
        "tags": [facts.kind],
        "summary": summary,
    }
    if more.strip():
        described["description"] = " ".join(more.split())
    if parameters := _parameters(route, facts):
        described["parameters"] = parameters
    if facts.takes is not None:
        described["requestBody"] = {"required": True, "content": _content(facts.takes)}
    if facts.signed_in or facts.bearer:
        described["security"] = [{"session" if facts.signed_in else "token": []}]
    return described | {"responses": _responses(route, facts)}


def _parameters(route: web.AbstractRoute, facts: RouteFacts) -> list[Json]:
    address = route.resource.get_info().get("pattern") if route.resource is not None else None
    inside = _PARAMETER.findall(address.pattern) if address is not None else []
    found: list[dict[str, Json]] = []
    found += [{"name": name, "in": "path", "required": True, "schema": fitting(pattern)} for name, pattern in inside]
    found += [{"name": name, "in": "query", "schema": TEXT} for name in facts.query]
    return [*found]


def _responses(route: web.AbstractRoute, facts: RouteFacts) -> dict[str, Json]:
    answers: dict[int, Json] = {}
    if facts.signed_in:
        answers[303] = _response(303, None)
    answers |= {status: _response(status, content) for status, content in facts.gives.items()}
    answers |= {
        status: {"$ref": f"#/components/responses/{facts.kind}-{status}"}
        for status in _error_statuses(route, facts)
        if facts.kind == "page" or status not in facts.gives
    }
    return {str(status): answers[status] for status in sorted(answers)}


def _error_statuses(route: web.AbstractRoute, facts: RouteFacts) -> set[int]:
    """What the guards, the readers of bodies and the storage can refuse with, and what the route's own table names."""
    found: list[DidkitError] = [NotFound(""), Unavailable("")]
    if _path(route) not in HEALTH:
        found.append(WrongHost(""))
    if facts.takes is not None:
        found += [Malformed(""), TooLarge(""), UnsupportedBody("")]
    if facts.kind == "wire":
        return {wire_answer(one, facts)[0] for one in found} | {status for status, _ in facts.errors.values()}
    if route.method not in SAFE_METHODS:
        found += [ForeignRequest(""), IllegalMove("")]  # the state may have moved since the form was shown
    return {status_of(one) for one in found}


def _response(status: int, content: MediaType | None) -> dict[str, Json]:
    answer: dict[str, Json] = {"description": MEANINGS[status]}
    if status in HEADERS:
        answer["headers"] = {HEADERS[status]: {"required": True, "schema": TEXT}}
    return answer if content is None else answer | {"content": _content(content)}


def _content(content: MediaType) -> dict[str, Json]:
    return {content.media_type: {"schema": dict(content.schema)}}


def _referring(value: Json, schemas: dict[str, Json]) -> Json:
    """The value, in which a schema with a title is a reference; the schema itself goes into `schemas`."""
    if isinstance(value, list):
        return [_referring(one, schemas) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: _referring(one, schemas) for name, one in value.items()}
    title = found.pop("title", None)
    if not isinstance(title, str):
        return found if title is None else {**found, "title": title}
    if schemas.setdefault(title, found) != found:
        raise ValueError(f"two schemas are called {title}")
    return {"$ref": f"#/components/schemas/{title}"}
