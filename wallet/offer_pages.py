"""Pages for receiving: paste an offer, read who gives what, type the code that came separately."""

from aiohttp import web

from didkit_py.credentials.template import template_of
from didkit_py.errors import DidkitError, IllegalMove, Malformed, Rejected, Unavailable
from didkit_py.oauth import InvalidGrant
from didkit_py.service.web import Routes, read_form, render
from wallet.giver import giver_of, giver_of_offer, title_of
from wallet.held import StoredOffer
from wallet.parts import Parts, parts_of
from wallet.taking import OPENED, RECEIVED, REDEEMED


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/receive", ask_for_link)
    routes.page("POST", "/receive", open_link, fields=("offer",))
    routes.page("GET", "/receive/{id}", show)
    routes.page("POST", "/receive/{id}", take, fields=("tx_code",))


async def ask_for_link(request: web.Request) -> web.Response:
    """The form for the text of a letter or QR code."""
    return render(request, "receive.html", problem="")


async def open_link(request: web.Request) -> web.Response:
    """Read what is offered, and go to its page."""
    form = await read_form(request)
    try:
        if not form.get("offer", "").strip():
            raise Malformed("Paste the text of the offer")
        offer = await parts_of(request).opened.taking.open(form["offer"])
    except DidkitError as error:
        return render(request, "receive.html", status=_status(error), problem=_unread(error))
    return _go(f"/receive/{offer.id}")


def _unread(error: DidkitError) -> str:
    if isinstance(error, Unavailable):
        return "The sender of this offer cannot be reached now. Try again later"
    if isinstance(error, Malformed):
        return "This is not the text of an offer. Copy all of it, or scan the square code in your letter"
    return "This offer cannot be used. Ask whoever sent it for a new one"


def _status(error: DidkitError) -> int:
    return 503 if isinstance(error, Unavailable) else 400


async def show(request: web.Request) -> web.Response:
    """Who offers what, and the field for the code."""
    parts = parts_of(request)
    offer = await parts.opened.store.load_offer(request.match_info["id"])
    if offer.state == RECEIVED:
        return await _received(request, parts, offer)
    return _offer(request, parts, offer)


def _offer(
    request: web.Request, parts: Parts, offer: StoredOffer, problem: str = "", status: int = 200
) -> web.Response:
    configuration = offer.previewed.configurations[0]
    template = template_of(configuration.vct)
    return render(
        request,
        "offer.html",
        status=status,
        offer=offer,
        title=title_of(configuration.vct, offer.previewed.titles[0]),
        about=template.description if template else "",
        told="" if template else configuration.description or "",
        copies=min(template.copies if template else 1, offer.previewed.issuer.batch_size),
        labels=[spec.label for spec in template.claims] if template else [],
        giver=giver_of_offer(offer, parts.known_lists()),
        code=offer.previewed.offer.tx_code,
        ready=offer.state == REDEEMED,
        open=offer.state == OPENED,
        problem=problem,
    )


async def take(request: web.Request) -> web.Response:
    """Take the document with the code, or go on where it stopped."""
    form = await read_form(request)
    parts = parts_of(request)
    offer_id = request.match_info["id"]
    code = "".join(form.get("tx_code", "").split())
    try:
        offer = await parts.take(offer_id, code or None)
    except IllegalMove:
        return _go(f"/receive/{offer_id}")
    except (Malformed, Rejected, Unavailable) as error:
        offer = await parts.opened.store.load_offer(offer_id)
        return _offer(request, parts, offer, _not_taken(error, code), _status(error))
    return _go(f"/receive/{offer.id}")


def _not_taken(error: DidkitError, code: str) -> str:
    if isinstance(error, Unavailable):
        return "The sender cannot be reached now. Nothing is lost: try again later"
    if isinstance(error, InvalidGrant):
        return "The code is not right, or this offer was used. Check the code: after five wrong ones the offer closes"
    if isinstance(error, Malformed) and not code:
        return "Type the code that came separately"
    if isinstance(error, Malformed):
        return "The code does not have the right form. Check it and type it again"
    return "What arrived is not in order, so nothing was kept. Ask whoever sent the offer for a new one"


async def _received(request: web.Request, parts: Parts, offer: StoredOffer) -> web.Response:
    stored = await parts.opened.store.load_credential(offer.credential_id or "")
    title, giver = title_of(stored.vct, stored.title), giver_of(stored, parts.known_lists())
    return render(request, "received.html", stored=stored, title=title, giver=giver)


def _go(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
