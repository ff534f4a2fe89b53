"""The operator's pages, one handler per action: here the overview, the list of requests, and the vendor's documents.

Asking and results stand in files of their own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from didkit_py.errors import BadAnswer, DidkitError, Malformed
from didkit_py.oauth import InvalidGrant, InvalidRequest
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.roles.asking_store import OwnCredential
from didkit_py.service.http.web import Routes, notify, read_form, render
from verifier.context import Standing, VerifierContext
from verifier.pages import ask as ask_pages
from verifier.pages import requests as request_pages
from verifier.views import WORDS, page_row, shown, title_of, when
from verifier.web_context import parts_of

NAVIGATION: Final = (
    ("Overview", "/"),
    ("Ask", "/ask"),
    ("Requests", "/requests"),
    ("Documents", "/credentials"),
)
PAGE: Final = 50
LATEST: Final = 8
MAX_PAGE: Final = 10_000
_ORDER: Final = (
    ExchangeState.CREATED,
    ExchangeState.FETCHED,
    ExchangeState.ANSWERED,
    ExchangeState.REFUSED,
    ExchangeState.FAILED,
    ExchangeState.EXPIRED,
)
_TONES: Final[Mapping[str, str]] = {"valid": "good", "stale": "waiting", "unreachable": "waiting"}


def install(routes: Routes) -> None:
    """Add every page."""
    routes.page("GET", "/", overview)
    routes.page("GET", "/requests", requests, query=("page",))
    routes.page("GET", "/credentials", credentials)
    routes.page("POST", "/credentials", receive, fields=("offer", "tx_code"))
    routes.page("POST", "/lists/refresh", refresh)
    ask_pages.install(routes)
    request_pages.install(routes)


async def overview(request: web.Request) -> web.Response:
    """How many requests stand where, the latest, and what they rest on."""
    parts = parts_of(request)
    now = parts.clock()
    counts = await parts.store.counts(now=now)
    latest = await parts.store.requests(now=now, limit=LATEST + 1)
    return render(
        request,
        "overview.html",
        counts=[(WORDS[state].capitalize(), counts.get(state, 0)) for state in _ORDER],
        rows=[page_row(one) for one in latest[:LATEST]],
        more=len(latest) > LATEST,
        papers=await _papers_in_words(parts),
        lists=await _lists_in_words(parts, now),
    )


async def _papers_in_words(parts: VerifierContext) -> str:
    titles = [title_of(one.read.vct) for one in await parts.store.own_credentials()]
    return ", ".join(titles) or "None yet: wallets refuse a vendor without them"


async def _lists_in_words(parts: VerifierContext, now: datetime) -> dict[str, object]:
    try:
        lists = await parts.lists.current(now)
    except DidkitError as error:
        nothing = {"issuers": "none", "terms": "none", "fetched": "never"}
        return {"at_hand": False, "sentence": f"{error}. {error.advice}".strip(), **nothing}
    fetched = max((source.fetched_at for source in lists.sources), default=None)
    return {
        "at_hand": True,
        "sentence": "",
        "issuers": ", ".join(one.name for one in lists.trust.issuers.values()) or "None",
        "terms": ", ".join(f"{one.family} {one.version}" for one in lists.terms.values()) or "None",
        "fetched": f"fetched {when(fetched)}" if fetched else "never",
    }


async def requests(request: web.Request) -> web.Response:
    """All requests, a page at a time."""
    parts = parts_of(request)
    asked = request.query.get("page", "1")
    page = min(max(int(asked), 1), MAX_PAGE) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1  # noqa: PLR2004 - digits of MAX_PAGE
    found = await parts.store.requests(now=parts.clock(), limit=PAGE + 1, offset=(page - 1) * PAGE)
    return render(
        request, "requests.html", rows=[page_row(one) for one in found[:PAGE]], page=page, more=len(found) > PAGE
    )


async def refresh(request: web.Request) -> web.Response:
    """Fetch the lists now."""
    try:
        lists = await parts_of(request).refresh()
    except DidkitError as error:
        notify(request, f"The lists could not be fetched: {error}. {error.advice}", kind="warning")
    else:
        left_out = f" {len(lists.faults)} part(s) were left out." if lists.faults else ""
        notify(request, f"{len(lists.trust.issuers)} trusted issuers and their lists are at hand.{left_out}")
    return web.Response(status=303, headers={"Location": "/"})


async def credentials(request: web.Request) -> web.Response:
    """What others say about this vendor, and a form to receive more."""
    return await _credentials(request)


async def receive(request: web.Request) -> web.Response:
    """Take one document from an offer's link."""
    parts = parts_of(request)
    given = await read_form(request)
    link, code = given.get("offer", "").strip(), given.get("tx_code", "").strip()
    if not link:
        return await _credentials(request, wrong={"offer": "Paste the link of the offer"}, status=400)
    try:
        previewed = await parts.preview(link)
    except DidkitError as error:
        return await _credentials(request, link, {"offer": f"{error}. {error.advice}"}, status=400)
    try:
        own = await parts.receive(previewed, tx_code=code or None)
    except DidkitError as error:
        typed = isinstance(error, Malformed | InvalidGrant) and not isinstance(error, BadAnswer | InvalidRequest)
        return await _credentials(
            request, link, {"tx_code" if typed else "offer": f"{error}. {error.advice}"}, status=400
        )
    notify(request, f"“{title_of(own.read.vct)}” was received and checked.")
    return web.Response(status=303, headers={"Location": "/credentials"})


async def _credentials(
    request: web.Request, link: str = "", wrong: Mapping[str, str] | None = None, *, status: int = 200
) -> web.Response:
    parts = parts_of(request)
    faults = {"offer": "", "tx_code": ""} | dict(wrong or {})
    names = await _issuer_names(parts)
    papers = [_paper(one, await parts.standing(one), names) for one in await parts.store.own_credentials()]
    return render(
        request,
        "credentials.html",
        status=status,
        papers=papers,
        problems=[{"field": name, "text": text} for name, text in faults.items() if text],
        wrong=faults,
        given={"offer": link},
    )


async def _issuer_names(parts: VerifierContext) -> Mapping[str, str]:
    """The names that the trust list gives to issuers, by DID."""
    try:
        issuers = (await parts.lists.current(parts.clock())).trust.issuers
    except DidkitError:
        return {}
    return {did: one.name for did, one in issuers.items()}


def _paper(own: OwnCredential, standing: Standing, names: Mapping[str, str]) -> dict[str, object]:
    read = own.read
    known = ("name", "dealer_id", "brand", "scope", "territory", "level", "signedAt")
    said = [(name, shown(read.claims[name])) for name in known if name in read.claims]
    terms = read.claims.get("terms")
    if isinstance(terms, dict):
        said = [("terms", f"{terms.get('family')} {terms.get('version')}"), *said]
    return {
        "title": title_of(read.vct),
        "status": standing.word,
        "tone": _TONES.get(standing.word, "bad"),
        "sentence": standing.sentence,
        "rows": [
            *((name.replace("_", " ").replace("signedAt", "signed at").capitalize(), value) for name, value in said),
            ("From", names.get(read.issuer, read.issuer)),
            ("Valid until", when(read.expires_at) if read.expires_at else "none"),
            ("Received", when(own.received_at)),
        ],
    }
