"""The wire: OpenID4VP 1.0, the agreement desk, the check of a request. Each handler parses, calls, answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Final

from aiohttp import web

from didkit_py.encoding import sha256
from didkit_py.errors import DidkitError, Expired, IllegalMove, Malformed, Rejected
from didkit_py.jose import MAX_JWE, MAX_TOKEN
from didkit_py.oauth import TemporarilyUnavailable, describable
from didkit_py.oid4vp.request import TYPE, parse_request_uri_form
from didkit_py.records.events import EventKind
from didkit_py.roles.self_check import verdict_of
from didkit_py.service.http.error_responses import REQUEST_ID, note_refusal, status_of
from didkit_py.service.http.messages import DID_DOCUMENT, ErrorMessage
from didkit_py.service.http.request_body import UnsupportedBody, read_body
from didkit_py.service.http.web import Routes, WireErrors, json_answer, read_form, read_json_body, render
from verifier.api import messages
from verifier.metrics import ACCEPTANCES, CHECKS, ERASURES, REQUESTS, RESPONSES, WITHDRAWALS
from verifier.request_check import as_text
from verifier.web_context import parts_of

NO_STORE: Final[Mapping[str, str]] = {"Cache-Control": "no-store"}
SHORT: Final[Mapping[str, str]] = {"Cache-Control": "public, max-age=300"}
MAX_RESPONSE_BYTES: Final = MAX_JWE + 4_096  # the answer and the field that it stands in
MAX_RECORD_BYTES: Final = 131_072
MAX_CODE: Final = 64
MAX_CHECKS: Final = 4  # at a time; each may make us fetch one key document
REQUEST_ERRORS: Final[WireErrors] = {Expired: (410, "expired"), IllegalMove: (409, "illegal-move")}
OWN_STATUS: Final = frozenset({404, 413, 415})  # every other refusal is a 400


Handler = Callable[[web.Request], Awaitable[web.Response]]


def install(routes: Routes) -> None:
    """Add every address of the wire, and the page that a person comes back to."""
    routes.wire("GET", "/.well-known/did.json", did_document, gives=DID_DOCUMENT)
    routes.wire(
        "GET",
        "/oid4vp/requests/{id}",
        request_object,
        gives=messages.REQUEST_OBJECT,
        errors=REQUEST_ERRORS,
        counted=REQUESTS,
    )
    routes.wire(
        "POST",
        "/oid4vp/requests/{id}",
        request_object_for,
        takes=messages.WALLET_FORM,
        gives=messages.REQUEST_OBJECT,
        errors=REQUEST_ERRORS,
        counted=REQUESTS,
    )
    routes.wire(
        "POST",
        "/oid4vp/response/{id}",
        response,
        takes=messages.RESPONSE_FORM,
        gives=messages.REDIRECT,
        max_bytes=MAX_RESPONSE_BYTES,
        counted=RESPONSES,
    )
    routes.wire(
        "POST",
        "/agreements",
        acceptance,
        takes=messages.ACCEPTANCE,
        gives={200: messages.RECORD, 202: messages.RECEIVED},
        counted=ACCEPTANCES,
    )
    routes.wire(
        "POST",
        "/agreements/withdraw",
        withdrawal,
        takes=messages.WITHDRAWAL,
        gives=messages.ACKNOWLEDGEMENT,
        counted=WITHDRAWALS,
    )
    routes.wire(
        "POST",
        "/agreements/erase",
        erasure,
        takes=messages.ERASE_REQUEST,
        gives=messages.ERASE_PROOF,
        counted=ERASURES,
    )
    routes.wire(
        "POST",
        "/check-request",
        checking(asyncio.Semaphore(MAX_CHECKS)),
        takes=messages.REQUEST_OBJECT,
        gives=messages.VERDICT,
        max_bytes=MAX_TOKEN,
        counted=CHECKS,
    )
    routes.page("GET", "/done", done, query=("response_code",), signed_in=False)


def naming_codes(handler: Handler) -> Handler:
    """The handler, whose refusals name an error of OAuth and beside it the code of the check that did not hold."""

    @wraps(handler)
    async def answered(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except (Malformed, Rejected) as error:
            return _refusal(request, error)

    return answered


def _refusal(request: web.Request, error: DidkitError) -> web.Response:
    note_refusal(request, error)
    status = status_of(error) if status_of(error) in OWN_STATUS else HTTPStatus.BAD_REQUEST
    shape = ErrorMessage(
        error="invalid_request",
        code=error.code,
        error_description=describable(str(error)),
        hint=error.advice or None,
        request_id=request[REQUEST_ID],
    )
    return json_answer(shape, status=status, headers=NO_STORE)


async def did_document(request: web.Request) -> web.Response:
    """The vendor's key document (DID Core 1.0, 5)."""
    return json_answer(parts_of(request).published, headers=SHORT)


async def request_object(request: web.Request) -> web.Response:
    """The signed request (OpenID4VP 1.0, 5; RFC 9101)."""
    return await _signed(request, None)


async def request_object_for(request: web.Request) -> web.Response:
    """The signed request over the wallet's own nonce (OpenID4VP 1.0, 5.10)."""
    form = parse_request_uri_form(await read_form(request))
    return await _signed(request, form.wallet_nonce)


async def _signed(request: web.Request, wallet_nonce: str | None) -> web.Response:
    parts = parts_of(request)
    text = await parts.asking.sign(request.match_info["id"], wallet_nonce=wallet_nonce, now=parts.clock())
    return web.Response(body=text.encode("ascii"), content_type=f"application/{TYPE}", headers=NO_STORE)


@naming_codes
async def response(request: web.Request) -> web.Response:
    """A wallet's answer or refusal (OpenID4VP 1.0, 8)."""
    parts = parts_of(request)
    form = await read_form(request)
    taken = await parts.checking.take_response(request.match_info["id"], form, now=parts.clock())
    return json_answer(taken, headers=NO_STORE)


@naming_codes
async def acceptance(request: web.Request) -> web.Response:
    """A person accepts our promise: 202 until the presentation was verified, then the record."""
    parts = parts_of(request)
    body = await read_json_body(request, max_bytes=MAX_RECORD_BYTES)
    answered = await parts.accepting.take_acceptance(body, now=parts.clock())
    status = HTTPStatus.ACCEPTED if answered.record is None else HTTPStatus.OK
    return json_answer(answered.to_json(), status=status, headers=NO_STORE)


@naming_codes
async def withdrawal(request: web.Request) -> web.Response:
    """A person takes a yes back."""
    return await _event(request, EventKind.WITHDRAW)


@naming_codes
async def erasure(request: web.Request) -> web.Response:
    """A person asks to erase what was shown."""
    return await _event(request, EventKind.ERASE_REQUEST)


async def _event(request: web.Request, kind: EventKind) -> web.Response:
    parts = parts_of(request)
    answer = await parts.accepting.take_event(await read_json_body(request), kind=kind, now=parts.clock())
    return json_answer({"event": answer}, headers=NO_STORE)


def checking(turns: asyncio.Semaphore) -> Handler:
    """The handler that checks requests, as many at a time as there are turns.

    Anybody may ask: a wallet that cannot judge by itself has no account here. What that makes us fetch is one did.json
    of a public host, within the bounds of every fetch, and so few at a time that our own checks never wait for them.
    """

    @naming_codes
    async def checked(request: web.Request) -> web.Response:
        """What a fresh wallet would say to the signed request in the body, as the command `check-request` says it."""
        if request.content_type != f"application/{TYPE}":
            raise UnsupportedBody(f"expected the content type application/{TYPE}")
        text = as_text(await read_body(request, max_bytes=MAX_TOKEN)).strip()
        if turns.locked():
            raise TemporarilyUnavailable("other requests are being checked")
        async with turns:
            decision = await parts_of(request).judge(text)
        return json_answer(verdict_of(decision), headers=NO_STORE)

    return checked


async def done(request: web.Request) -> web.Response:
    """Where a person's browser comes back to; it says nothing about the person."""
    code = request.query.get("response_code", "")[:MAX_CODE]
    known = bool(code) and await parts_of(request).store.has_response_code(sha256(code.encode("utf-8", "replace")))
    return render(request, "done.html", known=known)
