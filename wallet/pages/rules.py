"""The page of rules: whom the person does not deal with, how long things may be kept, and the public lists."""

from dataclasses import replace

from aiohttp import web

from didkit_py.consent.policy import Policy
from didkit_py.dids.document import DEACTIVATED
from didkit_py.errors import DidkitError
from didkit_py.service.http.web import Routes, notify, read_form, render
from didkit_py.unicode.visible import is_visible, quoted, visible
from wallet.context import WalletContext
from wallet.web_context import parts_of

MAX_NAME = 200
KEPT_FOR = {
    "immediate": "What is needed at once",
    "planning": "For planning",
    "archive": "In an archive",
    "dispute": "In case of a dispute",
    "legal": "Because the law asks for it",
}


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/rules", rules)
    routes.page("POST", "/rules/deny", deny, fields=("who",))
    routes.page("POST", "/rules/allow", allow, fields=("who",))
    routes.page("POST", "/lists/refresh", refresh)


async def rules(request: web.Request) -> web.Response:
    """The rules and the lists."""
    return await _rules(request)


async def _rules(request: web.Request, problem: str = "", status: int = 200) -> web.Response:
    parts = parts_of(request)
    policy = await parts.opened.store.load_policy()
    return render(
        request,
        "rules.html",
        status=status,
        denied=sorted(policy.deny, key=str.casefold),
        caps=_caps(policy),
        lists=_lists(parts),
        problem=problem,
    )


def _caps(policy: Policy) -> list[tuple[str, str]]:
    return [
        (label, f"at most {policy.retention_caps[name].words()}" if name in policy.retention_caps else "not at all")
        for name, label in KEPT_FOR.items()
    ]


def _lists(parts: WalletContext) -> dict[str, object] | None:
    lists = parts.shown_lists()
    if lists is None:
        return None
    withdrew = " (it withdrew its key: what it signed does not count any more)"
    names = {did: issuer.name for did, issuer in lists.trust.issuers.items()}
    return {
        "at": max((source.fetched_at for source in lists.sources), default=None),
        "until": lists.trust.expires_at,
        "issuers": sorted(names.values()),
        "terms": sorted(f"“{quoted(f'{one.family} {one.version}')}”" for one in lists.terms.values()),
        "faults": sorted(
            names.get(part, "A document of terms") + (withdrew if code == DEACTIVATED else "")
            for part, code in lists.faults.items()
        ),
    }


async def deny(request: web.Request) -> web.Response:
    """Put somebody on the list."""
    form = await read_form(request)
    who = " ".join(form.get("who", "").split())
    if not who or len(who) > MAX_NAME:
        return await _rules(request, f"Type a name or number of 1 to {MAX_NAME} characters", 400)
    if not is_visible(who):
        return await _rules(request, "What you typed holds a sign that cannot be seen. Type the name yourself", 400)
    await parts_of(request).opened.store.change_policy(lambda policy: policy.denying(who))
    notify(request, f"Your wallet now refuses every request of {who}.")
    return _go("/rules")


async def allow(request: web.Request) -> web.Response:
    """Take somebody off the list."""
    who = (await read_form(request)).get("who", "")
    await parts_of(request).opened.store.change_policy(
        lambda policy: replace(policy, deny=frozenset(one for one in policy.deny if visible(one) != who))
    )
    notify(request, f"{who} is no longer on your list. You will be asked again.")
    return _go("/rules")


async def refresh(request: web.Request) -> web.Response:
    """Fetch the public lists now."""
    await read_form(request)
    schedule = parts_of(request).schedule
    try:
        if schedule is not None:
            await schedule.refresh_now()
            notify(request, "Your wallet has the newest public lists.")
        else:
            notify(request, "No public list is set up for this wallet.", kind="warning")
    except DidkitError:
        notify(request, "The lists could not be fetched. The last good ones are still used.", kind="warning")
    return _go("/rules")


def _go(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
