"""The operator's pages, one handler per action: here the overview, the list of requests, and the vendor's documents.

Asking and results stand in files of their own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from didkit_py.errors import BadAnswer, DidkitError, Malformed
from didkit_py.localization import Text, clock_time, listed, phrase
from didkit_py.oauth import InvalidGrant, InvalidRequest
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.roles.asking_store import OwnCredential
from didkit_py.service.http.web import Routes, notify, read_form, render
from verifier.context import Standing, VerifierContext
from verifier.pages import ask as ask_pages
from verifier.pages import requests as request_pages
from verifier.views import WORDS, page_row, problem_of, shown, title_of
from verifier.web_context import parts_of

NAVIGATION: Final = (
    (phrase("verifier.navigation.overview"), "/"),
    (phrase("verifier.navigation.ask"), "/ask"),
    (phrase("verifier.navigation.requests"), "/requests"),
    (phrase("verifier.navigation.documents"), "/credentials"),
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
# Claims of such documents that a vendor wants to see of itself.
_SAID: Final = ("name", "dealer_id", "brand", "scope", "territory", "level", "signedAt")
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
    papers = [title_of(one.read.vct) for one in await parts.store.own_credentials()]
    return render(
        request,
        "overview.html",
        counts=[(phrase(f"verifier.count.{WORDS[state]}"), counts.get(state, 0)) for state in _ORDER],
        rows=[page_row(one) for one in latest[:LATEST]],
        more=len(latest) > LATEST,
        papers=listed(papers) or phrase("verifier.papers.none"),
        lists=await _lists_in_words(parts, now),
    )


async def _lists_in_words(parts: VerifierContext, now: datetime) -> dict[str, object]:
    none, never = phrase("verifier.lists.none"), phrase("verifier.lists.never")
    try:
        lists = await parts.lists.current(now)
    except DidkitError as error:
        nothing = {"issuers": none, "terms": none, "fetched": never}
        return {"at_hand": False, "sentence": problem_of(error), **nothing}
    fetched = max((source.fetched_at for source in lists.sources), default=None)
    return {
        "at_hand": True,
        "sentence": "",
        "issuers": listed([one.name for one in lists.trust.issuers.values()]) or none,
        "terms": listed([f"{one.family} {one.version}" for one in lists.terms.values()]) or none,
        "fetched": phrase("verifier.lists.fetched", time=clock_time(fetched)) if fetched else never,
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
        notify(request, phrase("verifier.lists.not-fetched", problem=problem_of(error)), kind="warning")
    else:
        at_hand = phrase("verifier.lists.at-hand", count=len(lists.trust.issuers))
        left_out = phrase("verifier.lists.left-out", count=len(lists.faults))
        notify(
            request, phrase("verifier.lists.partly", at_hand=at_hand, left_out=left_out) if lists.faults else at_hand
        )
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
        return await _credentials(request, wrong={"offer": phrase("verifier.receive.paste")}, status=400)
    try:
        previewed = await parts.preview(link)
    except DidkitError as error:
        return await _credentials(request, link, {"offer": problem_of(error)}, status=400)
    try:
        own = await parts.receive(previewed, tx_code=code or None)
    except DidkitError as error:
        typed = isinstance(error, Malformed | InvalidGrant) and not isinstance(error, BadAnswer | InvalidRequest)
        return await _credentials(request, link, {"tx_code" if typed else "offer": problem_of(error)}, status=400)
    notify(request, phrase("verifier.receive.done", title=title_of(own.read.vct)))
    return web.Response(status=303, headers={"Location": "/credentials"})


async def _credentials(
    request: web.Request, link: str = "", wrong: Mapping[str, Text] | None = None, *, status: int = 200
) -> web.Response:
    parts = parts_of(request)
    faults: dict[str, Text] = {"offer": "", "tx_code": "", **(wrong or {})}
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
    said: list[tuple[Text, Text]] = [
        (phrase(f"verifier.paper.{name}"), shown(read.claims[name])) for name in _SAID if name in read.claims
    ]
    terms = read.claims.get("terms")
    if isinstance(terms, dict):
        said = [(phrase("verifier.paper.terms"), f"{terms.get('family')} {terms.get('version')}"), *said]
    return {
        "title": title_of(read.vct),
        "status": standing.word,
        "tone": _TONES.get(standing.word, "bad"),
        "sentence": standing.sentence,
        "rows": [
            *said,
            (phrase("verifier.paper.from"), names.get(read.issuer, read.issuer)),
            (phrase("verifier.paper.until"), clock_time(read.expires_at) or phrase("value.none")),
            (phrase("verifier.paper.received"), clock_time(own.received_at)),
        ],
    }
