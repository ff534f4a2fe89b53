"""What an issuer says about itself: IssuerMetadata, and ServerMetadata of its token endpoint (OpenID4VCI 1.0, 12).

Metadata is used only when it names the identifier that it was asked for (12.2.4): an address that answers for another
issuer is refused. One configuration that cannot be read spoils no other, and what only decorates spoils none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import urlsplit

from didkit_py.encoding import Json
from didkit_py.errors import Malformed, Rejected
from didkit_py.formats.format import Format, Formats
from didkit_py.keys.names import ALG_NAMES
from didkit_py.oid4vci.claims import ClaimDescription, parse_claims
from didkit_py.oid4vci.credential_request import JWT
from didkit_py.oid4vci.offer import PRE_AUTHORIZED
from didkit_py.reading import Reader
from didkit_py.unicode.visible import one_line

JWK: Final = "jwk"
DID_WEB: Final = "did:web"
LANGUAGE: Final = "en"  # of our pages; a display in it is preferred
MAX_CONFIGURATIONS: Final = 500
_MAX_BATCH_SIZE: Final = 10_000
_MAX_NAME: Final = 1_000  # characters
_ISSUER: Final = "openid-credential-issuer"
_SERVER: Final = "oauth-authorization-server"
_SPEC: Final = "OpenID4VCI 1.0, 12.2.4"


class BadMetadata(Rejected):
    """An issuer's metadata is for another issuer, or lacks what the exchange needs."""

    code = "bad-metadata"
    hint = "The issuer must correct its metadata; nothing was sent to it."


def issuer_metadata_url(issuer: str) -> str:
    """Where an issuer's metadata stands: the well-known part goes between host and path (12.2.2)."""
    path = urlsplit(issuer).path
    return _inserted(issuer, _ISSUER, "" if path == "/" else path)


def server_metadata_url(server: str) -> str:
    """Where an authorization server's metadata stands (RFC 8414, 3.1)."""
    return _inserted(server, _SERVER, urlsplit(server).path.rstrip("/"))


def _inserted(url: str, name: str, path: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/.well-known/{name}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One kind of credential that the issuer issues, in a format that we speak."""

    vct: str
    format: str
    title: str | None = None
    description: str | None = None
    binding_methods: tuple[str, ...] = ()  # empty: not bound to a key
    signing_algs: tuple[str, ...] = ()
    proof_algs: tuple[str, ...] = ()  # of proofs of type jwt; empty: none are taken
    needs_attestation: bool = False  # proofs must come with an attestation of the key's storage
    claims: tuple[ClaimDescription, ...] = ()

    @classmethod
    def from_reader(cls, read: Reader, *, in_format: Format) -> Self:
        """Read shape only. Raises Malformed."""
        binding = (
            read.texts("cryptographic_binding_methods_supported", at_least=1, max_items=50)
            if (read.has("cryptographic_binding_methods_supported"))
            else ()
        )
        proofs = read.optional_object("proof_types_supported")
        if (proofs is None) == bool(binding):
            raise Malformed(f"{read.at}: binding methods and proof types come together", spec=_SPEC)
        jwt = proofs.optional_object(JWT) if proofs is not None else None
        words = read.members.get("credential_metadata")
        shown = Reader(words if isinstance(words, dict) else {}, at=read.path("credential_metadata"))
        display = _display(shown)
        algs = read.members.get("credential_signing_alg_values_supported")
        try:
            claims = parse_claims(shown, language=LANGUAGE)
        except Malformed:  # described in another way, as earlier drafts did: then no claim has a label
            claims = ()
        return cls(
            vct=in_format.issued_type(read),
            format=in_format.id,
            title=_words(display, "name", max_length=_MAX_NAME),
            description=_words(display, "description", max_length=4_000),
            binding_methods=binding,
            signing_algs=tuple(each for each in algs if isinstance(each, str)) if isinstance(algs, list) else (),
            proof_algs=jwt.texts("proof_signing_alg_values_supported", at_least=1, max_items=50) if jwt else (),
            needs_attestation=jwt is not None and jwt.has("key_attestations_required"),
            claims=claims,
        )

    def to_json(self, *, formats: Formats) -> dict[str, Json]:
        """A member of `credential_configurations_supported`."""
        display: dict[str, Json] = {"name": self.title or self.vct, "locale": LANGUAGE}
        if self.description is not None:
            display["description"] = self.description
        shown: dict[str, Json] = {"display": [display]}
        if self.claims:
            shown["claims"] = [claim.to_json(language=LANGUAGE) for claim in self.claims]
        members: dict[str, Json] = {"format": self.format, **formats[self.format].type_members(self.vct)}
        if self.signing_algs:
            members["credential_signing_alg_values_supported"] = list(self.signing_algs)
        if self.binding_methods:
            members["cryptographic_binding_methods_supported"] = list(self.binding_methods)
            members["proof_types_supported"] = {JWT: {"proof_signing_alg_values_supported": list(self.proof_algs)}}
        return {**members, "credential_metadata": shown}


def create_configuration(
    *,
    in_format: Format,
    vct: str,
    title: str,
    description: str,
    claims: Iterable[tuple[tuple[str, ...], str]],
    for_business: bool,
    signing_alg: str,
) -> Configuration:
    """What our metadata says of one claim type; `claims` are paths with their labels, in the order to show them.

    A person's copies are bound to keys without a name, a business's to a key of its DID.
    """
    return Configuration(
        vct=vct,
        format=in_format.id,
        title=title,
        description=description,
        binding_methods=(DID_WEB,) if for_business else (JWK,),
        signing_algs=(signing_alg,),
        proof_algs=ALG_NAMES,
        claims=tuple(ClaimDescription(path=path, label=label) for path, label in claims),
    )


def _words(display: Reader | None, name: str, *, max_length: int) -> str | None:
    """A text of a display for pages, with all its signs visible and on one line."""
    found = None if display is None else display.decoration(name, max_length=max_length)
    return one_line(found or "") or None


def _display(read: Reader) -> Reader | None:
    """The display with a name in our language, else the first with a name."""
    named = [
        each for each in read.decorations("display", max_items=100) if each.decoration("name", max_length=_MAX_NAME)
    ]
    ours = (each for each in named if (each.decoration("locale") or "").partition("-")[0].lower() == LANGUAGE)
    return next(ours, named[0] if named else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerMetadata:
    """Where and what an issuer issues (12.2.4); what we do not speak or cannot read is not in `configurations`."""

    issuer: str
    credential_endpoint: str
    configurations: Mapping[str, Configuration]
    nonce_endpoint: str | None = None  # None: the issuer wants no nonce in its proofs
    authorization_servers: tuple[str, ...] = ()  # empty: the issuer itself
    batch_size: int = 1  # proofs in one request; 1 where the issuer offers no batches
    display_name: str | None = None  # the issuer's own word
    needs_encryption: bool = False  # of requests or responses
    other_formats: frozenset[str] = field(default_factory=frozenset)  # ids of configurations that we do not speak
    faults: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # id -> place that cannot be read

    @classmethod
    def from_json(cls, body: Json, *, issuer: str, formats: Formats) -> Self:
        """Read the metadata of `issuer`, the one that was asked; `formats` are those that we speak.

        Raises Malformed, or BadMetadata for another's.
        """
        read = Reader(body, at="issuer_metadata")
        if read.origin_url("credential_issuer") != issuer:
            raise BadMetadata("the metadata is for another credential issuer than the one asked", spec=_SPEC)
        supported = read.object("credential_configurations_supported")
        if len(supported.members) > MAX_CONFIGURATIONS:
            raise Malformed(f"{supported.at}: more than {MAX_CONFIGURATIONS} members")
        configurations: dict[str, Configuration] = {}
        others: set[str] = set()
        faults: dict[str, str] = {}
        for name in supported.members:
            try:
                entry = supported.object(name)
                row = formats.get(entry.text("format", max_length=100))
                if row is None:
                    others.add(name)
                else:
                    configurations[name] = Configuration.from_reader(entry, in_format=row)
            except Malformed as error:
                faults[name] = str(error)
        display = _display(read)
        encryption = [read.members.get(f"credential_{which}_encryption") for which in ("request", "response")]
        return cls(
            issuer=issuer,
            credential_endpoint=read.url("credential_endpoint"),
            configurations=MappingProxyType(configurations),
            nonce_endpoint=read.url("nonce_endpoint") if read.has("nonce_endpoint") else None,
            authorization_servers=_servers(read),
            batch_size=_batch_size(read),
            display_name=_words(display, "name", max_length=_MAX_NAME),
            # Also where it says so in another way than true, which nobody would if it were not meant.
            needs_encryption=any(bool(one.get("encryption_required")) for one in encryption if isinstance(one, dict)),
            other_formats=frozenset(others),
            faults=MappingProxyType(faults),
        )

    def to_json(self, *, formats: Formats) -> dict[str, Json]:
        """The metadata as it is published."""
        optional: dict[str, Json] = {
            "authorization_servers": list(self.authorization_servers) or None,
            "nonce_endpoint": self.nonce_endpoint,
            "batch_credential_issuance": {"batch_size": self.batch_size} if self.batch_size > 1 else None,
            "display": [{"name": self.display_name, "locale": LANGUAGE}] if self.display_name else None,
        }
        return {
            "credential_issuer": self.issuer,
            "credential_endpoint": self.credential_endpoint,
            **{name: value for name, value in optional.items() if value is not None},
            "credential_configurations_supported": {
                name: configuration.to_json(formats=formats) for name, configuration in self.configurations.items()
            },
        }


def _servers(read: Reader) -> tuple[str, ...]:
    name = "authorization_servers"
    servers = read.texts(name, at_least=1, max_items=20) if read.has(name) else ()
    for place, server in enumerate(servers):
        Reader({"url": server}, at=f"{read.path(name)}[{place}]").origin_url("url")
    return servers


def _batch_size(read: Reader) -> int:
    """One where the issuer offers none, or does not say how many in a way that we can read."""
    batch = read.members.get("batch_credential_issuance")
    size = batch.get("batch_size") if isinstance(batch, dict) else None
    if type(size) is not int:
        return 1
    if size > _MAX_BATCH_SIZE:
        raise Malformed(f"{read.path('batch_credential_issuance')}.batch_size: more than {_MAX_BATCH_SIZE}", spec=_SPEC)
    return max(size, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetadata:
    """Where a code becomes a token (RFC 8414; OpenID4VCI 1.0, 12.3)."""

    issuer: str
    token_endpoint: str
    pre_authorized_anonymous: bool = False  # whether a wallet need not say which client it is

    @classmethod
    def from_json(cls, body: Json, *, issuer: str) -> Self:
        """Read the metadata of `issuer`, the server that was asked. Raises Malformed, or BadMetadata for another's."""
        read = Reader(body, at="server_metadata")
        if read.origin_url("issuer") != issuer:
            raise BadMetadata(
                "the metadata is for another authorization server than the one asked", spec="RFC 8414, 3.3"
            )
        return cls(
            issuer=issuer,
            token_endpoint=read.url("token_endpoint"),
            pre_authorized_anonymous=read.flag("pre-authorized_grant_anonymous_access_supported", default=False),
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "issuer": self.issuer,
            "token_endpoint": self.token_endpoint,
            "grant_types_supported": [PRE_AUTHORIZED],
            "token_endpoint_auth_methods_supported": ["none"],
            "pre-authorized_grant_anonymous_access_supported": self.pre_authorized_anonymous,
        }
