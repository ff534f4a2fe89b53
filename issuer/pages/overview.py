"""The operator's pages, one handler per action: here the overview and what the issuer offers.

Importing, offers and what was issued stand in files of their own.
"""

from typing import Final

from aiohttp import web

from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.service.http.web import Routes, render
from didkit_py.status.states import Status
from issuer.pages import imports as import_pages
from issuer.pages import issued as issued_pages
from issuer.pages import offers as offer_pages
from issuer.store import Counts
from issuer.web_context import parts_of

NAVIGATION: Final = (
    ("Overview", "/"),
    ("Import a list", "/import"),
    ("Offers", "/offers-made"),
    ("Issued", "/issued"),
    ("What you issue", "/types"),
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
        list_title=parts.layout.title if parts.layout else "",
        terms=await parts.publications.terms(),
        trusted=await parts.publications.trusted(),
    )


def _shown(counts: Counts) -> list[tuple[str, int, str]]:
    """Label, number and address, in the order of an offer's life."""
    states = [("Waiting to be taken up", IssuanceState.OFFERED), ("Opened, not finished", IssuanceState.REDEEMED)]
    states += [("Issued", IssuanceState.ISSUED), ("Locked after wrong codes", IssuanceState.LOCKED)]
    states += [("Expired", IssuanceState.EXPIRED), ("Withdrawn", IssuanceState.WITHDRAWN)]
    shown = [(label, counts.states.get(state, 0), f"/offers-made?state={state.value}") for label, state in states]
    taken_back = counts.statuses.get(Status.INVALID, 0) + counts.statuses.get(Status.SUSPENDED, 0)
    return [*shown, ("Revoked or suspended", taken_back, "/issued")]


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
