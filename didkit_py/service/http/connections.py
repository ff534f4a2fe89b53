"""Connections: how long one may stay without a whole request, how many there are, and what the HTTP library answers.

aiohttp answers by itself what it cannot read, before any middleware: those answers are made here, in the shape and with
the headers of all others. It has no bound for the number of connections and none for who does not read an answer. Its
own timer for idle connections runs from the moment of connecting, so it also ends half a header.

This module reaches into private parts of aiohttp, which is pinned for that reason too.
"""

import asyncio
import contextlib
import resource
import socket
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from didkit_py.service.http.error_responses import library_answer
from didkit_py.service.observability.log import get_logger

BACKLOG: Final = 64  # connections that the system holds for us, and that are taken in one go
log = get_logger()


def most_connections() -> int:
    """Half of the files that the process may open: the rest is for the database, fetches and a burst."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000 if soft == resource.RLIM_INFINITY else max(16, min(1_000, soft // 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of a listening port."""

    idle_seconds: float = 20.0  # without a whole header, and between two requests; wallets here let go after 15
    unread_seconds: float = 30.0  # while the other side does not read its answer
    connections: int = field(default_factory=most_connections)


class Connection(RequestHandler):
    """One connection."""

    __slots__ = ("_giving_up", "_unread_seconds")

    def __init__(self, manager: "Server", *, unread_seconds: float, **options: Any) -> None:  # noqa: ANN401 - aiohttp's own
        super().__init__(manager, **options)
        self._unread_seconds = unread_seconds
        self._giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it in, or somebody else's place, or refuse it."""
        super().connection_made(transport)
        # What is left to send when we close is the system's: it is not kept for longer than this either.
        taken = transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):  # not everywhere, and not for every socket
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._unread_seconds * 1_000))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the timer too."""
        if self._giving_up is not None:
            self._giving_up.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The other side does not read: it has some time to go on."""
        super().pause_writing()
        if self.transport is not None and self._giving_up is None:
            self._giving_up = self._loop.call_later(self._unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        super().resume_writing()

    def is_waiting_for_sender(self) -> bool:
        """Whether nothing can be done here until the other side sends more."""
        current = self._current_request
        return not self._messages if current is None else not current.content.is_eof()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes what was sent
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, or to a fault outside every middleware."""
        self.keep_alive(False)  # where the next request begins cannot be told
        if isinstance(self._manager, Server):
            return library_answer(self._manager.app, request, 431 if isinstance(exc, LineTooLong) else status)
        return web.Response(status=status)


class Server(web.Server):
    """Hands out connections, and sheds those that only wait for their sender when there are too many."""

    def __init__(self, app: web.Application, limits: Limits) -> None:
        async def handle(request: BaseRequest) -> web.StreamResponse:
            try:
                return await app._handle(request)  # type: ignore[arg-type] # noqa: SLF001 - the factory below makes the right kind
            except web.HTTPException as error:  # raised before the middlewares: an expectation that is none of HTTP's
                return library_answer(app, request, error.status)

        super().__init__(handle, request_factory=app._make_request)  # noqa: SLF001 - aiohttp's own way
        self.app = app
        self._limits = limits

    def __call__(self) -> RequestHandler:
        """A connection with these bounds."""
        return Connection(
            self,
            loop=self._loop,
            access_log=None,
            keepalive_timeout=self._limits.idle_seconds,
            unread_seconds=self._limits.unread_seconds,
        )

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Count it; with one too many, end the oldest that waits for its sender, or this one where none does.

        Many are taken in before the loop turns: one that was ended already makes room once, and not for all of them.
        """
        still = [(one, there) for one, there in self._connections.items() if not there.is_closing()]
        if len(still) >= self._limits.connections:
            waiting = (there for one, there in still if isinstance(one, Connection) and one.is_waiting_for_sender())
            next(waiting, transport).abort()
            log.warning("connection-shed", count=len(self._connections))
        super().connection_made(handler, transport)


class Runner(web.AppRunner):
    """Runs an application on such a server."""

    def __init__(self, app: web.Application, limits: Limits, *, shutdown_timeout: float) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=shutdown_timeout)
        self._limits = limits

    async def _make_server(self) -> web.Server:
        await super()._make_server()  # which starts the application
        return Server(self.app, self._limits)
