"""Sessions: what a service remembers of one browser, in memory only, behind an opaque cookie.

Nothing outlives a restart: the unlocked keys of a wallet must not.
"""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from didkit_py.service.repeating import SWEEP_SECONDS, repeating
from didkit_py.service.routing import SERVICE, SETTINGS

IDLE_SECONDS: Final = 30 * 60.0
ABSOLUTE_SECONDS: Final = 12 * 3600.0
MAX_SESSIONS: Final = 10_000  # strangers can only begin sessions; the oldest of theirs goes first


class Session(dict[str, object]):
    """The values of one session; `principal` is there once the person signed in."""

    def __init__(self, *, began: float) -> None:
        super().__init__()
        self.id = secrets.token_urlsafe(32)
        self.csrf = secrets.token_urlsafe(32)
        self.began = began
        self.seen = began


class Sessions:
    """All sessions of one running service."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that only grow."""
        self._clock = clock
        self._kept: dict[bytes, Session] = {}

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def begin(self) -> Session:
        """A new session with an id that nobody knew before."""
        session = Session(began=self._clock())
        self._make_room()
        self._kept[_key(session.id)] = session
        return session

    def find(self, session_id: str) -> Session | None:
        """The living session of that id, now seen."""
        session = self._kept.get(_key(session_id))
        if session is None:
            return None
        if self._is_over(session):
            self.end(session)
            return None
        session.seen = self._clock()
        return session

    def end(self, session: Session) -> None:
        """Forget the session and what it holds."""
        self._kept.pop(_key(session.id), None)
        session.clear()

    def _is_over(self, session: Session) -> bool:
        now = self._clock()
        return now - session.seen > IDLE_SECONDS or now - session.began > ABSOLUTE_SECONDS

    def sweep(self) -> None:
        """End every session whose time is over."""
        for session in [each for each in self._kept.values() if self._is_over(each)]:
            self.end(session)

    def _make_room(self) -> None:
        if len(self._kept) >= MAX_SESSIONS:
            strangers = (each for each in self._kept.values() if "principal" not in each)
            self.end(next(strangers, next(iter(self._kept.values()))))


SESSIONS: Final = web.AppKey("sessions", Sessions)
_SESSION: Final = web.RequestKey("session", Session)
_LOADED: Final = web.RequestKey("session_loaded", bool)


def _key(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode("utf-8", "replace")).digest()  # a lookup that takes no time hints


async def sweep_sessions(app: web.Application) -> AsyncIterator[None]:
    """Clean-up context: ends sessions in time even where nobody comes back."""

    async def sweep() -> None:
        app[SESSIONS].sweep()

    async with repeating(sweep, seconds=SWEEP_SECONDS):
        yield


def load_session(request: web.Request) -> None:
    """Find the session that the request's cookie names."""
    request[_LOADED] = True
    found = request.app[SESSIONS].find(request.cookies.get(cookie_name(request.app), ""))
    if found is not None:
        request[_SESSION] = found


def session_of(request: web.Request) -> Session | None:
    """The session of this request, if it has one."""
    return request.get(_SESSION)


def principal_of(request: web.Request) -> object | None:
    """Who signed in: what the sign-in's check returned, or None."""
    session = session_of(request)
    return None if session is None else session.get("principal")


def begin_session(request: web.Request) -> Session:
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
    """The token that this browser's forms must carry; begins a session where there is none."""
    session = session_of(request)
    return (begin_session(request) if session is None else session).csrf


def keep_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Make the browser's cookie agree with the session at the end of a request for a page."""
    if _LOADED not in request and _SESSION not in request:
        return
    name, session = cookie_name(request.app), session_of(request)
    secure = request.app[SETTINGS].base_url.startswith("https:")
    if session is not None and request.cookies.get(name) != session.id:
        response.set_cookie(name, session.id, path="/", httponly=True, samesite="Lax", secure=secure)
    elif session is None and name in request.cookies:
        response.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=secure)


def cookie_name(app: web.Application) -> str:
    """A name of this running service: cookies are shared by all ports of a host."""
    parts = urlsplit(app[SETTINGS].base_url)
    secure = parts.scheme == "https"
    named = f"didkit-{app[SERVICE]}-{parts.port or (443 if secure else 80)}"
    return f"__Host-{named}" if secure else named
