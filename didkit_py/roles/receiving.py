"""Receiving a credential by OpenID4VCI 1.0: what a person's wallet and a vendor do alike.

1. `preview`: the offer, and what its issuer says of itself. Nothing is spent: it may be repeated at will. What would
   end the exchange later, and can be known now, ends it now.
2. `redeem`: the code becomes an access token. It happens once. Store the secrets of the signers before it and the token
   after it; if a crash comes between, the code is spent and the issuer must make a new offer.
3. `collect`: the token and one proof per key become credentials, each of which is checked before anyone relies on it.
   It may be repeated with the same token and the same keys: an issuer of ours then answers again, others may refuse,
   and a repeat never binds a copy to a key that we do not hold. Store what it returns before forgetting the token.

`receive` is redeem and collect in one. A person passes as many fresh signers without `key_id` as there shall be copies;
a business passes the signer of its own DID, once.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlencode

from didkit_py.credentials.credential import ReadCredential
from didkit_py.encoding import Json, read_json, write_json
from didkit_py.errors import (
    GONE,
    BadAnswer,
    BadCredential,
    DidkitError,
    Malformed,
    Unreachable,
    UnsupportedAlgorithm,
    Withdrawn,
)
from didkit_py.formats.format import Formats
from didkit_py.keys.names import ALG_NAMES
from didkit_py.keys.party import PartyKeys, party_of
from didkit_py.keys.signer import Signer
from didkit_py.oauth import BAD_REQUEST, InvalidNonce, OAuthErrorResponse, UnknownCredentialConfiguration, refusal
from didkit_py.oid4vci.credential_request import CredentialRequest, CredentialResponse
from didkit_py.oid4vci.key_proof import create_key_proof
from didkit_py.oid4vci.metadata import (
    DID_WEB,
    JWK,
    BadMetadata,
    Configuration,
    IssuerMetadata,
    ServerMetadata,
    issuer_metadata_url,
    server_metadata_url,
)
from didkit_py.oid4vci.nonce import NonceResponse
from didkit_py.oid4vci.offer import MAX_OFFER_BYTES, CredentialOffer, OfferByValue, parse_offer_link
from didkit_py.oid4vci.token import TokenRequest, TokenResponse
from didkit_py.parties.source import KeySource, KeySources
from didkit_py.reading import is_loopback, origin
from didkit_py.structs import read_as
from didkit_py.verification import parse_one
from didkit_py.verification.copies import check_copies

MAX_METADATA_BYTES: Final = 262_144
MAX_ANSWER_BYTES: Final = 16_384  # of the token and nonce endpoints
MAX_CREDENTIALS_BYTES: Final = 2_097_152  # ten copies of ours are about 40,000
MAX_DOCUMENT_BYTES: Final = 65_536
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_SUCCESS: Final = range(200, 300)
_SERVER_ERROR: Final = 500
_RESPONSE: Final = "OpenID4VCI 1.0, 8.3"
_METADATA: Final = "OpenID4VCI 1.0, 12.2.4"


class OfferAnswer(Protocol):
    """What another party answered."""

    @property
    def body(self) -> bytes:
        """All of it."""

    @property
    def content_type(self) -> str:
        """Lower case, without parameters."""

    @property
    def status(self) -> int:
        """The HTTP status."""


class Getting(Protocol):
    """What reads one address of another party."""

    async def get(self, url: str, *, max_bytes: int, accept: str | None = None) -> OfferAnswer:
        """What stands at `url`."""


class Fetch(Protocol):
    """The way out, bounded by whoever hands it in; it alone decides which addresses are reached."""

    async def get(self, url: str, *, max_bytes: int, accept: str | None = None) -> OfferAnswer:
        """What stands at `url`, of a successful status."""

    async def post(
        self, url: str, *, body: bytes, content_type: str, max_bytes: int, headers: Mapping[str, str] | None = None
    ) -> OfferAnswer:
        """The answer to `body`, whatever its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedOffer:
    """An offer that we could take, and what its issuer says of itself."""

    offer: CredentialOffer
    issuer: IssuerMetadata
    server: ServerMetadata

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """What is offered, in the order of the offer."""
        return tuple(self.issuer.configurations[each] for each in self.offer.configuration_ids)

    @property
    def titles(self) -> tuple[str, ...]:
        """The issuer's names for what is offered, its own words."""
        return tuple(each.title or each.vct for each in self.configurations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Checked copies of one credential: `texts[i]` is bound to the key of `signers[i]` and read as `credentials[i]`."""

    configuration_id: str
    format: str
    texts: tuple[str, ...] = field(repr=False)
    signers: tuple[Signer, ...] = field(repr=False)
    credentials: tuple[ReadCredential, ...] = field(repr=False)


async def preview(
    link_text: str,
    *,
    fetch: Fetch,
    formats: Formats,
    bindings: Collection[str] = (JWK, DID_WEB),
    algs: Collection[str] = ALG_NAMES,
) -> PreviewedOffer:
    """What the link offers and can be received, in the order of the offer; spends nothing.

    `formats` are those that we can hold. `bindings` are the binding methods, and `algs` the algorithms, that the caller
    has keys for: one of each must be among the issuer's. Raises Malformed for a text that is no link of an offer,
    BadAnswer for what the other side sent, UnsupportedGrantType, UnknownCredentialConfiguration, UnsupportedAlgorithm,
    BadMetadata, or what `fetch` raises.
    """
    link = parse_offer_link(link_text)
    if isinstance(link, OfferByValue):
        offer = link.offer
    else:
        with _sent_by(origin(link.uri)):
            offer = CredentialOffer.from_json(await _get_json(fetch, link.uri, max_bytes=MAX_OFFER_BYTES))
    with _sent_by(origin(offer.issuer)):
        issuer_body = await _get_metadata(fetch, issuer_metadata_url(offer.issuer))
        issuer = IssuerMetadata.from_json(issuer_body, issuer=offer.issuer, formats=formats)
    offer = _usable(offer, issuer, bindings=bindings, algs=algs)
    name = _server(offer, issuer)
    with _sent_by(origin(name)):
        server_body = await _get_metadata(fetch, server_metadata_url(name))
        server = ServerMetadata.from_json(server_body, issuer=name)
    _require_reachable(issuer, server)
    return PreviewedOffer(offer=offer, issuer=issuer, server=server)


async def redeem(previewed: PreviewedOffer, *, tx_code: str | None, fetch: Fetch) -> TokenResponse:
    """The access token for the offer; the code is spent by it.

    Raises Malformed when the transaction code cannot be right, InvalidGrant when the issuer finds it wrong or the offer
    spent, other classes of `oauth` for its other refusals, BadAnswer when the code was spent for nothing.
    """
    offer = previewed.offer
    if offer.tx_code is not None:
        offer.tx_code.require_fit(tx_code or "")
    request = TokenRequest(code=offer.pre_authorized_code, tx_code=tx_code if offer.tx_code is not None else None)
    by = "the issuer's token endpoint"
    with _sent_by(by):
        answer = await fetch.post(
            previewed.server.token_endpoint,
            body=urlencode(request.to_form()).encode("ascii"),
            content_type=_FORM,
            max_bytes=MAX_ANSWER_BYTES,
            headers={"Accept": _JSON},
        )
    body = _accepted(answer, by=by)
    with _sent_by(by):
        return TokenResponse.from_json(body)


async def collect(
    previewed: PreviewedOffer,
    token: TokenResponse,
    *,
    signers: Sequence[Signer],
    fetch: Fetch,
    formats: Formats,
    clock: Callable[[], datetime],
    key_sources: KeySources,
    configuration_id: str | None = None,
) -> Received:
    """The credential in one checked copy per signer, or in fewer where the issuer gives fewer.

    `configuration_id` is one of the offer's, the first unless said. Signers beyond the issuer's batch size stay unused.
    Raises the classes of `oauth` for the issuer's refusals, and what `check_copies` raises for its faults.
    """
    wanted = configuration_id or previewed.offer.configuration_ids[0]
    configuration = previewed.issuer.configurations[wanted]
    chosen = tuple(signers[: previewed.issuer.batch_size])
    if len({signer.public for signer in chosen}) != max(len(chosen), 1):
        raise ValueError("expected at least one signer, no two with the same key")
    for signer in chosen:
        _require_bindable(configuration, bindings=(binding_of(signer),), algs=(signer.alg,))
    identifiers = token.identifiers.get(wanted, ())
    exchange = _Exchange(previewed.issuer, token, fetch, clock)
    try:
        response = await exchange.request(wanted, chosen, identifiers)
    except InvalidNonce:  # it may have grown old on the way; a second refusal is the issuer's fault
        response = await exchange.request(wanted, chosen, identifiers)
    with _sent_by("the issuer's credential"):
        row = formats[configuration.format]
        issuer = parse_one(response.credentials[0], row).issuer
        keys = await _issuer_keys(issuer, offered_by=previewed.issuer.issuer, fetch=fetch, key_sources=key_sources)
        copies = check_copies(
            response.credentials,
            in_format=row,
            issuer_keys=keys,
            configuration=configuration,
            signers=chosen,
            now=clock(),
        )
    return Received(
        configuration_id=wanted,
        format=configuration.format,
        texts=tuple(copy.text for copy in copies),
        signers=tuple(copy.signer for copy in copies),
        credentials=tuple(copy.credential for copy in copies),
    )


async def receive(
    previewed: PreviewedOffer,
    *,
    tx_code: str | None,
    signers: Sequence[Signer],
    fetch: Fetch,
    formats: Formats,
    clock: Callable[[], datetime],
    key_sources: KeySources,
) -> Received:
    """Redeem and collect in one, for callers that can ask for a new offer when they crash in between."""
    token = await redeem(previewed, tx_code=tx_code, fetch=fetch)
    return await collect(
        previewed, token, signers=signers, fetch=fetch, formats=formats, clock=clock, key_sources=key_sources
    )


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One conversation with the nonce and credential endpoints."""

    issuer: IssuerMetadata
    token: TokenResponse
    fetch: Fetch
    clock: Callable[[], datetime]

    async def request(
        self, configuration_id: str, signers: Sequence[Signer], identifiers: Sequence[str]
    ) -> CredentialResponse:
        nonce = await self.nonce()
        now = self.clock()
        proofs = [
            await create_key_proof(signer=each, audience=self.issuer.issuer, nonce=nonce, now=now) for each in signers
        ]
        request = CredentialRequest(
            configuration_id=configuration_id,
            proofs=tuple(proofs),
            identifier=identifiers[0] if identifiers else None,
        )
        by = "the issuer's credential endpoint"
        with _sent_by(by):
            answer = await self.fetch.post(
                self.issuer.credential_endpoint,
                body=write_json(request.to_json()),
                content_type=_JSON,
                max_bytes=MAX_CREDENTIALS_BYTES,
                headers={"Accept": _JSON, "Authorization": f"Bearer {self.token.access_token}"},
            )
        body = _accepted(answer, by=by, max_bytes=MAX_CREDENTIALS_BYTES)
        with _sent_by(by):
            return CredentialResponse.from_json(body)

    async def nonce(self) -> str | None:
        if self.issuer.nonce_endpoint is None:
            return None
        by = "the issuer's nonce endpoint"
        with _sent_by(by):
            answer = await self.fetch.post(
                self.issuer.nonce_endpoint,
                body=b"",
                content_type=_FORM,
                max_bytes=MAX_ANSWER_BYTES,
                headers={"Accept": _JSON},
            )
        body = _accepted(answer, by=by)
        with _sent_by(by):
            return read_as(NonceResponse, body, at="nonce_response").c_nonce


async def _issuer_keys(issuer: str, *, offered_by: str, fetch: Fetch, key_sources: KeySources) -> PartyKeys:
    """The keys of the party that signed, which must speak for the origin that we received from."""
    party = key_sources.party_of(issuer)
    if key_sources.origin(party) != origin(offered_by):
        raise BadCredential("the credential's issuer does not speak for the address that offered it", spec=_RESPONSE)
    source = key_sources.of(party)
    return source.keys_of(party, await fetch_key_document(fetch, party, source))


async def fetch_key_document(fetch: Getting, party: str, source: KeySource) -> bytes | None:
    """What proves the keys of a party, as it came; None for a party that is itself the key.

    Where the address answers with 410, it is what says that the keys were withdrawn, so that none serves.
    """
    for url in source.locations(party):
        try:
            return (await fetch.get(url, max_bytes=source.max_bytes, accept=source.accept)).body
        except Withdrawn:
            return source.withdrawn(party)
    return None


def _usable(
    offer: CredentialOffer, issuer: IssuerMetadata, *, bindings: Collection[str], algs: Collection[str]
) -> CredentialOffer:
    """The offer of what can be received; where that is nothing, the first reason is raised."""
    if issuer.needs_encryption:
        raise BadMetadata("the issuer wants encrypted messages, which are not spoken here", spec="OpenID4VCI 1.0, 10")
    usable: list[str] = []
    reasons: list[DidkitError] = []
    for each in offer.configuration_ids:
        try:
            _require_bindable(_configuration(issuer, each), bindings=bindings, algs=algs)
            usable.append(each)
        except DidkitError as error:
            reasons.append(error)
    if not usable:
        raise reasons[0]
    return replace(offer, configuration_ids=tuple(usable))


def _configuration(issuer: IssuerMetadata, name: str) -> Configuration:
    if name in issuer.faults:
        raise BadAnswer(f"{origin(issuer.issuer)}: {issuer.faults[name]}", spec=_METADATA)
    if name in issuer.other_formats:
        raise BadMetadata("the offered credential is in a format that is not spoken here", spec="OpenID4VCI 1.0, A")
    if name not in issuer.configurations:
        raise UnknownCredentialConfiguration("the issuer does not list what it offers", spec="OpenID4VCI 1.0, 4.1.1")
    return issuer.configurations[name]


def _require_reachable(issuer: IssuerMetadata, server: ServerMetadata) -> None:
    """An issuer elsewhere has no endpoint on this machine: the fetcher would find that out when the code is spent."""
    places = {
        "issuer_metadata.credential_endpoint": issuer.credential_endpoint,
        "issuer_metadata.nonce_endpoint": issuer.nonce_endpoint,
        "server_metadata.token_endpoint": server.token_endpoint,
    }
    for place, url in places.items():
        if url is not None and is_loopback(url) and not is_loopback(issuer.issuer):
            raise BadMetadata(f"{place}: expected an address that can be reached from here", spec=_METADATA)


def _server(offer: CredentialOffer, issuer: IssuerMetadata) -> str:
    servers = issuer.authorization_servers or (issuer.issuer,)
    if offer.authorization_server is None:
        return servers[0]
    if offer.authorization_server not in servers:
        raise BadMetadata("the offer names a server that the issuer does not list", spec=_METADATA)
    return offer.authorization_server


def binding_of(signer: Signer) -> str:
    """The binding method of a signer's key proofs: `jwk`, or the method of the DID that its key stands in."""
    return ":".join(party_of(signer.key_id).split(":")[:2]) if signer.key_id else JWK


def _require_bindable(configuration: Configuration, *, bindings: Collection[str], algs: Collection[str]) -> None:
    """Refuse a configuration that is bound to no key that we could prove."""
    if not configuration.proof_algs or configuration.needs_attestation:
        raise BadMetadata("the issuer binds to no key, or only to attested ones", spec=_METADATA)
    if not set(bindings) & set(configuration.binding_methods):
        raise BadMetadata(
            f"the issuer binds no such credential to keys given as {' or '.join(bindings)}", spec=_METADATA
        )
    if not set(algs) & set(configuration.proof_algs):
        raise UnsupportedAlgorithm(
            "the issuer takes no proofs of this algorithm", spec="OpenID4VCI 1.0, F.1", hint=BadMetadata.hint
        )


@contextmanager
def _sent_by(who: str) -> Iterator[None]:
    """What cannot be read in here was sent by `who`, and not typed by the person."""
    try:
        yield
    except BadAnswer:
        raise
    except Malformed as error:
        raise BadAnswer(f"{who}: {error}", spec=error.spec) from error


async def _get_metadata(fetch: Fetch, url: str) -> Json:
    """Where an issuer has none, trying again does not help."""
    try:
        return await _get_json(fetch, url, max_bytes=MAX_METADATA_BYTES)
    except Unreachable as error:
        if error.reason == GONE:
            raise BadMetadata(f"{url}: expected metadata, and nothing is there", spec=_METADATA) from error
        raise


async def _get_json(fetch: Fetch, url: str, *, max_bytes: int) -> Json:
    answer = await fetch.get(url, max_bytes=max_bytes, accept=_JSON)
    if answer.content_type != _JSON:
        raise Malformed(f"expected an answer of type {_JSON}")
    return read_json(answer.body, max_bytes=max_bytes)


def _accepted(answer: OfferAnswer, *, by: str, max_bytes: int = MAX_ANSWER_BYTES) -> Json:
    """The JSON of a success, whatever type it goes by: the code was spent for it.

    The other party's refusal is raised under its wire name, without its words.
    """
    if answer.status in _SUCCESS:
        with _sent_by(by):
            return read_json(answer.body, max_bytes=max_bytes)
    if BAD_REQUEST <= answer.status < _SERVER_ERROR:
        try:
            response = read_as(OAuthErrorResponse, read_json(answer.body, max_bytes=max_bytes), at="error")
        except Malformed as error:
            raise Unreachable(f"{by} answered with status {answer.status} and no error name") from error
        raise refusal(response, by=by)
    raise Unreachable(f"{by} answered with status {answer.status}")
