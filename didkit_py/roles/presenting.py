"""Presenting: a vendor's request is opened, judged, answered by a person, sent and recorded (specs/flow.md, P2 to P11).

1. `open` (P2, P4): fetch the request, then the signer's key document, and nothing else; verify; write down that it was
   asked. Nobody learns more from it than that the link was opened.
2. `judge` (P4): decide from lists that are held already. It may be repeated, and is whenever the page is shown.
3. `share` or `refuse` (P5, P6): the person's answer. What will be sent is durable before any of it leaves: the
   acceptance, the presentation, and the copies marked as used, in one write.
4. `send` (P7 to P11): the same bytes, as often as it takes. The vendor's record is kept once it is what was accepted.

A refusal by the person, one by a rule, and a wallet that holds nothing send one and the same form.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlencode

from didkit_py.dids.document import DidDocument
from didkit_py.dids.methods import locations, read_document
from didkit_py.encoding import Json, b64url, read_json
from didkit_py.errors import DidkitError, IllegalMove, Malformed, Unreachable, WrongType
from didkit_py.jose import MAX_TOKEN
from didkit_py.keys.signer import Signer
from didkit_py.oid4vp.dcql import Held, match
from didkit_py.oid4vp.request import (
    RequestLink,
    UnverifiedRequest,
    VerifiedRequest,
    create_request_uri_form,
    parse_request_link,
    parse_request_object,
    verify_request_object,
)
from didkit_py.oid4vp.response import create_error, create_response
from didkit_py.roles.exchange import Exchange, Note, Outgoing, State
from didkit_py.roles.receiving import Answer, Fetch
from didkit_py.terms.decision import Case, Decision, HeldState, History, Outcome, asked_thresholds, decide, nonce_key
from didkit_py.terms.document import TermsDocument
from didkit_py.terms.policy import Policy
from didkit_py.terms.vendor import VerifiedVendor, verify_vendor
from didkit_py.verification import Evidence

MAX_DOCUMENT_BYTES: Final = 65_536
MAX_ANSWER_BYTES: Final = 262_144  # of the agreement desk: a record has about 3,000
WALLET_NONCE_BYTES: Final = 16
REQUEST_TYPE: Final = "application/oauth-authz-req+jwt"
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_OK: Final = 200
_ACCEPTED: Final = 202
_CLIENT_FAULTS: Final = range(400, 500)


class Lists(Protocol):
    """What is known beforehand about issuers, businesses and terms."""

    def evidence(self) -> Evidence:
        """Trust, key documents and status lists. Raises Unavailable where there is no trust list yet."""

    @property
    def terms(self) -> Mapping[str, TermsDocument]:
        """The terms documents whose publisher's signature held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A request as it stands now."""

    exchange: Exchange
    decision: Decision
    documents: Mapping[str, HeldDocument] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presenting:
    """Opens, judges and answers requests for one unlocked wallet."""

    store: PresentingStore
    fetch: Fetch
    lists: Callable[[], Lists]
    now_fn: Callable[[], datetime]
    random: Callable[[int], bytes]

    async def open(self, link_text: str) -> Exchange:
        """P2 and P4: the request, verified, judged once and noted as asked.

        Raises what reading, fetching and verifying raise; then nothing was noted and nobody was told anything.
        """
        link = parse_request_link(link_text)
        now = self.now_fn()
        exchange = await self._fetched(link, now)
        _, verified, vendor = self._authenticate(exchange, now)
        return await self._noted(exchange, verified, vendor, now)

    async def _fetched(self, link: RequestLink, now: datetime) -> Exchange:
        wallet_nonce = b64url(self.random(WALLET_NONCE_BYTES)) if link.method == "post" else None
        text = await fetch_request(self.fetch, link, wallet_nonce=wallet_nonce)
        unverified = parse_request_object(text, link=link)
        return Exchange(
            id=b64url(self.random(16)),
            state=State.OPEN,
            opened_at=now,
            client_id=link.client_id,
            request_uri=link.request_uri,
            wallet_nonce=wallet_nonce,
            text=text,
            document=await fetch_document_text(self.fetch, unverified.client_id.did),
            vendor=unverified.client_id.origin or "",
        )
