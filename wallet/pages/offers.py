"""Pages for receiving: paste an offer, read who gives what, type the code that came separately."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from didkit_py.credentials.template import template_of
from didkit_py.errors import (
    GONE,
    BadAnswer,
    DidkitError,
    ForbiddenAddress,
    IllegalMove,
    Malformed,
    Rejected,
    Unavailable,
    UnsupportedAlgorithm,
)
from didkit_py.localization import Phrase, Text, phrase
from didkit_py.oauth import (
    InvalidGrant,
    InvalidRequest,
    InvalidToken,
    UnknownCredentialConfiguration,
    UnsupportedGrantType,
    describable,
)
from didkit_py.oid4vci.metadata import BadMetadata
from didkit_py.service.http.web import Routes, read_form, render
from wallet.context import WalletContext
from wallet.giver import giver_of, giver_of_offer, title_of
from wallet.issuance_client import OPENED, RECEIVED, REDEEMED
from wallet.models import StoredOffer
from wallet.web_context import parts_of

NOT_AN_OFFER: Final = "wallet.take.not-an-offer"
OFFER_GONE: Final = phrase("wallet.take.gone")
Sentences = Sequence[tuple[tuple[type[DidkitError], ...], str]]  # key of a message; the first row that fits counts

_UNREAD: Final[Sentences] = (
    (
        (BadAnswer, BadMetadata, UnknownCredentialConfiguration, UnsupportedAlgorithm),
        "wallet.take.unread.sender",
    ),
    ((Unavailable,), "wallet.take.unread.unreachable"),
    (
        (UnsupportedGrantType,),
        "wallet.take.unread.other-kind",
    ),
    ((ForbiddenAddress,), "wallet.take.unread.address"),
    ((Malformed,), NOT_AN_OFFER),
    ((DidkitError,), "wallet.take.unread.unusable"),
)
_REFUSED: Final = "wallet.take.refused"
_NOT_TAKEN: Final[Sentences] = (
    ((InvalidGrant,), "wallet.take.wrong-code"),
    ((InvalidRequest,), _REFUSED),
    (
        (BadAnswer,),
        "wallet.take.bad-answer",
    ),
    ((Unavailable,), "wallet.take.unreachable"),
    ((Malformed,), "wallet.take.misshapen-code"),
    ((DidkitError,), _REFUSED),
)
_NOT_FETCHED: Final[Sentences] = (
    ((Unavailable,), "wallet.take.not-fetched.unreachable"),
    ((InvalidToken,), "wallet.take.not-fetched.late"),
    (
        (DidkitError,),
        "wallet.take.not-fetched.bad",
    ),
)


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/receive", ask_for_link)
    routes.page("POST", "/receive", open_link, fields=("offer",))
    routes.page("GET", "/receive/{id}", show)
    routes.page("POST", "/receive/{id}", take, fields=("tx_code",))


async def ask_for_link(request: web.Request) -> web.Response:
    """The form for the text of a letter or QR code."""
    return render(request, "receive.html", problem="", pasted=False)


async def open_link(request: web.Request) -> web.Response:
    """Read what is offered, and go to its page."""
    form = await read_form(request)
    if not form.get("offer", "").strip():
        problem: Text = phrase("wallet.take.paste")
        return render(request, "receive.html", status=400, problem=problem, pasted=True)
    try:
        offer = await parts_of(request).opened.taking.open(form["offer"])
    except DidkitError as error:
        gone = isinstance(error, Unavailable) and error.reason == GONE
        problem = OFFER_GONE if gone else _sentence(_UNREAD, error)
        pasted = problem.key == NOT_AN_OFFER
        return render(request, "receive.html", status=_status(error), problem=problem, pasted=pasted)
    return _go(f"/receive/{offer.id}")


def _sentence(sentences: Sentences, error: DidkitError) -> Phrase:
    """Who was wrong, and what to do; what another party sent stands in it as printable ASCII alone."""
    key = next(key for kinds, key in sentences if isinstance(error, kinds))
    return phrase(key, place=describable(str(error)))


def _status(error: DidkitError) -> int:
    return 503 if isinstance(error, Unavailable) else 400


async def show(request: web.Request) -> web.Response:
    """Who offers what, and the field for the code."""
    parts = parts_of(request)
    offer = await parts.opened.store.load_offer(request.match_info["id"])
    if offer.state == RECEIVED:
        stored = await parts.opened.store.load_credential(offer.credential_id or "")
        title = title_of(stored.vct, stored.title)
        giver = giver_of(stored, parts.known_lists(), key_sources=parts.key_sources)
        return render(request, "received.html", stored=stored, title=title, giver=giver)
    return _offer(request, parts, offer)


def _offer(
    request: web.Request,
    parts: WalletContext,
    offer: StoredOffer,
    problem: Text = "",
    status: int = 200,
    *,
    wrong_code: bool = False,
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
        wrong_code=wrong_code,
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
        misshapen = isinstance(error, Malformed) and not isinstance(error, BadAnswer | InvalidRequest)
        problem = _not_taken(error, offer) if code or not misshapen else phrase("wallet.take.type-code")
        wrong_code = offer.state != REDEEMED and (misshapen or isinstance(error, InvalidGrant))
        return _offer(request, parts, offer, problem, _status(error), wrong_code=wrong_code)
    return _go(f"/receive/{offer.id}")


def _not_taken(error: DidkitError, offer: StoredOffer) -> Text:
    """What stopped the offer, which stands as it does now; only a wrong code has the person type it again."""
    if offer.state == REDEEMED:
        return phrase("wallet.take.right-but", problem=_sentence(_NOT_FETCHED, error))
    if isinstance(error, InvalidGrant) and offer.previewed.offer.tx_code is None:
        return phrase("wallet.take.used-already")
    return _sentence(_NOT_TAKEN, error)


def _go(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
