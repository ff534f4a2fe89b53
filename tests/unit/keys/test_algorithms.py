"""Ed25519 and P-256 signatures against Wycheproof, and keys of wrong shape."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from didkit_py.errors import BadKey, BadSignature
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

SUITES = {"EdDSA": ("ed25519_test.json", 151), "ES256": ("ecdsa_secp256r1_sha256_p1363_test.json", 262)}


def cases(vectors: Path, name: str) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    suite = json.loads((vectors / "wycheproof" / name).read_text(encoding="utf-8"))
    for group in suite["testGroups"]:
        for case in group["tests"]:
            yield group, case


def key_of(group: dict[str, Any]) -> PublicKey:
    if jwk := group.get("publicKeyJwk"):
        return PublicKey.from_jwk({name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk})
    point = bytes.fromhex(group["publicKey"]["uncompressed"])
    return PublicKey.from_multikey(_multikey(b"\x80\x24" + bytes([2 + (point[64] & 1)]) + point[1:33]))


def _multikey(octets: bytes) -> str:
    return "u" + base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


@pytest.mark.needs("vectors")
@pytest.mark.parametrize("alg", SUITES)
def test_wycheproof_signatures_are_judged_as_labelled(vectors: Path, alg: str) -> None:
    name, expected_count = SUITES[alg]
    count = 0
    for group, case in cases(vectors, name):
        count += 1
        signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
        try:
            key_of(group).verify(signature, message, alg=alg)
        except BadSignature:
            assert case["result"] == "invalid", case
        else:
            assert case["result"] == "valid", case
    assert count == expected_count


async def test_rfc_8032_signatures_are_made_to_the_letter() -> None:
    # RFC 8032, 7.1, test 2
    signer = SoftwareSigner.from_secret(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"), alg="EdDSA"
    )
    assert await signer.sign(b"\x72") == bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


@pytest.mark.parametrize("alg", SUITES)
async def test_a_signature_holds_for_its_message_and_key_alone(alg: str) -> None:
    signer = SoftwareSigner.from_secret(bytes(31) + b"\x07", alg=alg)
    other = SoftwareSigner.from_secret(bytes(31) + b"\x08", alg=alg)
    signature = await signer.sign(b"message")
    signer.public.verify(signature, b"message", alg=alg)
    for key, shown, message in (
        (signer.public, signature, b"messagf"),
        (other.public, signature, b"message"),
        (signer.public, signature[:-1], b"message"),
        (signer.public, signature + b"\x00", b"message"),
        (signer.public, b"", b"message"),
        (signer.public, bytes(64), b"message"),
    ):
        with pytest.raises(BadSignature):
            key.verify(shown, message, alg=alg)


@pytest.mark.parametrize(
    ("secret", "alg"),
    [
        (bytes(32), "ES256"),
        (bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"), "ES256"),  # the order
        (bytes(31), "EdDSA"),
        (bytes(33), "ES256"),
        (bytes(31) + b"\x01", "HS256"),
    ],
)
def test_secrets_that_are_no_key_are_refused(secret: bytes, alg: str) -> None:
    with pytest.raises(BadKey):
        SoftwareSigner.from_secret(secret, alg=alg)


def test_a_signer_does_not_print_its_secret() -> None:
    signer = SoftwareSigner.from_secret(bytes(31) + b"\x07", alg="EdDSA")
    assert repr(signer._private) not in repr(signer)
