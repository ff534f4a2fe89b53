"""VendorClient: what a wallet says to a vendor over HTTP, and what counts as an answer (specs/flow.md, P2 to P11, E2).

A vendor that is out of order, or asks to try again later, said neither yes nor no: that is Unreachable, and the same
bytes are sent again.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from didkit_py.encoding import Json, read_json
from didkit_py.errors import GONE, Malformed, Unreachable, WrongType
from didkit_py.formats.format import Formats
from didkit_py.jose import MAX_TOKEN
from didkit_py.oid4vp.client_id import ClientId
from didkit_py.oid4vp.request import RequestLink, create_request_uri_form
from didkit_py.parties.source import KeySources
from didkit_py.roles.receiving import Fetch, fetch_key_document

MAX_ANSWER_BYTES: Final = 262_144  # of a desk for agreements: a record has about 3,000
REQUEST_TYPE: Final = "application/oauth-authz-req+jwt"
REQUEST_GONE: Final = "request-gone"  # the `reason` where the vendor does not have the request, or not any more
_NOT_ANY_MORE: Final = frozenset({404, 409, 410})  # 409: answered before
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_OK: Final = 200
_SUCCESS: Final = range(200, 300)
_CLIENT_FAULTS: Final = range(400, 500)
_TRY_AGAIN: Final = frozenset({408, 425, 429})  # request timeout, too early, too many requests


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorAnswer:
    """An answer that says yes, not yet, or no."""

    status: int  # 200 to 299, or 400 to 499
    body: bytes = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether the vendor did what it was sent for; another success means that something is still missing."""
        return self.status == _OK

    @property
    def refused(self) -> bool:
        """Whether the vendor will not take it, however often it is sent."""
        return self.status in _CLIENT_FAULTS

    def json(self) -> Json:
        """The body. Raises Malformed."""
        return read_json(self.body, max_bytes=MAX_ANSWER_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorClient:
    """Speaks with vendors by `fetch`, which alone decides which addresses are reached and how long that may take."""

    fetch: Fetch
    formats: Formats
    key_sources: KeySources

    async def fetch_request(self, link: RequestLink, *, wallet_nonce: str | None) -> str:
        """P2: the request object, as it came; by POST where there is a nonce to send (OpenID4VP 1.0, 5.10).

        Raises Unreachable, with the reason REQUEST_GONE where it is not there any more; WrongType, Malformed, or what
        `fetch` raises.
        """
        if wallet_nonce is None:
            try:
                answer = await self.fetch.get(link.request_uri, max_bytes=MAX_TOKEN, accept=REQUEST_TYPE)
            except Unreachable as error:
                raise Unreachable(str(error), reason=REQUEST_GONE if error.reason == GONE else "") from error
        else:
            form = create_request_uri_form(wallet_nonce, formats=self.formats, key_sources=self.key_sources)
            answer = await self.fetch.post(
                link.request_uri,
                body=urlencode(form).encode(),
                content_type=_FORM,
                max_bytes=MAX_TOKEN,
                headers={"Accept": REQUEST_TYPE},
            )
        if answer.status != _OK:
            reason = REQUEST_GONE if answer.status in _NOT_ANY_MORE else ""
            raise Unreachable(f"the vendor answered with status {answer.status}", reason=reason)
        if answer.content_type != REQUEST_TYPE:
            raise WrongType(f"expected an answer of type {REQUEST_TYPE}", spec="OpenID4VP 1.0, 5.10.1")
        return _decoded(answer.body)

    async def fetch_key_document(self, client_id: ClientId) -> str | None:
        """P4: what proves the keys of the client, as it came; None for a client that is itself the key."""
        body = await fetch_key_document(self.fetch, client_id.identifier, client_id.source)
        return None if body is None else _decoded(body)

    async def post_form(self, url: str, form: str) -> VendorAnswer:
        """The answer to a presentation, or to a no. Raises Unreachable, or what `fetch` raises."""
        return await self._post(url, form.encode(), _FORM)

    async def post_json(self, url: str, body: bytes) -> VendorAnswer:
        """The answer of a desk for agreements. Raises the same."""
        return await self._post(url, body, _JSON)

    async def _post(self, url: str, body: bytes, content_type: str) -> VendorAnswer:
        answer = await self.fetch.post(
            url, body=body, content_type=content_type, max_bytes=MAX_ANSWER_BYTES, headers={"Accept": _JSON}
        )
        if answer.status not in _SUCCESS and answer.status not in _CLIENT_FAULTS:
            raise Unreachable(f"the vendor answered with status {answer.status}")
        if answer.status in _TRY_AGAIN:
            raise Unreachable("the vendor asks to try again later")
        return VendorAnswer(status=answer.status, body=answer.body)


def _decoded(body: bytes) -> str:
    try:
        return body.decode().strip()
    except UnicodeDecodeError as error:
        raise Malformed("expected a text in UTF-8") from error
