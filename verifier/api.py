"""The wire: OpenID4VP 1.0 and the agreement desk. Each handler parses, calls, answers."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Final

from aiohttp import web

from didkit_py.encoding import sha256
from didkit_py.errors import DidkitError, Expired, IllegalMove, Malformed, Rejected
from didkit_py.jose import MAX_JWE
from didkit_py.oid4vp.request import TYPE, parse_request_uri_form
from didkit_py.service.answers import status_of
from didkit_py.service.log import get_logger
from didkit_py.service.messages import DID_DOCUMENT
from didkit_py.service.web import Routes, WireErrors, json_answer, read_form, read_json_body, render
from didkit_py.terms.events import Kind
from verifier import messages
from verifier.parts import parts_of

NO_STORE: Final[Mapping[str, str]] = {"Cache-Control": "no-store"}
SHORT: Final[Mapping[str, str]] = {"Cache-Control": "public, max-age=300"}
MAX_RESPONSE_BYTES: Final = MAX_JWE + 4_096  # the answer and the field that it stands in
MAX_RECORD_BYTES: Final = 131_072
MAX_CODE: Final = 64
REQUEST_ERRORS: Final[WireErrors] = {Expired: (410, "expired"), IllegalMove: (409, "illegal-move")}
OWN_STATUS: Final = frozenset({404, 413, 415})  # every other refusal is a 400
log = get_logger()

Handler = Callable[[web.Request], Awaitable[web.Response]]


def install(routes: Routes) -> None:
    """Add every address of the wire, and the page that a person comes back to."""
    routes.wire("GET", "/.well-known/did.json", did_document, gives=DID_DOCUMENT)
    address, given = "/oid4vp/requests/{id}", messages.REQUEST_OBJECT
    routes.wire("GET", address, request_object, gives=given, errors=REQUEST_ERRORS)
    routes.wire("POST", address, request_object_for, takes=messages.WALLET_FORM, gives=given, errors=REQUEST_ERRORS)
    routes.wire(
        "POST",
        "/oid4vp/response/{id}",
        response,
        takes=messages.RESPONSE_FORM,
        gives=messages.REDIRECT,
        max_bytes=MAX_RESPONSE_BYTES,
    )
    desk = {200: messages.RECORD, 202: messages.RECEIVED}
    routes.wire("POST", "/agreements", acceptance, takes=messages.ACCEPTANCE, gives=desk)
    routes.wire("POST", "/agreements/withdraw", withdrawal, takes=messages.WITHDRAWAL, gives=messages.ACKNOWLEDGEMENT)
    routes.wire("POST", "/agreements/erase", erasure, takes=messages.ERASE_REQUEST, gives=messages.ERASE_PROOF)
    routes.page("GET", "/done", done, query=("response_code",), signed_in=False)


def naming_codes(handler: Handler) -> Handler:
    """The handler, whose refusals name an error of OAuth and beside it the code of the check that did not hold."""

    @wraps(handler)
    async def answered(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except (Malformed, Rejected) as error:
            return _refusal(error)

    return answered


def _refusal(error: DidkitError) -> web.Response:
    log.info("refused", code=error.code, reason=error.reason, spec=error.spec, error=type(error).__name__)
    status = status_of(error) if status_of(error) in OWN_STATUS else HTTPStatus.BAD_REQUEST
    shape = {"error": "invalid_request", "code": error.code, "error_description": _ascii(str(error))}
    return json_answer(shape | ({"hint": error.advice} if error.advice else {}), status=status, headers=NO_STORE)


def _ascii(message: str) -> str:
    """The characters that RFC 6749, 5.2 allows."""
    return "".join(sign if " " <= sign <= "~" and sign not in '"\\' else "'" for sign in message)


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
    return json_answer(taken.to_json(), headers=NO_STORE)


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
    return await _event(request, Kind.WITHDRAW)


@naming_codes
async def erasure(request: web.Request) -> web.Response:
    """A person asks to erase what was shown."""
    return await _event(request, Kind.ERASE_REQUEST)


async def _event(request: web.Request, kind: Kind) -> web.Response:
    parts = parts_of(request)
    answer = await parts.accepting.take_event(await read_json_body(request), kind=kind, now=parts.clock())
    return json_answer({"event": answer}, headers=NO_STORE)


async def done(request: web.Request) -> web.Response:
    """Where a person's browser comes back to; it says nothing about the person."""
    code = request.query.get("response_code", "")[:MAX_CODE]
    known = bool(code) and await parts_of(request).store.has_response_code(sha256(code.encode("utf-8", "replace")))
    return render(request, "done.html", known=known)
