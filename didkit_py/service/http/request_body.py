"""Strict readers of request bodies: JSON, forms, uploads. All are bounded, and none guesses."""

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from didkit_py.encoding import Json, read_json
from didkit_py.errors import Malformed, TooLarge
from didkit_py.service.http.media_types import FORM, MULTIPART
from didkit_py.service.http.routing import CSRF_FIELD, MAX_BODY_BYTES, facts_of

MAX_JSON_BODY_BYTES: Final = 65_536
MAX_FIELDS: Final = 200
BODY_SECONDS: Final = 30.0  # a sender slower than that holds a connection, not a conversation
_BOUNDARY: Final = re.compile(r"\A[A-Za-z0-9'()+_,./:=?-]{1,70}\Z")  # RFC 2046, 5.1.1, without the blank


class UnsupportedBody(Malformed):
    """The body has another content type than this address reads."""

    code = "unsupported-body"
    hint = "Send the content type named."


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as a form sent it; its name is the sender's word."""

    file_name: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    texts: Mapping[str, str] = field(repr=False)
    uploads: Mapping[str, Upload] = field(repr=False)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)  # of repeatable fields


_BODY: Final = web.RequestKey("body", bytes)
_FIELDS: Final = web.RequestKey("fields", _Fields)


async def read_body(request: web.Request, *, max_bytes: int) -> bytes:
    """The whole body. Raises TooLarge, or Malformed when it does not arrive in time."""
    if _BODY not in request:
        request[_BODY] = await _receive(request, max_bytes)
    if len(request[_BODY]) > max_bytes:
        raise TooLarge(f"the body is longer than {max_bytes} bytes")
    return request[_BODY]


async def _receive(request: web.Request, max_bytes: int) -> bytes:
    body = bytearray()
    if (request.content_length or 0) > max_bytes:
        raise TooLarge(f"the body is longer than {max_bytes} bytes")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise TooLarge(f"the body is longer than {max_bytes} bytes")
    except web.RequestPayloadError as error:
        raise Malformed("the body is not framed as HTTP says", spec="RFC 9112, 7.1") from error
    except TimeoutError as error:
        raise Malformed(f"the body did not arrive within {BODY_SECONDS:.0f} seconds") from error
    return bytes(body)


async def read_json_body(request: web.Request, *, max_bytes: int = MAX_JSON_BODY_BYTES) -> Json:
    """The JSON value of the body, read strictly. Raises Malformed, TooLarge or UnsupportedBody."""
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8":
        raise UnsupportedBody("expected the content type application/json")
    return read_json(await read_body(request, max_bytes=max_bytes), max_bytes=max_bytes)


async def read_form(request: web.Request) -> Mapping[str, str]:
    """The fields of the route's form that are there, by name. No field may stand twice.

    A page's form has no other fields; a protocol's form may, and they are ignored (RFC 6749, 3.2).
    Raises Malformed, TooLarge or UnsupportedBody.
    """
    fields = await _read_fields(request)
    facts = facts_of(request)
    known = facts.fields if facts is not None else ()
    if facts is not None and facts.kind == "page":
        unknown = (set(fields.texts) | set(fields.uploads) | set(fields.choices)) - {*known, CSRF_FIELD}
        if unknown:
            raise Malformed(f"the form has {len(unknown)} field(s) that this page does not know")
    return {name: fields.texts[name] for name in known if name in fields.texts}


async def read_choices(request: web.Request, field: str) -> tuple[str, ...]:
    """The values of a field that the route calls repeatable, in the order sent: the boxes that were ticked.

    Raises Malformed, TooLarge or UnsupportedBody.
    """
    return (await _read_fields(request)).choices.get(field, ())


async def read_upload(request: web.Request, field: str, max_bytes: int) -> Upload:
    """The file of that form field. Raises Malformed when none was chosen, or TooLarge."""
    upload = (await _read_fields(request)).uploads.get(field)
    if upload is None or not upload.file_name:
        raise Malformed(f"no file was chosen for {field}", hint="Choose a file and send the form again.")
    if len(upload.body) > max_bytes:
        raise TooLarge(f"the file is longer than {max_bytes} bytes")
    return upload


async def read_csrf(request: web.Request) -> str:
    """The token that the form carries, or an empty text."""
    return (await _read_fields(request)).texts.get(CSRF_FIELD, "")


async def _read_fields(request: web.Request) -> _Fields:
    if _FIELDS not in request:
        facts = facts_of(request)
        body = await read_body(request, max_bytes=facts.max_bytes if facts else MAX_BODY_BYTES)
        repeatable = facts.repeatable if facts else frozenset()
        fields = _parse_fields(
            request.headers.get("Content-Type", ""),
            body,
            repeatable,
            multipart=facts is None or facts.kind == "page",  # no protocol of ours has one (RFC 6749, 3.2)
        )
        if "\0" in "".join(text for pair in fields.texts.items() for text in pair):  # no database takes one
            raise Malformed("a form field holds a NUL")
        request[_FIELDS] = fields
    return request[_FIELDS]


def _parse_fields(content_type: str, body: bytes, repeatable: Collection[str], *, multipart: bool) -> _Fields:
    media_type, parameters = parse_options_header(content_type)
    if media_type == FORM:
        pairs = _parse_urlencoded(body)
        ticked = {name for name, _ in pairs if name in repeatable}
        choices = {name: tuple(value for each, value in pairs if each == name) for name in ticked}
        single = [pair for pair in pairs if pair[0] not in ticked]
        texts = dict(single)
        if len(texts) != len(single):
            raise Malformed("a form field stands twice", spec="RFC 6749, 3.2")
        return _Fields(texts=texts, uploads={}, choices=choices)
    if multipart and media_type == MULTIPART:
        try:
            return _parse_multipart(parameters.get("boundary", ""), body)
        except UnicodeDecodeError as error:
            raise Malformed("expected form fields in UTF-8") from error
    raise UnsupportedBody(f"expected the content type {FORM}")


def _parse_urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise Malformed("expected a form in application/x-www-form-urlencoded, UTF-8") from error


def _parse_multipart(boundary: str, body: bytes) -> _Fields:
    """The parts of a form as RFC 7578 lays them out; what browsers send, and no more.

    Raises Malformed, or UnicodeDecodeError for a text that is no UTF-8.
    """
    if not _BOUNDARY.match(boundary):
        raise Malformed("expected a multipart boundary", spec="RFC 2046, 5.1.1")
    form = body.rstrip(b" \r\n")
    delimiter = b"--" + boundary.encode()
    if not form.startswith(delimiter):  # the parser passes over what stands before
        raise Malformed("expected a complete multipart form", spec="RFC 7578, 4")
    texts: list[tuple[str, str]] = []
    uploads: list[tuple[str, Upload]] = []
    part: MultipartSegment | None = None
    content: list[bytes] = []
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_FIELDS, strict=True) as parser:
            # The parser passes over what follows the end in the same chunk, and refuses another chunk after it.
            for event in (event for chunk in (form[:-1], form[-1:]) for event in parser.parse(chunk)):
                if isinstance(event, MultipartSegment):
                    part, content = event, []
                elif event is not None:
                    content.append(event)
                elif part is not None and part.filename is None:
                    texts.append((part.name or "", b"".join(content).decode()))
                elif part is not None:
                    uploads.append((part.name or "", Upload(file_name=part.filename or "", body=b"".join(content))))
    except MultipartError as error:
        raise Malformed("expected a complete multipart form, each part with a name", spec="RFC 7578, 4") from error
    if len({name for name, _ in [*texts, *uploads]}) != len(texts) + len(uploads):
        raise Malformed("a form field stands twice")
    return _Fields(texts=dict(texts), uploads=dict(uploads))
