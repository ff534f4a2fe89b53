"""Middlewares that stand before every handler, and the headers that leave with every answer."""

import secrets
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from didkit_py.errors import ForeignRequest, NotFound, WrongHost
from didkit_py.reading import is_url, origin
from didkit_py.service.http.error_responses import REQUEST_ID, set_headers
from didkit_py.service.http.request_body import read_csrf
from didkit_py.service.http.routing import FACTS, SETTINGS, Handler, RouteFacts, facts_of
from didkit_py.service.http.sessions import (
    below_session,
    holds_csrf_token,
    keep_cookie,
    load_session,
    plain_path,
    principal_of,
)
from didkit_py.service.observability.log import get_logger

SIGN_IN: Final = "/sign-in"
HEALTH: Final = frozenset({"/healthz", "/readyz"})
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
# Wallets may be web applications (OpenID4VCI 1.0, 8; Token Status List, 8.1). Without credentials: no cookie is sent.
FOR_EVERYBODY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate, X-Request-Id",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PREFLIGHT: Final = web.RequestKey("preflight", bool)
log = get_logger()


def is_for_everybody(path: str, facts: RouteFacts | None) -> bool:
    """Whether pages of other sites may call this: a protocol's endpoint, which knows no cookies; health is ours."""
    return facts is not None and facts.kind == "wire" and path not in HEALTH


def security_headers(base_url: str, form_targets: tuple[str, ...]) -> dict[str, str]:
    """The headers of every answer; `form_targets` are further origins that our forms may be sent to."""
    targets = " ".join(["'self'", *form_targets])
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Server": "didkit-py",  # not which version of which library
    }
    return headers | (
        {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"} if base_url.startswith("https:") else {}
    )


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal before any answer leaves, whoever made it."""
    set_headers(request.app, request, response)
    if PREFLIGHT in request or is_for_everybody(request.path, facts_of(request)):
        response.headers.update(FOR_EVERYBODY)


@web.middleware
async def name_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: an id of our own for answer and log, and one line of log without path or query."""
    request[REQUEST_ID] = secrets.token_hex(8)
    with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
        began = time.monotonic()
        answer = await handler(request)
        keep_cookie(request, answer)
        log.info(
            "request",
            method=method_of(request),
            route=route_of(request),
            status=answer.status,
            duration_ms=round((time.monotonic() - began) * 1000, 1),
        )
        return answer


def method_of(request: web.Request) -> str:
    """The request's method, when it is one of HTTP's."""
    return request.method if request.method in _METHODS else "other"


def route_of(request: web.Request) -> str:
    """The template of the address, without what stands in its places."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


def is_authority_of(base_url: str, authority: str) -> bool:
    """Whether a Host header names the origin `base_url`, with or without its default port (RFC 9110, 4.2.3 and 7.2)."""
    url = f"{urlsplit(base_url).scheme}://{authority.removesuffix(':')}"
    return "/" not in authority and "?" not in authority and is_url(url) and origin(url) == base_url


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: a name that leads here by somebody else's wish is refused; health is asked by number.

    An address with a NUL in it is none of ours: no name holds one, and no database takes one.
    """
    base_url = request.app[SETTINGS].base_url
    named = [request.headers.get("Host", "")]
    if not request.raw_path.startswith("/"):  # a target in absolute form names the host once more (RFC 9112, 3.2.2)
        named.append(urlsplit(request.raw_path).netloc)
    if request.path not in HEALTH and not all(is_authority_of(base_url, each) for each in named):
        raise WrongHost("the Host header names another service")
    if "\0" in request.path or any("\0" in text for pair in request.query.items() for text in pair):
        raise NotFound("there is nothing at this address")
    return await handler(request)


@web.middleware
async def answer_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: a browser that asks whether a page of another site may call an endpoint is told so (Fetch, 3.2).

    Pages behind the sign-in, and every other kind of OPTIONS, are refused as any unknown method is.
    """
    wanted = request.headers.get("Access-Control-Request-Method", "")
    if request.method != "OPTIONS" or wanted not in _METHODS or "Origin" not in request.headers:
        return await handler(request)
    found = await request.app.router.resolve(request.clone(method=wanted))
    if not is_for_everybody(request.path, request.app[FACTS].get(found.route)):
        return await handler(request)
    allowed = {
        "Access-Control-Allow-Methods": wanted,
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
        "Vary": "Access-Control-Request-Method",
    }
    request[PREFLIGHT] = True
    return web.Response(status=204, headers=allowed)


@web.middleware
async def guard_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: sessions for pages, a sign-in where it is needed, and no form but our own."""
    facts = facts_of(request)
    if facts is not None and facts.kind == "wire":
        return await handler(request)
    load_session(request)
    if facts is not None and facts.signed_in and principal_of(request) is None:
        return web.Response(status=303, headers={"Location": sign_in_address(request)})
    if facts is not None and request.method not in SAFE_METHODS:
        await refuse_foreign(request)
    answer = await handler(request)
    if "Location" in answer.headers:
        answer.headers["Location"] = below_session(request, answer.headers["Location"])
    return answer


async def refuse_foreign(request: web.Request) -> None:
    """Raises ForeignRequest unless a page of this very origin sent the form, with this session's token.

    Under Referrer-Policy no-referrer browsers say `Origin: null` even for our own forms; then Sec-Fetch-Site decides.
    """
    claimed = set(request.headers.getall("Origin", []))
    sites = set(request.headers.getall("Sec-Fetch-Site", []))
    named = claimed - {"null"}
    base_url = request.app[SETTINGS].base_url
    foreign = {each for each in named if not is_url(each) or origin(each) != base_url or urlsplit(each).path}
    if foreign or sites - {"same-origin"} or not (named or sites):
        raise ForeignRequest("the form was sent from another site")
    if not holds_csrf_token(request, await read_csrf(request)):
        raise ForeignRequest("the form belongs to another or an ended session")


def sign_in_address(request: web.Request) -> str:
    """Where to sign in, and come back from: to this address if it is a page one can look at."""
    route = request.match_info.route
    readable = any(each.method == "GET" for each in route.resource or ())
    query = request.rel_url.raw_query_string if request.method in SAFE_METHODS else ""
    wanted = plain_path(request) + (f"?{query}" if query else "")
    return f"{SIGN_IN}?next={quote(wanted, safe='/')}" if readable and wanted != "/" else SIGN_IN
