"""The page of rules: whom the person does not deal with, how long things may be kept, and the public lists."""

from dataclasses import replace

from aiohttp import web

from didkit_py.consent.policy import Policy
from didkit_py.errors import DidkitError
from didkit_py.keys.party import WITHDRAWN
from didkit_py.localization import Text, phrase
from didkit_py.service.http.web import Routes, notify, read_form, render
from didkit_py.unicode.visible import is_visible, quoted, visible
from wallet.context import WalletContext
from wallet.web_context import parts_of

MAX_NAME = 200
CAPS = ("immediate", "planning", "archive", "dispute", "legal")  # kinds of keeping, in the order shown


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/rules", rules)
    routes.page("POST", "/rules/deny", deny, fields=("who",))
    routes.page("POST", "/rules/allow", allow, fields=("who",))
    routes.page("POST", "/lists/refresh", refresh)


async def rules(request: web.Request) -> web.Response:
    """The rules and the lists."""
    return await _rules(request)


async def _rules(request: web.Request, problem: Text = "", status: int = 200) -> web.Response:
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


def _caps(policy: Policy) -> list[tuple[Text, Text]]:
    return [
        (
            phrase(f"wallet.rules.cap.{name}"),
            phrase("wallet.rules.at-most", period=policy.retention_caps[name].words())
            if name in policy.retention_caps
            else phrase("wallet.rules.not-at-all"),
        )
        for name in CAPS
    ]


def _lists(parts: WalletContext) -> dict[str, object] | None:
    lists = parts.shown_lists()
    if lists is None:
        return None
    names = {did: issuer.name for did, issuer in lists.trust.issuers.items()}
    return {
        "at": max((source.fetched_at for source in lists.sources), default=None),
        "until": lists.trust.expires_at,
        "issuers": sorted(names.values()),
        "terms": sorted(f"“{quoted(f'{one.family} {one.version}')}”" for one in lists.terms.values()),
        "faults": [
            phrase("wallet.rules.fault.withdrew", who=who) if code == WITHDRAWN else who
            for part, code in sorted(lists.faults.items(), key=lambda one: names.get(one[0], ""))
            for who in [names.get(part, phrase("wallet.rules.fault.terms"))]
        ],
    }


async def deny(request: web.Request) -> web.Response:
    """Put somebody on the list."""
    form = await read_form(request)
    who = " ".join(form.get("who", "").split())
    if not who or len(who) > MAX_NAME:
        return await _rules(request, phrase("wallet.rules.type-a-name", most=MAX_NAME), 400)
    if not is_visible(who):
        return await _rules(request, phrase("wallet.rules.unseen-sign"), 400)
    await parts_of(request).opened.store.change_policy(lambda policy: policy.denying(who))
    notify(request, phrase("wallet.rules.denied", who=who))
    return _go("/rules")


async def allow(request: web.Request) -> web.Response:
    """Take somebody off the list."""
    who = (await read_form(request)).get("who", "")
    await parts_of(request).opened.store.change_policy(
        lambda policy: replace(policy, deny=frozenset(one for one in policy.deny if visible(one) != who))
    )
    notify(request, phrase("wallet.rules.allowed", who=who))
    return _go("/rules")


async def refresh(request: web.Request) -> web.Response:
    """Fetch the public lists now."""
    await read_form(request)
    schedule = parts_of(request).schedule
    try:
        if schedule is not None:
            await schedule.refresh_now()
            notify(request, phrase("wallet.rules.refreshed"))
        else:
            notify(request, phrase("wallet.rules.no-list-set-up"), kind="warning")
    except DidkitError:
        notify(request, phrase("wallet.rules.not-refreshed"), kind="warning")
    return _go("/rules")


def _go(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
