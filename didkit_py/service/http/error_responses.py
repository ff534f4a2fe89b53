"""Errors as answers: one JSON shape on the wire, one page for people, nothing about what we do not understand."""

import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import jinja2
from aiohttp import web
from aiohttp.web_request import BaseRequest

from didkit_py.encoding import write_json
from didkit_py.errors import (
    DidkitError,
    ForeignRequest,
    IllegalMove,
    Malformed,
    NotFound,
    Refused,
    Rejected,
    TooLarge,
    Unavailable,
    Untrusted,
    WrongHost,
)
from didkit_py.oauth import describable
from didkit_py.service.http.media_types import JSON
from didkit_py.service.http.messages import ErrorMessage
from didkit_py.service.http.pages import render
from didkit_py.service.http.request_body import UnsupportedBody
from didkit_py.service.http.routing import Handler, RouteFacts, facts_of
from didkit_py.service.observability.log import get_logger
from didkit_py.service.observability.outcomes import UNEXPECTED

RETRY_SECONDS: Final = 30
_CLIENT_FAULT: Final = 400
_SERVER_FAULT: Final = 500
REQUEST_ID: Final = web.RequestKey("request_id", str)
HEADERS: Final = web.AppKey("headers", dict[str, str])
OUTCOME: Final = web.RequestKey("outcome", str)  # the code of what went wrong; absent when nothing did
log = get_logger()


STATUS: Final[Mapping[type[DidkitError], int]] = MappingProxyType(
    {
        UnsupportedBody: 415,
        TooLarge: 413,
        Malformed: 400,
        NotFound: 404,
        Refused: 403,
        Untrusted: 403,
        ForeignRequest: 403,
        WrongHost: 421,
        IllegalMove: 409,
        Rejected: 400,
        Unavailable: 503,
    }
)
TITLES: Final[Mapping[int, str]] = MappingProxyType(
    {
        403: "This is not allowed",
        404: "Page not found",
        405: "This cannot be done here",
        409: "This step is not possible now",
        413: "This is too large",
        421: "Wrong address",
        429: "Too many tries",
        500: "Sorry, something went wrong",
        503: "Sorry, this is not available right now",
    }
)
HTTP_NAMES: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        400: ("bad-request", "this is no request of HTTP"),
        404: ("not-found", "there is nothing at this address"),
        405: ("method-not-allowed", "this address does not answer this method"),
        413: ("too-large", "the body is too long"),
        417: ("expectation-failed", "this service meets no such expectation"),
        431: ("header-too-large", "a line of the header is too long"),
        500: ("server_error", "the request could not be answered"),
    }
)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: every error becomes an answer of the kind that the route's callers read."""
    try:
        return await handler(request)
    except DidkitError as error:
        note_refusal(request, error)
        if _wants_page(request):
            return _page(request, status_of(error), str(error), error.code, hint=error.advice, spec=error.spec)
        status, name = wire_answer(error, facts_of(request))
        return _answer(request, status, name, str(error), hint=error.advice)
    except web.HTTPException as error:
        if error.status < _CLIENT_FAULT:
            moved = {"Location": error.headers["Location"]} if "Location" in error.headers else {}
            return web.Response(status=error.status, headers=moved)
        return _answer_http(request, error)
    except Exception:  # the last line of defence: whatever it is, its text stays here
        log.error("unexpected", exc_info=True)  # noqa: G201 - its shape is what log.py prunes
        request[OUTCOME] = UNEXPECTED
        return _answer(request, _SERVER_FAULT, "server_error", f"request {request[REQUEST_ID]}", hint="")


def library_answer(app: web.Application, request: BaseRequest, status: int) -> web.Response:
    """The answer to what no middleware saw, such as a message that is no HTTP; its sender's words are not repeated."""
    request[REQUEST_ID] = secrets.token_hex(8)
    name, message = HTTP_NAMES.get(status, ("http-error", f"HTTP status {status}"))
    shape = {"error": name, "error_description": message, "request_id": request[REQUEST_ID]}
    if status == 431:  # noqa: PLR2004 - RFC 6585, 5
        shape["hint"] = "If a browser sent this: its cookies for this host were cleared. Load the page again."
    answer = web.Response(body=write_json(shape), status=status, content_type=JSON)
    if status == 431:  # noqa: PLR2004 - programs on other ports set cookies too, and too many shut the person out
        answer.headers["Clear-Site-Data"] = '"cookies"'
    set_headers(app, request, answer)
    log.info("request", method="other", route="none", status=status, request_id=request[REQUEST_ID])
    return answer


def set_headers(app: web.Application, request: BaseRequest, response: web.StreamResponse) -> None:
    """The headers that leave with every answer, whoever made it."""
    response.headers.update(app.get(HEADERS, {}))
    response.headers.setdefault("Cache-Control", "no-store")
    if REQUEST_ID in request:
        response.headers["X-Request-Id"] = request[REQUEST_ID]


def note_refusal(request: web.Request, error: DidkitError) -> None:
    """Write a refusal to the log, and keep its code for whoever counts."""
    log.info("refused", code=error.code, reason=error.reason, spec=error.spec, error=type(error).__name__)
    request[OUTCOME] = error.code


def wire_answer(error: DidkitError, facts: RouteFacts | None) -> tuple[int, str]:
    """Status and name of an error on the wire: the route's own table first, nearest class first, then ours."""
    # A misdirected request never came to the route, so the route's protocol has no name for it (RFC 9110, 15.5.20).
    own = facts.errors if facts is not None and not isinstance(error, WrongHost) else {}
    for kind in type(error).__mro__:
        if kind in own:
            return own[kind]
    return status_of(error), error.code


def status_of(error: DidkitError) -> int:
    """The status that stands for the error's family."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), _CLIENT_FAULT)


def _answer_http(request: web.Request, error: web.HTTPException) -> web.Response:
    name, message = HTTP_NAMES.get(error.status, ("http-error", f"HTTP status {error.status}"))
    request[OUTCOME] = name
    answer = _answer(request, error.status, name, message, hint="")
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return answer


def _answer(request: web.Request, status: int, name: str, message: str, *, hint: str) -> web.Response:
    if _wants_page(request):
        return _page(request, status, message, name, hint=hint)
    shape = ErrorMessage(
        error=name, error_description=describable(message), hint=hint or None, request_id=request[REQUEST_ID]
    )
    answer = web.Response(body=write_json(shape.to_json()), status=status, content_type=JSON)
    if status == 401:  # noqa: PLR2004 - RFC 9110, 15.5.2: a 401 says how to authenticate
        answer.headers["WWW-Authenticate"] = f'Bearer error="{name}"'
    return _with_retry(answer)


def _page(request: web.Request, status: int, message: str, code: str, *, hint: str, spec: str = "") -> web.Response:
    details = {"message": message, "code": code, "hint": hint, "spec": spec, "request_id": request[REQUEST_ID]}
    title = TITLES.get(status, "That did not work")
    try:
        return _with_retry(render(request, "error.html", status=status, title=title, **details))
    except jinja2.TemplateError:
        log.error("unexpected", exc_info=True)  # noqa: G201 - as above
        return web.Response(text=title, status=status)


def _with_retry(answer: web.Response) -> web.Response:
    if answer.status == 503:  # noqa: PLR2004 - RFC 9110, 15.6.4
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _wants_page(request: web.Request) -> bool:
    facts = facts_of(request)
    return facts.kind == "page" if facts is not None else "text/html" in request.headers.get("Accept", "")
