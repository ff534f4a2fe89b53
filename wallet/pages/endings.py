"""Pages for afterwards: stop somebody's use of what was shared, have it erased, and see what they confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from didkit_py.errors import DidkitError, NotFound
from didkit_py.localization import Text, clock_time, day, phrase
from didkit_py.roles.ending import Ended, TerminationRequest, relationship_of
from didkit_py.service.http.web import Routes, read_form, render
from didkit_py.unicode.visible import quoted
from wallet.context import WalletContext
from wallet.pages.stored import shown_items
from wallet.pages.wording import age
from wallet.web_context import parts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingLine:
    """One thing that the person asked of somebody, and how it stands."""

    wish: str
    state: str  # not-sent, unconfirmed, confirmed, erased, kept-in-part, unreadable
    tone: str
    sentences: tuple[Text, ...]
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
    asked = phrase(f"wallet.ending.asked.{one.wish}", time=clock_time(one.asked_at))
    try:
        if one.confirmed:
            return _confirmed(one, asked)
        if one.event is None:
            waits = phrase("wallet.ending.waits")
            return EndingLine(wish=one.wish, state="not-sent", tone="waiting", sentences=(asked, waits))
        sentences = (asked, *await _unconfirmed(parts, one))
    except DidkitError as error:
        unread = phrase("wallet.ending.unread")
        return EndingLine(wish=one.wish, state="unreadable", tone="bad", sentences=(asked, unread), code=error.code)
    return EndingLine(wish=one.wish, state="unconfirmed", tone="waiting", sentences=sentences, code=one.problem)


def _confirmed(one: Ended, asked: Text) -> EndingLine:
    if one.residual:
        confirmed = phrase("wallet.ending.confirmed-in-part", time=clock_time(one.answered_at))
        kept = (
            phrase(f"wallet.ending.residual.{storage}", until=day(until), clause=quoted(clause))
            for storage, clause, until in one.residual
        )
        return EndingLine(wish=one.wish, state="kept-in-part", tone="waiting", sentences=(asked, confirmed, *kept))
    state = "erased" if one.wish is TerminationRequest.ERASE else "confirmed"
    sentence = phrase(f"wallet.ending.confirmed.{one.wish}", time=clock_time(one.answered_at))
    return EndingLine(wish=one.wish, state=state, tone="good", sentences=(asked, sentence))


async def _unconfirmed(parts: WalletContext, one: Ended) -> tuple[Text, Text]:
    """How long it has been so, and how long they promised that it would take."""
    now = parts.clock()
    exchange = await parts.opened.keeping.load_exchange(one.exchange_id)
    within = relationship_of(exchange, formats=parts.formats, key_sources=parts.key_sources).desk(one.wish).within
    late = one.asked_at + within.length < now
    promised = phrase("wallet.ending.late" if late else "wallet.ending.in-time", within=within.words())
    return phrase("wallet.ending.unconfirmed", age=age(now - one.asked_at)), promised


async def confirm(request: web.Request) -> web.Response:
    """What the button would do, before it does."""
    parts = parts_of(request)
    exchange = await parts.opened.keeping.load_exchange(request.match_info["id"])
    if exchange.record is None:
        raise NotFound("there is no record that both signed of this request")
    wish = TerminationRequest(request.match_info["wish"])
    within = relationship_of(exchange, formats=parts.formats, key_sources=parts.key_sources).desk(wish).within.words()
    return render(
        request,
        "ending.html",
        exchange=exchange,
        vendor=exchange.vendor,
        shared=shown_items(exchange.shared),
        wish=wish.value,
        within=within,
    )


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
