"""FORMATS: what each credential format can do; adding one is a file and a row."""

from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Protocol

from didkit_py.credentials.credential import Credential, SecuredCredential, StatusReference
from didkit_py.credentials.template import Path_
from didkit_py.encoding import Json
from didkit_py.formats import sd_jwt_vc
from didkit_py.formats.sd_jwt import UnverifiedSdJwt, parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import ReadCredential
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer


class Secure(Protocol):
    """Signs a credential, for the holder alone."""

    def __call__(
        self, credential: Credential, *, holder_key: PublicKey | None, salts: Callable[[], bytes], signer: Signer
    ) -> Coroutine[Any, Any, SecuredCredential]: ...


class Bind(Protocol):
    """Adds the holder's proof for one request."""

    def __call__(
        self,
        selected: str,
        *,
        nonce: str,
        audience: str,
        now: datetime,
        signer: Signer,
        extra: Mapping[str, Json] = ...,
    ) -> Coroutine[Any, Any, str]: ...


class VerifyKeyBinding(Protocol):
    """Judges the holder's proof."""

    def __call__(
        self,
        sd_jwt: UnverifiedSdJwt,
        *,
        holder: PublicKey,
        expected_nonce: str,
        expected_audience: str,
        now: datetime,
        max_age: timedelta = ...,
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One credential format: the same few verbs for each."""

    id: str
    secure: Secure
    select: Callable[[str, Collection[Path_]], str]
    bind: Bind
    parse: Callable[[str], UnverifiedSdJwt]
    read: Callable[[UnverifiedSdJwt], ReadCredential]
    read_status: Callable[[UnverifiedSdJwt], StatusReference | None]
    verify_issuer: Callable[[UnverifiedSdJwt, PublicKey], ReadCredential]
    verify_key_binding: VerifyKeyBinding


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        row.id: row
        for row in (
            Format(
                id=sd_jwt_vc.FORMAT,
                secure=sd_jwt_vc.secure,
                select=sd_jwt_vc.select,
                bind=sd_jwt_vc.bind,
                parse=parse_sd_jwt,
                read=sd_jwt_vc.read_credential,
                read_status=sd_jwt_vc.read_status,
                verify_issuer=sd_jwt_vc.verify_issuer,
                verify_key_binding=sd_jwt_vc.verify_key_binding,
            ),
        )
    }
)
