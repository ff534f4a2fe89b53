"""The operator's pages, one handler per action: here the overview and what the issuer offers.

Importing, offers and what was issued stand in files of their own.
"""

from typing import Final

from aiohttp import web

from didkit_py.localization import Text, phrase
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.service.http.web import Routes, render
from didkit_py.status.states import Status
from issuer.pages import imports as import_pages
from issuer.pages import issued as issued_pages
from issuer.pages import offers as offer_pages
from issuer.store import Counts
from issuer.web_context import parts_of

NAVIGATION: Final = (
    (phrase("issuer.navigation.overview"), "/"),
    (phrase("issuer.navigation.import"), "/import"),
    (phrase("issuer.navigation.offers"), "/offers-made"),
    (phrase("issuer.navigation.issued"), "/issued"),
    (phrase("issuer.navigation.types"), "/types"),
)


def install(routes: Routes) -> None:
    """Add every page."""
    routes.page("GET", "/", overview)
    routes.page("GET", "/types", types)
    import_pages.install(routes)
    offer_pages.install(routes)
    issued_pages.install(routes)


async def overview(request: web.Request) -> web.Response:
    """How many offers stand where, and what to do next."""
    parts = parts_of(request)
    counts = await parts.store.counts(now=parts.clock())
    return render(
        request,
        "overview.html",
        counts=_shown(counts),
        total=counts.total,
        attention=counts.states.get(IssuanceState.LOCKED, 0),
        can_import=parts.layout is not None,
        list_title=parts.layout.title if parts.layout else None,
        terms=await parts.publications.terms(),
        trusted=await parts.publications.trusted(),
    )


def _shown(counts: Counts) -> list[tuple[Text, int, str]]:
    """Label, number and address, in the order of an offer's life."""
    states = ("offered", "redeemed", "issued", "locked", "expired", "withdrawn")
    shown: list[tuple[Text, int, str]] = [
        (phrase(f"issuer.count.{state}"), counts.states.get(IssuanceState(state), 0), f"/offers-made?state={state}")
        for state in states
    ]
    taken_back = counts.statuses.get(Status.INVALID, 0) + counts.statuses.get(Status.SUSPENDED, 0)
    return [*shown, (phrase("issuer.count.taken-back"), taken_back, "/issued")]


async def types(request: web.Request) -> web.Response:
    """Each type of claim with its parts, and what is published besides."""
    parts = parts_of(request)
    return render(
        request,
        "types.html",
        types=parts.templates,
        layout=parts.layout,
        terms=await parts.publications.terms(),
        trusted=await parts.publications.trusted(),
    )
