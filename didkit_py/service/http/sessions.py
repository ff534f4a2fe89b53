"""Sessions: what a service remembers of one browser that signed in, in memory only.

A browser sends cookies to every port of a host. So each session lives below a path of its own that nobody can guess,
`/s/<32 random bytes>/`, and its cookie is for exactly that path (RFC 6265, 5.1.4): another program on this host, even
one on another port, is never sent it. Path and cookie are needed both; neither is in a log, a referrer or an address
that leaves this service.

Handlers, templates and logs know the plain addresses. The path is taken off where a request is routed
(`SessionPages`) and put on where a page or a redirect leaves (`below_session`), and nowhere else.

Nothing outlives a restart: the unlocked keys of a wallet must not.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.abc import AbstractMatchInfo
from yarl import URL

from didkit_py.service.http.routing import FACTS, SERVICE, SETTINGS, needs_sign_in
from didkit_py.service.http.session_lifetimes import ABSOLUTE_SECONDS, IDLE_SECONDS
from didkit_py.service.periodic import SWEEP_SECONDS, repeating

MAX_SESSIONS: Final = 1_000  # of people who know the passphrase; the oldest goes first
FORM_TOKEN_BYTES: Final = 32
_SESSION_PATH: Final = re.compile(r"\A(/s/[A-Za-z0-9_-]{43})(/.*)\Z", re.ASCII)
_FORM_COOKIE: Final = re.compile(r"\A[A-Za-z0-9_-]{43}\Z", re.ASCII)


class LoginSession(dict[str, object]):
    """The values of one session; `principal` is there once the person signed in."""

    def __init__(self, *, began: float) -> None:
        super().__init__()
        self.id = secrets.token_urlsafe(32)
        self.path = f"/s/{secrets.token_urlsafe(32)}"
        self.csrf = secrets.token_urlsafe(32)
        self.device = ""  # which browser it is, as far as its own word goes
        self.began = began
        self.seen = began


class LoginSessions:
    """All sessions of one running service."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that only grow."""
        self._clock = clock
        self._kept: dict[bytes, LoginSession] = {}
        self._form_key = secrets.token_bytes(32)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def __iter__(self) -> Iterator[LoginSession]:
        """Each one that is kept."""
        return iter(tuple(self._kept.values()))

    def begin(self) -> LoginSession:
        """A new session with a path and an id that nobody knew before."""
        session = LoginSession(began=self._clock())
        if len(self._kept) >= MAX_SESSIONS:
            self.end(next(iter(self._kept.values())))
        self._kept[_key(session.path)] = session
        return session

    def find(self, path: str, ids: Iterable[str]) -> LoginSession | None:
        """The living session below `path` whose id is among `ids`, now seen.

        A browser may send several cookies of one name: what other programs of the host set must not hide ours.
        """
        session = self._kept.get(_key(path))
        if session is None or not any(hmac.compare_digest(_key(session.id), _key(each)) for each in ids):
            return None
        if self._is_over(session):
            self.end(session)
            return None
        session.seen = self._clock()
        return session

    def end(self, session: LoginSession) -> None:
        """Forget the session and what it holds."""
        self._kept.pop(_key(session.path), None)
        session.clear()

    def _is_over(self, session: LoginSession) -> bool:
        now = self._clock()
        return now - session.seen > IDLE_SECONDS or now - session.began > ABSOLUTE_SECONDS

    def sweep(self) -> None:
        """End every session whose time is over."""
        for session in [each for each in self._kept.values() if self._is_over(each)]:
            self.end(session)

    def form_token(self, cookie: str) -> str:
        """The token of the forms that a browser without a session is shown, bound to its cookie."""
        return hmac.digest(self._form_key, cookie.encode("utf-8", "replace"), hashlib.sha256).hex()


SESSIONS: Final = web.AppKey("sessions", LoginSessions)
_SESSION: Final = web.RequestKey("session", LoginSession)
_LOADED: Final = web.RequestKey("session_loaded", bool)
_NEW_FORM_COOKIE: Final = web.RequestKey("new_form_cookie", str)


def _key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()  # a lookup that takes no time hints


class SessionPages(web.AbstractResource):
    """Routes `/s/<random>/credentials` to what is at `/credentials`, if that is a page behind the sign-in."""

    def __init__(self, app: web.Application) -> None:
        super().__init__()
        self._app = app

    @property
    def canonical(self) -> str:
        """The path in the notation of routes."""
        return "/s/{session}/{page}"

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        """The page's own match, or the methods that the page answers."""
        plain = plain_path(request)
        if plain == request.rel_url.raw_path or plain.startswith("/s/"):
            return None, set()
        moved = request.clone(rel_url=URL.build(path=plain, encoded=True))
        found: AbstractMatchInfo = await self._app.router.resolve(moved)
        if isinstance(found.http_exception, web.HTTPMethodNotAllowed) and needs_sign_in(self._app, plain):
            return None, set(found.http_exception.allowed_methods)
        if not isinstance(found, web.UrlMappingMatchInfo) or found.route not in self._app[FACTS]:
            return None, set()
        return (found if self._app[FACTS][found.route].signed_in else None), set()

    def raw_match(self, path: str) -> bool:
        """Whether `path` is the canonical one."""
        return path == self.canonical

    def get_info(self) -> dict[str, object]:  # type: ignore[override] # aiohttp's type is private
        """What routers show of a resource: nothing here, for its pages show themselves."""
        return {}

    def url_for(self, **_: str) -> URL:
        """No address without a session."""
        raise NotImplementedError

    def add_prefix(self, prefix: str) -> None:
        """No part of another application."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        """No routes of its own."""
        return iter(())

    def __len__(self) -> int:
        """No routes of its own."""
        return 0


def plain_path(request: web.Request) -> str:
    """The path of the request, encoded as it came, without that of a session."""
    raw = request.rel_url.raw_path
    found = _SESSION_PATH.match(raw)
    return found[2] if found else raw


def below_session(request: web.Request, address: str) -> str:
    """`address`, below the path of this request's session where it is of a page behind the sign-in."""
    session = session_of(request)
    path = re.split(r"[?#]", address, maxsplit=1)[0]
    return session.path + address if session is not None and needs_sign_in(request.app, path) else address


async def sweep_sessions(app: web.Application) -> AsyncIterator[None]:
    """Clean-up context: ends sessions in time even where nobody comes back."""

    async def sweep() -> None:
        app[SESSIONS].sweep()

    async with repeating(sweep, seconds=SWEEP_SECONDS):
        yield


def load_session(request: web.Request) -> None:
    """Find the session that the request's path and one of its cookies name together."""
    request[_LOADED] = True
    below = _SESSION_PATH.match(request.rel_url.raw_path)
    if below is None:
        return
    found = request.app[SESSIONS].find(below[1], cookies_named(request, cookie_name(request.app)))
    if found is not None:
        request[_SESSION] = found


def cookies_named(request: web.Request, name: str) -> list[str]:
    """The values of every cookie of this name, in the order sent; programs on other ports may have set some."""
    pairs = (pair.partition("=") for header in request.headers.getall("Cookie", []) for pair in header.split(";"))
    return [value.strip() for label, _, value in pairs if label.strip() == name]


def session_of(request: web.Request) -> LoginSession | None:
    """The session of this request, if it has one."""
    return request.get(_SESSION)


def principal_of(request: web.Request) -> object | None:
    """Who signed in: what the sign-in's check returned, or None."""
    session = session_of(request)
    return None if session is None else session.get("principal")


def begin_session(request: web.Request) -> LoginSession:
    """A fresh session in place of the present one; the answer to this request sets its cookie."""
    end_session(request)
    request[_SESSION] = request.app[SESSIONS].begin()
    return request[_SESSION]


def end_session(request: web.Request) -> None:
    """Forget the present session, if there is one."""
    session = session_of(request)
    if session is not None:
        request.app[SESSIONS].end(session)
        del request[_SESSION]


def csrf_token(request: web.Request) -> str:
    """The token that this browser's forms must carry.

    A browser without a session is given a cookie, and the token is made from it: whoever looks at a form fills no
    memory of ours. Both can be had by anybody; what guards such a form is that it comes from a page of ours.
    """
    session = session_of(request)
    if session is not None:
        return session.csrf
    held = [each for each in cookies_named(request, form_cookie_name(request.app)) if _FORM_COOKIE.match(each)]
    if not held:
        request[_NEW_FORM_COOKIE] = request.get(_NEW_FORM_COOKIE) or secrets.token_urlsafe(FORM_TOKEN_BYTES)
    return request.app[SESSIONS].form_token(held[0] if held else request[_NEW_FORM_COOKIE])


def holds_csrf_token(request: web.Request, token: str) -> bool:
    """Whether `token` is that of this browser's forms."""
    session, sessions = session_of(request), request.app[SESSIONS]
    if session is not None:
        return hmac.compare_digest(_key(session.csrf), _key(token))
    held = cookies_named(request, form_cookie_name(request.app))
    return any(hmac.compare_digest(_key(sessions.form_token(each)), _key(token)) for each in held)


def keep_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Make the browser's cookies agree with the session at the end of a request for a page."""
    if _LOADED not in request:
        return
    name, session, below = cookie_name(request.app), session_of(request), _SESSION_PATH.match(request.rel_url.raw_path)
    secure = request.app[SETTINGS].base_url.startswith("https:")
    if session is not None and (below is None or below[1] != session.path):
        path = f"{session.path}/"
        response.set_cookie(name, session.id, path=path, httponly=True, samesite="Strict", secure=secure)
    elif session is None and below is not None and cookies_named(request, name):
        response.del_cookie(name, path=f"{below[1]}/", httponly=True, samesite="Strict", secure=secure)
    if _NEW_FORM_COOKIE in request:
        name = form_cookie_name(request.app)
        response.set_cookie(name, request[_NEW_FORM_COOKIE], path="/", httponly=True, samesite="Strict", secure=secure)


def cookie_name(app: web.Application) -> str:
    """The name of the session's cookie: one of this running service, and for https one that http cannot set.

    It cannot begin with `__Host-`, which is for the path `/` alone; its own path does more than that.
    """
    parts = urlsplit(app[SETTINGS].base_url)
    secure = parts.scheme == "https"
    named = f"didkit-{app[SERVICE]}-{parts.port or (443 if secure else 80)}"
    return f"__Secure-{named}" if secure else named


def form_cookie_name(app: web.Application) -> str:
    """The name of the cookie of forms that are shown to anybody; it grants nothing."""
    name = cookie_name(app)
    return f"__Host-{name.removeprefix('__Secure-')}-form" if name.startswith("__Secure-") else f"{name}-form"
