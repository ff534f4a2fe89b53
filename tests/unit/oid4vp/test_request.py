"""Signed requests: what a vendor makes is accepted; each rule that is broken is refused with its code."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.dids.methods import read_document
from didkit_py.encoding import b64url, timestamp, write_json
from didkit_py.errors import (
    BadDid,
    BadKey,
    BadRequestObject,
    BadSignature,
    DidkitError,
    Expired,
    Malformed,
    NotYetValid,
    TooLarge,
    UnknownKey,
    UnsupportedAlgorithm,
    WrongType,
)
from didkit_py.formats.table import FORMATS
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oauth import InvalidTransactionData, VpFormatsNotSupported
from didkit_py.oid4vp.client_id import client_id_of, parse_client_id
from didkit_py.oid4vp.dcql import DcqlQuery
from didkit_py.oid4vp.request import (
    PresentationRequest,
    RequestLink,
    VerifierInfo,
    create_request_object,
    fault,
    parse_request_object,
    verify_request_object,
)
from didkit_py.parties.table import KEY_SOURCES
from tests.unit.oid4vp.asking import (
    CLIENT,
    DID,
    DOCUMENT,
    ENCRYPTION_JWK,
    LINK,
    NOW,
    SIGNER,
    WALLET_NONCE,
    claims,
    judged,
    metadata,
    signed,
)


def request(**changes: Any) -> PresentationRequest:
    values: dict[str, Any] = {
        "client_id": client_id_of(DID, key_sources=KEY_SOURCES),
        "response_uri": "https://dealer.example/oid4vp/response/1",
        "nonce": "b3JkaW5hcnktbm9uY2UtMTI4Yml0",
        "state": "af0ifjsldkj",
        "query": DcqlQuery.from_json(claims()["dcql_query"], formats=FORMATS),
        "encryption_jwk": ENCRYPTION_JWK,
        "verifier_info": (
            VerifierInfo(format="urn:x:role", data="a.b.c"),
            VerifierInfo(format="urn:x:agreement", data="d.e.f", credential_ids=("afford",)),
        ),
        "issued_at": NOW,
        "expires_at": NOW + timedelta(minutes=30),
        "wallet_nonce": WALLET_NONCE,
    }
    return PresentationRequest(**(values | changes))


async def refused(body: dict[str, Any]) -> DidkitError:
    with pytest.raises(DidkitError) as caught:
        judged(await signed(body))
    return caught.value


# What holds


async def test_what_a_vendor_makes_a_wallet_accepts_unchanged() -> None:
    made = request()
    verified = judged(await create_request_object(made, signer=SIGNER, formats=FORMATS))
    assert verified.request == made
    assert verified.request.source == made.to_json(formats=FORMATS)
    assert verified.key == SIGNER.public
    assert verified.kid == f"{DID}#key-1"


async def test_the_request_object_is_what_the_standard_asks_for() -> None:
    jws = parse_request_object(
        await create_request_object(request(), signer=SIGNER, formats=FORMATS), link=LINK, key_sources=KEY_SOURCES
    ).jws
    body = jws.claims()
    assert jws.header == {"alg": "ES256", "typ": "oauth-authz-req+jwt", "kid": f"{DID}#key-1"}
    assert body["aud"] == "https://self-issued.me/v2"
    assert body["response_type"] == "vp_token"
    assert body["response_mode"] == "direct_post.jwt"
    assert body["client_id"] == CLIENT
    assert body["wallet_nonce"] == WALLET_NONCE
    assert body["exp"] == timestamp(NOW) + 1800
    told = body["client_metadata"]
    assert isinstance(told, dict)
    assert told["jwks"] == {"keys": [ENCRYPTION_JWK]}
    assert told["encrypted_response_enc_values_supported"] == ["A128GCM", "A256GCM"]
    assert not {"redirect_uri", "scope", "request", "request_uri", "presentation_definition"} & body.keys()


async def test_a_request_fetched_by_get_holds_no_wallet_nonce() -> None:
    text = await signed(claims(wallet_nonce=...))
    assert judged(text, wallet_nonce=None).request.wallet_nonce is None


async def test_unknown_parameters_and_iss_are_ignored_and_kept() -> None:
    body = claims(iss="https://somebody.example", unknown={"a": 1}, expected_origins=["https://x.example"])
    assert judged(await signed(body)).request.source == body


async def test_a_long_state_and_a_long_nonce_are_accepted() -> None:
    verified = judged(await signed(claims(nonce="n._~-" + "9" * 507, state="s" * 1024)))
    assert len(verified.request.nonce) == 512


async def test_a_request_without_exp_ends_thirty_minutes_after_iat() -> None:
    text = await signed(claims(exp=...))
    assert judged(text).request.expires_at == NOW + timedelta(minutes=30)
    with pytest.raises(Expired):
        judged(text, now=NOW + timedelta(minutes=32))


async def test_clocks_may_differ_by_a_minute() -> None:
    text = await signed(claims())
    judged(text, now=NOW - timedelta(seconds=60))
    judged(text, now=NOW + timedelta(minutes=31))
    with pytest.raises(NotYetValid):
        judged(text, now=NOW - timedelta(seconds=61))
    with pytest.raises(Expired) as caught:
        judged(text, now=NOW + timedelta(minutes=31, seconds=1))
    assert fault(caught.value) == "req.replay"


async def test_keys_of_unusable_kinds_are_passed_over_and_use_may_be_absent() -> None:
    keys = [
        {"kty": "AKP", "alg": "ML-KEM-768", "kid": "pq", "pub": "AAAA"},
        {"kty": "made-up", "kid": "m"},
        {"kty": "OKP", "crv": "X25519", "alg": "ECDH-ES", "kid": "x", "x": "AAAA"},
        {**ENCRYPTION_JWK, "kid": "sig", "use": "sig"},
        {name: value for name, value in ENCRYPTION_JWK.items() if name != "use"},
    ]
    verified = judged(await signed(claims(client_metadata=metadata(jwks={"keys": keys}))))
    assert verified.request.encryption_jwk["kid"] == "ac"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(..., "A128GCM"), (["A256GCM", "A128GCM"], "A256GCM"), (["A128CBC-HS256", "A128GCM"], "A128GCM")],
)
async def test_the_first_content_encryption_that_we_know_is_used(offered: object, chosen: str) -> None:
    told = metadata(encrypted_response_enc_values_supported=offered)
    assert judged(await signed(claims(client_metadata=told))).request.encryption_enc == chosen


async def test_evidence_that_is_an_object_is_kept_as_its_text() -> None:
    body = claims(verifier_info=[{"format": "urn:x", "data": {"b": 1, "a": 2}}])
    assert judged(await signed(body)).request.verifier_info == (VerifierInfo(format="urn:x", data='{"b":1,"a":2}'),)


# Who asks


async def test_a_changed_byte_is_refused() -> None:
    head, _, signature = (await signed(claims())).split(".")
    payload = b64url(write_json(claims(state="other")))
    with pytest.raises(BadSignature) as caught:
        judged(f"{head}.{payload}.{signature}")
    assert fault(caught.value) == "vrf.unauthenticated"


async def test_another_key_under_the_same_kid_is_refused() -> None:
    other = SoftwareSigner.from_secret(b"\x08" * 32, key_id=SIGNER.key_id)
    with pytest.raises(BadSignature):
        judged(await signed(claims(), signer=other))


@pytest.mark.parametrize("kid", ["", "#key-1", "key-1", DID, "did:web:evil.example#key-1", f"{DID}.evil#key-1"])
async def test_the_key_must_be_named_as_one_of_the_clients_did(kid: str) -> None:
    signer = SoftwareSigner.from_secret(b"\x07" * 32, key_id=kid)
    with pytest.raises((BadRequestObject, BadDid)) as caught:
        judged(await signed(claims(), signer=signer))
    assert fault(caught.value) == "vrf.unauthenticated"


async def test_a_key_that_the_document_does_not_list_is_refused() -> None:
    signer = SoftwareSigner.from_secret(b"\x07" * 32, key_id=f"{DID}#key-2")
    with pytest.raises(UnknownKey):
        judged(await signed(claims(), signer=signer))


async def test_a_key_that_may_not_authenticate_is_refused() -> None:
    document = {**create_document(DID, {"key-1": SIGNER.public}), "authentication": []}
    unverified = parse_request_object(await signed(claims()), link=LINK, key_sources=KEY_SOURCES)
    with pytest.raises(UnknownKey):
        verify_request_object(
            unverified,
            client_keys=keys_of_document(document, did=DID),
            expected_wallet_nonce=WALLET_NONCE,
            now=NOW,
            formats=FORMATS,
        )


async def test_another_partys_document_is_our_own_mistake() -> None:
    evil = "did:web:evil.example"
    document = keys_of_document(create_document(evil, {"key-1": SIGNER.public}), did=evil)
    unverified = parse_request_object(await signed(claims()), link=LINK, key_sources=KEY_SOURCES)
    with pytest.raises(ValueError, match="keys"):
        verify_request_object(
            unverified, client_keys=document, expected_wallet_nonce=WALLET_NONCE, now=NOW, formats=FORMATS
        )


async def test_a_client_id_that_differs_from_the_links_is_refused() -> None:
    text = await signed(claims(client_id="decentralized_identifier:did:web:evil.example"))
    with pytest.raises(BadRequestObject) as caught:
        parse_request_object(text, link=LINK, key_sources=KEY_SOURCES)
    assert fault(caught.value) == "req.origin"


async def test_another_prefix_in_the_object_is_refused() -> None:
    link = RequestLink(client_id="x509_san_dns:dealer.example", request_uri=LINK.request_uri)
    with pytest.raises(BadRequestObject) as caught:
        parse_request_object(await signed(claims(client_id=link.client_id)), link=link, key_sources=KEY_SOURCES)
    assert fault(caught.value) == "vrf.unauthenticated"


@pytest.mark.parametrize("typ", ["JWT", "relationship-agreement+jwt", "kb+jwt", "dc+sd-jwt"])
async def test_a_token_of_another_type_is_no_request(typ: str) -> None:
    with pytest.raises(WrongType) as caught:
        judged(await signed(claims(), typ=typ))
    assert fault(caught.value) == "req.malformed"


def test_an_unsigned_request_is_not_authenticated() -> None:
    header = b64url(write_json({"alg": "none", "typ": "oauth-authz-req+jwt", "kid": SIGNER.key_id}))
    with pytest.raises(UnsupportedAlgorithm) as caught:
        judged(f"{header}.{b64url(write_json(claims()))}.")
    assert fault(caught.value) == "vrf.unauthenticated"


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "e30.e30.e30", "{}"])
def test_what_is_no_signed_text_is_malformed(text: str) -> None:
    with pytest.raises(DidkitError) as caught:
        judged(text)
    assert fault(caught.value) in {"req.malformed", "vrf.unauthenticated"}


def test_a_request_has_a_bound() -> None:
    with pytest.raises(TooLarge):
        judged("a" * 200_000)


# Replay and origin


@pytest.mark.parametrize(
    "nonce", ["", "short", "a" * 21, "a" * 513, "a" * 22 + " ", "a" * 22 + "+", "a" * 22 + "\n", 1]
)
async def test_a_nonce_that_cannot_hold_128_bits_is_refused(nonce: object) -> None:
    error = await refused(claims(nonce=nonce))
    assert isinstance(error, Malformed | BadRequestObject)


async def test_a_missing_nonce_is_refused() -> None:
    assert "nonce" in str(await refused(claims(nonce=...)))


@pytest.mark.parametrize("echo", [..., "another-nonce-of-a-wallet"])
async def test_a_wallet_nonce_that_is_not_ours_is_refused(echo: object) -> None:
    assert fault(await refused(claims(wallet_nonce=echo))) == "req.replay"


async def test_a_request_made_for_another_wallet_is_refused_when_fetched_by_get() -> None:
    with pytest.raises(BadRequestObject) as caught:
        judged(await signed(claims()), wallet_nonce=None)
    assert fault(caught.value) == "req.replay"


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/response",
        "https://dealer.example.evil.example/",
        "https://dealer.example:8443/response",
        "https://api.dealer.example/response",
        "http://localhost:8101/response",
    ],
)
async def test_an_answer_goes_to_the_clients_own_origin_only(uri: str) -> None:
    assert fault(await refused(claims(response_uri=uri))) == "req.origin"


@pytest.mark.parametrize(
    "uri", [..., "http://dealer.example/x", "https://dealer.example/x#y", "https://a@dealer.example/", 7]
)
async def test_a_response_uri_is_an_https_address(uri: object) -> None:
    assert fault(await refused(claims(response_uri=uri))) == "req.malformed"


async def test_a_did_that_is_only_a_key_is_answered_where_the_link_led() -> None:
    public = SIGNER.public.to_jwk()
    did = f"did:jwk:{b64url(write_json(public))}"
    signer = SoftwareSigner.from_secret(b"\x07" * 32, key_id=f"{did}#0")
    client = f"decentralized_identifier:{did}"
    link = RequestLink(client_id=client, request_uri="https://shop.example/requests/1")

    async def judge(response_uri: str) -> PresentationRequest:
        text = await signed(claims(client_id=client, response_uri=response_uri), signer=signer)
        return verify_request_object(
            parse_request_object(text, link=link, key_sources=KEY_SOURCES),
            client_keys=read_document(did),
            expected_wallet_nonce=WALLET_NONCE,
            now=NOW,
            formats=FORMATS,
        ).request

    assert (await judge("https://shop.example/response/1")).client_id.identifier == did
    with pytest.raises(BadRequestObject) as caught:
        await judge("https://elsewhere.example/response/1")
    assert fault(caught.value) == "req.origin"


# The shape of a request


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ...},
        {"aud": "https://wallet.example"},
        {"aud": ["https://self-issued.me/v2", "https://other.example"]},
        {"response_type": ...},
        {"response_type": "code"},
        {"response_type": "vp_token id_token"},
        {"response_mode": ...},
        {"response_mode": "direct_post"},
        {"response_mode": "fragment"},
        {"response_mode": "dc_api.jwt"},
        {"redirect_uri": "https://dealer.example/cb"},
        {"scope": "openid"},
        {"presentation_definition": {}},
        {"presentation_definition_uri": "https://dealer.example/pd"},
        {"client_id_scheme": "did"},
        {"client_metadata_uri": "https://dealer.example/md"},
        {"request": "a.b.c"},
        {"request_uri": "https://dealer.example/r"},
        {"dcql_query": ...},
        {"dcql_query": "{}"},
        {"client_metadata": ...},
        {"client_metadata": metadata(jwks=...)},
        {"client_metadata": metadata(vp_formats_supported=...)},
        {"client_metadata": metadata(jwks={"keys": []})},
        {"client_metadata": metadata(jwks={"keys": [{"kty": "made-up", "kid": "1"}]})},
        {"client_metadata": metadata(jwks={"keys": [{**ENCRYPTION_JWK, "use": "sig"}]})},
        {"client_metadata": metadata(jwks={"keys": [{**ENCRYPTION_JWK, "alg": "ECDH-ES+A128KW"}]})},
        {"client_metadata": metadata(jwks={"keys": [{k: v for k, v in ENCRYPTION_JWK.items() if k != "kid"}]})},
        {"client_metadata": metadata(jwks={"keys": [{k: v for k, v in ENCRYPTION_JWK.items() if k != "alg"}]})},
        {"client_metadata": metadata(jwks={"keys": [{**ENCRYPTION_JWK, "d": "AAAA"}]})},
        {"client_metadata": metadata(encrypted_response_enc_values_supported=[])},
        {"client_metadata": metadata(encrypted_response_enc_values_supported=["A128CBC-HS256"])},
        {"verifier_info": []},
        {"verifier_info": {}},
        {"verifier_info": [{"format": "urn:x", "data": "a"}] * 21},
        {"verifier_info": [{"format": "f" * 513, "data": "a"}]},
        {"verifier_info": [{"format": "urn:x", "data": "a", "credential_ids": ["q"] * 21}]},
        {"verifier_info": [{"format": "urn:x"}]},
        {"verifier_info": [{"data": "a"}]},
        {"verifier_info": [{"format": "urn:x", "data": 1}]},
        {"verifier_info": [{"format": "urn:x", "data": "a", "credential_ids": []}]},
        {"verifier_info": [{"format": "urn:x", "data": "a", "credential_ids": ["other"]}]},
        {"state": ""},
        {"state": "a b"},
        {"state": "a" * 1_025},
        {"iat": ...},
        {"iat": "now"},
        {"iat": True},
        {"iat": 253_402_300_799, "exp": ...},
        {"exp": timestamp(NOW)},
        {"exp": timestamp(NOW) - 1},
        {"exp": timestamp(NOW) + 1_801},
        {"nbf": timestamp(NOW) + 120},
        {"wallet_nonce": 1},
    ],
)
async def test_a_request_that_breaks_a_rule_is_malformed(changes: dict[str, object]) -> None:
    assert fault(await refused(claims(**changes))) == "req.malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"verifier_info": [{"format": "urn:x", "data": "a"}] * 20},
        {"verifier_info": [{"format": "f" * 512, "data": "a"}]},
        {"state": "a" * 1_024},
        {"exp": timestamp(NOW) + 1_800},
        {"exp": timestamp(NOW) + 1},
        {"aud": ["https://self-issued.me/v2"]},
        {"redirect_uri": None},
        {"client_metadata": metadata(encrypted_response_enc_values_supported=["A128CBC-HS256", "A256GCM"])},
        {"client_metadata": metadata(jwks={"keys": [{"kty": "made-up"}, dict(ENCRYPTION_JWK)]})},
        {"client_metadata": metadata(jwks={"keys": [{**ENCRYPTION_JWK, "kid": "k" * 512}]})},
    ],
)
async def test_a_request_that_is_just_within_the_rules_is_accepted(changes: dict[str, object]) -> None:
    judged(await signed(claims(**changes)))


async def test_an_encryption_key_off_the_curve_is_refused() -> None:
    keys = {"keys": [{**ENCRYPTION_JWK, "y": ENCRYPTION_JWK["x"]}]}
    assert isinstance(await refused(claims(client_metadata=metadata(jwks=keys))), BadKey)


@pytest.mark.parametrize("data", [[], ["eyJ0eXBlIjoieCJ9"], "x", None])
async def test_any_transaction_data_is_refused_by_name(data: object) -> None:
    error = await refused(claims(transaction_data=data))
    assert isinstance(error, InvalidTransactionData)
    assert error.code == "invalid_transaction_data"
    assert fault(error) == "req.malformed"


async def test_a_vendor_that_cannot_read_our_format_is_refused_by_name() -> None:
    told = metadata(vp_formats_supported={"mso_mdoc": {}})
    assert isinstance(await refused(claims(client_metadata=told)), VpFormatsNotSupported)


async def test_without_the_holders_proof_a_state_is_required() -> None:
    query = claims()["dcql_query"]
    query["credentials"][0]["require_cryptographic_holder_binding"] = False
    assert judged(await signed(claims(dcql_query=query))).request.query.credentials[0].holder_binding is False
    assert "state" in str(await refused(claims(dcql_query=query, state=...)))


async def test_state_may_be_absent_otherwise() -> None:
    assert judged(await signed(claims(state=...))).request.state is None


# The vendor's own mistakes


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "short"},
        {"response_uri": "https://evil.example/response"},
        {"expires_at": NOW + timedelta(hours=1)},
        {"encryption_jwk": {"kty": "EC"}},
        {"verifier_info": (VerifierInfo(format="urn:x", data="a", credential_ids=("other",)),)},
    ],
)
async def test_a_request_that_no_wallet_would_accept_is_not_signed(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no wallet would accept"):
        await create_request_object(replace(request(), **changes), signer=SIGNER, formats=FORMATS)


async def test_a_request_is_not_signed_with_anothers_key() -> None:
    signer = SoftwareSigner.from_secret(b"\x07" * 32, key_id="did:web:evil.example#key-1")
    with pytest.raises(ValueError, match="of the client's own"):
        await create_request_object(request(), signer=signer, formats=FORMATS)


# Official examples


@pytest.mark.needs("vectors")
def test_the_official_request_object_is_refused_for_its_redirect_uri(vectors: Path) -> None:
    text = (vectors / "openid4vp/request/request_object_client_id_did.json").read_text()
    body = json.loads(text.replace("{ ... }", json.dumps(claims()["dcql_query"])))
    with pytest.raises(BadRequestObject, match="redirect_uri"):
        PresentationRequest.from_json(
            {**claims(), **body}, formats=FORMATS, client_id=client_id_of(DID, key_sources=KEY_SOURCES)
        )
    del body["redirect_uri"]
    with pytest.raises(BadRequestObject, match="another client"):
        PresentationRequest.from_json(
            {**claims(), **body}, formats=FORMATS, client_id=client_id_of(DID, key_sources=KEY_SOURCES)
        )
    with pytest.raises(BadDid):  # did:example is resolved by nobody
        parse_client_id(body["client_id"], key_sources=KEY_SOURCES)


@pytest.mark.needs("vectors")
def test_the_official_signed_payload_for_browsers_is_refused(vectors: Path) -> None:
    text = (vectors / "openid4vp/digital_credentials_api/signed_request_payload_compact.json").read_text()
    body = json.loads(text.replace("{...}", json.dumps(claims()["dcql_query"])))
    with pytest.raises(BadRequestObject, match="response_mode"):
        PresentationRequest.from_json(
            {**claims(), **body}, formats=FORMATS, client_id=client_id_of(DID, key_sources=KEY_SOURCES)
        )


@pytest.mark.needs("vectors")
@pytest.mark.parametrize(
    ("name", "supported"),
    [
        ("sd_jwt_vc_verifier_metadata", True),
        ("mso_mdoc_verifier_metadata", False),
        ("w3c_ldp_verifier_metadata", False),
    ],
)
async def test_official_client_metadata_is_read(vectors: Path, name: str, supported: bool) -> None:  # noqa: FBT001
    body = json.loads((vectors / "openid4vp" / "client_metadata" / f"{name}.json").read_text())
    text = await signed(claims(client_metadata=metadata(**body)))
    if supported:
        assert judged(text).request.client_id.identifier == DOCUMENT.id
    else:
        with pytest.raises(VpFormatsNotSupported):
            judged(text)
