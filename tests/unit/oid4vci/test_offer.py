"""Credential offers and their links (OpenID4VCI 1.0, 4.1)."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from didkit_py.encoding import read_json
from didkit_py.errors import BadAnswer, Malformed, TooLarge
from didkit_py.oauth import UnsupportedGrantType
from didkit_py.oid4vci.offer import (
    CredentialOffer,
    OfferByReference,
    OfferByValue,
    TxCodeSpec,
    create_offer,
    create_offer_link,
    create_tx_code,
    parse_offer_link,
)

GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
# The link of 4.1.2, its line breaks taken out.
BY_VALUE = (
    "openid-credential-offer://?"
    "credential_offer=%7B%22credential_issuer%22:%22https://credential-issuer.exam"
    "ple.com%22,%22credential_configuration_ids%22:%5B%22org.iso.18013.5.1.mDL%22%"
    "5D,%22grants%22:%7B%22urn:ietf:params:oauth:grant-type:pre-authorized_code%22"
    ":%7B%22pre-authorized_code%22:%22oaKazRN8I0IbtZ0C7JuMn5%22,%22tx_code%22:%7B%"
    "22input_mode%22:%22text%22,%22description%22:%22Please%20enter%20the%20serial"
    "%20number%20of%20your%20physical%20drivers%20license%22%7D%7D%7D%7D"
)
# The link of 4.1.3.
BY_REFERENCE = (
    "openid-credential-offer://?"
    "credential_offer_uri=https%3A%2F%2Fserver%2Eexample%2Ecom%2Fcredential-offer"
    "%2FGkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"
)
REFERENCED = "https://server.example.com/credential-offer/GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"


def offer_json(**changes: object) -> dict[str, Any]:
    body: dict[str, Any] = {
        "credential_issuer": "https://issuer.example.com",
        "credential_configuration_ids": ["contact"],
        "grants": {GRANT: {"pre-authorized_code": "abc", "tx_code": {"length": 6}}},
    }
    return body | changes


def test_the_offer_of_the_standard_is_read(vectors: Path) -> None:
    text = (vectors / "openid4vci" / "credential_offer_multiple_credentials.json").read_bytes()

    offer = CredentialOffer.from_json(read_json(text))

    assert offer.issuer == "https://credential-issuer.example.com"
    assert offer.configuration_ids == ("UniversityDegreeCredential", "org.iso.18013.5.1.mDL")
    assert offer.pre_authorized_code == "oaKazRN8I0IbtZ0C7JuMn5"
    assert offer.tx_code == TxCodeSpec(
        length=4,
        input_mode="numeric",
        description="Please provide the one-time code that was sent via e-mail",
    )
    assert offer.to_json() == json.loads(text)


def test_an_offer_of_the_other_grant_alone_is_refused_by_name(vectors: Path) -> None:
    _, _, body = (vectors / "openid4vci" / "credential_offer_authz_code.txt").read_text().partition("\n\n")

    with pytest.raises(UnsupportedGrantType, match="pre-authorized code"):
        CredentialOffer.from_json(read_json(body))


def test_an_offer_without_grants_is_refused() -> None:
    body = offer_json()
    del body["grants"]
    with pytest.raises(UnsupportedGrantType):
        CredentialOffer.from_json(body)


def test_unknown_members_of_an_offer_are_ignored() -> None:
    body = offer_json(extra={"deep": [1]})
    body["grants"]["authorization_code"] = {"issuer_state": "x"}
    body["grants"][GRANT]["interval"] = 5

    assert CredentialOffer.from_json(body) == CredentialOffer.from_json(offer_json())


def test_an_empty_tx_code_object_still_asks_for_a_code() -> None:
    body = offer_json(grants={GRANT: {"pre-authorized_code": "abc", "tx_code": {}}})

    assert CredentialOffer.from_json(body).tx_code == TxCodeSpec(length=None, input_mode="numeric", description=None)


@pytest.mark.parametrize("members", [{}, {"tx_code": None}])
def test_an_absent_tx_code_asks_for_none(members: dict[str, Any]) -> None:
    grants = {GRANT: {"pre-authorized_code": "abc", **members}}
    assert CredentialOffer.from_json(offer_json(grants=grants)).tx_code is None


@pytest.mark.parametrize(
    "changes",
    [
        {"credential_issuer": "http://issuer.example.com"},
        {"credential_issuer": "https://issuer.example.com?tenant=1"},
        {"credential_issuer": "https://issuer.example.com#x"},
        {"credential_issuer": 7},
        {"credential_configuration_ids": []},
        {"credential_configuration_ids": "contact"},
        {"credential_configuration_ids": ["contact", "contact"]},
        {"credential_configuration_ids": [1]},
        {"grants": []},
        {"grants": {GRANT: {}}},
        {"grants": {GRANT: {"pre-authorized_code": 5}}},
        {"grants": {GRANT: {"pre-authorized_code": "abc", "tx_code": {"length": "6"}}}},
        {"grants": {GRANT: {"pre-authorized_code": "abc", "tx_code": {"length": True}}}},
        {"grants": {GRANT: {"pre-authorized_code": "abc", "tx_code": {"input_mode": "voice"}}}},
    ],
)
def test_a_wrongly_typed_or_forbidden_member_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="credential_offer"):
        CredentialOffer.from_json(offer_json(**changes))


def test_the_link_by_value_of_the_standard_is_read() -> None:
    link = parse_offer_link(BY_VALUE)

    assert isinstance(link, OfferByValue)
    assert link.offer.pre_authorized_code == "oaKazRN8I0IbtZ0C7JuMn5"
    assert link.offer.tx_code is not None
    assert link.offer.tx_code.input_mode == "text"


@pytest.mark.parametrize(
    "link",
    [
        BY_REFERENCE,
        f"  {BY_REFERENCE}\n",
        BY_REFERENCE.replace("openid-credential-offer://?", "https://wallet.example.com/credential_offer?"),
        BY_REFERENCE.replace("openid-credential-offer://?", "http://localhost:8104/receive?"),
        BY_REFERENCE.replace("openid-credential-offer://?", "openid-credential-offer:///?lang=en&"),
    ],
)
def test_a_link_by_reference_is_read_wherever_it_points(link: str) -> None:
    assert parse_offer_link(link) == OfferByReference(uri=REFERENCED)


def test_our_link_is_the_one_of_the_standard() -> None:
    # The standard also escapes dots, which need no escape; what is read back is the same.
    assert create_offer_link(REFERENCED) == BY_REFERENCE.replace("%2E", ".")


@pytest.mark.parametrize(
    "link",
    [
        "",
        "hello",
        "openid-credential-offer://",
        "openid-credential-offer://?",
        "openid-credential-offer://?other=1",
        "openid4vp://?credential_offer_uri=https%3A%2F%2Fa.example",
        "http://wallet.example.com/?credential_offer_uri=https%3A%2F%2Fa.example",
        "javascript:?credential_offer_uri=https%3A%2F%2Fa.example",
        "https://user@a.example/?credential_offer_uri=https%3A%2F%2Fa.example",
        "openid-credential-offer://?credential_offer_uri=http%3A%2F%2Fa.example",
        "openid-credential-offer://?credential_offer_uri=file%3A%2F%2F%2Fetc%2Fpasswd",
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fa.example&credential_offer=%7B%7D",
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fa.example&credential_offer_uri=https%3A%2F%2Fb.example",
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fa.example#fragment",
        "openid-credential-offer://?credential_offer=%7B",
        "openid-credential-offer://?credential_offer=%7B%22a%22%3A1%2C%22a%22%3A2%7D",
        "openid-credential-offer://?credential_offer=%FF",
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fa.example/ü",
        "openid-credential-offer://?" + "&".join(f"p{n}=1" for n in range(21)),
    ],
)
def test_what_is_no_offer_link_is_malformed(link: str) -> None:
    with pytest.raises((Malformed, UnsupportedGrantType)):
        parse_offer_link(link)


def test_a_link_without_end_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        parse_offer_link("openid-credential-offer://?credential_offer=" + quote(json.dumps({"a": "b" * 20_000})))


def test_our_offers_want_a_code_of_six_digits() -> None:
    offer = create_offer(
        issuer="https://issuer.example.com",
        configuration_ids=("contact",),
        pre_authorized_code="abc",
        tx_code_description="Sent by post.",
    )

    assert offer.to_json() == {
        "credential_issuer": "https://issuer.example.com",
        "credential_configuration_ids": ["contact"],
        "grants": {
            GRANT: {
                "pre-authorized_code": "abc",
                "tx_code": {"input_mode": "numeric", "length": 6, "description": "Sent by post."},
            }
        },
    }
    assert CredentialOffer.from_json(offer.to_json()) == offer


def test_an_offer_does_not_show_its_code() -> None:
    offer = CredentialOffer.from_json(offer_json(grants={GRANT: {"pre-authorized_code": "oaKazRN8I0"}}))

    assert "oaKazRN8I0" not in repr(offer)


@pytest.mark.parametrize(("octets", "code"), [(b"\0" * 16, "000000"), (bytes(15) + b"\x07", "000007")])
def test_a_transaction_code_keeps_its_leading_zeros(octets: bytes, code: str) -> None:
    assert create_tx_code(lambda size: octets[:size]) == code


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "12345\u0663"])
def test_a_transaction_code_that_cannot_be_right_is_not_sent(code: str) -> None:
    with pytest.raises(Malformed) as refused:
        TxCodeSpec(length=6).require_fit(code)
    assert code == "" or code not in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "code"),
    [(TxCodeSpec(length=6), "012345"), (TxCodeSpec(), "1"), (TxCodeSpec(input_mode="text"), "AB-12 ü")],
)
def test_a_transaction_code_that_fits_is_let_pass(spec: TxCodeSpec, code: str) -> None:
    spec.require_fit(code)


@pytest.mark.parametrize("description", ["", "x" * 301, 5, None, {"en": "By post."}])
def test_a_hint_about_the_code_that_cannot_be_shown_spoils_no_offer(description: object) -> None:
    body = offer_json(grants={GRANT: {"pre-authorized_code": "abc", "tx_code": {"description": description}}})

    assert CredentialOffer.from_json(body).tx_code == TxCodeSpec()


def test_an_offer_in_a_link_that_is_whole_is_its_makers_fault_and_a_cut_one_the_pastes() -> None:
    whole = "openid-credential-offer://?credential_offer=" + quote(json.dumps(offer_json(credential_issuer=7)))
    cut = "openid-credential-offer://?credential_offer=" + quote(json.dumps(offer_json()))[:-9]
    with pytest.raises(BadAnswer, match=r"credential_offer\.credential_issuer"):
        parse_offer_link(whole)
    with pytest.raises(Malformed) as refused:
        parse_offer_link(cut)
    assert not isinstance(refused.value, BadAnswer)
