"""The sign-in page: one passphrase, few tries, and a fresh session once it fits."""

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from didkit_py.errors import Malformed
from didkit_py.service.bodies import read_form
from didkit_py.service.guards import SIGN_IN
from didkit_py.service.log import get_logger
from didkit_py.service.pages import render
from didkit_py.service.routing import Routes
from didkit_py.service.sessions import begin_session, end_session, principal_of

Check = Callable[[str], Awaitable[object | None]]

FREE_TRIES: Final = 5
FIRST_WAIT_SECONDS: Final = 60.0
LONGEST_WAIT_SECONDS: Final = 900.0  # longer would let a stranger lock the owner out for good
MAX_PASSPHRASE: Final = 1_024  # characters
_LOCAL: Final = re.compile(r"\A/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2047}\Z")  # no second slash, backslash or control sign
log = get_logger()


@dataclass(slots=True, kw_only=True)
class Tries:
    """Wrong tries of a whole service: a guesser has many addresses, but only one lock to open."""

    clock: Callable[[], float] = time.monotonic
    wrong: int = 0
    closed_until: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one try at a time, or parallel guesses escape the count

    def seconds_to_wait(self) -> int:
        """How long no further try is taken; 0 when one is."""
        return max(0, math.ceil(self.closed_until - self.clock()))

    def count_wrong(self) -> None:
        """One more; from the fifth on, each doubles the wait."""
        self.wrong += 1
        if self.wrong >= FREE_TRIES:
            wait = FIRST_WAIT_SECONDS * 2 ** min(self.wrong - FREE_TRIES, 10)
            self.closed_until = self.clock() + min(wait, LONGEST_WAIT_SECONDS)

    def forget(self) -> None:
        """The right one came."""
        self.wrong, self.closed_until = 0, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    check: Check
    words: dict[str, str]
    home: str
    tries: Tries

    async def show(self, request: web.Request) -> web.Response:
        """The form for the passphrase; whoever signed in before goes on."""
        back = local_path(request.query.get("next", ""), otherwise=self.home)
        if principal_of(request) is not None:
            return _go(back)
        return self._render(request, back)

    async def submit(self, request: web.Request) -> web.Response:
        """Sign in; wrong passphrases make everybody wait."""
        form = await read_form(request)
        back = local_path(form.get("next", ""), otherwise=self.home)
        passphrase = form.get("passphrase", "")
        if len(passphrase) > MAX_PASSPHRASE:
            raise Malformed(f"the passphrase is longer than {MAX_PASSPHRASE} characters")
        if not passphrase:
            return self._render(request, back, "Enter the passphrase", status=400)
        async with self.tries.turn:
            return await self._try(request, back, passphrase)

    async def _try(self, request: web.Request, back: str, passphrase: str) -> web.Response:
        if self.tries.seconds_to_wait():
            return self._refuse_for_now(request, back)
        principal = await self.check(passphrase)
        if principal is None:
            self.tries.count_wrong()
            log.warning("sign-in-refused", attempts=self.tries.wrong)
            if self.tries.seconds_to_wait():
                return self._refuse_for_now(request, back)
            return self._render(request, back, "The passphrase is not right. Check it and try again", status=403)
        self.tries.forget()
        begin_session(request)["principal"] = principal
        log.info("signed-in")
        return _go(back)

    def _refuse_for_now(self, request: web.Request, back: str) -> web.Response:
        seconds = self.tries.seconds_to_wait()
        text = f"Too many wrong tries. Wait {seconds} seconds, then try again"
        answer = self._render(request, back, text, status=429)
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def _render(self, request: web.Request, back: str, problem: str = "", *, status: int = 200) -> web.Response:
        return render(request, "sign_in.html", status=status, next=back, problem=problem, **self.words)


def install_sign_in(
    app: web.Application,
    check: Check,
    *,
    title: str,
    prompt: str,
    hint: str = "",
    button: str = "Sign in",
    home: str = "/",
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Add /sign-in and /sign-out. `check` gives the principal for the right passphrase and None for a wrong one.

    `prompt` names which passphrase is meant: people own several.
    """
    words = {"title": title, "prompt": prompt, "hint": hint, "button_label": button}
    page = _Page(check=check, words=words, home=home, tries=Tries(clock=clock))
    routes = Routes(app)
    routes.page("GET", SIGN_IN, page.show, query=("next",), statuses=(200, 303), signed_in=False)
    routes.page("POST", SIGN_IN, page.submit, fields=("passphrase", "next"), statuses=(303, 429), signed_in=False)
    routes.page("POST", "/sign-out", sign_out, signed_in=False)


async def sign_out(request: web.Request) -> web.Response:
    """End the session."""
    end_session(request)
    return _go(SIGN_IN)


def _go(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})


def local_path(text: str, *, otherwise: str) -> str:
    """`text` if it is a path of this service that a browser cannot read as another site, else `otherwise`."""
    return text if _LOCAL.match(text) else otherwise
