"""Answers: encrypted for the request's key, read strictly by the vendor."""

import secrets
from dataclasses import replace
from typing import Any

import pytest

from didkit_py.encoding import Json, write_json
from didkit_py.errors import BadResponse, CannotOpen, Malformed, TooLarge, UnsupportedAlgorithm
from didkit_py.formats.table import FORMATS
from didkit_py.jose import encrypt, parse_jwe_header
from didkit_py.keys.public import PublicKey
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.oid4vp.request import PresentationRequest
from didkit_py.oid4vp.response import (
    AuthorizationErrorResponse,
    EncryptedResponse,
    create_encryption_key,
    create_error,
    create_response,
    open_response,
    parse_redirect,
    parse_response_form,
    public_encryption_key,
    require_state,
)
from didkit_py.parties.table import KEY_SOURCES
from tests.unit.oid4vp.asking import DID, ENCRYPTION_JWK, claims

# OpenID4VP 1.0, 8.3: an answer to the request with this key, and the private key printed beside it
OFFICIAL_RESPONSE = (
    "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOEdDTSIsImtpZCI6ImFjIiwiZXBrIjp7Imt0eSI6IkVDIiwieCI6Im5ubVZwbTNWM2piaGNhZlFhUk"
    "JrU1ZOSGx3Wkh3dC05ck9wSnVmeVlJdWsiLCJ5IjoicjRmakRxd0p5czlxVU9QLV9iM21SNVNaRy0tQ3dPMm1pYzVWU05UWU45ZyIsImNydiI6IlAt"
    "MjU2In19..uAYcHRUSSn2X0WPX.yVzlGSYG4qbg0bq18JcUiDRw56yVnbKR8E7S7YlEtzT00RqE3Pw5oTpUG3hdLN4taHZ9gC1kwak8JOnJgQ.1wR0"
    "24_3-qtAlx1oFIUpQQ"
)
OFFICIAL_KEY: dict[str, Json] = {**ENCRYPTION_JWK, "d": "Et-3ce0omz8_TuZ96Df9lp0GAaaDoUnDe6X-CRO7Aww"}
OWN_KEY = create_encryption_key(secrets.token_bytes)
TOKEN = {"afford": ("eyJ.eyJ.sig~d~eyJ.eyJ.sig",)}


def request(**changes: Any) -> PresentationRequest:
    made = PresentationRequest.from_json(
        claims(), formats=FORMATS, client_id=client_id_of(DID, key_sources=KEY_SOURCES)
    )
    return replace(made, encryption_jwk=public_encryption_key(OWN_KEY), **changes)


def sealed(body: object, *, key: dict[str, Json] = OWN_KEY) -> str:
    return encrypt(write_json(body), jwk=public_encryption_key(key), enc="A128GCM")


def test_the_official_answer_opens_with_the_official_key() -> None:
    opened = open_response(OFFICIAL_RESPONSE, private_jwk=OFFICIAL_KEY)
    assert opened.vp_token == {"example_credential_id": ("eyJhb...YMetA",)}
    assert opened.state is None


def test_what_a_wallet_answers_the_vendor_reads() -> None:
    opened = open_response(create_response(TOKEN, request=request()), private_jwk=OWN_KEY)
    assert opened.vp_token == TOKEN
    assert opened.state == "af0ifjsldkj"


@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM"])
def test_the_header_names_the_key_and_the_encryption_asked_for(enc: str) -> None:
    header = parse_jwe_header(create_response(TOKEN, request=request(encryption_enc=enc)))
    assert (header["alg"], header["enc"], header["kid"]) == ("ECDH-ES", enc, OWN_KEY["kid"])


def test_two_answers_share_no_ephemeral_key() -> None:
    one, other = (parse_jwe_header(create_response(TOKEN, request=request()))["epk"] for _ in range(2))
    assert one != other


def test_no_state_is_sent_where_none_was_asked() -> None:
    assert open_response(create_response(TOKEN, request=request(state=None)), private_jwk=OWN_KEY).state is None


@pytest.mark.parametrize("token", [{}, {"afford": ()}])
def test_an_empty_answer_is_never_made(token: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        create_response(token, request=request())


def test_an_answer_for_another_key_is_refused() -> None:
    other = create_encryption_key(secrets.token_bytes)
    with pytest.raises(BadResponse):
        open_response(sealed({"vp_token": {"a": ["b"]}}, key=other), private_jwk=OWN_KEY)
    with pytest.raises(CannotOpen):
        open_response(sealed({"vp_token": {"a": ["b"]}}, key={**other, "kid": OWN_KEY["kid"]}), private_jwk=OWN_KEY)


def test_a_changed_answer_does_not_open() -> None:
    head, _, rest = create_response(TOKEN, request=request()).rpartition(".")
    flipped = ("B" if rest[0] == "A" else "A") + rest[1:]
    with pytest.raises(CannotOpen):
        open_response(f"{head}.{flipped}", private_jwk=OWN_KEY)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"vp_token": "eyJ"},
        {"vp_token": ["eyJ"]},
        {"vp_token": {"a": "eyJ"}},
        {"vp_token": {"a": []}},
        {"vp_token": {"a": [""]}},
        {"vp_token": {"a": [{"proof": {}}]}},
        {"vp_token": {"a": ["x", None]}},
        {"vp_token": {"a": ["x"] * 21}},
        {"vp_token": {"a" * 129: ["x"]}},
        {"vp_token": {"a": ["x" * 131_073]}},
        {"vp_token": {"a": ["x"]}, "state": 1},
    ],
)
def test_a_misshapen_answer_is_malformed(body: object) -> None:
    with pytest.raises(Malformed):
        open_response(sealed(body), private_jwk=OWN_KEY)


@pytest.mark.parametrize("token", [{}, {f"q{number}": ["x"] for number in range(21)}])
def test_an_answer_names_one_to_twenty_queries(token: dict[str, list[str]]) -> None:
    with pytest.raises(BadResponse):
        open_response(sealed({"vp_token": token}), private_jwk=OWN_KEY)


def test_unknown_members_of_an_answer_are_ignored() -> None:
    assert open_response(sealed({"vp_token": {"a": ["x"]}, "iss": 1}), private_jwk=OWN_KEY).vp_token == {"a": ("x",)}


def test_a_doubled_member_in_an_answer_is_malformed() -> None:
    text = encrypt(b'{"vp_token":{"a":["x"],"a":["y"]}}', jwk=public_encryption_key(OWN_KEY), enc="A128GCM")
    with pytest.raises(Malformed):
        open_response(text, private_jwk=OWN_KEY)


def test_a_compressed_answer_is_refused_before_it_is_opened() -> None:
    text = encrypt(b"{}", jwk=public_encryption_key(OWN_KEY), enc="A128GCM", header={"zip": "DEF"})
    with pytest.raises(UnsupportedAlgorithm):
        open_response(text, private_jwk=OWN_KEY)


def test_a_state_that_differs_is_refused() -> None:
    opened = open_response(sealed({"vp_token": {"a": ["x"]}, "state": "mine"}), private_jwk=OWN_KEY)
    require_state(opened, expected_state="mine")
    require_state(opened, expected_state=None)
    with pytest.raises(BadResponse):
        require_state(opened, expected_state="yours")
    with pytest.raises(BadResponse):
        require_state(replace(opened, state=None), expected_state="mine")


def test_nothing_secret_shows_in_a_repr() -> None:
    opened = open_response(create_response(TOKEN, request=request()), private_jwk=OWN_KEY)
    assert "sig" not in repr(opened)
    assert "secret" not in repr(EncryptedResponse(text="secret"))


# Keys


def test_a_request_tells_the_public_part_of_its_key_only() -> None:
    public = public_encryption_key(OWN_KEY)
    assert set(public) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    PublicKey.from_jwk({name: public[name] for name in ("kty", "crv", "x", "y")})
    assert len(str(public["kid"])) == 22


def test_every_request_has_a_key_of_its_own() -> None:
    keys = [create_encryption_key(secrets.token_bytes) for _ in range(5)]
    assert len({str(key["d"]) for key in keys}) == len({str(key["kid"]) for key in keys}) == 5


@pytest.mark.parametrize("octet", [b"\x00", b"\xff"])
def test_any_random_bytes_make_a_key(octet: bytes) -> None:
    key = create_encryption_key(lambda size: octet * size)
    opened = open_response(sealed({"vp_token": {"a": ["x"]}}, key=key), private_jwk=key)
    assert opened.vp_token == {"a": ("x",)}


# The form


def test_an_encrypted_answer_is_the_only_field_needed() -> None:
    assert parse_response_form({"response": "a.b.c.d.e", "other": "x"}) == EncryptedResponse(text="a.b.c.d.e")


def test_a_refusal_says_its_name_and_the_state() -> None:
    form = create_error("access_denied", state="af0ifjsldkj")
    assert form == {"error": "access_denied", "state": "af0ifjsldkj"}
    assert parse_response_form(form) == AuthorizationErrorResponse(error="access_denied", state="af0ifjsldkj")
    assert create_error("access_denied", state=None) == {"error": "access_denied"}


def test_the_error_form_of_the_standard_is_read() -> None:
    # OpenID4VP 1.0, 8.2
    form = {"error": "invalid_request", "error_description": "unsupported client_id_prefix", "state": "eyJhb"}
    assert parse_response_form(form) == AuthorizationErrorResponse(error="invalid_request", state="eyJhb")
    assert create_error("invalid_request", state="eyJhb", description="unsupported client_id_prefix") == form


def test_a_description_holds_only_what_oauth_allows() -> None:
    form = create_error("invalid_request", state=None, description='say "no"\n\\ü' + "x" * 400)
    assert form["error_description"].startswith("say 'no''''x")
    assert len(form["error_description"]) == 300


@pytest.mark.parametrize("error", ["", "Access Denied", "a" * 65, "a\nb", "<script>"])
def test_what_is_no_error_name_is_refused_both_ways(error: str) -> None:
    with pytest.raises(ValueError, match="error name"):
        create_error(error, state=None)
    with pytest.raises(Malformed):
        parse_response_form({"error": error})


@pytest.mark.parametrize("form", [{}, {"state": "x"}, {"response": "a.b.c.d.e", "error": "access_denied"}])
def test_a_form_is_an_answer_or_an_error(form: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        parse_response_form(form)


def test_an_answer_in_the_clear_is_refused() -> None:
    with pytest.raises(BadResponse):
        parse_response_form({"vp_token": '{"a":["x"]}', "state": "x"})


def test_forms_have_bounds() -> None:
    with pytest.raises(TooLarge):
        parse_response_form({"response": "a" * 300_000})
    with pytest.raises(TooLarge):
        parse_response_form({"error": "access_denied", "state": "a" * 2_000})


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({}, None),
        ({"other": 1}, None),
        # OpenID4VP 1.0, 8.2
        (
            {"redirect_uri": "https://client.example.org/cb#response_code=091535f699ea575c7937fa5f0f454aee"},
            "https://client.example.org/cb#response_code=091535f699ea575c7937fa5f0f454aee",
        ),
    ],
)
def test_a_vendor_may_name_where_the_browser_goes_next(body: Json, target: str | None) -> None:
    assert parse_redirect(body) == target


@pytest.mark.parametrize("target", ["javascript:alert(1)", "http://client.example.org/cb", "/cb", "", 1])
def test_a_browser_is_sent_to_https_only(target: Json) -> None:
    with pytest.raises(Malformed):
        parse_redirect({"redirect_uri": target})
