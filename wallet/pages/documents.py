"""Pages about the documents that the person holds, and the page on which one is deleted."""

from datetime import datetime

from aiohttp import web

from didkit_py.localization import phrase
from didkit_py.service.http.web import Routes, notify, read_form, render
from wallet.giver import giver_of, title_of
from wallet.pages.wording import what_it_says
from wallet.web_context import parts_of


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/credentials", documents)
    routes.page("GET", "/credentials/{id}", document)
    routes.page("GET", "/credentials/{id}/delete", confirm_deletion)
    routes.page("POST", "/credentials/{id}/delete", delete)


async def documents(request: web.Request) -> web.Response:
    """Everything held."""
    parts = parts_of(request)
    lists = parts.known_lists()
    held = [
        {
            "stored": one,
            "title": title_of(one.vct, one.title),
            "giver": giver_of(one, lists, key_sources=parts.key_sources),
            "over": _is_over(one.expires_at, parts.clock()),
        }
        for one in await parts.opened.store.load_credentials()
    ]
    return render(request, "documents.html", held=held)


async def document(request: web.Request) -> web.Response:
    """One document with everything that it says."""
    parts = parts_of(request)
    stored = await parts.opened.store.load_credential(request.match_info["id"])
    return render(
        request,
        "document.html",
        stored=stored,
        title=title_of(stored.vct, stored.title),
        giver=giver_of(stored, parts.known_lists(), key_sources=parts.key_sources),
        over=_is_over(stored.expires_at, parts.clock()),
        said=what_it_says(stored.vct, stored.claims),
    )


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


async def confirm_deletion(request: web.Request) -> web.Response:
    """What the button would destroy, before it does."""
    parts = parts_of(request)
    stored = await parts.opened.store.load_credential(request.match_info["id"])
    return render(
        request,
        "delete.html",
        stored=stored,
        title=title_of(stored.vct, stored.title),
        giver=giver_of(stored, parts.known_lists(), key_sources=parts.key_sources),
        on_its_way=await parts.opened.keeping.load_waiting_for(stored.id),
    )


async def delete(request: web.Request) -> web.Response:
    """The person confirmed."""
    await read_form(request)
    parts = parts_of(request)
    stored = await parts.opened.store.load_credential(request.match_info["id"])
    await parts.opened.keeping.delete_document(stored, now=parts.clock())
    notify(request, phrase("wallet.deleted", title=title_of(stored.vct, stored.title)))
    return web.Response(status=303, headers={"Location": "/credentials"})
