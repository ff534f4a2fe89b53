"""CredentialRequest and CredentialResponse: proofs of keys in, one credential per key out (OpenID4VCI 1.0, 8)."""

from dataclasses import dataclass, field
from typing import Final, Self

from didkit_py.encoding import Json
from didkit_py.errors import Malformed, TooLarge, Unavailable
from didkit_py.oauth import (
    InvalidCredentialRequest,
    InvalidEncryptionParameters,
    InvalidProof,
    UnknownCredentialIdentifier,
)
from didkit_py.reading import Reader

BATCH_SIZE: Final = 10  # copies of a person's credential, each shown once
MAX_BATCH: Final = 100  # credentials that we read from one answer
JWT: Final = "jwt"
DEFERRED: Final = "deferred"  # the `reason` where an issuer will have the credential later
_SPEC: Final = "OpenID4VCI 1.0, 8.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRequest:
    """Which credential is wanted, and a proof of each key that a copy shall be bound to."""

    configuration_id: str
    proofs: tuple[str, ...] = field(repr=False)  # JWTs
    identifier: str | None = None  # sent instead of the configuration when the token response named identifiers

    @classmethod
    def from_json(cls, body: Json, *, batch_size: int = BATCH_SIZE) -> Self:
        """Read shape only, as an issuer that gives out no credential identifiers.

        Raises InvalidCredentialRequest, UnknownCredentialIdentifier, InvalidEncryptionParameters or InvalidProof.
        """
        read = Reader(body, at="credential_request")
        configuration_id = _configuration_id(read)
        if read.has("credential_response_encryption"):
            raise InvalidEncryptionParameters("encrypted responses are not offered here", spec=_SPEC)
        return cls(configuration_id=configuration_id, proofs=_proofs(read, batch_size))

    def to_json(self) -> dict[str, Json]:
        named: dict[str, Json] = {"credential_configuration_id": self.configuration_id}
        if self.identifier is not None:
            named = {"credential_identifier": self.identifier}
        return {**named, "proofs": {JWT: list(self.proofs)}}


def _configuration_id(read: Reader) -> str:
    by_identifier = read.has("credential_identifier")
    if by_identifier == read.has("credential_configuration_id"):
        raise InvalidCredentialRequest(
            "expected exactly one of credential_configuration_id and credential_identifier", spec=_SPEC
        )
    try:
        name = read.text("credential_identifier" if by_identifier else "credential_configuration_id", max_length=1_024)
    except Malformed as error:
        raise InvalidCredentialRequest(str(error), spec=_SPEC) from error
    if by_identifier:
        raise UnknownCredentialIdentifier("no credential identifiers are given out here", spec=_SPEC)
    return name


def _proofs(read: Reader, batch_size: int) -> tuple[str, ...]:
    if read.has("proof"):
        raise InvalidProof("proof: not spoken here; expected proofs with an array for its type", spec=_SPEC)
    try:
        proofs = read.object("proofs")
        if set(proofs.members) != {JWT}:
            raise InvalidProof("proofs: expected exactly the member jwt", spec=_SPEC)
        return proofs.texts(JWT, at_least=1, max_items=batch_size)
    except TooLarge as error:
        raise InvalidCredentialRequest(str(error), spec=_SPEC) from error
    except Malformed as error:
        raise InvalidProof(str(error), spec=_SPEC) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialResponse:
    """The credentials, in whatever order the issuer chose."""

    credentials: tuple[str, ...] = field(repr=False)

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Read the credentials; what else stands there decides nothing.

        Raises Malformed, or Unavailable when the issuer defers its answer.
        """
        read = Reader(body, at="credential_response")
        if read.has("transaction_id") and not read.has("credentials"):
            raise Unavailable("the issuer answers later, which is not spoken here", reason=DEFERRED, spec=_SPEC)
        entries = read.objects("credentials", at_least=1, max_items=MAX_BATCH)
        return cls(credentials=tuple(each.text("credential") for each in entries))

    def to_json(self) -> dict[str, Json]:
        return {"credentials": [{"credential": text} for text in self.credentials]}
