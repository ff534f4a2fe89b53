"""Ed25519 and P-256 signatures against Wycheproof, and keys of wrong shape."""

import ast
import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from didkit_py.encoding import b64url, from_b64url
from didkit_py.errors import BadKey, BadSignature, UnsupportedAlgorithm
from didkit_py.keys.algorithms import _ROWS, ALGORITHMS
from didkit_py.keys.names import ALL_ALG_NAMES
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

PRODUCT = ("didkit_py", "issuer", "verifier", "wallet")
TABLE = {Path("didkit_py", "keys", "algorithms.py"), Path("didkit_py", "keys", "names.py")}
SUITES = {"EdDSA": ("ed25519_test.json", 151), "ES256": ("ecdsa_secp256r1_sha256_p1363_test.json", 262)}


def cases(vectors: Path, name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    suite = json.loads((vectors / "wycheproof" / name).read_text(encoding="utf-8"))
    for group in suite["testGroups"]:
        for case in group["tests"]:
            yield group, case


def key_of(group: dict[str, Any]) -> PublicKey:
    if jwk := group.get("publicKeyJwk"):
        return PublicKey.from_jwk({name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk})
    point = bytes.fromhex(group["publicKey"]["uncompressed"])
    return PublicKey.from_multikey(_multikey(b"\x80\x24" + bytes([2 + (point[64] & 1)]) + point[1:33]))


def secret_of(alg: str, number: int) -> bytes:
    return number.to_bytes(ALGORITHMS[alg].secret_bytes, "big")


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


@pytest.mark.needs("vectors")
def test_wycheproof_signatures_of_p_384_are_judged_as_labelled(vectors: Path) -> None:
    """The suite has DER signatures; those that are no strict DER have no fixed-length form and are left out."""
    row, judged = ALGORITHMS["ES384"], Counter[str]()
    for group, case in cases(vectors, "ecdsa_secp384r1_sha384_test.json"):
        try:
            r, s = decode_dss_signature(bytes.fromhex(case["sig"]))
            signature = r.to_bytes(48, "big") + s.to_bytes(48, "big")
        except (ValueError, OverflowError):
            assert case["result"] != "valid", case
            continue
        x, y = (int(group["publicKey"][name], 16).to_bytes(48, "big") for name in ("wx", "wy"))
        key = PublicKey.from_jwk({"kty": "EC", "crv": "P-384", "x": b64url(x), "y": b64url(y)})
        assert PublicKey.from_multikey(key.to_multikey()) == key
        try:
            key.verify(signature, bytes.fromhex(case["msg"]), alg=row.alg)
        except BadSignature:
            assert case["result"] == "invalid", case
        else:
            assert case["result"] == "valid", case
        judged[case["result"]] += 1
    assert judged["valid"] > 100
    assert judged["invalid"] > 50


async def test_rfc_8037_example_verifies_under_the_fully_specified_name() -> None:
    # RFC 8037, A.1 and A.4; RFC 9864, 2.2: Ed25519 is the same signature under a name that says the curve
    public = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    secret = from_b64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    signer = SoftwareSigner.from_secret(secret, alg="Ed25519")
    assert signer.alg == "Ed25519"
    assert b64url(await signer.sign(message)) == expected
    for members in (public, {**public, "alg": "Ed25519"}, {**public, "alg": "EdDSA"}):
        key = PublicKey.from_jwk(members)
        assert key == signer.public
        assert key.algorithm.alg == members.get("alg", "EdDSA")
        for alg in ("Ed25519", "EdDSA"):
            key.verify(from_b64url(expected), message, alg=alg)
        with pytest.raises(UnsupportedAlgorithm):
            key.verify(from_b64url(expected), message, alg="ES384")
    with pytest.raises(BadKey):
        PublicKey.from_jwk({**public, "alg": "ES384"})


def test_only_the_table_names_an_algorithm() -> None:
    """Elsewhere an algorithm is data from the table; docstrings and comments may speak of one."""
    names = {name for row in ALGORITHMS.values() for name in (row.alg, *row.also, row.crv, row.codec) if name}
    named = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, names))})(?![\w-])")
    root = Path(__file__).parents[3]
    found: list[str] = []
    for path in (
        path for folder in PRODUCT for path in (root / folder).rglob("*.py") if path.relative_to(root) not in TABLE
    ):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [
            f"{path.relative_to(root)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and named.search(node.value)
        ]
    assert found == []


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_a_signature_holds_for_its_message_and_key_alone(alg: str) -> None:
    signer = SoftwareSigner.from_secret(secret_of(alg, 7), alg=alg)
    other = SoftwareSigner.from_secret(secret_of(alg, 8), alg=alg)
    signature = await signer.sign(b"message")
    signer.public.verify(signature, b"message", alg=alg)
    for key, shown, message in (
        (signer.public, signature, b"messagf"),
        (other.public, signature, b"message"),
        (signer.public, signature[:-1], b"message"),
        (signer.public, signature + b"\x00", b"message"),
        (signer.public, b"", b"message"),
        (signer.public, bytes(len(signature)), b"message"),
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
        (bytes(48), "ES384"),
        (bytes(31) + b"\x01", "ES384"),
        (bytes(31) + b"\x01", "HS256"),
    ],
)
def test_secrets_that_are_no_key_are_refused(secret: bytes, alg: str) -> None:
    with pytest.raises(BadKey):
        SoftwareSigner.from_secret(secret, alg=alg)


def test_a_signer_does_not_print_its_secret() -> None:
    signer = SoftwareSigner.from_secret(bytes(31) + b"\x07", alg="EdDSA")
    assert repr(signer._private) not in repr(signer)


def test_every_row_has_a_name_and_every_name_a_row() -> None:
    assert _ROWS.keys() == set(ALL_ALG_NAMES)
