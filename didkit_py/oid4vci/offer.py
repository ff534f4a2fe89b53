"""CredentialOffer and the link that carries it, by value or by reference (OpenID4VCI 1.0, 4.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, quote, urlsplit

from didkit_py.encoding import Json, read_json
from didkit_py.errors import BadAnswer, Malformed, TooLarge
from didkit_py.oauth import UnsupportedGrantType
from didkit_py.reading import Reader, is_url

PRE_AUTHORIZED: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
SCHEME: Final = "openid-credential-offer"
MAX_LINK: Final = 16_384  # characters; an offer by value of ours has about 600
MAX_OFFER_BYTES: Final = 16_384
MAX_DESCRIPTION: Final = 300  # characters (4.1.1)
MAX_CODE: Final = 2_048  # characters; codes of ours have 43
TX_CODE_LENGTH: Final = 6  # digits; five attempts at one in a million
_MAX_TX_CODE_LENGTH: Final = 64
_MAX_PARAMETERS: Final = 20
_SPEC: Final = "OpenID4VCI 1.0, 4.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TxCodeSpec:
    """What the transaction code looks like, and how its owner comes by it."""

    length: int | None = None
    input_mode: str = "numeric"  # or "text"
    description: str | None = None

    @classmethod
    def from_json(cls, body: Json, *, at: str = "tx_code") -> Self:
        """Read shape only; an empty object also asks for a code. Raises Malformed."""
        read = Reader(body, at=at)
        return cls(
            length=read.optional_integer("length", minimum=1, maximum=_MAX_TX_CODE_LENGTH),
            input_mode=read.text("input_mode", one_of={"numeric", "text"}) if read.has("input_mode") else "numeric",
            description=read.decoration("description", max_length=MAX_DESCRIPTION),
        )

    def to_json(self) -> dict[str, Json]:
        members: dict[str, Json] = {
            "input_mode": self.input_mode,
            "length": self.length,
            "description": self.description,
        }
        return {name: value for name, value in members.items() if value is not None}

    def require_fit(self, tx_code: str) -> None:
        """Refuse a code that cannot be right before it costs an attempt. Raises Malformed."""
        if not 0 < len(tx_code) <= _MAX_TX_CODE_LENGTH or (self.length is not None and len(tx_code) != self.length):
            raise Malformed(f"transaction code: expected {self.length or 'some'} characters", spec=_SPEC)
        if self.input_mode == "numeric" and not (tx_code.isascii() and tx_code.isdigit()):
            raise Malformed("transaction code: expected digits only", spec=_SPEC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialOffer:
    """What the issuer is ready to issue to whoever holds the code (OpenID4VCI 1.0, 4.1.1)."""

    issuer: str  # https URL; http only on loopback, and only the fetcher decides whether that origin is listed
    configuration_ids: tuple[str, ...]  # at least one, no two alike
    pre_authorized_code: str = field(repr=False)
    tx_code: TxCodeSpec | None = None
    authorization_server: str | None = None  # which one of the issuer's several; None where it has one

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Read shape only. Raises Malformed, or UnsupportedGrantType when no pre-authorized code is offered."""
        read = Reader(body, at="credential_offer")
        grants = read.optional_object("grants")
        if grants is None or not grants.has(PRE_AUTHORIZED):
            raise UnsupportedGrantType("the offer has no pre-authorized code, the only grant spoken here", spec=_SPEC)
        grant = grants.object(PRE_AUTHORIZED)
        return cls(
            issuer=read.origin_url("credential_issuer"),
            configuration_ids=_unique(read.texts("credential_configuration_ids", at_least=1, max_items=50)),
            pre_authorized_code=grant.text("pre-authorized_code", max_length=MAX_CODE),
            tx_code=TxCodeSpec.from_json(grant.value("tx_code"), at=grant.path("tx_code"))
            if grant.has("tx_code")
            else None,
            authorization_server=grant.optional_text("authorization_server", max_length=2_048),
        )

    def to_json(self) -> dict[str, Json]:
        grant: dict[str, Json] = {"pre-authorized_code": self.pre_authorized_code}
        if self.tx_code is not None:
            grant["tx_code"] = self.tx_code.to_json()
        if self.authorization_server is not None:
            grant["authorization_server"] = self.authorization_server
        return {
            "credential_issuer": self.issuer,
            "credential_configuration_ids": list(self.configuration_ids),
            "grants": {PRE_AUTHORIZED: grant},
        }


def _unique(ids: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(ids)) != len(ids):
        raise Malformed(
            "credential_offer.credential_configuration_ids: the same one stands twice", spec="OpenID4VCI 1.0, 4.1.1"
        )
    return ids


def create_offer(
    *, issuer: str, configuration_ids: Sequence[str], pre_authorized_code: str, tx_code_description: str
) -> CredentialOffer:
    """An offer of ours, which always wants a transaction code; `tx_code_description` says how it arrives."""
    return CredentialOffer(
        issuer=issuer,
        configuration_ids=_unique(tuple(configuration_ids)),
        pre_authorized_code=pre_authorized_code,
        tx_code=TxCodeSpec(length=TX_CODE_LENGTH, description=tx_code_description[:MAX_DESCRIPTION]),
    )


def create_tx_code(random: Callable[[int], bytes]) -> str:
    """Six digits, each as likely as any other; they travel apart from the offer."""
    # 128 bits over 10^6 values: the remainder favours none by more than one in 10^32.
    return f"{int.from_bytes(random(16), 'big') % 10**TX_CODE_LENGTH:0{TX_CODE_LENGTH}d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferByValue:
    """A link that holds the offer itself."""

    offer: CredentialOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferByReference:
    """A link that says where the offer is fetched."""

    uri: str = field(repr=False)  # whoever has it can fetch the code


def create_offer_link(offer_uri: str) -> str:
    """The link, also shown as QR code, that opens a wallet on the offer at `offer_uri`."""
    return f"{SCHEME}://?credential_offer_uri={quote(offer_uri, safe='')}"


def parse_offer_link(text: str) -> OfferByValue | OfferByReference:
    """What a pasted or scanned link holds; surrounding blanks are ignored.

    Accepted are `openid-credential-offer:` links and https links of any host with the same parameters.
    Raises Malformed or TooLarge for a text that is no such link, BadAnswer for an offer inside it that is not in order,
    or UnsupportedGrantType.
    """
    link = text.strip()
    if len(link) > MAX_LINK:
        raise TooLarge(f"the offer link is longer than {MAX_LINK} characters")
    parameters = _parameters(link)
    if ("credential_offer" in parameters) == ("credential_offer_uri" in parameters):
        raise Malformed("expected exactly one of credential_offer and credential_offer_uri in the link", spec=_SPEC)
    if "credential_offer" in parameters:
        body = read_json(parameters["credential_offer"], max_bytes=MAX_OFFER_BYTES)
        try:
            return OfferByValue(offer=CredentialOffer.from_json(body))
        except Malformed as error:  # the text is whole: whoever made the offer made the fault
            raise BadAnswer(str(error), spec=error.spec) from error
    if not is_url(parameters["credential_offer_uri"]):
        raise Malformed("credential_offer_uri: expected an https URL without user part or fragment", spec=_SPEC)
    return OfferByReference(uri=parameters["credential_offer_uri"])


def _parameters(link: str) -> dict[str, str]:
    if not link.isascii() or "#" in link or not (link.lower().startswith(f"{SCHEME}:") or is_url(link)):
        raise Malformed(f"expected a link that begins with {SCHEME}:// or https://", spec=_SPEC)
    try:
        query = urlsplit(link).query
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError as error:
        raise Malformed("the link has no parameters that can be read", spec=_SPEC) from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise Malformed("a parameter stands twice in the link", spec=_SPEC)
    return dict(pairs)
