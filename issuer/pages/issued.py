"""Pages about what was issued: the list, one issue, and taking it back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web

from didkit_py.errors import Malformed, NotFound
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.service.http.web import Routes, notify, read_form, render
from didkit_py.status.states import Status
from issuer.context import IssuerContext
from issuer.pages.offers import PAGE_SIZE, offer_view, page_number, show_day
from issuer.publishing.states import WORDS, word
from issuer.store import KeptOffer
from issuer.web_context import parts_of

# To which status, what the button says, and what then happens.
CHANGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "revoked": (
            "Revoke",
            "Nobody will accept it any more. You can undo this, but others may have acted on it by then.",
        ),
        "suspended": ("Suspend", "Nobody will accept it until you make it valid again."),
        "valid": ("Make valid again", "It will be accepted again until its own end."),
    }
)


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/issued", show_issued, query=("member", "page"))
    routes.page("GET", "/issued/{id}", show_one)
    routes.page("GET", "/issued/{id}/change", ask_change, query=("to",), statuses=(200, 400))
    routes.page("POST", "/issued/{id}/change", change, fields=("to",))


async def show_issued(request: web.Request) -> web.Response:
    """What was issued, the newest first."""
    parts = parts_of(request)
    search, page = request.query.get("member", "").strip(), page_number(request)
    found = await parts.store.find(
        now=parts.clock(),
        state=IssuanceState.ISSUED,
        reference_hash=parts.issuing.hashes.reference(search) if search else None,
        limit=PAGE_SIZE + 1,
        offset=(page - 1) * PAGE_SIZE,
    )
    views = [_view(parts, each) for each in found[:PAGE_SIZE]]
    return render(request, "issued.html", issued=views, search=search, page=page, more=len(found) > PAGE_SIZE)


def _view(parts: IssuerContext, kept: KeptOffer) -> dict[str, object]:
    template = parts.issuing.templates.get(kept.offer.wanted.type_name)
    has_status = template is not None and template.has_status
    present = kept.status
    wanted = ("valid",) if present is Status.INVALID else ("suspended", "revoked")
    if present is Status.SUSPENDED:
        wanted = ("valid", "revoked")
    return {
        **offer_view(parts, kept),
        "issued": show_day(kept.issued_at) if kept.issued_at else "",
        "status": word(present) if has_status else "ends by itself",
        "has_status": has_status,
        "days": template.lifetime.days if template else 0,
        "changes": [(name, CHANGES[name][0]) for name in wanted] if has_status else [],
    }


async def show_one(request: web.Request) -> web.Response:
    """One issue and its status."""
    parts, kept = await _load(request)
    return render(request, "issued_one.html", issued=_view(parts, kept))


async def ask_change(request: web.Request) -> web.Response:
    """What the change means, and a button."""
    parts, kept = await _load(request)
    to = _known(request.query.get("to", ""))
    label, meaning = CHANGES[to]
    return render(request, "change.html", issued=_view(parts, kept), to=to, label=label, meaning=meaning)


async def change(request: web.Request) -> web.Response:
    """Set the status of all copies."""
    parts, kept = await _load(request)
    to = _known((await read_form(request)).get("to", ""))
    await parts.status_lists.change(kept.offer.id, WORDS[to])
    minutes = max(1, parts.settings.status_ttl_seconds // 60)
    notify(request, f"It is {to} now. Others see this within {minutes} minute(s), when they fetch the list again.")
    return web.Response(status=303, headers={"Location": f"/issued/{kept.offer.id}"})


def _known(to: str) -> str:
    if to not in CHANGES:
        raise Malformed("expected revoked, suspended or valid")
    return to


async def _load(request: web.Request) -> tuple[IssuerContext, KeptOffer]:
    parts = parts_of(request)
    kept = await parts.store.load(request.match_info["id"], now=parts.clock())
    if kept.state is not IssuanceState.ISSUED:
        raise NotFound("nothing was issued under this address", hint="Look at the list of what was issued.")
    return parts, kept
