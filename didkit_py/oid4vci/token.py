"""TokenRequest and TokenResponse: a pre-authorized code becomes an access token (OpenID4VCI 1.0, 6)."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self

from didkit_py.encoding import Json
from didkit_py.errors import Malformed
from didkit_py.oauth import MAX_TOKEN_LENGTH, InvalidRequest, UnsupportedGrantType
from didkit_py.oid4vci.offer import MAX_CODE, PRE_AUTHORIZED
from didkit_py.reading import Reader

MAX_TX_CODE: Final = 64  # characters
_VISIBLE: Final = re.compile(r"\A[\x20-\x7e]+\Z")
_MAX_SECONDS: Final = 366 * 86_400
_AUTHORIZATION_TYPE: Final = "openid_credential"
_SPEC: Final = "OpenID4VCI 1.0, 6.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """The code of an offer, with the transaction code where the person has one."""

    code: str = field(repr=False)
    tx_code: str | None = field(default=None, repr=False)

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> Self:
        """Read a form whose fields each stand once; unknown ones are ignored.

        Raises InvalidRequest or UnsupportedGrantType.
        """
        grant_type = _required(form, "grant_type", max_length=256)
        if grant_type != PRE_AUTHORIZED:
            raise UnsupportedGrantType("expected the pre-authorized code grant", spec=_SPEC)
        return cls(
            code=_required(form, "pre-authorized_code", max_length=MAX_CODE),
            tx_code=_required(form, "tx_code", max_length=MAX_TX_CODE) if "tx_code" in form else None,
        )

    def to_form(self) -> dict[str, str]:
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": self.code}
        return form if self.tx_code is None else {**form, "tx_code": self.tx_code}

    def require_tx_code(self, *, expected: bool) -> None:
        """Refuse a missing code, and one that the offer does not ask for; whether it is right, the store judges.

        Raises InvalidRequest (6.3).
        """
        if expected and self.tx_code is None:
            raise InvalidRequest("tx_code: missing; the offer asks for a transaction code", spec="OpenID4VCI 1.0, 6.3")
        if not expected and self.tx_code is not None:
            raise InvalidRequest("tx_code: not expected; the offer asks for none", spec="OpenID4VCI 1.0, 6.3")


def _required(form: Mapping[str, str], name: str, *, max_length: int) -> str:
    value = form.get(name, "")
    if not value:
        raise InvalidRequest(f"{name}: missing", spec=_SPEC)
    if len(value) > max_length:
        raise InvalidRequest(f"{name}: longer than {max_length} characters", spec=_SPEC)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """The access token for one offer. There is no c_nonce here: that is the nonce endpoint's."""

    access_token: str = field(repr=False)
    expires_in: int | None = None  # seconds; None when the server does not say
    token_type: str = "Bearer"  # noqa: S105 - the name of a kind of token
    # Configuration id -> identifiers that the credential request must use instead, where the server names some (6.2).
    identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Read what is needed; only Bearer tokens are spoken here. Raises Malformed.

        The code is spent when this is read: what we can do without is unknown where it has another form.
        """
        read = Reader(body, at="token_response")
        if read.text("token_type", max_length=32).lower() != "bearer":
            raise Malformed("token_response.token_type: expected Bearer", spec="RFC 6750, 4")
        token = read.text("access_token", max_length=MAX_TOKEN_LENGTH)
        if not _VISIBLE.match(token):
            raise Malformed("token_response.access_token: expected printable ASCII", spec="RFC 6749, A.12")
        seconds = read.members.get("expires_in")
        return cls(
            access_token=token,
            expires_in=seconds if type(seconds) is int and 0 <= seconds <= _MAX_SECONDS else None,
            identifiers=_identifiers(read),
        )

    def to_json(self) -> dict[str, Json]:
        members: dict[str, Json] = {"access_token": self.access_token, "token_type": self.token_type}
        if self.expires_in is not None:
            members["expires_in"] = self.expires_in
        if self.identifiers:
            members["authorization_details"] = [
                {
                    "type": _AUTHORIZATION_TYPE,
                    "credential_configuration_id": configuration_id,
                    "credential_identifiers": list(identifiers),
                }
                for configuration_id, identifiers in self.identifiers.items()
            ]
        return members


def _identifiers(read: Reader) -> Mapping[str, tuple[str, ...]]:
    """Credential identifiers by configuration id; entries of another type or form are skipped (6.2)."""
    found: dict[str, tuple[str, ...]] = {}
    for each in read.decorations("authorization_details", max_items=50):
        with suppress(Malformed):
            if each.text("type") == _AUTHORIZATION_TYPE:
                name = each.text("credential_configuration_id")
                found[name] = each.texts("credential_identifiers", at_least=1)
    return MappingProxyType(found)
