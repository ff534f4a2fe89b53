"""The error names of every OAuth protocol that we speak: one class per name, and what each endpoint answers.

A class's `code` is the name on the wire. The edge raises whatever it meets, an endpoint's table turns it into a status
and a name, and an error that no table knows becomes a blank 500. The other way round, `refusal` turns an error answer
of another party into one of ours.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from didkit_py.errors import DidkitError, Expired, IllegalMove, Malformed, NotFound, Rejected, Replayed, Unavailable
from didkit_py.structs import Message, fitting

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
SERVICE_UNAVAILABLE: Final = 503
MAX_TOKEN_LENGTH: Final = 4_096  # characters; access tokens of ours have 43, signed ones of others about 1,500
MAX_DESCRIPTION: Final = 300  # characters of an error description
_WIRE_NAME: Final = "[a-z][a-z0-9_]{0,63}"
_UNDESCRIBABLE: Final = re.compile(r'[^\x20-\x7e]|["\\]')  # RFC 6749, 5.2
_BEARER: Final = re.compile(r"\A[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)\Z")  # RFC 6750, 2.1


class InvalidRequest(Malformed):
    """A parameter is missing, doubled, unexpected or misshapen (RFC 6749, 5.2)."""

    code = "invalid_request"
    hint = "Correct the parameter that is named and send the request again."


class InvalidClient(Rejected):
    """The client is unknown, or did not say who it is where it must (RFC 6749, 5.2)."""

    code = "invalid_client"
    hint = "This issuer wants to know the wallet beforehand; ask it which wallets it serves."


class InvalidGrant(Rejected):
    """The pre-authorized code or the transaction code is wrong, spent or expired (OpenID4VCI 1.0, 6.3)."""

    code = "invalid_grant"
    hint = "Check the transaction code; if the offer was used or is too old, ask the issuer for a new one."


class UnauthorizedClient(Rejected):
    """The client may not use this grant (RFC 6749, 5.2)."""

    code = "unauthorized_client"
    hint = "Ask the issuer which wallets it serves."


class UnsupportedGrantType(Rejected):
    """The grant is none that is served here (RFC 6749, 5.2)."""

    code = "unsupported_grant_type"
    hint = "Use the pre-authorized code grant."


class InvalidScope(Rejected):
    """The scope is unknown or reaches too far (RFC 6749, 5.2)."""

    code = "invalid_scope"
    hint = "Leave the scope out, or ask for one that is offered."


class InvalidToken(Rejected):
    """The access token is missing, unknown, expired or taken back (RFC 6750, 3.1)."""

    code = "invalid_token"
    hint = "Start again from the offer; if it was used, ask the issuer for a new one."


class InsufficientScope(Rejected):
    """The access token does not reach that far (RFC 6750, 3.1)."""

    code = "insufficient_scope"
    hint = "Ask only for what was offered."


class InvalidCredentialRequest(Malformed):
    """A credential request lacks a member, doubles one or has a wrong one (OpenID4VCI 1.0, 8.3.1.2)."""

    code = "invalid_credential_request"
    hint = "Correct the member that is named and send the request again."


class UnknownCredentialConfiguration(Rejected):
    """No such credential configuration is served here, or not with this token (OpenID4VCI 1.0, 8.3.1.2)."""

    code = "unknown_credential_configuration"
    hint = "Ask for a configuration that the offer names."


class UnknownCredentialIdentifier(Rejected):
    """No such credential identifier was given out (OpenID4VCI 1.0, 8.3.1.2)."""

    code = "unknown_credential_identifier"
    hint = "Use credential_configuration_id, unless the token response named identifiers."


class InvalidProof(Rejected):
    """A key proof is missing, misshapen or does not hold (OpenID4VCI 1.0, 8.3.1.2)."""

    code = "invalid_proof"
    hint = "Make the key proofs anew, for this issuer and with its nonce."


class InvalidNonce(Rejected):
    """A key proof holds a nonce that is not ours or too old (OpenID4VCI 1.0, 8.3.1.2)."""

    code = "invalid_nonce"
    hint = "Fetch a fresh nonce and make the key proofs anew."


class InvalidEncryptionParameters(Rejected):
    """The encryption that was asked for, or left out, is not the one that is served (OpenID4VCI 1.0, 8.3.1.2)."""

    code = "invalid_encryption_parameters"
    hint = "Leave credential_response_encryption out, unless the issuer's metadata offers it."


class CredentialRequestDenied(Rejected):
    """The issuer will not issue this credential; asking again does not help (OpenID4VCI 1.0, 8.3.1.2)."""

    code = "credential_request_denied"
    hint = "Ask the issuer why."


class AccessDenied(Rejected):
    """The person refused, or holds nothing that fits; the two look the same on purpose (OpenID4VP 1.0, 8.5)."""

    code = "access_denied"
    hint = "Nothing was shared. Another request may be refused as well."


class InvalidRequestObject(Rejected):
    """The signed request cannot be read or does not hold (RFC 9101, 7)."""

    code = "invalid_request_object"
    hint = "The vendor must correct its request."


class InvalidRequestUri(Rejected):
    """The request's address does not lead to a request (RFC 9101, 7)."""

    code = "invalid_request_uri"
    hint = "The vendor must make a new request."


class InvalidRequestUriMethod(Malformed):
    """The method for fetching a request is neither get nor post (OpenID4VP 1.0, 8.5)."""

    code = "invalid_request_uri_method"
    hint = "Use get or post."


class VpFormatsNotSupported(Rejected):
    """The wallet has none of the credential formats that are asked for (OpenID4VP 1.0, 8.5)."""

    code = "vp_formats_not_supported"
    hint = "Ask for dc+sd-jwt."


class InvalidTransactionData(Rejected):
    """The transaction data is of a type that the wallet does not know (OpenID4VP 1.0, 8.5)."""

    code = "invalid_transaction_data"
    hint = "Leave transaction_data out."


class WalletUnavailable(Unavailable):
    """The wallet cannot answer now (OpenID4VP 1.0, 8.5)."""

    code = "wallet_unavailable"
    hint = "Ask again later."


class TemporarilyUnavailable(Unavailable):
    """The other party cannot answer now (RFC 6749, 4.1.2.1)."""

    code = "temporarily_unavailable"
    hint = "Try again later; nothing was changed."


_CLASSES: Final[tuple[type[DidkitError], ...]] = (
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    InvalidToken,
    InsufficientScope,
    InvalidCredentialRequest,
    UnknownCredentialConfiguration,
    UnknownCredentialIdentifier,
    InvalidProof,
    InvalidNonce,
    InvalidEncryptionParameters,
    CredentialRequestDenied,
    AccessDenied,
    InvalidRequestObject,
    InvalidRequestUri,
    InvalidRequestUriMethod,
    VpFormatsNotSupported,
    InvalidTransactionData,
    WalletUnavailable,
    TemporarilyUnavailable,
)
ERRORS: Final[Mapping[str, type[DidkitError]]] = MappingProxyType({each.code: each for each in _CLASSES})

StatusTable = Mapping[type[DidkitError], tuple[int, str]]


def _own_names(*classes: type[DidkitError], status: int = BAD_REQUEST) -> dict[type[DidkitError], tuple[int, str]]:
    return {each: (status, each.code) for each in classes}


TOKEN_STATUS: Final[StatusTable] = MappingProxyType(
    {
        **_own_names(InvalidRequest, InvalidGrant, UnauthorizedClient, UnsupportedGrantType, InvalidScope),
        **_own_names(InvalidClient, status=UNAUTHORIZED),
        # A spent, expired or unknown code answers alike, so that nobody learns which codes once existed.
        Replayed: (BAD_REQUEST, InvalidGrant.code),
        Expired: (BAD_REQUEST, InvalidGrant.code),
        NotFound: (BAD_REQUEST, InvalidGrant.code),
        IllegalMove: (BAD_REQUEST, InvalidGrant.code),
        Malformed: (BAD_REQUEST, InvalidRequest.code),
        Rejected: (BAD_REQUEST, InvalidRequest.code),
        Unavailable: (SERVICE_UNAVAILABLE, TemporarilyUnavailable.code),
    }
)
CREDENTIAL_STATUS: Final[StatusTable] = MappingProxyType(
    {
        **_own_names(InvalidCredentialRequest, UnknownCredentialConfiguration, UnknownCredentialIdentifier),
        **_own_names(InvalidProof, InvalidNonce, InvalidEncryptionParameters, CredentialRequestDenied),
        **_own_names(InvalidToken, status=UNAUTHORIZED),
        **_own_names(InsufficientScope, status=FORBIDDEN),
        Malformed: (BAD_REQUEST, InvalidCredentialRequest.code),
        Rejected: (BAD_REQUEST, CredentialRequestDenied.code),
        Unavailable: (SERVICE_UNAVAILABLE, TemporarilyUnavailable.code),
    }
)


def describable(message: str) -> str:
    """The message as an `error_description` may hold it: printable ASCII without quotes and backslashes, bounded."""
    return _UNDESCRIBABLE.sub("'", message)[:MAX_DESCRIPTION]


def bearer_token(header: str | None) -> str:
    """The access token of an Authorization header (RFC 6750, 2.1). Raises InvalidToken."""
    found = _BEARER.match(header) if header is not None and len(header) <= MAX_TOKEN_LENGTH else None
    if found is None:
        raise InvalidToken("expected an Authorization header with a Bearer token", spec="RFC 6750, 2.1")
    return found[1]


class OAuthErrorResponse(Message):
    """The error answer of another party (RFC 6749, 5.2); its description is its own words and is not kept."""

    error: Annotated[str, fitting(_WIRE_NAME, expected="the name of an error", at_most=64)]


def refusal(response: OAuthErrorResponse, *, by: str) -> DidkitError:
    """The error to raise for the refusal of another party; `by` says who, `reason` holds its wire name."""
    kind = ERRORS.get(response.error, Rejected)
    return kind(f"{by} refused: {response.error}", reason=response.error)
