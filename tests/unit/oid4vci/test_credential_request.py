"""Credential request and response (OpenID4VCI 1.0, 8)."""

import re
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import read_json
from didkit_py.errors import DidkitError, Malformed, Unavailable
from didkit_py.oauth import (
    InvalidCredentialRequest,
    InvalidEncryptionParameters,
    InvalidProof,
    UnknownCredentialIdentifier,
)
from didkit_py.oid4vci.credential_request import CredentialRequest, CredentialResponse

REQUEST: dict[str, Any] = {"credential_configuration_id": "org.iso.18013.5.1.mDL", "proofs": {"jwt": ["eyJ.e.s"]}}


def test_a_request_in_the_form_of_the_standard_is_read_and_written() -> None:
    request = CredentialRequest.from_json(REQUEST)

    assert (request.configuration_id, request.proofs) == ("org.iso.18013.5.1.mDL", ("eyJ.e.s",))
    assert request.to_json() == REQUEST


def test_unknown_members_are_ignored() -> None:
    assert CredentialRequest.from_json({**REQUEST, "issuer_state": "x", "zzz": {"a": [1]}}).to_json() == REQUEST


def test_the_older_request_of_the_examples_names_no_configuration_and_is_refused(vectors: Path) -> None:
    body = read_json((vectors / "openid4vci" / "credential_request_iso_mdl.json").read_bytes())

    with pytest.raises(InvalidCredentialRequest, match="exactly one"):
        CredentialRequest.from_json(body)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"credential_configuration_id": None}, InvalidCredentialRequest),
        ({"credential_configuration_id": ""}, InvalidCredentialRequest),
        ({"credential_configuration_id": ["a"]}, InvalidCredentialRequest),
        ({"credential_identifier": "CivilEngineeringDegree-2023"}, InvalidCredentialRequest),
        ({"credential_response_encryption": {"jwk": {}, "enc": "A128GCM"}}, InvalidEncryptionParameters),
        ({"proofs": None}, InvalidProof),
        ({"proofs": []}, InvalidProof),
        ({"proofs": {}}, InvalidProof),
        ({"proofs": {"jwt": []}}, InvalidProof),
        ({"proofs": {"jwt": "eyJ.e.s"}}, InvalidProof),
        ({"proofs": {"jwt": [1]}}, InvalidProof),
        ({"proofs": {"di_vp": [{}]}}, InvalidProof),
        ({"proofs": {"attestation": ["eyJ.e.s"]}}, InvalidProof),
        ({"proofs": {"jwt": ["eyJ.e.s"], "attestation": ["eyJ.e.s"]}}, InvalidProof),
        ({"proof": {"proof_type": "jwt", "jwt": "eyJ.e.s"}}, InvalidProof),
        ({"proofs": {"jwt": ["eyJ.e.s"] * 11}}, InvalidCredentialRequest),
    ],
)
def test_each_fault_of_a_request_has_the_name_of_the_standard(
    changes: dict[str, Any], error: type[DidkitError]
) -> None:
    with pytest.raises(error):
        CredentialRequest.from_json(REQUEST | changes)


def test_a_request_without_proofs_is_an_invalid_proof() -> None:
    with pytest.raises(InvalidProof, match="missing"):
        CredentialRequest.from_json({"credential_configuration_id": "contact"})


def test_a_request_by_identifier_is_unknown_here() -> None:
    with pytest.raises(UnknownCredentialIdentifier):
        CredentialRequest.from_json({"credential_identifier": "a", "proofs": {"jwt": ["eyJ.e.s"]}})


def test_a_batch_may_be_as_large_as_the_metadata_says() -> None:
    body = REQUEST | {"proofs": {"jwt": ["eyJ.e.s"] * 10}}
    assert len(CredentialRequest.from_json(body).proofs) == 10
    with pytest.raises(InvalidCredentialRequest):
        CredentialRequest.from_json(body, batch_size=9)


def test_an_identifier_from_the_token_response_replaces_the_configuration() -> None:
    request = CredentialRequest(configuration_id="degree", proofs=("eyJ.e.s",), identifier="degree-2023")

    assert request.to_json() == {"credential_identifier": "degree-2023", "proofs": {"jwt": ["eyJ.e.s"]}}


def test_the_response_of_the_standard_is_read(vectors: Path) -> None:
    _, _, body = (vectors / "openid4vci" / "credential_response_sd_jwt_vc.txt").read_text().partition("\n\n")

    response = CredentialResponse.from_json(read_json(re.sub(r"\n *", "", body)))

    assert len(response.credentials) == 1
    assert response.credentials[0].startswith("eyJhbGciOiAiRVMyNTYiLCAidHlwIjogImRjK3NkLWp3dCIs")
    assert response.credentials[0].count("~") == 10


def test_our_response_wraps_each_credential_in_an_object() -> None:
    response = CredentialResponse(credentials=("a~", "b~"))

    assert response.to_json() == {"credentials": [{"credential": "a~"}, {"credential": "b~"}]}
    assert CredentialResponse.from_json({**response.to_json(), "notification_id": "3fwe98js"}) == response
    assert "a~" not in repr(response)


def test_a_deferred_answer_is_no_answer_yet() -> None:
    with pytest.raises(Unavailable) as deferred:
        CredentialResponse.from_json({"transaction_id": "8xLOxBtZp8", "interval": 3600})
    assert deferred.value.reason == "deferred"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"credential": "a~"},
        {"credentials": []},
        {"credentials": ["a~"]},
        {"credentials": [{}]},
        {"credentials": [{"credential": {}}]},
        {"credentials": [{"credential": ""}]},
        {"credentials": [{"credential": "a~"}] * 101},
    ],
)
def test_a_misshapen_response_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="credential_response"):
        CredentialResponse.from_json(body)


@pytest.mark.parametrize(
    "more",
    [
        {"transaction_id": "x", "interval": "soon"},
        {"notification_id": None},
        {"notification_id": "n" * 10_000},
        {"notification_id": {"id": 5}, "c_nonce": 7, "c_nonce_expires_in": "60", "unknown": [None]},
    ],
)
def test_credentials_that_came_are_taken_whatever_stands_beside_them(more: dict[str, Any]) -> None:
    body: dict[str, Any] = {"credentials": [{"credential": "a~", "format": 5, "display": None}], **more}

    assert CredentialResponse.from_json(body).credentials == ("a~",)
