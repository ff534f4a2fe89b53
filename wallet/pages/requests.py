"""Pages for answering: paste a request, read who asks for what and what is promised, say yes or no, see the result."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from didkit_py.consent.consent import ConsentLine, ConsentView, Item, consent_view
from didkit_py.consent.decision import Outcome, Reason
from didkit_py.consent.page_digest import page_changes
from didkit_py.errors import DidkitError, IllegalMove, Malformed, PageChanged, Refused, Stale, Unavailable
from didkit_py.localization import Text, listed, phrase
from didkit_py.oid4vp.link import parse_request_link
from didkit_py.parties.source import KeySources
from didkit_py.roles.presenting import Judged, decide_unread
from didkit_py.roles.presenting_store import Exchange, PresentationState
from didkit_py.roles.vendor_client import REQUEST_GONE
from didkit_py.service.http.web import Routes, read_choices, read_form, render
from wallet.pages.requester import asker_of, asker_of_view
from wallet.pages.stored import shown_items
from wallet.storage.rows import BrokenLedger
from wallet.web_context import parts_of

DECISIVE = 2  # how many reasons of a refusal stand in front
LEAST_NEWS = "rel.new"
CANNOT_TELL = phrase("changed.cannot-tell")
OUTCOMES = {
    PresentationState.SENDING: "unconfirmed",
    PresentationState.RELEASED: "released",
    PresentationState.RECORDED: "released",
    PresentationState.DECLINING: "declined",
    PresentationState.DECLINED: "declined",
    PresentationState.FAILED: "failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one document would show; at least one item."""

    query_id: str
    items: tuple[Item, ...]

    @property
    def document(self) -> Text:
        """The title of the document."""
        return self.items[0].document

    @property
    def issued_by(self) -> Text:
        """Who gave it: whoever sees the document sees this too."""
        return self.items[0].issued_by

    @property
    def front(self) -> tuple[Item, ...]:
        """What was asked for; where nothing was, every claim of the document that would be shown."""
        asked = tuple(item for item in self.items if not item.always)
        return asked or tuple(item for item in self.items if not item.protocol)

    @property
    def besides(self) -> tuple[Item, ...]:
        """What is shown with it, whenever it is shown."""
        front = self.front
        return tuple(item for item in self.items if item not in front)

    @property
    def name(self) -> Text:
        """What stands beside a box to tick."""
        return listed([item.label for item in self.front]) or self.document


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What is promised about some of the items, in few words."""

    about: tuple[str, ...]
    lines: tuple[ConsentLine, ...]
    limits: tuple[ConsentLine, ...]  # what else holds the seller back: one press away


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/answer", ask_for_link)
    routes.page("POST", "/answer", open_link, fields=("request",))
    routes.page("GET", "/requests/{id}", show, statuses=(200, 400))
    routes.page(
        "POST",
        "/requests/{id}",
        answer,
        fields=("decision", "seen"),
        repeatable=("optional", "grant"),
        statuses=(200, 303),
    )
    routes.page("POST", "/requests/{id}/send", send_again)


async def ask_for_link(request: web.Request) -> web.Response:
    """The form for the text of a request."""
    return render(request, "answer.html", problem="", pasted=False)


async def open_link(request: web.Request) -> web.Response:
    """Fetch and check the request, and go to its page; one that is not in order is refused here."""
    form = await read_form(request)
    link = form.get("request", "").strip()
    parts = parts_of(request)
    if (problem := _unreadable(link, parts.key_sources)) is not None:
        return render(request, "answer.html", status=400, problem=problem, pasted=True)
    try:
        exchange = await parts.opened.presenting.open(link)
    except BrokenLedger:
        raise
    except Unavailable as error:
        return render(request, "answer.html", status=503, problem=_unavailable(error), pasted=False)
    except DidkitError as error:
        return _refused(request, consent_view(decide_unread(error, now=parts.clock())), None, status=400)
    return _go(f"/requests/{exchange.id}")


def _unreadable(link: str, key_sources: KeySources) -> Text | None:
    """What to say where the text is no request at all; what is wrong inside one is the decision's matter."""
    if not link:
        return phrase("wallet.request.paste")
    try:
        parse_request_link(link, key_sources=key_sources)
    except Malformed:
        if "client_id=" not in link or "request_uri=" not in link:
            return phrase("wallet.request.no-request")
        return phrase("wallet.request.bad-address")
    except DidkitError:
        return None
    return None


def _unavailable(error: Unavailable) -> Text:
    """Whom a request waits for: its vendor, the network, or the wallet's own lists."""
    if error.reason == REQUEST_GONE:
        return phrase("wallet.request.gone")
    if isinstance(error, Stale):
        return phrase("wallet.request.no-lists")
    return phrase("wallet.request.unreachable")


async def show(request: web.Request) -> web.Response:
    """A request: to be decided, or what came of it."""
    parts = parts_of(request)
    exchange = await parts.opened.keeping.load_exchange(request.match_info["id"])
    if exchange.state is not PresentationState.OPEN:
        return _result(request, exchange)
    return _ask(request, await parts.judge(exchange.id))


def _ask(request: web.Request, judged: Judged, changes: Sequence[Text] = ()) -> web.Response:
    view = consent_view(judged.decision)
    if judged.decision.outcome is Outcome.REFUSE:
        return _refused(request, view, judged.exchange)
    return render(
        request,
        "consent.html",
        view=view,
        asker=asker_of_view(view),
        exchange=judged.exchange,
        required=_grouped(view, required=True),
        optional=_grouped(view, required=False),
        promises=[
            Promised(
                about=one.about,
                lines=(*one.uses, *one.will_not, *one.kept, *one.onward),
                limits=one.limits,
            )
            for one in view.promises
        ],
        choices=view.choices,
        yes=_yes(view),
        changes=changes,
    )


def _grouped(view: ConsentView, *, required: bool) -> list[Group]:
    """The items of each query together, the smallest answer first."""
    items = [item for item in view.items if item.required is required]
    ids = dict.fromkeys(item.query_id for item in items)
    groups = [Group(query_id=one, items=tuple(item for item in items if item.query_id == one)) for one in ids]
    return sorted(groups, key=lambda group: len(group.items))


def _yes(view: ConsentView) -> Text:
    """The label of the button counts every claim that a yes sends, asked for or not."""
    count = sum(not item.protocol for item in view.required)
    if not count:
        return phrase("wallet.consent.yes.document") if view.required else phrase("wallet.consent.yes.ticked")
    if view.optional or view.choices:
        return phrase("wallet.consent.yes.things-and-ticked", count=count)
    return phrase("wallet.consent.yes.things", count=count)


def _refused(request: web.Request, view: ConsentView, exchange: Exchange | None, *, status: int = 200) -> web.Response:
    """The reasons that decided stand in front, in the order of the rules; that somebody is new is the least of all."""
    each: dict[str, Reason] = {}
    for reason in view.warnings:
        each.setdefault(reason.code, reason)
    reasons = sorted(each.values(), key=lambda reason: (reason.code == LEAST_NEWS, -reason.outcome))
    decisive = [reason for reason in reasons if reason.outcome is Outcome.REFUSE][:DECISIVE]
    nothing = [reason.code for reason in reasons if reason.outcome is Outcome.REFUSE] == ["cred.none"]
    return render(
        request,
        "refused.html",
        status=status,
        view=view,
        exchange=exchange,
        reasons=decisive,
        more=[reason for reason in reasons if reason not in decisive],
        heading=phrase("wallet.refused.nothing-fits") if nothing else phrase("wallet.refused.heading"),
    )


async def answer(request: web.Request) -> web.Response:
    """The person pressed a button."""
    form = await read_form(request)
    optional = frozenset(await read_choices(request, "optional"))
    grants = frozenset(await read_choices(request, "grant"))
    parts = parts_of(request)
    exchange_id = request.match_info["id"]
    try:
        if form.get("decision") == "share":
            await parts.share(exchange_id, seen=form.get("seen", ""), optional=optional, grants=grants)
        elif form.get("decision") == "refuse":
            await parts.refuse(exchange_id)
        else:
            raise Malformed("expected one of the two buttons of the page")
    except (PageChanged, IllegalMove):  # something else would be sent now, or it was answered on another page
        return await _show_again(request, exchange_id, form.get("seen", ""))
    except Refused:  # a rule stands against it now: the page says which
        pass
    return _go(f"/requests/{exchange_id}")


async def _show_again(request: web.Request, exchange_id: str, seen: str) -> web.Response:
    """The page as it is now, with what differs from the one that was answered; nothing was sent."""
    parts = parts_of(request)
    if (await parts.opened.keeping.load_exchange(exchange_id)).state is not PresentationState.OPEN:
        return _go(f"/requests/{exchange_id}")
    judged = await parts.judge(exchange_id)
    return _ask(request, judged, page_changes(seen, judged.decision) or (CANNOT_TELL,))


async def send_again(request: web.Request) -> web.Response:
    """Try to reach the vendor again with the same answer."""
    await read_form(request)
    exchange = await parts_of(request).send(request.match_info["id"])
    return _go(f"/requests/{exchange.id}")


def _result(request: web.Request, exchange: Exchange) -> web.Response:
    return render(
        request,
        "result.html",
        exchange=exchange,
        asker=asker_of(exchange, key_sources=parts_of(request).key_sources),
        shared=shown_items(exchange.shared),
        outcome=OUTCOMES[exchange.state],
        state=exchange.state.value,
        reached=exchange.state is not PresentationState.DECLINING,
        waits_for_record=exchange.state is PresentationState.RELEASED and exchange.unfinished,
    )


def _go(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
