"""Token request and response (OpenID4VCI 1.0, 6)."""

from typing import Any

import pytest

from didkit_py.errors import Malformed, TooLarge
from didkit_py.oauth import MAX_TOKEN_LENGTH, InvalidRequest, UnsupportedGrantType
from didkit_py.oid4vci.token import TokenRequest, TokenResponse

GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
FORM = {"grant_type": GRANT, "pre-authorized_code": "SplxlOBeZQQYbYS6WxSbIA", "tx_code": "493536"}  # 6.1.1


def test_the_token_request_of_the_standard_is_read_and_its_other_parameters_are_ignored() -> None:
    request = TokenRequest.from_form({**FORM, "authorization_details": "[]", "client_id": "someone"})

    assert (request.code, request.tx_code) == ("SplxlOBeZQQYbYS6WxSbIA", "493536")
    assert request.to_form() == FORM


def test_a_request_without_transaction_code_sends_none() -> None:
    assert TokenRequest(code="abc").to_form() == {"grant_type": GRANT, "pre-authorized_code": "abc"}


@pytest.mark.parametrize("missing", ["grant_type", "pre-authorized_code"])
def test_a_missing_or_empty_parameter_is_an_invalid_request(missing: str) -> None:
    for form in ({name: value for name, value in FORM.items() if name != missing}, FORM | {missing: ""}):
        with pytest.raises(InvalidRequest, match=missing):
            TokenRequest.from_form(form)


def test_an_empty_or_endless_code_is_an_invalid_request() -> None:
    for form in (FORM | {"tx_code": ""}, FORM | {"tx_code": "1" * 65}, FORM | {"pre-authorized_code": "a" * 2049}):
        with pytest.raises(InvalidRequest):
            TokenRequest.from_form(form)


def test_another_grant_is_unsupported() -> None:
    with pytest.raises(UnsupportedGrantType):
        TokenRequest.from_form(FORM | {"grant_type": "authorization_code"})


def test_a_transaction_code_must_come_exactly_when_the_offer_asks_for_it() -> None:
    with_code, without = TokenRequest(code="abc", tx_code="493536"), TokenRequest(code="abc")
    with_code.require_tx_code(expected=True)
    without.require_tx_code(expected=False)
    for request, expected in ((with_code, False), (without, True)):
        with pytest.raises(InvalidRequest, match="tx_code"):
            request.require_tx_code(expected=expected)


def test_a_token_request_does_not_show_its_codes() -> None:
    assert "493536" not in repr(TokenRequest.from_form(FORM))
    assert "Splx" not in repr(TokenRequest.from_form(FORM))


def test_the_token_response_of_the_standard_is_read_with_the_identifiers_that_must_be_used() -> None:
    response = TokenResponse.from_json(
        {
            "access_token": "eyJhbGciOiJSUzI1NiIsInR5cCI6Ikp..sHQ",
            "token_type": "Bearer",
            "expires_in": 86400,
            "authorization_details": [
                {
                    "type": "openid_credential",
                    "credential_configuration_id": "UniversityDegreeCredential",
                    "credential_identifiers": ["CivilEngineeringDegree-2023", "ElectricalEngineeringDegree-2023"],
                }
            ],
        }
    )

    assert (response.access_token, response.expires_in) == ("eyJhbGciOiJSUzI1NiIsInR5cCI6Ikp..sHQ", 86400)
    assert response.identifiers == {
        "UniversityDegreeCredential": ("CivilEngineeringDegree-2023", "ElectricalEngineeringDegree-2023")
    }
    assert "sHQ" not in repr(response)


@pytest.mark.parametrize("token_type", ["bearer", "BEARER", "Bearer"])
def test_the_token_type_has_no_case_and_the_end_may_be_left_out(token_type: str) -> None:
    assert TokenResponse.from_json({"access_token": "abc", "token_type": token_type}).expires_in is None


def test_our_token_response_has_no_nonce() -> None:
    assert TokenResponse(access_token="abc", expires_in=3600).to_json() == {
        "access_token": "abc",
        "token_type": "Bearer",
        "expires_in": 3600,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"token_type": "DPoP"},
        {"token_type": None},
        {"access_token": ""},
        {"access_token": ["abc"]},
        {"access_token": "abc\r\nX: y"},
    ],
)
def test_a_wrongly_typed_token_response_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="token_response"):
        TokenResponse.from_json({"access_token": "abc", "token_type": "Bearer", **changes})


# Public bug reports: "3600" as a text (case K03a) stopped clients of several kinds after the code was spent.
@pytest.mark.parametrize("seconds", ["3600", "soon", None, -1, 3600.0, 1e300, 10**30, True, [3600], {}])
def test_a_token_is_used_whatever_form_its_end_has(seconds: object) -> None:
    body: dict[str, Any] = {"access_token": "a", "token_type": "Bearer", "expires_in": seconds}

    token = TokenResponse.from_json(body)

    assert (token.access_token, token.expires_in) == ("a", None)


@pytest.mark.parametrize(
    "more",
    [
        {"authorization_details": None},
        {"authorization_details": []},
        {"authorization_details": "openid_credential"},
        {"authorization_details": {"type": "openid_credential"}},
        {"authorization_details": [None, "x", 5, {"type": 7}]},
        {"authorization_details": [{"type": "openid_credential", "credential_configuration_id": "a"}]},
        {"authorization_details": [{"type": "openid_credential", "credential_identifiers": ["a"]}]},
        {"scope": None, "refresh_token": 5, "c_nonce": [], "c_nonce_expires_in": "60", "id_token": {}, "x": None},
    ],
)
def test_nothing_else_in_a_token_response_costs_the_token(more: dict[str, Any]) -> None:
    token = TokenResponse.from_json({"access_token": "a", "token_type": "bearer", **more})

    assert (token.access_token, token.identifiers) == ("a", {})


def test_one_odd_entry_leaves_the_identifiers_of_the_others() -> None:
    good = {"type": "openid_credential", "credential_configuration_id": "c", "credential_identifiers": ["c-1"]}
    body: dict[str, Any] = {"access_token": "a", "token_type": "bearer", "authorization_details": [None, {}, good]}

    assert TokenResponse.from_json(body).identifiers == {"c": ("c-1",)}


def test_a_stored_token_keeps_the_identifiers_that_must_be_used() -> None:
    token = TokenResponse(access_token="a", identifiers={"c": ("c-1", "c-2")})

    assert TokenResponse.from_json(token.to_json()) == token


def test_a_token_has_its_longest_length() -> None:
    body: dict[str, Any] = {"access_token": "a" * MAX_TOKEN_LENGTH, "token_type": "Bearer"}

    assert len(TokenResponse.from_json(body).access_token) == MAX_TOKEN_LENGTH
    with pytest.raises(TooLarge):
        TokenResponse.from_json(body | {"access_token": "a" * (MAX_TOKEN_LENGTH + 1)})
    with pytest.raises(TooLarge):
        TokenResponse.from_json(body | {"token_type": "Bearer" + "x" * 27})


@pytest.mark.parametrize(("seconds", "kept"), [(0, 0), (1, 1), (366 * 86_400, 366 * 86_400), (366 * 86_400 + 1, None)])
def test_the_end_of_a_token_is_believed_up_to_a_year(seconds: int, kept: int | None) -> None:
    body: dict[str, Any] = {"access_token": "a", "token_type": "Bearer", "expires_in": seconds}

    assert TokenResponse.from_json(body).expires_in == kept


def test_codes_have_their_longest_lengths() -> None:
    form = FORM | {"tx_code": "1" * 64, "pre-authorized_code": "a" * 2048}

    assert TokenRequest.from_form(form).to_form() == form
