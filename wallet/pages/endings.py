"""Pages for afterwards: stop somebody's use of what was shared, have it erased, and see what they confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from didkit_py.errors import DidkitError, NotFound
from didkit_py.roles.ending import Ended, TerminationRequest, relationship_of
from didkit_py.service.http.web import Routes, read_form, render
from didkit_py.unicode.visible import quoted
from wallet.context import WalletContext
from wallet.pages import wording as words
from wallet.web_context import parts_of

ASKED: Final = {
    TerminationRequest.STOP: "You told them to stop using it",
    TerminationRequest.ERASE: "You told them to erase it",
}
CONFIRMED: Final = {
    TerminationRequest.STOP: "They confirmed with their signature that they do not use it any more",
    TerminationRequest.ERASE: "They confirmed with their signature that they erased it",
}
KEPT_FOR: Final = {
    "immediate": "immediate use",
    "planning": "planning",
    "archive": "an archive",
    "dispute": "disputes",
    "legal": "duties by law",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingLine:
    """One thing that the person asked of somebody, and how it stands, in words."""

    wish: str
    state: str  # not sent, sent, unconfirmed, confirmed, erased, kept in part, unreadable
    tone: str
    sentences: tuple[str, ...]
    code: str = ""  # of what went wrong with the last try


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterwards:
    """What the person asked of somebody after sharing, and what they still can."""

    lines: tuple[EndingLine, ...] = ()
    can_stop: bool = True
    can_erase: bool = True
    waits: bool = False
    left_at: datetime | None = None  # when they confirmed that they stopped using it


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/disclosures/{id}/{wish:stop|erase}", confirm)
    routes.page("POST", "/disclosures/{id}/{wish:stop|erase}", end)
    routes.page("POST", "/disclosures/{id}/send", send_again)


async def afterwards(parts: WalletContext) -> Mapping[str, Afterwards]:
    """What was asked of whom, by the request that it is about."""
    by_request: dict[str, list[Ended]] = {}
    for one in await parts.opened.store.load_endings():
        by_request.setdefault(one.exchange_id, []).append(one)
    return {request_id: await _afterwards(parts, some) for request_id, some in by_request.items()}


async def _afterwards(parts: WalletContext, some: Sequence[Ended]) -> Afterwards:
    wishes = {one.wish for one in some}
    return Afterwards(
        lines=tuple([await _line(parts, one) for one in some]),
        can_stop=TerminationRequest.STOP not in wishes,
        can_erase=TerminationRequest.ERASE not in wishes,
        waits=any(not one.confirmed for one in some),
        left_at=next((one.answered_at for one in some if one.wish is TerminationRequest.STOP and one.confirmed), None),
    )


async def _line(parts: WalletContext, one: Ended) -> EndingLine:
    """How one wish stands. What cannot be read any more says so in its own line and hides no other."""
    asked = f"{ASKED[one.wish]} on {words.clock_time(one.asked_at)}."
    try:
        if one.confirmed:
            return _confirmed(one, asked)
        if one.event is None:
            waits = "It is sent once they have confirmed what you asked before."
            return EndingLine(wish=one.wish, state="not sent", tone="waiting", sentences=(asked, waits))
        sentences = (asked, *await _unconfirmed(parts, one))
    except DidkitError as error:
        unread = "What your wallet keeps of this cannot be read."
        return EndingLine(wish=one.wish, state="unreadable", tone="bad", sentences=(asked, unread), code=error.code)
    return EndingLine(wish=one.wish, state="sent, unconfirmed", tone="waiting", sentences=sentences, code=one.problem)


def _confirmed(one: Ended, asked: str) -> EndingLine:
    if one.residual:
        confirmed = f"They confirmed with their signature, on {words.clock_time(one.answered_at)}, all but this:"
        kept = (
            f"they keep some of it for {KEPT_FOR[storage]} until {words.day(until)}, and give as their reason"
            f" “{quoted(clause)}”."
            for storage, clause, until in one.residual
        )
        return EndingLine(wish=one.wish, state="kept in part", tone="waiting", sentences=(asked, confirmed, *kept))
    state = "erased" if one.wish is TerminationRequest.ERASE else "confirmed"
    sentence = f"{CONFIRMED[one.wish]}, on {words.clock_time(one.answered_at)}."
    return EndingLine(wish=one.wish, state=state, tone="good", sentences=(asked, sentence))


async def _unconfirmed(parts: WalletContext, one: Ended) -> tuple[str, str]:
    """How long it has been so, and how long they promised that it would take."""
    now = parts.clock()
    within = relationship_of(await parts.opened.keeping.load_exchange(one.exchange_id)).desk(one.wish).within
    late = one.asked_at + within.length < now
    promised = f"They promised to do it within {within.words()}" + (" and are late." if late else ".")
    return f"They have not confirmed it for {words.age(now - one.asked_at)}.", promised


async def confirm(request: web.Request) -> web.Response:
    """What the button would do, before it does."""
    parts = parts_of(request)
    exchange = await parts.opened.keeping.load_exchange(request.match_info["id"])
    if exchange.record is None:
        raise NotFound("there is no record that both signed of this request")
    wish = TerminationRequest(request.match_info["wish"])
    within = relationship_of(exchange).desk(wish).within.words()
    return render(request, "ending.html", exchange=exchange, wish=wish.value, within=within)


async def end(request: web.Request) -> web.Response:
    """The person confirmed: it is kept, sent, and sent again until they answer."""
    await read_form(request)
    request_id = request.match_info["id"]
    await parts_of(request).end(request_id, TerminationRequest(request.match_info["wish"]))
    return _back(request_id)


async def send_again(request: web.Request) -> web.Response:
    """Try to reach them again with the same message."""
    await read_form(request)
    request_id = request.match_info["id"]
    await parts_of(request).send_ended(request_id)
    return _back(request_id)


def _back(request_id: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/disclosures#shared-{request_id}"})
