"""Issuer and server metadata (OpenID4VCI 1.0, 12; RFC 8414)."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import read_json
from didkit_py.errors import Malformed
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vci.metadata import (
    BadMetadata,
    IssuerMetadata,
    ServerMetadata,
    create_configuration,
    issuer_metadata_url,
    server_metadata_url,
)

ISSUER = "https://issuer.example.com"
METADATA: dict[str, Any] = {
    "credential_issuer": ISSUER,
    "credential_endpoint": f"{ISSUER}/credential",
    "nonce_endpoint": f"{ISSUER}/nonce",
    "batch_credential_issuance": {"batch_size": 10},
    "display": [{"name": "Harbour Credit Union", "locale": "en"}],
    "credential_configurations_supported": {
        "contact": {
            "format": "dc+sd-jwt",
            "vct": "https://types.example/contact",
            "credential_signing_alg_values_supported": ["ES256"],
            "cryptographic_binding_methods_supported": ["jwk"],
            "proof_types_supported": {
                "jwt": {"proof_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "ES384"]}
            },
            "credential_metadata": {
                "display": [{"name": "Contact", "locale": "en", "description": "An e-mail address."}],
                "claims": [{"path": ["email"], "display": [{"name": "E-mail address", "locale": "en"}]}],
            },
        }
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    body = copy.deepcopy(METADATA)
    *parents, last = path.split("/")
    node: Any = body
    for name in parents:
        node = node[name]
    if value is KeyError:
        del node[last]
    else:
        node[last] = value
    return body


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://issuer.example.com/tenant", "https://issuer.example.com/.well-known/openid-credential-issuer/tenant"),
        ("https://tenant.issuer.example.com", "https://tenant.issuer.example.com/.well-known/openid-credential-issuer"),
        ("http://localhost:8101", "http://localhost:8101/.well-known/openid-credential-issuer"),
    ],
)
def test_the_well_known_part_goes_between_host_and_path(issuer: str, expected: str) -> None:
    assert issuer_metadata_url(issuer) == expected


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://example.com/issuer1", "https://example.com/.well-known/oauth-authorization-server/issuer1"),
        ("https://example.com", "https://example.com/.well-known/oauth-authorization-server"),
        ("https://example.com/", "https://example.com/.well-known/oauth-authorization-server"),
    ],
)
def test_server_metadata_stands_where_rfc_8414_says(server: str, expected: str) -> None:
    assert server_metadata_url(server) == expected


def test_the_long_metadata_of_the_standard_is_read(vectors: Path) -> None:
    body = read_json((vectors / "openid4vci" / "credential_issuer_metadata_sd_jwt_long.json").read_bytes())

    metadata = IssuerMetadata.from_json(body, issuer="https://credential-issuer.example.com", formats=FORMATS)

    assert metadata.credential_endpoint == "https://credential-issuer.example.com/credential"
    assert metadata.nonce_endpoint == "https://credential-issuer.example.com/nonce"
    assert metadata.authorization_servers == ("https://server.example.com",)
    assert metadata.batch_size == 10
    assert metadata.display_name == "Example University"
    assert metadata.needs_encryption
    configuration = metadata.configurations["SD_JWT_VC_example_in_OpenID4VCI"]
    assert configuration.vct == "SD_JWT_VC_example_in_OpenID4VCI"
    assert configuration.title == "IdentityCredential"
    assert configuration.proof_algs == ("ES256",)
    assert configuration.binding_methods == ("jwk",)
    assert configuration.needs_attestation
    assert [claim.path for claim in configuration.claims][4:6] == [("address",), ("address", "street_address")]
    assert configuration.claims[0].label == "Given Name"


@pytest.mark.parametrize("name", ["credential_metadata_mso_mdoc.json", "credential_metadata_ldp_vc.json"])
def test_configurations_of_formats_that_we_do_not_speak_are_passed_over(vectors: Path, name: str) -> None:
    body = json.loads((vectors / "openid4vci" / name).read_text())
    supported = body["credential_configurations_supported"]

    metadata = IssuerMetadata.from_json(
        METADATA | {"credential_configurations_supported": supported}, issuer=ISSUER, formats=FORMATS
    )

    assert metadata.configurations == {}
    assert metadata.other_formats == supported.keys()


def test_what_we_publish_is_the_metadata_of_the_standard() -> None:
    metadata = IssuerMetadata(
        issuer=ISSUER,
        credential_endpoint=f"{ISSUER}/credential",
        nonce_endpoint=f"{ISSUER}/nonce",
        batch_size=10,
        display_name="Harbour Credit Union",
        configurations={
            "contact": create_configuration(
                vct="https://types.example/contact",
                title="Contact",
                description="An e-mail address.",
                claims=[(("email",), "E-mail address")],
                for_business=False,
                signing_alg="ES256",
                in_format=SD_JWT_VC,
            )
        },
    )

    assert metadata.to_json(formats=FORMATS) == METADATA
    assert IssuerMetadata.from_json(METADATA, issuer=ISSUER, formats=FORMATS) == metadata


def test_a_businesss_credential_is_bound_to_a_key_of_its_did() -> None:
    configuration = create_configuration(
        vct="https://types.example/dealer",
        title="Dealer",
        description="",
        claims=[],
        for_business=True,
        signing_alg="EdDSA",
        in_format=SD_JWT_VC,
    )

    assert configuration.to_json(formats=FORMATS)["cryptographic_binding_methods_supported"] == ["did:web"]


def test_unknown_members_are_ignored() -> None:
    body = changed("credential_configurations_supported/contact/order", ["x"]) | {"signed_metadata": "eyJ", "zzz": None}

    assert IssuerMetadata.from_json(body, issuer=ISSUER, formats=FORMATS) == IssuerMetadata.from_json(
        METADATA, issuer=ISSUER, formats=FORMATS
    )


@pytest.mark.parametrize("asked", ["https://issuer.example.com/", "https://Issuer.example.com", "https://b.example"])
def test_metadata_of_another_issuer_than_the_one_asked_is_refused(asked: str) -> None:
    with pytest.raises(BadMetadata):
        IssuerMetadata.from_json(METADATA, issuer=asked, formats=FORMATS)


CONTACT = "credential_configurations_supported/contact"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("credential_issuer", KeyError),
        ("credential_issuer", 5),
        ("credential_endpoint", KeyError),
        ("credential_endpoint", "http://issuer.example.com/credential"),
        ("credential_endpoint", "/credential"),
        ("nonce_endpoint", 7),
        ("nonce_endpoint", "javascript:1"),
        ("authorization_servers", []),
        ("authorization_servers", ["http://server.example.com"]),
        ("authorization_servers", "https://server.example.com"),
        ("batch_credential_issuance", {"batch_size": 10**30}),
        ("credential_configurations_supported", KeyError),
        ("credential_configurations_supported", []),
    ],
)
def test_a_wrongly_typed_member_is_malformed(path: str, value: object) -> None:
    with pytest.raises(Malformed, match="issuer_metadata"):
        IssuerMetadata.from_json(changed(path, value), issuer=ISSUER, formats=FORMATS)


# Public bug reports (case K05a): an entry without vct, one in a format that has other members, claims as an object.
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", []),
        ("", None),
        ("", "dc+sd-jwt"),
        ("/format", KeyError),
        ("/format", 5),
        ("/vct", KeyError),
        ("/vct", 5),
        ("/vct", ""),
        ("/cryptographic_binding_methods_supported", []),
        ("/cryptographic_binding_methods_supported", KeyError),
        ("/proof_types_supported", KeyError),
        ("/proof_types_supported", ["jwt"]),
        ("/proof_types_supported/jwt", {}),
        ("/proof_types_supported/jwt", {"proof_signing_alg_values_supported": []}),
    ],
)
def test_a_configuration_that_cannot_be_read_spoils_no_other(path: str, value: object) -> None:
    body = changed(f"{CONTACT}{path}", value)
    supported = body["credential_configurations_supported"]
    body["credential_configurations_supported"] = {
        "other": supported["contact"],
        **METADATA["credential_configurations_supported"],
    }

    metadata = IssuerMetadata.from_json(body, issuer=ISSUER, formats=FORMATS)

    assert metadata.configurations == IssuerMetadata.from_json(METADATA, issuer=ISSUER, formats=FORMATS).configurations
    assert metadata.faults.keys() == {"other"}
    assert metadata.faults["other"].startswith("issuer_metadata.credential_configurations_supported.other")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("display", []),
        ("display", {"name": "Harbour Credit Union"}),
        ("display", "Harbour Credit Union"),
        ("display", None),
        ("display", [{"name": 5}, None, "x"]),
        ("display", [{"name": "", "logo": {"alt_text": "without uri"}}]),
        ("display", [{"logo": None, "locale": 5, "background_image": []}]),
        ("batch_credential_issuance", {}),
        ("batch_credential_issuance", None),
        ("batch_credential_issuance", {"batch_size": 1}),
        ("batch_credential_issuance", {"batch_size": 0}),
        ("batch_credential_issuance", {"batch_size": "10"}),
        ("batch_credential_issuance", {"batch_size": 10.0}),
        ("credential_response_encryption", {}),
        ("credential_response_encryption", None),
        ("credential_response_encryption", {"encryption_required": False, "alg_values_supported": 5}),
        ("credential_request_encryption", ["odd"]),
        (f"{CONTACT}/credential_signing_alg_values_supported", [-7, "ES256", "ES999", None]),
        (f"{CONTACT}/credential_signing_alg_values_supported", "ES256"),
        (f"{CONTACT}/credential_metadata", None),
        (f"{CONTACT}/credential_metadata", "Contact"),
        (f"{CONTACT}/credential_metadata/display", "Contact"),
        (f"{CONTACT}/credential_metadata/display", {"name": "Contact"}),
        (f"{CONTACT}/credential_metadata/display", []),
        (f"{CONTACT}/credential_metadata/display", [{"locale": "en"}]),
        (f"{CONTACT}/credential_metadata/display", [{"name": "Contact", "locale": "en", "description": ""}]),
        (f"{CONTACT}/credential_metadata/display", [{"name": "N", "logo": {}, "background_image": {"uri": 5}}]),
        (f"{CONTACT}/credential_metadata/display", [{"name": "n" * 5_000}]),
        (f"{CONTACT}/credential_metadata/claims", []),
        (f"{CONTACT}/credential_metadata/claims", {"email": {"mandatory": True}}),
        (f"{CONTACT}/credential_metadata/claims", None),
        (f"{CONTACT}/credential_metadata/claims", [{"path": []}]),
        (f"{CONTACT}/credential_metadata/claims", [{"path": ["a", True]}]),
        (f"{CONTACT}/credential_metadata/claims", [{"path": ["a", -1]}]),
        (f"{CONTACT}/display", {"name": "of an earlier draft"}),
        (f"{CONTACT}/claims", {"email": {}}),
        (f"{CONTACT}/scope", 5),
    ],
)
def test_what_only_decorates_spoils_nothing(path: str, value: object) -> None:
    metadata = IssuerMetadata.from_json(changed(path, value), issuer=ISSUER, formats=FORMATS)

    configuration = metadata.configurations["contact"]
    assert configuration.vct == "https://types.example/contact"
    assert (configuration.binding_methods, configuration.proof_algs) == (
        ("jwk",),
        ("ES256", "EdDSA", "Ed25519", "ES384"),
    )
    assert not metadata.needs_encryption
    assert metadata.faults == {}
    assert IssuerMetadata.from_json(
        metadata.to_json(formats=FORMATS), issuer=ISSUER, formats=FORMATS
    ).configurations.keys() == {"contact"}


@pytest.mark.parametrize("required", [True, "true", 1])
@pytest.mark.parametrize("name", ["credential_request_encryption", "credential_response_encryption"])
def test_encryption_that_is_required_in_whatever_words_is_seen(name: str, required: object) -> None:
    assert IssuerMetadata.from_json(
        changed(name, {"encryption_required": required}), issuer=ISSUER, formats=FORMATS
    ).needs_encryption


def test_a_display_with_a_name_is_preferred_to_one_of_our_language_without() -> None:
    displays: list[Any] = [{"locale": "en"}, {"name": "Hafenkasse", "locale": "de"}]

    assert (
        IssuerMetadata.from_json(changed("display", displays), issuer=ISSUER, formats=FORMATS).display_name
        == "Hafenkasse"
    )


@pytest.mark.parametrize(
    "paths",
    [
        [["email"], ["email"]],
        [["items", None], ["items", 0]],
        [["items", None, "a"], ["items", "b"]],
        [["items", 1], ["items", "b"]],
    ],
)
def test_contradictory_claim_descriptions_are_passed_over(paths: list[Any]) -> None:
    claims = [{"path": path} for path in paths]

    metadata = IssuerMetadata.from_json(
        changed(f"{CONTACT}/credential_metadata/claims", claims), issuer=ISSUER, formats=FORMATS
    )

    assert metadata.configurations["contact"].claims == ()


def test_an_issuer_without_batches_takes_one_proof_and_one_without_nonces_has_no_endpoint() -> None:
    body = changed("batch_credential_issuance", KeyError)
    del body["nonce_endpoint"]

    metadata = IssuerMetadata.from_json(body, issuer=ISSUER, formats=FORMATS)

    assert (metadata.batch_size, metadata.nonce_endpoint) == (1, None)
    assert IssuerMetadata.from_json(metadata.to_json(formats=FORMATS), issuer=ISSUER, formats=FORMATS) == metadata


def test_our_server_metadata_says_that_nobody_need_name_itself() -> None:
    server = ServerMetadata(issuer=ISSUER, token_endpoint=f"{ISSUER}/token", pre_authorized_anonymous=True)

    assert server.to_json() == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/token",
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:pre-authorized_code"],
        "token_endpoint_auth_methods_supported": ["none"],
        "pre-authorized_grant_anonymous_access_supported": True,
    }
    assert ServerMetadata.from_json(server.to_json(), issuer=ISSUER) == server


def test_a_server_that_says_nothing_of_anonymous_access_does_not_offer_it() -> None:
    body: dict[str, Any] = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}

    assert not ServerMetadata.from_json(body, issuer=ISSUER).pre_authorized_anonymous


def test_server_metadata_of_another_server_is_refused() -> None:
    body: dict[str, Any] = {"issuer": "https://b.example", "token_endpoint": f"{ISSUER}/token"}
    with pytest.raises(BadMetadata):
        ServerMetadata.from_json(body, issuer=ISSUER)


@pytest.mark.parametrize(
    "body",
    [
        {"issuer": ISSUER},
        {"issuer": ISSUER, "token_endpoint": "http://issuer.example.com/token"},
        {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/t", "pre-authorized_grant_anonymous_access_supported": "true"},
    ],
)
def test_wrongly_typed_server_metadata_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="server_metadata"):
        ServerMetadata.from_json(body, issuer=ISSUER)


def test_an_issuers_own_words_hold_no_sign_that_reorders_or_hides() -> None:
    reordered = "Harbour \u202enoinU tiderC\u202c verified"
    body: dict[str, Any] = copy.deepcopy(METADATA)
    body["display"] = [{"name": reordered, "locale": "en"}]
    shown = body["credential_configurations_supported"]["contact"]["credential_metadata"]
    shown["display"] = [{"name": "Loyalty \u202edrac\u202c\u200b\u2066", "description": "a\x1bb\nc", "locale": "en"}]

    metadata = IssuerMetadata.from_json(body, issuer=body["credential_issuer"], formats=FORMATS)

    assert metadata.display_name == "Harbour [U+202E]noinU tiderC[U+202C] verified"
    assert metadata.configurations["contact"].title == "Loyalty [U+202E]drac[U+202C][U+200B][U+2066]"
    assert metadata.configurations["contact"].description == "a[U+001B]b c"


@pytest.mark.parametrize(
    ("displays", "label"),
    [
        ([{"name": "E-Mail", "locale": "de"}, {"name": "E-mail address", "locale": "en"}], "E-mail address"),
        ([{"name": "E-Mail", "locale": "de"}, {"name": "E-mail address", "locale": "EN-gb"}], "E-mail address"),
        ([{"name": "E-Mail", "locale": "de"}, {"name": "Courriel", "locale": "fr"}], "E-Mail"),
        ([{"name": "E-Mail", "locale": "de"}, {"name": "any"}], "E-Mail"),
        ([{"name": "any"}, {"name": "E-mail address", "locale": "en"}], "E-mail address"),
        ([{"name": "E" * 1_000, "locale": "en"}], "E" * 1_000),
    ],
)
def test_a_claim_is_called_as_in_our_language_else_as_in_the_first(displays: list[Any], label: str) -> None:
    claims = [{"path": ["email"], "display": displays}]

    metadata = IssuerMetadata.from_json(
        changed(f"{CONTACT}/credential_metadata/claims", claims), issuer=ISSUER, formats=FORMATS
    )

    assert [(claim.path, claim.label) for claim in metadata.configurations["contact"].claims] == [(("email",), label)]


@pytest.mark.parametrize(
    "displays",
    [
        [{"name": "E-mail", "locale": "en"}, {"name": "Mail", "locale": "en"}],  # B.2: one object per language
        [{"name": "E-mail"}, {"name": "Mail"}],
        [{"name": "E" * 1_001, "locale": "en"}],
        [],
    ],
    ids=["twice in one language", "twice without a language", "too long", "none"],
)
def test_claims_whose_names_break_a_rule_are_passed_over(displays: list[Any]) -> None:
    claims = [{"path": ["email"], "display": displays}]

    metadata = IssuerMetadata.from_json(
        changed(f"{CONTACT}/credential_metadata/claims", claims), issuer=ISSUER, formats=FORMATS
    )

    assert metadata.configurations["contact"].claims == ()
