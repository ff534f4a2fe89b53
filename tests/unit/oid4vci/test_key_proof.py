"""Key proofs (OpenID4VCI 1.0, appendix F.1 and F.4)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.encoding import Json, b64url, from_b64url, from_timestamp
from didkit_py.jose import sign_compact
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oauth import InvalidNonce, InvalidProof
from didkit_py.oid4vci.key_proof import (
    create_key_proof,
    parse_key_proof,
    verify_key_proof,
    verify_key_proofs,
)
from didkit_py.oid4vci.nonce import MAX_NONCE

# The proof that F.1 prints, its line breaks taken out; it is signed for real.
OFFICIAL = (
    "eyJ0eXAiOiJvcGVuaWQ0dmNpLXByb29mK2p3dCIsImFsZyI6IkVTMjU2Iiwiand"
    "rIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoiblVXQW9BdjNYWml0aDh"
    "FN2kxOU9kYXhPTFlGT3dNLVoyRXVNMDJUaXJUNCIsInkiOiJIc2tIVThCalVpMVU"
    "5WHFpN1N3bWo4Z3dBS18weGtjRGpFV183MVNvc0VZIn19.eyJhdWQiOiJodHRwcz"
    "ovL2NyZWRlbnRpYWwtaXNzdWVyLmV4YW1wbGUuY29tIiwiaWF0IjoxNzAxOTYwND"
    "Q0LCJub25jZSI6IkxhclJHU2JtVVBZdFJZTzZCUTR5bjgifQ.-a3EDsxClUB4O3L"
    "eDD5DVGEnNMT01FCQW4P6-2-BNBqc_Zxf0Qw4CWayLEpqkAomlkLb9zioZoipdP-"
    "jvh1WlA"
)
OFFICIAL_TIME = from_timestamp(1701960444)
OFFICIAL_AUDIENCE = "https://credential-issuer.example.com"
ISSUER = "https://issuer.example.com"
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
DID = "did:web:vendor.example"
PERSON = SoftwareSigner.from_secret(b"p" * 32)
BUSINESS = SoftwareSigner.from_secret(b"b" * 32, alg="EdDSA", key_id=f"{DID}#key-1")
DOCUMENTS = {DID: keys_of_document(create_document(DID, {"key-1": BUSINESS.public}), did=DID)}


async def proof(signer: SoftwareSigner = PERSON, *, typ: str = "openid4vci-proof+jwt", **changes: Json) -> str:
    header = changes.pop("header", {} if signer.key_id else {"jwk": signer.public.to_jwk()})
    assert isinstance(header, dict)
    claims: dict[str, Json] = {"aud": ISSUER, "iat": int(NOW.timestamp()), "nonce": "n"}
    claims |= changes
    return await sign_compact(
        {name: value for name, value in claims.items() if value is not None}, typ=typ, signer=signer, header=header
    )


def judge(text: str) -> None:
    verify_key_proof(text, expected_audience=ISSUER, parties=DOCUMENTS, now=NOW)


def test_the_proof_of_the_standard_holds() -> None:
    verified = verify_key_proof(OFFICIAL, expected_audience=OFFICIAL_AUDIENCE, parties={}, now=OFFICIAL_TIME)

    assert verified.nonce == "LarRGSbmUPYtRYO6BQ4yn8"
    assert verified.kid is None
    assert verified.key.to_jwk()["x"] == "nUWAoAv3XZith8E7i19OdaxOLYFOwM-Z2EuM02TirT4"


def test_the_proof_of_the_standard_fails_when_any_part_is_changed() -> None:
    header, payload, signature = OFFICIAL.split(".")
    claims = json.loads(from_b64url(payload)) | {"nonce": "another"}
    for text in (
        ".".join((header, b64url(json.dumps(claims).encode()), signature)),
        ".".join((header, payload, b64url(bytes(64)))),
        f"{header}.{payload}.",
    ):
        with pytest.raises(InvalidProof):
            verify_key_proof(text, expected_audience=OFFICIAL_AUDIENCE, parties={}, now=OFFICIAL_TIME)


async def test_a_persons_proof_carries_its_key_and_names_nobody() -> None:
    text = await create_key_proof(signer=PERSON, audience=ISSUER, nonce="n", now=NOW)
    jws = parse_key_proof(text)

    assert dict(jws.header) == {"alg": "ES256", "typ": "openid4vci-proof+jwt", "jwk": PERSON.public.to_jwk()}
    assert jws.claims() == {"aud": ISSUER, "iat": 1795255200, "nonce": "n"}
    assert jws.kid is None
    judge(text)


async def test_a_businesss_proof_names_a_key_of_its_did() -> None:
    text = await create_key_proof(signer=BUSINESS, audience=ISSUER, nonce="n", now=NOW)

    verified = verify_key_proof(text, expected_audience=ISSUER, parties=DOCUMENTS, now=NOW)

    assert parse_key_proof(text).kid == f"{DID}#key-1"
    assert (verified.kid, verified.key) == (f"{DID}#key-1", BUSINESS.public)
    assert "jwk" not in parse_key_proof(text).header


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://another.example"},
        {"aud": [ISSUER]},
        {"aud": ISSUER + "/"},
        {"aud": None},
        {"iat": None},
        {"iat": str(int(NOW.timestamp()))},
        {"iat": int((NOW - timedelta(minutes=5, seconds=1)).timestamp())},
        {"iat": int((NOW + timedelta(minutes=5, seconds=1)).timestamp())},
        {"nonce": None},
        {"nonce": 5},
        {"nonce": ""},
        {"typ": "JWT"},
        {"typ": "kb+jwt"},
        {"header": {}},
        {"header": {"jwk": PERSON.public.to_jwk(), "kid": f"{DID}#key-1"}},
        {"header": {"jwk": PERSON.public.to_jwk(), "x5c": ["MII"]}},
        {"header": {"x5c": ["MII"]}},
        {"header": {"jwk": PERSON.public.to_jwk() | {"d": b64url(b"p" * 32)}}},
        {"header": {"jwk": BUSINESS.public.to_jwk()}},
        {"header": {"jwk": "key"}},
        {"header": {"jwk": PERSON.public.to_jwk(), "crit": ["x"], "x": 1}},
        {"header": {"jwk": PERSON.public.to_jwk(), "alg": "none"}},
        {"header": {"jwk": PERSON.public.to_jwk(), "alg": "HS256"}},
        {"header": {"kid": "0"}},
        {"header": {"kid": 0}},
        {"header": {"kid": ""}},
        {"header": {"kid": f"{DID}#key-2"}},
        {"header": {"kid": f"{DID}#key-1"}},
        {"header": {"kid": "did:web:unknown.example#key-1"}},
    ],
)
async def test_a_proof_that_breaks_one_rule_is_an_invalid_proof(changes: dict[str, Any]) -> None:
    judge(await proof())
    with pytest.raises(InvalidProof):
        judge(await proof(**changes))


OTHER_KEY = SoftwareSigner.from_secret(b"c" * 32, alg="EdDSA", key_id=f"{DID}#key-2")


async def test_of_several_keys_the_named_one_counts() -> None:
    both = create_document(DID, {"key-1": BUSINESS.public, "key-2": OTHER_KEY.public})
    documents = {DID: keys_of_document(both, did=DID)}
    for signer in (BUSINESS, OTHER_KEY):
        text = await proof(signer)
        assert verify_key_proof(text, expected_audience=ISSUER, parties=documents, now=NOW).key == signer.public
    misnamed = await proof(replace(OTHER_KEY, key_id=BUSINESS.key_id))
    with pytest.raises(InvalidProof):
        verify_key_proof(misnamed, expected_audience=ISSUER, parties=documents, now=NOW)


async def test_a_key_of_a_business_proves_nothing_once_its_time_is_over() -> None:
    body = create_document(DID, {"key-1": BUSINESS.public})
    methods = body["verificationMethod"]
    assert isinstance(methods, list)
    assert isinstance(methods[0], dict)
    methods[0]["expires"] = "2026-11-21T10:00:00Z"
    documents = {DID: keys_of_document(body, did=DID)}
    before = NOW - timedelta(seconds=1)
    text = await proof(BUSINESS)
    verify_key_proof(text, expected_audience=ISSUER, parties=documents, now=before)
    with pytest.raises(InvalidProof):
        verify_key_proof(text, expected_audience=ISSUER, parties=documents, now=NOW)


async def test_a_proof_with_an_overlong_member_is_not_read() -> None:
    long, nonce = "https://issuer.example/".ljust(2_048, "x"), "n" * MAX_NONCE
    verify_key_proof(await proof(aud=long, nonce=nonce), expected_audience=long, parties={}, now=NOW)
    for text, audience in ((await proof(aud=long + "x"), long + "x"), (await proof(nonce=nonce + "n"), ISSUER)):
        with pytest.raises(InvalidProof, match="longer"):
            verify_key_proof(text, expected_audience=audience, parties={}, now=NOW)


@pytest.mark.parametrize("minutes", [-5, 5])
async def test_clocks_may_differ_by_five_minutes(minutes: int) -> None:
    judge(await proof(iat=int((NOW + timedelta(minutes=minutes)).timestamp())))


async def test_a_client_name_plays_no_part() -> None:
    judge(await proof(iss="s6BhdRkqt3"))


@pytest.mark.parametrize("text", ["", "a.b.c", "abc", "{}", "a" * 20_000])
def test_what_is_no_token_is_an_invalid_proof(text: str) -> None:
    with pytest.raises(InvalidProof):
        judge(text)


async def test_the_proofs_of_one_request_are_of_different_keys_with_one_nonce() -> None:
    other = SoftwareSigner.from_secret(b"q" * 32)
    verified = verify_key_proofs([await proof(), await proof(other)], expected_audience=ISSUER, parties={}, now=NOW)

    assert verified.nonce == "n"
    assert [each.key for each in verified.proofs] == [PERSON.public, other.public]
    with pytest.raises(InvalidProof, match="same key"):
        verify_key_proofs([await proof(), await proof()], expected_audience=ISSUER, parties={}, now=NOW)
    with pytest.raises(InvalidNonce):
        verify_key_proofs([await proof(), await proof(other, nonce="m")], expected_audience=ISSUER, parties={}, now=NOW)
    with pytest.raises(InvalidProof):
        verify_key_proofs([], expected_audience=ISSUER, parties={}, now=NOW)


async def test_one_bad_proof_among_good_ones_is_found_wherever_it_stands() -> None:
    signers = [SoftwareSigner.from_secret(bytes([n]) * 32) for n in range(1, 5)]
    for bad in range(4):
        texts = [await proof(each, aud="https://b.example" if n == bad else ISSUER) for n, each in enumerate(signers)]
        with pytest.raises(InvalidProof, match="aud"):
            verify_key_proofs(texts, expected_audience=ISSUER, parties={}, now=NOW)
