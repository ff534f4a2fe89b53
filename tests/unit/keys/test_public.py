"""Public keys: JWK, Multikey, thumbprint, and what is no public key of ours."""

import json
from pathlib import Path

import pytest

from didkit_py.encoding import Json, b64url, jcs, multibase58, sha256
from didkit_py.errors import BadKey, Malformed, UnsupportedAlgorithm
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

# RFC 8037, appendix A.2 and A.3
ED25519: dict[str, Json] = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ED25519_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
# RFC 7515, appendix A.3.1
P256: dict[str, Json] = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    assert PublicKey.from_jwk(ED25519).thumbprint == ED25519_THUMBPRINT
    assert PublicKey.from_jwk({**ED25519, "kid": "any", "alg": "EdDSA", "use": "sig"}).thumbprint == ED25519_THUMBPRINT


def test_thumbprint_steps_give_the_value_printed_in_rfc_7638() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZ"
        "Hzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-k"
        "EgU8awapJzKnqDKgw"
    )
    members: Json = {"kty": "RSA", "n": modulus, "e": "AQAB"}
    assert b64url(sha256(jcs(members))) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("jwk", [ED25519, P256])
def test_a_key_survives_both_spellings(jwk: dict[str, Json]) -> None:
    key = PublicKey.from_jwk(jwk)
    assert key.to_jwk() == jwk
    assert PublicKey.from_multikey(key.to_multikey()) == key


def test_changing_a_jwk_that_was_handed_out_changes_no_key() -> None:
    key = PublicKey.from_jwk(ED25519)
    key.to_jwk()["x"] = "changed"
    assert key.to_jwk() == ED25519


@pytest.mark.needs("vectors")
def test_multikeys_are_those_of_the_did_key_vectors(vectors: Path) -> None:
    entries = json.loads((vectors / "did-key" / "ed25519-x25519.json").read_text(encoding="utf-8"))
    assert len(entries) >= 5
    for did, entry in entries.items():
        signer = SoftwareSigner.from_secret(bytes.fromhex(entry["seed"]), alg="EdDSA")
        assert signer.public.to_multikey() == did.removeprefix("did:key:")
        assert PublicKey.from_multikey(did.removeprefix("did:key:")) == signer.public


def test_a_p256_multikey_is_that_of_the_did_key_specification() -> None:
    # did:key method, "P-256" example
    text = "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"
    key = PublicKey.from_multikey(text)
    assert key.algorithm.alg == "ES256"
    assert key.to_multikey() == text
    assert key.to_jwk()["x"] == "igrFmi0whuihKnj9R3Om1SoMph72wUGeFaBbzG2vzns"
    assert key.to_jwk()["y"] == "efsX5b10x8yjyrj4ny3pGfLcY7Xby1KzgqOdqnsrJIM"


@pytest.mark.parametrize(
    "change",
    [
        {"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"},
        {"crv": "X25519"},
        {"crv": "P-256"},
        {"crv": ["Ed25519"]},
        {"kty": "oct"},
        {"alg": "ES256"},
        {"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"},
        {"x": 5},
    ],
    ids=str,
)
def test_a_jwk_that_is_no_public_signature_key_is_refused(change: dict[str, Json]) -> None:
    with pytest.raises(BadKey):
        PublicKey.from_jwk({**ED25519, **change})


@pytest.mark.parametrize(
    "jwk",
    [
        {name: value for name, value in P256.items() if name != "y"},
        {**P256, "y": P256["x"]},  # not on the curve
        {**P256, "x": b64url(bytes(32)), "y": b64url(bytes(32))},
        {**P256, "x": b64url(b"\x00" + bytes(32))},
        None,
        [],
        "text",
    ],
    ids=str,
)
def test_what_is_no_point_or_no_object_is_refused(jwk: Json) -> None:
    with pytest.raises(BadKey):
        PublicKey.from_jwk(jwk)


@pytest.mark.needs("vectors")
@pytest.mark.parametrize(
    "name", ["3_1.ec_public_key", "3_2.ec_private_key", "3_3.rsa_public_key", "3_5.symmetric_key_mac_computation"]
)
def test_keys_of_other_kinds_in_rfc_7520_are_refused(vectors: Path, name: str) -> None:
    jwk = json.loads((vectors / "jose-cookbook" / "jwk" / f"{name}.json").read_text(encoding="utf-8"))
    with pytest.raises(BadKey):
        PublicKey.from_jwk(jwk)


def test_multikeys_of_other_kinds_or_lengths_are_refused() -> None:
    x25519 = "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"
    for text in (x25519, multibase58(b"\xed\x01" + bytes(31)), multibase58(b"\x80\x24\x04" + bytes(64)), "z", "u"):
        with pytest.raises((BadKey, Malformed)):
            PublicKey.from_multikey(text)


def test_the_key_decides_which_algorithm_fits() -> None:
    with pytest.raises(UnsupportedAlgorithm):
        PublicKey.from_jwk(ED25519).verify(bytes(64), b"", alg="ES256")
    with pytest.raises(UnsupportedAlgorithm):
        PublicKey.from_jwk(P256).verify(bytes(64), b"", alg="EdDSA")
