"""ML-DSA-44 by the example of RFC 9964; it is there only for callers that let it in."""

import json
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import from_b64url
from didkit_py.errors import BadKey, BadSignature, UnsupportedAlgorithm
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "rfc9964_ml_dsa_44.json").read_text(encoding="utf-8"))
PUBLIC: dict[str, Any] = {name: value for name, value in EXAMPLE["jwk"].items() if name != "priv"}
SIGNED, _, SIGNATURE = EXAMPLE["jws"].rpartition(".")


def test_the_key_and_its_thumbprint_are_those_of_the_standard() -> None:
    key = PublicKey.from_jwk(PUBLIC, optional=True)
    assert key.thumbprint == EXAMPLE["jwk"]["kid"]
    assert key.to_jwk() == {name: PUBLIC[name] for name in ("alg", "kty", "pub")}
    seed = from_b64url(EXAMPLE["jwk"]["priv"])
    assert SoftwareSigner.from_secret(seed, alg="ML-DSA-44").public == key


def test_the_signature_of_the_standard_holds_for_its_message_alone() -> None:
    key, signature = PublicKey.from_jwk(PUBLIC, optional=True), from_b64url(SIGNATURE)
    key.verify(signature, SIGNED.encode(), alg="ML-DSA-44")
    changed = bytearray(signature)
    changed[1_000] ^= 1
    for shown, message in ((signature, SIGNED + "A"), (bytes(changed), SIGNED), (signature[:-1], SIGNED)):
        with pytest.raises(BadSignature):
            key.verify(shown, message.encode(), alg="ML-DSA-44")
    with pytest.raises(UnsupportedAlgorithm):
        key.verify(signature, SIGNED.encode(), alg="EdDSA")


def test_it_is_no_key_for_whoever_does_not_let_it_in() -> None:
    with pytest.raises(BadKey, match="expected a P-256"):
        PublicKey.from_jwk(PUBLIC)


@pytest.mark.parametrize(
    "changed",
    [
        {"alg": None},
        {"alg": "ML-DSA-65"},
        {"alg": "ES256"},
        {"alg": 7},
        {"crv": "P-256"},
        {"kty": "EC"},
        {"kty": "OKP"},
        {"kty": ["AKP"]},
        {"crv": ["P-256"]},
        {"pub": None},
        {"pub": PUBLIC["pub"][:1744]},
        {"pub": 7},
        {"priv": EXAMPLE["jwk"]["priv"]},
    ],
)
def test_keys_of_another_shape_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadKey):
        PublicKey.from_jwk({**PUBLIC, **changed}, optional=True)


def test_it_has_no_multikey() -> None:
    with pytest.raises(BadKey):
        PublicKey.from_jwk(PUBLIC, optional=True).to_multikey()
