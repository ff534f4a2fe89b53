"""One request: its link while it is open, then what was checked, what was learned, and what was agreed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from didkit_py.encoding import Json, from_b64url, read_json, write_json
from didkit_py.errors import NotFound
from didkit_py.reading import Reader
from didkit_py.roles.asking_store import KeptEvent
from didkit_py.service.http.media_types import JSON
from didkit_py.service.http.messages import SIGNED_RECORD
from didkit_py.service.http.web import Routes, render
from didkit_py.terms.period import Period
from verifier.context import VerifierContext
from verifier.pages.ask import in_full
from verifier.views import record_of, result_in_words, verdict_in_words, when, words_of
from verifier.web_context import parts_of

_EVENTS: Final[Mapping[str, str]] = {
    "withdraw": "The person took the yes back. You confirmed with your signature that you obey.",
    "eraseRequest": "The person asked to erase what was shown. It was erased, and you signed that it was.",
}
_UNPROVED: Final = (
    "The person wants it erased. It is erased; you sign that it was when their wallet asks again, once the files of the"
    " database are written anew."
)
_SINCE: Final[Mapping[str, str]] = {
    "disclosure": "after it was shown",
    "purposeEnd": "after its purpose is met",
    "relationshipEnd": "after the person leaves",
}
_THEN: Final[Mapping[str, str]] = {
    "erase": "then erase it",
    "anonymise": "then make it anonymous",
    "keep": "then go on keeping it",
}


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
    return {"rows": _rows(payload), "events": _event_rows(events)}


def _rows(payload: Reader) -> list[tuple[str, str]]:
    processes = payload.objects("hasProcess")
    return [
        ("Agreed", when(payload.rfc3339("created"))),
        ("Between", f"{payload.object('hasDataController').text('name')} and the holder of a key made for you alone"),
        *(row for one in processes for row in _process(one.members)),
        ("Terms", payload.text("terms")),
        ("Number of the record", payload.text("identifier")),
    ]


def _process(process: Mapping[str, Any]) -> list[tuple[str, str]]:
    """One promise: what it allows, or that the person did not accept it, so that it allows nothing."""
    uses = ", ".join(words_of(str(one)) for one in process.get("hasPurpose", ()))
    if process.get("state") != "accepted":
        return [("Not accepted: do not use it for", uses)]
    kept = [_kept(Reader(one, at="record")) for one in process.get("hasStorageCondition", ())]
    return [
        ("Accepted", _paths(process.get("acceptedData", ())) or "nothing"),
        ("Declined", _paths(process.get("declinedData", ())) or "nothing"),
        ("You may use it for", uses),
        ("You may keep it", "; ".join(kept) or "not at all"),
        ("You may pass it on to", ", ".join(map(str, process.get("hasRecipient", ()))) or "nobody"),
    ]


def _kept(one: Reader) -> str:
    since = _SINCE.get(one.optional_text("from") or "disclosure", "")
    return f"{Period.parse(one.text('period')).words()} {since}, {_THEN[one.text('then', one_of=_THEN)]}"


def _paths(paths: Sequence[Sequence[Json]]) -> str:
    return ", ".join(" / ".join("each" if step is None else str(step) for step in path) for path in paths)


def _event_rows(events: Sequence[KeptEvent]) -> list[tuple[str, str]]:
    return [(when(one.at), _UNPROVED if one.answer is None else _EVENTS.get(one.kind, one.kind)) for one in events]
