"""Pages about the past: who has what, and the record of each agreement."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from aiohttp import web

from didkit_py.encoding import from_b64url, read_json, write_json
from didkit_py.errors import DidkitError, Malformed, NotFound
from didkit_py.localization import Text, day, hint_of, phrase
from didkit_py.reading import Reader
from didkit_py.records.retention import kept_until
from didkit_py.roles.presenting_store import Exchange
from didkit_py.service.http.media_types import JSON
from didkit_py.service.http.messages import SIGNED_RECORD
from didkit_py.service.http.web import Routes, render
from didkit_py.terms.grant_parts import Retention
from wallet.pages.endings import Afterwards, afterwards
from wallet.pages.requester import asker_of
from wallet.pages.stored import shown_item, shown_items, stored_texts
from wallet.storage.ledger import Entry
from wallet.storage.rows import BrokenLedger
from wallet.web_context import parts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One time that something was shown to somebody."""

    request_id: str
    vendor: str
    at: datetime
    items: tuple[Mapping[str, object], ...] = field(repr=False)
    kept: tuple[Text, ...]
    uses: tuple[Text, ...]
    terms: str
    accepted: bool
    recorded: bool
    ends: Text  # when what they promised about keeping it is over, in a sentence
    afterwards: Afterwards


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/disclosures", disclosures)
    routes.page("GET", "/records/{id}", record)
    routes.page("GET", "/records/{id}/record.json", record_file, gives=SIGNED_RECORD)


async def disclosures(request: web.Request) -> web.Response:
    """By vendor: what it has, since when, until when, under which terms."""
    parts = parts_of(request)
    try:
        entries = await parts.opened.ledger.read()
    except BrokenLedger as error:
        return render(request, "disclosures.html", vendors={}, refusals=0, unread=0, fault=error, hint=hint_of(error))
    vendors: dict[str, list[Shared]] = {}
    releases = list(shared(entries, await afterwards(parts)))
    for one in sorted(releases, key=lambda each: each.at, reverse=True):
        if one.recorded:
            with suppress(DidkitError):  # a record that cannot be read tells no end, and hides no other
                exchange = await parts.opened.keeping.load_exchange(one.request_id)
                one = replace(one, ends=_ends(exchange, one, parts.clock()))  # noqa: PLW2901 - the same, completed
        vendors.setdefault(one.vendor, []).append(one)
    refusals = sum(one.kind == "refused" for one in entries)
    unread = sum(one.kind == "released" for one in entries) - len(releases)
    return render(request, "disclosures.html", vendors=vendors, refusals=refusals, unread=unread, fault=None)


def shared(entries: Iterable[Entry], later: Mapping[str, Afterwards]) -> Iterable[Shared]:
    """Every release that the ledger names and that can be read: one that cannot hides no other."""
    known = tuple(entries)
    recorded = {one.request_id for one in known if one.kind == "recorded"}
    for one in known:
        if one.kind == "released":
            with suppress(Malformed):
                yield _release(one, recorded=one.request_id in recorded, later=later)


def _release(entry: Entry, *, recorded: bool, later: Mapping[str, Afterwards]) -> Shared:
    read = Reader(dict(entry.body), at="released")
    promises = read.object("promises")
    return Shared(
        request_id=entry.request_id,
        vendor=read.text("vendor"),
        at=entry.at,
        items=tuple(map(shown_item, read.objects("items"))),
        kept=stored_texts(promises, "kept"),
        uses=stored_texts(promises, "uses"),
        terms=str(promises.members.get("terms") or ""),
        accepted=read.flag("accepted"),
        recorded=recorded,
        ends="",
        afterwards=later.get(entry.request_id, Afterwards()),
    )


def _ends(exchange: Exchange, one: Shared, now: datetime) -> Text:
    """The last day on which they may have any of it, by the record. Every class counts: others may have an archive."""
    body = Reader(read_json(from_b64url(str((exchange.record or {})["payload"]))), at="record")
    promised = {
        process.text("gid"): tuple(map(Retention.from_reader, process.objects("hasStorageCondition")))
        for process in body.objects("hasProcess")
        if process.items("acceptedData")
    }
    ended = {} if one.afterwards.left_at is None else dict.fromkeys(promised, one.afterwards.left_at)
    ends = [
        kept_until([gid], promised, shown_at=one.at, ended=ended) for gid, retention in promised.items() if retention
    ]
    known = [end for end in ends if end is not None]
    if not ends:
        return phrase("wallet.ends.immediate")
    if len(known) < len(ends):
        return phrase("wallet.ends.no-day")
    end = max(known)
    if end <= now:
        return phrase("wallet.ends.over", day=day(end))
    return phrase("wallet.ends.on", day=day(end))


async def record(request: web.Request) -> web.Response:
    """What was agreed, for people."""
    exchange = await _recorded(request)
    body = Reader(read_json(from_b64url(str((exchange.record or {})["payload"]))), at="record")
    promises = Reader(dict(exchange.promises), at="promises")
    return render(
        request,
        "record.html",
        asker=asker_of(exchange, key_sources=parts_of(request).key_sources),
        exchange=exchange,
        created=body.rfc3339("created"),
        identifier=body.text("identifier"),
        controller=body.object("hasDataController").text("name"),
        withdraw_within=body.object("withdrawal").text("within"),
        shared=shown_items(exchange.shared),
        terms=promises.members.get("terms"),
        promised=(*stored_texts(promises, "uses"), *stored_texts(promises, "kept")),
    )


async def record_file(request: web.Request) -> web.Response:
    """The record with both signatures, as a file to keep."""
    exchange = await _recorded(request)
    return web.Response(
        body=write_json(dict(exchange.record or {})),
        content_type=JSON,
        headers={"Content-Disposition": 'attachment; filename="agreement-record.json"'},
    )


async def _recorded(request: web.Request) -> Exchange:
    exchange = await parts_of(request).opened.keeping.load_exchange(request.match_info["id"])
    if exchange.record is None:
        raise NotFound("there is no record with both signatures of this request")
    return exchange
