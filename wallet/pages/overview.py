"""The person's pages: what they share, and the first one. Each kind of page has a file of its own."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import web

from didkit_py.localization import Text, day, hint_of, phrase
from didkit_py.roles.presenting_store import Exchange
from didkit_py.service.http.web import Routes, render
from wallet.context import WalletContext
from wallet.giver import giver_of_offer, title_of
from wallet.issuance_client import OPENED, REDEEMED, REDEEMING
from wallet.models import StoredCredential, StoredOffer
from wallet.pages import documents as document_pages
from wallet.pages import endings as ending_pages
from wallet.pages import history as history_pages
from wallet.pages import offers as offer_pages
from wallet.pages import requests as request_pages
from wallet.pages import rules as rules_pages
from wallet.pages import wording as words
from wallet.pages.requester import asker_of
from wallet.storage.rows import BrokenLedger
from wallet.web_context import parts_of

NAVIGATION: Final = (
    (phrase("wallet.navigation.inbox"), "/"),
    (phrase("wallet.navigation.documents"), "/credentials"),
    (phrase("wallet.navigation.receive"), "/receive"),
    (phrase("wallet.navigation.answer"), "/answer"),
    (phrase("wallet.navigation.disclosures"), "/disclosures"),
    (phrase("wallet.navigation.rules"), "/rules"),
)


def install(routes: Routes) -> None:
    """Add every page."""
    routes.page("GET", "/", inbox)
    for each in (offer_pages, document_pages, request_pages, history_pages, ending_pages, rules_pages):
        each.install(routes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What the person should look at."""

    credentials: tuple[StoredCredential, ...] = ()
    requests: tuple[Exchange, ...] = ()
    unfinished: tuple[Exchange, ...] = ()
    offers: tuple[StoredOffer, ...] = ()
    fault: BrokenLedger | None = None  # why nothing of it can be shown


async def inbox(request: web.Request) -> web.Response:
    """What waits for the person, and what they should know."""
    parts = parts_of(request)
    try:
        waiting = await _load_waiting(parts)
    except BrokenLedger as error:
        waiting = Waiting(fault=error)
    return render(
        request,
        "inbox.html",
        asker_of=partial(asker_of, key_sources=parts.key_sources),
        requests=waiting.requests,
        unfinished=waiting.unfinished,
        offers=waiting.offers,
        giver_of_offer=lambda offer: giver_of_offer(offer, parts.known_lists()),
        title_of=title_of,
        count=len(waiting.credentials),
        warnings=_warnings(parts, waiting),
    )


async def _load_waiting(parts: WalletContext) -> Waiting:
    store, keeping, now = parts.opened.store, parts.opened.keeping, parts.clock()
    await store.load_policy()  # nothing would be decided without the rules
    return Waiting(
        credentials=await store.load_credentials(),
        requests=tuple(one for one in await keeping.load_open() if one.until is None or one.until > now),
        unfinished=tuple(one for one in await keeping.load_unfinished() if one.unfinished),
        offers=await store.load_offers(OPENED, REDEEMING, REDEEMED),
    )


def _warnings(parts: WalletContext, waiting: Waiting) -> list[dict[str, Text]]:
    """What the person should know, the worst first: title, text, and where to do something about it."""
    found: list[dict[str, Text]] = []
    if (fault := waiting.fault) is not None:
        found.append(
            {"title": phrase("wallet.warning.broken"), "text": hint_of(fault), "fault": str(fault), "href": ""}
        )
    if parts.known_lists() is None:
        text = phrase("wallet.warning.no-lists.text")
        found.append({"title": phrase("wallet.warning.no-lists"), "text": text, "href": "/rules"})
    found += [warning for one in waiting.credentials if (warning := _about(one, parts)) is not None]
    return found


def _about(credential: StoredCredential, parts: WalletContext) -> dict[str, Text] | None:
    left = None if credential.expires_at is None else credential.expires_at - parts.clock()
    href = f"/credentials/{credential.id}"
    title = title_of(credential.vct, credential.title)
    if left is not None and left.total_seconds() <= 0:
        return {
            "title": phrase("wallet.warning.over", title=title),
            "text": phrase("wallet.document.ask-whoever-gave-new"),
            "href": href,
        }
    if left is not None and left <= words.EXPIRES_SOON:
        text = phrase("wallet.warning.ends-soon.text", day=day(credential.expires_at))
        return {"title": phrase("wallet.warning.ends-soon", title=title), "text": text, "href": href}
    if credential.copies > words.FEW_COPIES >= credential.copies_left:
        text = phrase("wallet.warning.few-copies.text", count=credential.copies_left)
        return {"title": phrase("wallet.warning.few-copies", title=title), "text": text, "href": href}
    return None
