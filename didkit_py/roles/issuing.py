"""Issuing: a claim becomes an offer, the offer's code a token, and key proofs under the token become credentials.

The steps are I1 to I8 of `specs/flow.md`. Whatever is secret or about a person reaches the store as a hash, or inside
an `Offer`, which the store seals. Each step leaves the state as it was unless it holds as a whole.

What an issuer says is a claim type's template, filled: values that break the type's rules are never offered.

    >>> from datetime import UTC, datetime
    >>> from didkit_py.credentials.template import template_named
    >>> standing, now = template_named("insurer-good-standing"), datetime(2026, 12, 1, 12, tzinfo=UTC)
    >>> values = {"standing": "good", "period": {"from": "2026-11-01", "to": "2027-10-31"}}
    >>> standing.require_values(values)
    >>> standing.require_values(values | {"period": {"from": "2027-11-01", "to": "2026-10-31"}})
    Traceback (most recent call last):
    ...
    didkit_py.errors.BadTemplate: period: it ends before it begins

`Issuing.make_offer` takes such values; its store remembers the offer, `redeem` turns its code into a token, and `issue`
signs one copy for each key that the wallet proved.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from didkit_py.credentials.credential import StatusReference
from didkit_py.credentials.template import ClaimTemplate
from didkit_py.encoding import b64url, sha256
from didkit_py.errors import BadTemplate, IllegalMove, Replayed
from didkit_py.formats.format import Format
from didkit_py.keys.party import PartyKeys, party_of
from didkit_py.keys.signer import Signer
from didkit_py.oauth import (
    CredentialRequestDenied,
    InvalidCredentialRequest,
    InvalidGrant,
    InvalidNonce,
    InvalidProof,
    InvalidToken,
    UnknownCredentialConfiguration,
)
from didkit_py.oid4vci.credential_request import CredentialRequest, CredentialResponse
from didkit_py.oid4vci.issuance import MAX_WRONG_CODES
from didkit_py.oid4vci.key_proof import VerifiedProof, VerifiedProofs, verify_key_proofs
from didkit_py.oid4vci.nonce import create_nonce, verify_nonce
from didkit_py.oid4vci.offer import CredentialOffer, create_offer, create_offer_link, create_tx_code
from didkit_py.oid4vci.token import TokenRequest, TokenResponse
from didkit_py.roles.issuing_store import (
    AccessGrant,
    IssuingStore,
    KeyedHashes,
    MadeOffer,
    Making,
    NewOffer,
    Offer,
    Registration,
    WantedCredential,
)

OFFER_LIFETIME: Final = timedelta(days=30)  # a letter travels, and people read it on a Sunday
TOKEN_LIFETIME: Final = timedelta(hours=1)  # within it a wallet that crashed may ask again (flow I7, I8)
MAX_REFERENCE: Final = 200  # characters
_ID_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_SALT_BYTES: Final = 16
_TX_CODE_DESCRIPTION: Final = "Six digits that the issuer gave you separately."
_NO_GRANT: Final = "the code or the transaction code is wrong, or the offer was used, withdrawn or has expired"

Random = Callable[[int], bytes]


class FetchKeys(Protocol):
    """Fetches the keys of a party."""

    async def __call__(self, party: str) -> PartyKeys:
        """Raises Unreachable, ForbiddenAddress, BadDid or BadDidDocument."""


class CheckValues(Protocol):
    """Judges a claim before it is offered, beyond what the schema of its type says."""

    async def __call__(self, wanted: WantedCredential, *, now: datetime) -> None:
        """Raises Rejected or Malformed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """The issuer's side of OpenID4VCI 1.0 over a store, for one issuer with one signing key."""

    store: IssuingStore
    templates: Mapping[str, ClaimTemplate]  # by name
    in_format: Format
    issuer_url: str  # the Credential Issuer Identifier
    signer: Signer
    hashes: KeyedHashes
    nonce_key: bytes = field(repr=False)  # 32 secret bytes
    random: Random
    fetch_keys: FetchKeys
    checks: Mapping[str, CheckValues] = field(default_factory=dict)  # by the name of the type
    offer_lifetime: timedelta = OFFER_LIFETIME

    async def make_offer(self, wanted: WantedCredential, *, now: datetime, batch: str = "") -> MadeOffer:
        """I1: a new offer. Raises IllegalMove when the same claim is on offer for this receiver already."""
        making = await self.make_offers((wanted,), now=now, batch=batch)
        if not making.made:
            raise IllegalMove(
                f"the same claim is on offer already, as {making.unchanged[0]}",
                hint="Use that offer, or withdraw it and make the new one.",
            )
        return making.made[0]

    async def make_offers(
        self,
        wanted: Sequence[WantedCredential],
        *,
        now: datetime,
        batch: str = "",
        before_saving: Callable[[Sequence[MadeOffer]], Awaitable[None]] | None = None,
    ) -> Making:
        """I1: offers for all of these, or for none. What is on offer already is left as it is (flow I1).

        `before_saving` gets the transaction codes while a crash can still undo everything. It is called again, with
        those that are left, when somebody else made one of these offers meanwhile. Raises BadTemplate.
        """
        for each in wanted:
            await self._judge(each, now)
        by_fingerprint = {self.hashes.fingerprint(each): each for each in wanted}
        while True:
            known = await self.store.known_offers(by_fingerprint.keys(), now=now)
            fresh = {mark: each for mark, each in by_fingerprint.items() if mark not in known}
            pairs = [self._prepare(each, mark, now) for mark, each in fresh.items()]
            made = tuple(each for _, each in pairs)
            if before_saving is not None:
                await before_saving(made)
            if not pairs or await self.store.save_offers([new for new, _ in pairs], batch=batch):
                return Making(made=made, unchanged=tuple(known.values()))

    async def unchanged(self, wanted: Sequence[WantedCredential], *, now: datetime) -> int:
        """How many of these are on offer already."""
        return len(await self.store.known_offers({self.hashes.fingerprint(each) for each in wanted}, now=now))

    async def replace_tx_code(self, offer_id: str, *, now: datetime) -> str:
        """A new transaction code for an open offer, told this once. Raises IllegalMove or NotFound."""
        tx_code = create_tx_code(self.random)
        await self.store.replace_tx_code(offer_id, self.hashes.tx_code(offer_id, tx_code), now=now)
        return tx_code

    async def _judge(self, wanted: WantedCredential, now: datetime) -> None:
        template = self.templates.get(wanted.type_name)
        if template is None:
            raise BadTemplate("this issuer does not offer that type", hint=f"It offers: {', '.join(self.templates)}.")
        if not 0 < len(wanted.reference) <= MAX_REFERENCE:
            raise BadTemplate(f"reference: expected 1 to {MAX_REFERENCE} characters")
        if (wanted.subject is None) != (template.subject == "person"):
            raise BadTemplate("subject: a business is named by its DID, a person by no name at all")
        template.require_values(wanted.values)
        if (check := self.checks.get(wanted.type_name)) is not None:
            await check(wanted, now=now)

    def _prepare(self, wanted: WantedCredential, fingerprint: bytes, now: datetime) -> tuple[NewOffer, MadeOffer]:
        offer = Offer(
            id=self.random(_ID_BYTES).hex(),  # never begins with a dash: people type it in commands
            wanted=wanted,
            code=b64url(self.random(_SECRET_BYTES)),
            made_at=now,
            expires_at=now + self.offer_lifetime,
        )
        tx_code = create_tx_code(self.random)
        new = NewOffer(
            offer=offer,
            fingerprint=fingerprint,
            reference_hash=self.hashes.reference(wanted.reference),
            code_hash=sha256(offer.code.encode()),
            tx_code_hash=self.hashes.tx_code(offer.id, tx_code),
        )
        return new, MadeOffer(offer=offer, tx_code=tx_code)

    def offer_message(self, offer: Offer) -> CredentialOffer:
        """I3: the message that the offer's address gives."""
        return create_offer(
            issuer=self.issuer_url,
            configuration_ids=(offer.wanted.type_name,),
            pre_authorized_code=offer.code,
            tx_code_description=_TX_CODE_DESCRIPTION,
        )

    def offer_uri(self, offer_id: str) -> str:
        """The offer's address."""
        return f"{self.issuer_url}/credential-offers/{offer_id}"

    def offer_link(self, offer_id: str) -> str:
        """The link, also shown as QR code, that opens a wallet on the offer."""
        return create_offer_link(self.offer_uri(offer_id))

    async def redeem(self, request: TokenRequest, *, now: datetime) -> TokenResponse:
        """I5: an access token for the two codes. Raises InvalidRequest, or InvalidGrant that never says what was wrong.

        The try is counted before it is judged, so that many at once are not more than MAX_WRONG_CODES.
        """
        request.require_tx_code(expected=True)
        attempt = await self.store.count_try(sha256(request.code.encode()), now=now)
        if attempt is None:
            raise InvalidGrant(_NO_GRANT, spec="OpenID4VCI 1.0, 6.3")
        given = self.hashes.tx_code(attempt.offer_id, request.tx_code or "")
        if not hmac.compare_digest(given, attempt.tx_code_hash):
            if attempt.number >= MAX_WRONG_CODES:
                await self.store.lock_offer(attempt.offer_id)
            raise InvalidGrant(_NO_GRANT, spec="OpenID4VCI 1.0, 6.3")
        token = b64url(self.random(_SECRET_BYTES))
        end = now + TOKEN_LIFETIME
        if not await self.store.spend_code(attempt.offer_id, token_hash=sha256(token.encode()), token_expires_at=end):
            raise InvalidGrant(_NO_GRANT, spec="OpenID4VCI 1.0, 6.3")
        return TokenResponse(access_token=token, expires_in=int(TOKEN_LIFETIME.total_seconds()))

    def nonce(self, *, now: datetime) -> str:
        """I6: a fresh nonce; nothing is stored."""
        return create_nonce(key=self.nonce_key, now=now, random=self.random)

    async def authorize(self, token: str, *, now: datetime) -> AccessGrant:
        """What the access token stands for. Raises InvalidToken."""
        grant = await self.store.load_grant(sha256(token.encode()), now=now)
        if grant is None:
            raise InvalidToken("the access token is unknown, or has expired", spec="RFC 6750, 3.1")
        return grant

    async def issue(self, request: CredentialRequest, *, token: str, now: datetime) -> CredentialResponse:
        """I7: one credential for each proven key; the same keys again get fresh copies of what was registered for them.

        Raises what OpenID4VCI 1.0, 8.3.1.2 names.
        """
        grant = await self.authorize(token, now=now)
        template = self._template(request, grant)
        proven = await self._verify_proofs(request, grant, template, now)
        registration = await self._register(grant, template, proven, token=token, now=now)
        texts = [await self._sign(grant.offer, template, proof, registration) for proof in proven.proofs]
        return CredentialResponse(credentials=tuple(texts))

    def _template(self, request: CredentialRequest, grant: AccessGrant) -> ClaimTemplate:
        name = request.configuration_id
        if name != grant.offer.wanted.type_name or name not in self.templates:
            raise UnknownCredentialConfiguration(
                "the offer does not name this configuration", spec="OpenID4VCI 1.0, 8.2"
            )
        return self.templates[name]

    async def _verify_proofs(
        self, request: CredentialRequest, grant: AccessGrant, template: ClaimTemplate, now: datetime
    ) -> VerifiedProofs:
        if len(request.proofs) > template.copies:
            raise InvalidCredentialRequest(
                f"proofs: more than {template.copies} for this type", spec="OpenID4VCI 1.0, 8.2"
            )
        subject = grant.offer.wanted.subject
        parties = {} if subject is None else {subject: await self.fetch_keys(subject)}
        proven = verify_key_proofs(request.proofs, expected_audience=self.issuer_url, parties=parties, now=now)
        for proof in proven.proofs:
            _require_subject(proof, subject)
        return proven

    async def _register(
        self, grant: AccessGrant, template: ClaimTemplate, proven: VerifiedProofs, *, token: str, now: datetime
    ) -> Registration:
        """The keys of the first request under this token; those of a later one must be the same."""
        keys = [self.hashes.holder_key(proof.key.thumbprint) for proof in proven.proofs]
        nonce = verify_nonce(proven.nonce, key=self.nonce_key, now=now)
        try:
            if grant.registration is None:
                return await self.store.register(
                    grant.offer.id, keys=keys, nonce=nonce, with_status=template.has_status, now=now
                )
        except IllegalMove:  # another request under the same token came first
            grant = await self.authorize(token, now=now)
        except Replayed as error:
            raise InvalidNonce("the nonce was used before", spec="OpenID4VCI 1.0, 8.3.1.2") from error
        return await self._repeat(grant, keys, nonce, now)

    async def _repeat(self, grant: AccessGrant, keys: Sequence[bytes], nonce: bytes, now: datetime) -> Registration:
        if grant.registration is None or {copy.key_hash for copy in grant.registration.copies} != set(keys):
            raise CredentialRequestDenied(
                "other keys were registered under this token",
                hint="Ask again with the keys of the first request, or ask the issuer for a new offer.",
            )
        try:
            await self.store.spend_nonce(nonce, now=now)
        except Replayed as error:
            raise InvalidNonce("the nonce was used before", spec="OpenID4VCI 1.0, 8.3.1.2") from error
        return grant.registration

    async def _sign(
        self, offer: Offer, template: ClaimTemplate, proof: VerifiedProof, registration: Registration
    ) -> str:
        key_hash = self.hashes.holder_key(proof.key.thumbprint)
        place = next(copy.place for copy in registration.copies if copy.key_hash == key_hash)
        credential = template.fill(
            offer.wanted.values,
            issuer=self.in_format.issuer_of(self.issuer_url),
            now=registration.issued_at,
            subject=offer.wanted.subject,
            status=None if place is None else StatusReference(uri=self.status_uri(place[0]), index=place[1]),
        )
        secured = await self.in_format.secure(
            credential, holder_key=proof.key, salts=lambda: self.random(_SALT_BYTES), signer=self.signer
        )
        return secured.text

    def status_uri(self, number: int) -> str:
        """The address of a status list."""
        return f"{self.issuer_url}/status-lists/{number}"


def _require_subject(proof: VerifiedProof, subject: str | None) -> None:
    """A business proves a key of the DID that the offer names; a person's key stands for itself."""
    if subject is None and proof.kid is not None:
        raise InvalidProof("expected the key itself in the header, as jwk", spec="OpenID4VCI 1.0, F.1")
    if subject is not None and (proof.kid is None or party_of(proof.kid) != subject):
        raise InvalidProof(
            "expected a proof by a key of the business that the offer names, by kid", spec="OpenID4VCI 1.0, F.1"
        )
