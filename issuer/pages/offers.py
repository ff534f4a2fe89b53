"""Pages about offers: the list, one offer with link, code and letter, and what can be done with it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from aiohttp import web

from didkit_py.errors import IllegalMove, NotFound
from didkit_py.oid4vci.issuance import MOVES, IssuanceEvent, IssuanceState
from didkit_py.service.http.web import Routes, notify, render, session_of
from issuer.context import IssuerContext
from issuer.store import KeptOffer
from issuer.web_context import parts_of

PAGE_SIZE: Final = 50
WORDS: Final[Mapping[IssuanceState, str]] = MappingProxyType(
    {
        IssuanceState.OFFERED: "waiting",
        IssuanceState.REDEEMED: "opened",
        IssuanceState.ISSUED: "issued",
        IssuanceState.WITHDRAWN: "withdrawn",
        IssuanceState.EXPIRED: "expired",
        IssuanceState.LOCKED: "locked",
    }
)
_SHOWN_CODE: Final = "shown-code"  # of one offer, in the session until it was looked at


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/offers-made", show_offers, query=("state", "member", "page"))
    routes.page("GET", "/offers-made/{id}", show_offer)
    routes.page("GET", "/offers-made/{id}/letter", show_letter, statuses=(200, 409))
    routes.page("GET", "/letters", show_letters, query=("batch", "page"))
    routes.page("GET", "/offers-made/{id}/withdraw", ask_withdraw, statuses=(200, 303))
    routes.page("POST", "/offers-made/{id}/withdraw", withdraw)
    routes.page("POST", "/offers-made/{id}/code", replace_code)


async def show_offers(request: web.Request) -> web.Response:
    """The offers, the newest first, by state or by member number."""
    parts = parts_of(request)
    wanted, search, page = request.query.get("state", ""), request.query.get("member", "").strip(), page_number(request)
    state = IssuanceState(wanted) if wanted in set(IssuanceState) else None
    found = await parts.store.find(
        now=parts.clock(),
        state=state,
        reference_hash=parts.issuing.hashes.reference(search) if search else None,
        limit=PAGE_SIZE + 1,
        offset=(page - 1) * PAGE_SIZE,
    )
    return render(
        request,
        "offers.html",
        offers=[offer_view(parts, each) for each in found[:PAGE_SIZE]],
        states=[("", "All"), *((each.value, WORDS[each].capitalize()) for each in IssuanceState)],
        state=state.value if state else "",
        search=search,
        page=page,
        more=len(found) > PAGE_SIZE,
        can_import=parts.layout is not None,
    )


def page_number(request: web.Request) -> int:
    """Which part of a long list is wanted, from 1."""
    text = request.query.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1  # noqa: PLR2004 - 10^6 pages


def offer_view(parts: IssuerContext, kept: KeptOffer) -> dict[str, object]:
    """What templates show of an offer."""
    offer = kept.offer
    template = parts.issuing.templates.get(offer.wanted.type_name)
    return {
        "id": offer.id,
        "who": offer.wanted.addressee or offer.wanted.reference,
        "reference": offer.wanted.reference,
        "addressee": offer.wanted.addressee,
        "subject": offer.wanted.subject,
        "title": template.title if template else offer.wanted.type_name,
        "state": WORDS[kept.state],
        "made": show_day(offer.made_at),
        "ends": show_day(offer.expires_at),
        "tries": kept.tries,
        "can_withdraw": (kept.state, IssuanceEvent.OFFER_WITHDRAWN) in MOVES,
        "is_open": kept.state is IssuanceState.OFFERED,
    }


def show_day(moment: datetime) -> str:
    """A day as people write it."""
    return f"{moment:%-d %B %Y}"


async def show_offer(request: web.Request) -> web.Response:
    """One offer: where it stands and how it reaches its receiver."""
    parts, kept = await _load(request)
    session = session_of(request)
    shown = session.pop(_SHOWN_CODE, None) if session is not None else None
    code = shown[1] if isinstance(shown, tuple) and shown[0] == kept.offer.id else ""
    link = parts.issuing.offer_link(kept.offer.id)
    return render(request, "offer.html", offer=offer_view(parts, kept), link=link, tx_code=code)


async def show_letter(request: web.Request) -> web.Response:
    """The letter to print: link and QR code, never the transaction code."""
    parts, kept = await _load(request)
    if kept.state is not IssuanceState.OFFERED:
        raise IllegalMove("this offer is no longer open", hint="Make a new offer, then print its letter.")
    return render(
        request,
        "letter.html",
        letters=[_letter(parts, kept)],
        today=show_day(parts.clock()),
        page=1,
        more=False,
        batch="",
        back=f"/offers-made/{kept.offer.id}",
        back_label="Back to the offer",
    )


async def show_letters(request: web.Request) -> web.Response:
    """The letters of all offers that wait, or of those of one import."""
    parts, batch, page = parts_of(request), request.query.get("batch", ""), page_number(request)
    found = await parts.store.find(
        now=parts.clock(),
        state=IssuanceState.OFFERED,
        batch=batch or None,
        limit=PAGE_SIZE + 1,
        offset=(page - 1) * PAGE_SIZE,
    )
    return render(
        request,
        "letter.html",
        letters=[_letter(parts, each) for each in found[:PAGE_SIZE]],
        today=show_day(parts.clock()),
        page=page,
        more=len(found) > PAGE_SIZE,
        batch=batch,
        back="/offers-made",
        back_label="All offers",
    )


def _letter(parts: IssuerContext, kept: KeptOffer) -> dict[str, object]:
    return {
        "offer": offer_view(parts, kept),
        "link": parts.issuing.offer_link(kept.offer.id),
        "description": parts.issuing.templates[kept.offer.wanted.type_name].description,
    }


async def ask_withdraw(request: web.Request) -> web.Response:
    """What withdrawing means, and a button."""
    parts, kept = await _load(request)
    view = offer_view(parts, kept)
    if not view["can_withdraw"]:
        return _back(kept.offer.id)
    return render(request, "withdraw.html", offer=view)


async def withdraw(request: web.Request) -> web.Response:
    """End the offer."""
    parts, kept = await _load(request)
    await parts.store.withdraw(kept.offer.id, now=parts.clock())
    notify(request, "The offer is withdrawn. Its link and its codes no longer work.")
    return _back(kept.offer.id)


async def replace_code(request: web.Request) -> web.Response:
    """A new transaction code, shown once on the next page."""
    parts, kept = await _load(request)
    tx_code = await parts.issuing.replace_tx_code(kept.offer.id, now=parts.clock())
    session = session_of(request)
    if session is not None:
        session[_SHOWN_CODE] = (kept.offer.id, tx_code)
    return _back(kept.offer.id)


async def _load(request: web.Request) -> tuple[IssuerContext, KeptOffer]:
    parts = parts_of(request)
    offer_id = request.match_info["id"]
    if not offer_id.isascii():
        raise NotFound("there is no such offer")
    return parts, await parts.store.load(offer_id, now=parts.clock())


def _back(offer_id: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/offers-made/{offer_id}"})
