"""Fetcher: the only way out. Bounded in time, size and number, to public https hosts, or to loopback origins by name.

Two gates decide, and both must open. The URL: https, or an origin that a setting lists, spelled in the one way that
every parser reads alike. The socket: the address really connected to is judged, because names can lead anywhere and
addresses written in the URL never pass a resolver. Only a status list is followed where it moved, three times at
most and through both gates each time. Proxies and cookies are not used, and the headers are the same everywhere.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from didkit_py.errors import GONE, DidkitError, ForbiddenAddress, TooLarge, Unreachable, Withdrawn
from didkit_py.reading import is_url, origin
from didkit_py.service.clock import utc_now
from didkit_py.service.observability.log import get_logger
from didkit_py.status.token_list import CONTENT_TYPE as STATUS_LIST_TYPE

TOTAL_SECONDS: Final = 10.0  # a person waits for the longest chain of fetches, at most four rounds
CONNECT_SECONDS: Final = 3.0
MAX_CONCURRENT: Final = 16  # sockets of one service at a time
MAX_CACHE: Final = timedelta(days=1)  # whatever the publisher says, a list is looked at again daily
_CHUNK: Final = 65_536
_NOT_THERE: Final = frozenset({404, 410})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_MAX_MOVES: Final = 3
_MAX_AGE: Final = re.compile(r"(?:\A|[,\s])max-age=\"?(\d{1,9})\"?(?:\Z|[,\s])", re.IGNORECASE)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE: Final = ipaddress.ip_network("::/96")
# Special purposes by IANA's registries that the tables of some Python that we run on do not know.
_ALSO_SPECIAL: Final = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "5f00::/16")))

log = get_logger()

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One answer, read to its end."""

    body: bytes = field(repr=False)
    content_type: str  # lower case, without parameters; empty when the answer names none
    status: int
    expires: datetime | None  # until when it may be kept, where the answer says so
    date: datetime | None = None  # the server's clock


class Fetcher:
    """Fetches and posts for one service: `async with Fetcher(settings.loopback_origins) as fetcher`."""

    def __init__(
        self,
        loopback_origins: Collection[str] = (),
        *,
        clock: Callable[[], datetime] = utc_now,
        total_seconds: float = TOTAL_SECONDS,
        names_origins: bool = False,
    ) -> None:
        """`loopback_origins` are exact, such as `http://localhost:8001`; nothing else on this machine is reached.

        The log has one line for each fetch. It says from where only with `names_origins`: the origins that a wallet
        fetches from are whom its person deals with.
        """
        self._loopback = frozenset(loopback_origins)
        self._clock = clock
        self._total_seconds = total_seconds
        self._names_origins = names_origins
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        ports = frozenset(URL(each).port for each in self._loopback)
        self._sessions = {
            False: _session(_public_socket),
            True: _session(lambda address: _loopback_socket(address, ports)),
        }
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str | None = None,
        ok_only: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """What stands at `url`.

        Raises ForbiddenAddress, TooLarge, or Unreachable, also for any status but 2xx; for 410 its child Withdrawn.
        """
        sent = {**(headers or {}), **({"Accept": accept} if accept else {})}
        fetched = await self._send("GET", url, None, sent, max_bytes)
        if ok_only and not 200 <= fetched.status < 300:  # noqa: PLR2004 - the class of success, RFC 9110, 15.3
            error = Withdrawn if fetched.status == 410 else Unreachable  # noqa: PLR2004 - RFC 9110, 15.5.11
            reason = GONE if fetched.status in _NOT_THERE else ""
            raise error(f"{origin(url)} answered with status {fetched.status}", reason=reason)
        return fetched

    async def post(
        self, url: str, *, body: bytes, content_type: str, max_bytes: int, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """The answer to `body`, whatever its status. Raises ForbiddenAddress, TooLarge or Unreachable."""
        return await self._send("POST", url, body, {**(headers or {}), "Content-Type": content_type}, max_bytes)

    async def _send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> Fetched:
        """The answer, and one line of log about it."""
        began = time.monotonic()
        try:
            fetched = await self._exchange(method, url, body, headers, max_bytes)
        except DidkitError as error:
            self._tell(method, url, began, code=error.code)
            raise
        self._tell(method, url, began, status=fetched.status, bytes=len(fetched.body))
        return fetched

    def _tell(self, method: str, url: str, began: float, **outcome: str | int) -> None:
        where = {"origin": origin(url)} if self._names_origins and is_url(url) else {}
        log.info("fetch", method=method, duration_ms=round((time.monotonic() - began) * 1000, 1), **where, **outcome)

    async def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> Fetched:
        target, on_loopback = self._judge_url(url)
        if not self._sessions:
            raise RuntimeError("use the Fetcher inside `async with`")
        session = self._sessions[on_loopback]
        # Token Status List, 8.1: a list may have moved. Nothing else may: it would be believed at the other address.
        moves = _MAX_MOVES if headers.get("Accept") == STATUS_LIST_TYPE else 0
        try:
            # The wait for a slot is not the peer's: one that hangs must not make those behind it count as out of reach.
            async with self._slots, asyncio.timeout(self._total_seconds):
                for _ in range(moves + 1):
                    async with session.request(
                        method, target, data=body, headers=headers, allow_redirects=False
                    ) as answer:
                        if not moves or answer.status not in _MOVED:
                            return await self._read(answer, url, max_bytes)
                        url = urljoin(url, answer.headers.get("Location", "")).partition("#")[0]
                    target, still = self._judge_url(url)
                    if still is not on_loopback:
                        raise ForbiddenAddress("a redirect leads to this machine, or away from it")
                raise Unreachable(f"{origin(url)} redirects more than {_MAX_MOVES} times")
        except TimeoutError as error:
            raise Unreachable(f"{origin(url)} did not answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"{origin(url)} cannot be reached ({type(error).__name__})") from error

    def _judge_url(self, url: str) -> tuple[URL, bool]:
        if not is_url(url):
            raise ForbiddenAddress("expected an https URL without user part or fragment")
        target = URL(url, encoded=True)
        # Two parsers that read one text differently would let one judge what the other does not connect to.
        name = target.host or ""
        host = f"[{name}]" if ":" in name else name
        port = "" if target.is_default_port() else f":{target.port}"
        if origin(url) != f"{target.scheme}://{host}{port}":
            raise ForbiddenAddress("expected a URL in its usual spelling")
        on_loopback = origin(url) in self._loopback
        if target.scheme != "https" and not on_loopback:
            raise ForbiddenAddress(f"{origin(url)} is not https, and no setting lists it")
        return target, on_loopback

    async def _read(self, answer: aiohttp.ClientResponse, url: str, max_bytes: int) -> Fetched:
        if 300 <= answer.status < 400:  # noqa: PLR2004 - the class of redirection, RFC 9110, 15.4
            raise Unreachable(f"{origin(url)} answered with a redirect, which is not followed")
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Unreachable(f"{origin(url)} answered with an encoding that was not asked for")
        body = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > max_bytes:
                answer.close()
                raise TooLarge(f"{origin(url)} answered with more than {max_bytes} bytes")
        return Fetched(
            body=bytes(body),
            content_type=answer.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
            status=answer.status,
            expires=_expires(answer.headers, self._clock()),
            date=_moment(answer.headers.get("Date", "")),
        )


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The system's certificates, read once: a context takes 30 ms to make, and every fetcher needs two."""
    return ssl.create_default_context()


def _session(socket_factory: Callable[[AddressInfo], socket.socket]) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        ssl=_tls(),
        limit=MAX_CONCURRENT,
        happy_eyeballs_delay=None,  # one address after the other, so that the first forbidden one ends the attempt
        socket_factory=socket_factory,
        use_dns_cache=False,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
        skip_auto_headers=("User-Agent",),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
    )


def _public_socket(address: AddressInfo) -> socket.socket:
    if not is_public(address[4][0]):
        raise ForbiddenAddress("the host leads to an address that is not public")
    return _socket(address)


def _loopback_socket(address: AddressInfo, ports: Collection[int | None]) -> socket.socket:
    if not ipaddress.ip_address(address[4][0]).is_loopback or address[4][1] not in ports:
        raise ForbiddenAddress("a listed loopback origin leads away from this machine")
    return _socket(address)


def _socket(address: AddressInfo) -> socket.socket:
    return socket.socket(family=address[0], type=address[1], proto=address[2])


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet, also by the IPv4 address that an IPv6 one may carry inside."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner_ipv4(address)
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local or address.scope_id is not None:
            return False
    if any(address in network for network in _ALSO_SPECIAL):
        return False
    special = address.is_private or address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not (special or address.is_loopback or address.is_link_local)


def _inner_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    bare = ipaddress.IPv6Address(int(address))
    if bare in _NAT64 or bare in _IPV4_COMPATIBLE:
        return ipaddress.IPv4Address(int(bare) & 0xFFFFFFFF)
    return None


def _expires(headers: CIMultiDictProxy[str], now: datetime) -> datetime | None:
    control = headers.get("Cache-Control", "").lower()
    if "no-store" in control or "no-cache" in control:
        return now
    if age := _MAX_AGE.search(control):
        return now + min(timedelta(seconds=int(age[1])), MAX_CACHE)
    stated = _moment(headers.get("Expires", ""))
    return None if stated is None else min(stated, now + MAX_CACHE)


def _moment(text: str) -> datetime | None:
    """The aware moment of a date in a header, if it is one (RFC 9110, 5.6.7)."""
    try:
        stated = parsedate_to_datetime(text)
        return stated.replace(tzinfo=stated.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):  # an offset can lead beyond the calendar, a year beyond what a number holds
        return None
