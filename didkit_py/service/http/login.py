"""The sign-in page: one passphrase, tries that take turns, and a fresh session once it fits.

Nobody is ever locked out by somebody else's wrong tries, and no address is relied on, for behind a web server all
callers have one. A browser that signed in before holds a token that gives it tries of its own; everybody else shares
one lane, where each wrong try makes the next wait longer, up to LONGEST_WAIT_SECONDS. Comparing a passphrase costs a
third of a second and 64 MiB on purpose, so each lane compares one at a time and few may stand in line.
"""

import asyncio
import hashlib
import hmac
import math
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import web

from didkit_py.errors import Malformed
from didkit_py.localization import Text, phrase
from didkit_py.service.http.middleware import SIGN_IN
from didkit_py.service.http.pages import render
from didkit_py.service.http.request_body import read_form
from didkit_py.service.http.routing import SETTINGS, Routes
from didkit_py.service.http.sessions import (
    SESSIONS,
    begin_session,
    cookie_name,
    cookies_named,
    end_session,
    session_of,
)
from didkit_py.service.observability.log import get_logger
from didkit_py.service.setup.operator import passphrase_check

Check = Callable[[str], Awaitable[object | None]]
Sleep = Callable[[float], Awaitable[object]]

WAIT_PER_WRONG_SECONDS: Final = 0.1  # a few mistakes are hardly felt
LONGEST_WAIT_SECONDS: Final = 12.0  # strangers get 7,200 guesses a day at most; the owner is let in within a minute
PLACES: Final = 4  # tries that stand in line or are compared; four longest waits stay below what web servers allow
OWN_TRIES: Final = 10  # of a browser that signed in before, until it does so again; after them it shares the lane
DEVICE_SECONDS: Final = 180 * 86_400  # how long a browser keeps its token
MAX_PASSPHRASE: Final = 1_024  # characters
_LOCAL: Final = re.compile(r"\A/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2047}\Z")  # no second slash, backslash or control sign
log = get_logger()


@dataclass(slots=True, kw_only=True)
class Lane:
    """Tries that take turns: one at a time, and few in line."""

    clock: Callable[[], float] = time.monotonic
    sleep: Sleep = asyncio.sleep
    wait_per_wrong: float = WAIT_PER_WRONG_SECONDS
    wrong: int = 0
    taken: int = 0  # places
    opens_at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def wait_seconds(self) -> float:
        """How long the next try waits after one that was wrong."""
        return min(self.wrong * self.wait_per_wrong, LONGEST_WAIT_SECONDS)

    @property
    def is_full(self) -> bool:
        """Whether nobody can join the line now."""
        return self.taken >= PLACES

    @asynccontextmanager
    async def take_turn(self) -> AsyncIterator[None]:
        """Stand in line until it is this try's turn."""
        self.taken += 1
        try:
            async with self.turn:
                await self.sleep(max(0.0, self.opens_at - self.clock()))
                yield
        finally:
            self.taken -= 1

    def count_wrong(self) -> None:
        """One more; the next waits longer."""
        self.wrong += 1
        self.opens_at = self.clock() + self.wait_seconds

    def forget(self) -> None:
        """The right one came."""
        self.wrong, self.opens_at = 0, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Browsers that signed in before: their tokens, which grant tries of their own and nothing else.

    A token is an id and its MAC. The key is made from the file in which the passphrase is sealed or hashed: who can
    read that file needs no tries here, tokens outlive a restart, and another passphrase forgets them all.
    """

    secret_file: Path
    service: str
    tries: Counter[str] = field(default_factory=Counter)  # by id, since it last signed in; ids are given at sign-ins

    def read_key(self) -> bytes:
        """The key of the MACs, or one that nobody has where the file cannot be read."""
        try:
            secret = self.secret_file.read_bytes()
        except OSError:
            return secrets.token_bytes(32)
        return hashlib.sha256(b"didkit-py device token\0" + self.service.encode() + b"\0" + secret).digest()

    @staticmethod
    def make_token(key: bytes, device: str) -> str:
        """The token of the browser with this id."""
        return f"{device}.{hmac.digest(key, device.encode(), hashlib.sha256).hex()}"

    def find(self, key: bytes, tokens: list[str]) -> str:
        """The id in the first token that is ours, or an empty text: programs on other ports may have set others."""
        for token in tokens:
            device = token.partition(".")[0]
            expected = self.make_token(key, device).encode("utf-8", "replace")
            if hmac.compare_digest(expected, token.encode("utf-8", "replace")):
                return device
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    check: Check
    words: dict[str, Text]
    home: str
    shared: Lane
    own: Lane
    devices: Devices

    async def show(self, request: web.Request) -> web.Response:
        """The form for the passphrase."""
        return self._render(request, local_path(request.query.get("next", ""), otherwise=self.home))

    async def submit(self, request: web.Request) -> web.Response:
        """Sign in. Wrong passphrases of strangers slow strangers down, and nobody else."""
        form = await read_form(request)
        back = local_path(form.get("next", ""), otherwise=self.home)
        passphrase = form.get("passphrase", "")
        if len(passphrase) > MAX_PASSPHRASE:
            raise Malformed(f"the passphrase is longer than {MAX_PASSPHRASE} characters")
        if not passphrase:
            return self._render(request, back, phrase("sign-in.enter"), status=400)
        key = await asyncio.to_thread(self.devices.read_key)
        device = self.devices.find(key, cookies_named(request, device_cookie_name(request.app)))
        lane = self.own if device and self.devices.tries[device] < OWN_TRIES else self.shared
        if lane.is_full:
            return self._ask_to_wait(request, back, lane)
        if lane is self.own:
            self.devices.tries[device] += 1  # before it is compared, or tries side by side would escape the count
        async with lane.take_turn():
            if request.transport is None:  # gone while it stood in line; nothing is compared for nobody
                return web.Response(status=204)
            principal = await self.check(passphrase)
            if principal is None:
                lane.count_wrong()
                log.warning("sign-in-refused", attempts=lane.wrong)
                return self._render(request, back, phrase("sign-in.wrong"), status=403)
            lane.forget()
        answer = web.Response(status=303, headers={"Location": back})
        begin_session(request)["principal"] = principal
        self._remember(request, answer, key, device)
        log.info("signed-in")
        return answer

    def _remember(self, request: web.Request, answer: web.Response, key: bytes, former: str) -> None:
        """Give the browser a new id, and its other sessions with it: a sign-out ends them all."""
        device = secrets.token_urlsafe(16)
        self.devices.tries.pop(former, None)
        for session in request.app[SESSIONS]:
            if session is session_of(request) or (former and session.device == former):
                session.device = device
        secure = request.app[SETTINGS].base_url.startswith("https:")
        name, token = device_cookie_name(request.app), self.devices.make_token(key, device)
        answer.set_cookie(
            name, token, path=SIGN_IN, max_age=DEVICE_SECONDS, httponly=True, samesite="Strict", secure=secure
        )

    def _ask_to_wait(self, request: web.Request, back: str, lane: Lane) -> web.Response:
        seconds = max(1, math.ceil(lane.wait_seconds))
        text = phrase("sign-in.wait", count=seconds)
        answer = self._render(request, back, text, status=429)
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def _render(self, request: web.Request, back: str, problem: Text = "", *, status: int = 200) -> web.Response:
        return render(request, "sign_in.html", status=status, next=back, problem=problem, **self.words)


def install_operator_sign_in(app: web.Application, operator_file: Path) -> None:
    """Add the sign-in of whoever operates a service, by the passphrase whose hash stands in `operator_file`."""
    install_sign_in(
        app,
        passphrase_check(operator_file),
        secret_file=operator_file,
        title=phrase("sign-in.title"),
        prompt=phrase("sign-in.prompt"),
        button=phrase("sign-in.button"),
    )


def install_sign_in(
    app: web.Application,
    check: Check,
    *,
    secret_file: Path,
    title: Text,
    prompt: Text,
    hint: Text = "",
    button: Text,
    home: str = "/",
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Add /sign-in and /sign-out. `check` gives the principal for the right passphrase and None for a wrong one.

    `prompt` names which passphrase is meant: people own several. `secret_file` is what the passphrase opens or is
    compared with; see Devices.
    """
    words: dict[str, Text] = {"title": title, "prompt": prompt, "hint": hint, "button_label": button}
    page = _Page(
        check=check,
        words=words,
        home=home,
        shared=Lane(sleep=sleep),
        own=Lane(sleep=sleep, wait_per_wrong=0.0),  # a lane for all devices: each of them has few tries
        devices=Devices(secret_file=secret_file, service=cookie_name(app)),
    )
    routes = Routes(app)
    routes.page("GET", SIGN_IN, page.show, query=("next",), signed_in=False)
    routes.page("POST", SIGN_IN, page.submit, fields=("passphrase", "next"), statuses=(303, 429), signed_in=False)
    routes.page("POST", "/sign-out", sign_out)


async def sign_out(request: web.Request) -> web.Response:
    """End every session of this browser."""
    session, sessions = session_of(request), request.app[SESSIONS]
    for each in sessions:
        if session is not None and each.device and each.device == session.device and each is not session:
            sessions.end(each)
    end_session(request)
    return web.Response(status=303, headers={"Location": SIGN_IN})


def device_cookie_name(app: web.Application) -> str:
    """The name of the cookie with the token of a browser that signed in before."""
    return f"{cookie_name(app)}-device"


def local_path(text: str, *, otherwise: str) -> str:
    """`text` if it is a path of this service that a browser cannot read as another site, else `otherwise`."""
    return text if _LOCAL.match(text) else otherwise
