"""Pages about the documents that the person holds."""

from datetime import datetime

from aiohttp import web

from didkit_py.service.web import Routes, render
from wallet.keeping import issuer_name
from wallet.parts import parts_of
from wallet.words import what_it_says


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/credentials", documents)
    routes.page("GET", "/credentials/{id}", document)


async def documents(request: web.Request) -> web.Response:
    """Everything held."""
    parts = parts_of(request)
    lists = parts.known_lists()
    held = [
        {"stored": one, "issuer": issuer_name(one, lists), "over": _is_over(one.expires_at, parts.clock())}
        for one in await parts.opened.store.load_credentials()
    ]
    return render(request, "documents.html", held=held)


async def document(request: web.Request) -> web.Response:
    """One document with everything that it says."""
    parts = parts_of(request)
    stored = await parts.opened.store.load_credential(request.match_info["id"])
    lists = parts.known_lists()
    return render(
        request,
        "document.html",
        stored=stored,
        issuer=issuer_name(stored, lists),
        listed=lists is not None and stored.issuer in lists.trust.issuers,
        over=_is_over(stored.expires_at, parts.clock()),
        said=what_it_says(stored.vct, stored.claims),
    )


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now
