"""Presenting: a vendor's request is opened, judged, answered by a person, sent and recorded (specs/flow.md, P2 to P11).

1. `open` (P2, P4): fetch the request, then the signer's key document, and nothing else; verify; note that it was asked.
   The vendor learns that its link was opened, and nothing more.
2. `judge` (P4): decide from lists that are held already. It is repeated whenever the page is shown.
3. `share` or `refuse` (P5, P6): the person's answer. What will be sent is durable before any of it leaves: acceptance,
   presentation, and the copies marked as used, in one write.
4. `send` (P7 to P11): the same bytes, as often as it takes; the vendor's record is kept once it is what was accepted.

A refusal by the person, one by a rule, and a wallet that holds nothing all send the same form.

    >>> import asyncio
    >>> from datetime import UTC, datetime, timedelta
    >>> from didkit_py.dids.jwk import jwk_did
    >>> from didkit_py.formats.table import FORMATS
    >>> from didkit_py.keys.signer import SoftwareSigner
    >>> from didkit_py.oid4vp.client_id import client_id_of
    >>> from didkit_py.oid4vp.dcql import DcqlQuery
    >>> from didkit_py.oid4vp.request import PresentationRequest, create_request_object
    >>> from didkit_py.parties.table import KEY_SOURCES
    >>> from didkit_py.roles.presenting_store import Exchange, PresentationState

A vendor that is known by its key alone asks for an e-mail address:

    >>> now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    >>> did = jwk_did(SoftwareSigner.from_secret(bytes([1] * 32)).public)
    >>> signer = SoftwareSigner.from_secret(bytes([1] * 32), key_id=f"{did}#0")
    >>> asked = {
    ...     "id": "contact",
    ...     "format": "dc+sd-jwt",
    ...     "meta": {"vct_values": ["urn:didkit-py:vct:contact:1"]},
    ...     "claims": [{"path": ["email"]}],
    ... }
    >>> request = PresentationRequest(
    ...     client_id=client_id_of(did, key_sources=KEY_SOURCES),
    ...     response_uri="https://shop.example/response",
    ...     nonce="n" * 32,
    ...     state="s" * 32,
    ...     query=DcqlQuery.from_json({"credentials": [asked]}, formats=FORMATS),
    ...     encryption_jwk={**signer.public.to_jwk(), "use": "enc", "alg": "ECDH-ES", "kid": "1"},
    ...     issued_at=now,
    ...     expires_at=now + timedelta(minutes=10),
    ...     wallet_nonce=None,
    ... )
    >>> text = asyncio.run(create_request_object(request, formats=FORMATS, signer=signer))

The wallet keeps what it received, and authenticates that as often as it is judged:

    >>> exchange = Exchange(
    ...     id="1",
    ...     state=PresentationState.OPEN,
    ...     opened_at=now,
    ...     client_id=request.client_id.full,
    ...     request_uri="https://shop.example/requests/1",
    ...     wallet_nonce=None,
    ...     text=text,
    ...     vendor=did,
    ... )
    >>> authentic = authenticate(exchange, formats=FORMATS, key_sources=KEY_SOURCES, now=now)
    >>> authentic.request.request.query.credentials[0].vct_values
    ('urn:didkit-py:vct:contact:1',)
"""

from didkit_py.roles.presenting.deciding import Judged, PublicLists, decide_unread
from didkit_py.roles.presenting.opening import AuthenticatedRequest, authenticate
from didkit_py.roles.presenting.presenting import Presenting

__all__ = ["AuthenticatedRequest", "Judged", "Presenting", "PublicLists", "authenticate", "decide_unread"]
