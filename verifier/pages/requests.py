"""One request: its link while it is open, then what was checked, what was learned, and what was agreed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from didkit_py.encoding import Json, from_b64url, read_json, write_json
from didkit_py.errors import NotFound
from didkit_py.localization import Text, clock_time, listed, phrase
from didkit_py.reading import Reader
from didkit_py.service.http.media_types import JSON
from didkit_py.service.http.messages import SIGNED_RECORD
from didkit_py.service.http.web import Routes, render
from didkit_py.terms.period import Period
from verifier.context import VerifierContext
from verifier.pages.ask import in_full
from verifier.views import purpose_of, record_of, result_in_words, verdict_in_words
from verifier.web_context import parts_of

_EVENTS: Final = frozenset({"withdraw", "eraseRequest", "unproved"})  # that the catalogue has a sentence for
_SINCE: Final = frozenset({"disclosure", "purposeEnd", "relationshipEnd"})
_THEN: Final = frozenset({"erase", "anonymise", "keep"})


def install(routes: Routes) -> None:
    """Add the pages of one request."""
    routes.page("GET", "/requests/{id}", one_request)
    routes.page("GET", "/requests/{id}/record.json", record_file, gives=SIGNED_RECORD)


async def one_request(request: web.Request) -> web.Response:
    """Everything about one request; while it is open, a button looks again, and nothing moves by itself."""
    parts = parts_of(request)
    kept = await parts.store.load_request(request.match_info["id"], now=parts.clock())
    return render(
        request,
        "request.html",
        shown=result_in_words(kept),
        link=parts.asking.made(kept.asked.id).link,
        verdict=verdict_in_words(await parts.judge_kept(kept.asked)) if kept.is_open else None,
        record=await _record(parts, kept.asked.id),
        sheet="" if kept.asked.erased else in_full(kept.asked.template),
    )


async def record_file(request: web.Request) -> web.Response:
    """The record as a file, the same bytes inside as the person holds."""
    parts = parts_of(request)
    request_id = request.match_info["id"]
    record = record_of(await parts.store.load_acceptances(request_id))
    if record is None:
        raise NotFound("there is no record of this request")
    headers = {"Content-Disposition": 'attachment; filename="agreement-record.json"'}
    return web.Response(body=write_json(dict(record)), content_type=JSON, headers=headers)


async def _record(parts: VerifierContext, request_id: str) -> dict[str, object] | None:
    """The agreement in words, with what was said later."""
    record = record_of(await parts.store.load_acceptances(request_id))
    if record is None:
        return None
    payload = Reader(read_json(from_b64url(str(record["payload"]))), at="record")
    events = await parts.store.load_events(payload.text("identifier"))
    kinds = [(one.at, "unproved" if one.answer is None else one.kind) for one in events]
    shown = [(clock_time(at), phrase(f"verifier.event.{kind}") if kind in _EVENTS else kind) for at, kind in kinds]
    return {"rows": _rows(payload), "events": shown}


def _rows(payload: Reader) -> list[tuple[Text, Text]]:
    processes, controller = payload.objects("hasProcess"), payload.object("hasDataController").text("name")
    return [
        (phrase("verifier.record.agreed"), clock_time(payload.rfc3339("created"))),
        (
            phrase("verifier.record.between"),
            phrase("verifier.record.both", name=controller),
        ),
        *(row for one in processes for row in _process(one.members)),
        (phrase("verifier.record.terms"), payload.text("terms")),
        (phrase("verifier.record.number"), payload.text("identifier")),
    ]


def _process(process: Mapping[str, Any]) -> list[tuple[Text, Text]]:
    """One promise: what it allows, or that the person did not accept it, so that it allows nothing."""
    uses = listed([purpose_of(str(one)) for one in process.get("hasPurpose", ())])
    if process.get("state") != "accepted":
        return [(phrase("verifier.record.not-accepted"), uses)]
    recipients = ", ".join(map(str, process.get("hasRecipient", ())))
    kept = [_kept(Reader(one, at="record")) for one in process.get("hasStorageCondition", ())]
    return [
        (phrase("verifier.record.accepted"), _paths(process.get("acceptedData", ()))),
        (phrase("verifier.record.declined"), _paths(process.get("declinedData", ()))),
        (phrase("verifier.record.uses"), uses),
        (phrase("verifier.record.keep"), listed(kept, by="semicolon") or phrase("verifier.record.not-at-all")),
        (phrase("verifier.record.pass-on"), recipients or phrase("verifier.record.nobody")),
    ]


def _kept(one: Reader) -> Text:
    since = one.optional_text("from") or "disclosure"
    return phrase(
        "verifier.record.kept",
        period=Period.parse(one.text("period")).words(),
        since=phrase(f"verifier.record.since.{since}") if since in _SINCE else "",
        then=phrase(f"verifier.record.then.{one.text('then', one_of=_THEN)}"),
    )


def _paths(paths: Sequence[Sequence[Json]]) -> Text:
    """The claims of a list, as paths."""
    each = phrase("verifier.record.each")
    steps = [[each if step is None else str(step) for step in path] for path in paths]
    return listed([listed(path, by="path") for path in steps]) or phrase("verifier.record.nothing")
