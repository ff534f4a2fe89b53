"""Error names and their statuses: RFC 6749, 5.2; RFC 6750, 3; OpenID4VCI 1.0, 6.3 and 8.3.1.2; OpenID4VP 1.0, 8.5."""

import pytest

from didkit_py import oauth
from didkit_py.errors import DidkitError, Expired, Malformed, NotFound, Rejected, Replayed, TooLarge, Unavailable
from didkit_py.service.http.error_responses import wire_answer
from didkit_py.service.http.routing import RouteFacts
from didkit_py.structs import read_as


def facts(errors: oauth.StatusTable) -> RouteFacts:
    return RouteFacts(kind="wire", gives={}, errors=errors)


VCI_CREDENTIAL_ERRORS = (
    "invalid_credential_request",
    "unknown_credential_configuration",
    "unknown_credential_identifier",
    "invalid_proof",
    "invalid_nonce",
    "invalid_encryption_parameters",
    "credential_request_denied",
)
VP_ERRORS = (
    "access_denied",
    "vp_formats_not_supported",
    "invalid_request_uri_method",
    "invalid_transaction_data",
    "wallet_unavailable",
)
TOKEN_ERRORS = ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type")


@pytest.mark.parametrize("name", [*VCI_CREDENTIAL_ERRORS, *VP_ERRORS, *TOKEN_ERRORS, "invalid_scope", "invalid_token"])
def test_every_error_name_of_the_standards_has_a_class_that_tells_what_to_do(name: str) -> None:
    assert oauth.ERRORS[name].code == name
    assert oauth.ERRORS[name]("said").advice


@pytest.mark.parametrize("name", VCI_CREDENTIAL_ERRORS)
def test_errors_of_the_credential_endpoint_answer_400_under_their_own_name(name: str) -> None:
    assert wire_answer(oauth.ERRORS[name]("said"), facts(oauth.CREDENTIAL_STATUS)) == (400, name)


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (oauth.InvalidRequest(""), 400, "invalid_request"),
        (oauth.InvalidGrant(""), 400, "invalid_grant"),
        (oauth.InvalidClient(""), 401, "invalid_client"),
        (oauth.UnsupportedGrantType(""), 400, "unsupported_grant_type"),
        (Malformed(""), 400, "invalid_request"),
        (TooLarge(""), 400, "invalid_request"),
        (Replayed(""), 400, "invalid_grant"),
        (Expired(""), 400, "invalid_grant"),
        (NotFound(""), 400, "invalid_grant"),
        (Unavailable(""), 503, "temporarily_unavailable"),
    ],
)
def test_the_token_endpoint_answers_each_error_with_its_status_and_name(
    error: DidkitError, status: int, name: str
) -> None:
    assert wire_answer(error, facts(oauth.TOKEN_STATUS)) == (status, name)


def test_a_bad_access_token_is_answered_with_401() -> None:
    assert wire_answer(oauth.InvalidToken("said"), facts(oauth.CREDENTIAL_STATUS)) == (401, "invalid_token")


def test_a_description_holds_only_the_characters_that_rfc_6749_allows() -> None:
    assert oauth.describable('a "b" \\ £\n') == "a 'b' ' ''"


@pytest.mark.parametrize("header", ["Bearer abc.DEF-_~+/==", "bearer abc.DEF-_~+/==", "BEARER  abc.DEF-_~+/=="])
def test_the_scheme_of_a_bearer_token_has_no_case(header: str) -> None:
    assert oauth.bearer_token(header) == "abc.DEF-_~+/=="


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "DPoP abc", "Bearer a b", "Bearer a,b", "Bearer " + "a" * 5000],
)
def test_what_is_no_bearer_token_is_refused(header: str | None) -> None:
    with pytest.raises(oauth.InvalidToken):
        oauth.bearer_token(header)


def test_a_refusal_of_the_other_side_becomes_our_error_with_its_name_and_without_its_words() -> None:
    response = read_as(
        oauth.OAuthErrorResponse,
        {"error": "invalid_grant", "error_description": "code 493536 is wrong"},
        at="error",
    )
    error = oauth.refusal(response, by="the issuer")

    assert isinstance(error, oauth.InvalidGrant)
    assert error.reason == "invalid_grant"
    assert "493536" not in str(error)


def test_a_refusal_under_an_unknown_name_is_still_a_rejection_that_keeps_the_name() -> None:
    error = oauth.refusal(oauth.OAuthErrorResponse(error="use_dpop_nonce"), by="the issuer")

    assert type(error) is Rejected
    assert error.reason == "use_dpop_nonce"


@pytest.mark.parametrize(
    "body", [None, [], {}, {"error": 1}, {"error": "<script>"}, {"error": "a" * 65}, {"error": ""}]
)
def test_an_error_answer_without_a_readable_name_is_malformed(body: object) -> None:
    with pytest.raises(Malformed):
        read_as(oauth.OAuthErrorResponse, body, at="error")  # type: ignore[arg-type] # wrong on purpose
