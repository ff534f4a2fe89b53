"""Format: what a credential format is to the rest of the library, which knows formats by this value alone."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeAlias

from didkit_py.credentials.credential import Credential, Path_, ProtocolMember, SecuredCredential, UnverifiedCredential
from didkit_py.encoding import Json
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer
from didkit_py.reading import Reader


class Secure(Protocol):
    """Signs a credential, for the holder alone; `salts` gives 16 fresh random bytes at each call."""

    def __call__(
        self, credential: Credential, *, holder_key: PublicKey | None, salts: Callable[[], bytes], signer: Signer
    ) -> Coroutine[Any, Any, SecuredCredential]: ...


class ToPresent(NamedTuple):
    """One credential to be shown."""

    text: str  # as the issuer gave it
    paths: tuple[Path_, ...]  # of its disclosures, those to be shown
    signer: Signer  # of the key that it is bound to


class Present(Protocol):
    """Makes the presentations that answer one request, by query id, each with the holder's proof for that request.

    `chosen` holds, by query id, what answers it; a format may put several credentials into one presentation, which then
    stands under the id of each query that it answers. `audience` and `nonce` are the request's. Raises ValueError for a
    path that a credential does not hold.
    """

    def __call__(
        self, chosen: Mapping[str, Sequence[ToPresent]], *, nonce: str, audience: str, now: datetime
    ) -> Coroutine[Any, Any, Mapping[str, Sequence[str]]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One credential format: the same few verbs for each."""

    id: str  # its Credential Format Identifier (OpenID4VP 1.0, B; OpenID4VCI 1.0, A)
    protocol: Mapping[str, ProtocolMember]  # the claims that every credential of the format shows about itself
    sections: Mapping[str, str]  # of its standard, by the name of the check that they are about
    capabilities: Mapping[str, Json]  # for `vp_formats_supported` (OpenID4VP 1.0, 11.1)
    issuer_of: Callable[[str], str] = field(repr=False)  # the identifier under which an issuer at this origin signs
    secure: Secure = field(repr=False)
    # The credentials in a text, at least one. Raises Malformed, WrongType, UnsupportedAlgorithm or BadDisclosure.
    parse: Callable[[str], Sequence[UnverifiedCredential]] = field(repr=False)
    present: Present = field(repr=False)
    asked_types: Callable[[Reader], tuple[str, ...]] = field(repr=False)  # reads `meta` of a DCQL credential query
    issued_type: Callable[[Reader], str] = field(repr=False)  # reads an issuer's credential configuration
    type_members: Callable[[str], Mapping[str, Json]] = field(repr=False)  # of such a configuration, for a type


Formats: TypeAlias = Mapping[str, Format]  # by id; an issuer issues in the first one
