"""did:web, did:key and did:jwk against the vectors of their specifications."""

import json
from pathlib import Path
from typing import Any

import base58
import pytest

from didkit_py.dids.jwk import jwk_did
from didkit_py.dids.key import codec_prefix, key_did
from didkit_py.dids.methods import locations, read_document
from didkit_py.dids.web import web_did, web_origin
from didkit_py.encoding import b64url
from didkit_py.errors import BadDid, BadDidDocument, BadKey, Malformed, TooLarge
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.keys.party import KeyPurpose
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_did_web_stands_where_its_specification_says(vectors: Path) -> None:
    cases = load(vectors / "did-web" / "mapping.json")
    assert len(cases) == 4
    for case in cases:
        assert locations(case["did"]) == (case["url"],)


def test_did_key_reads_the_examples_of_the_current_draft(vectors: Path) -> None:
    example = load(vectors / "did-key" / "current-draft-examples.json")["json_examples"][0]["json"]
    method = example["verificationMethod"][0]
    read = read_document(example["id"])
    for purpose in (KeyPurpose.AUTHENTICATION, KeyPurpose.ASSERTION):
        assert list(read.purposes[purpose]) == example[purpose.value]
        assert read.key(method["id"], purpose).to_multikey() == method["publicKeyMultibase"]
    assert locations(example["id"]) == ()


def test_did_key_finds_the_keys_of_the_published_seeds(vectors: Path) -> None:
    cases = load(vectors / "did-key" / "ed25519-x25519.json")
    assert len(cases) == 5
    for did, case in cases.items():
        signer = SoftwareSigner.from_secret(bytes.fromhex(case["seed"]), alg="EdDSA")
        assert key_did(signer.public) == did
        read = read_document(did).key(f"{did}#{did.removeprefix('did:key:')}", KeyPurpose.ASSERTION)
        pair = case["verificationKeyPair"]
        octets = base58.b58decode(pair["publicKeyBase58"]) if "publicKeyBase58" in pair else None
        expected = {"x": b64url(octets)} if octets else {"x": pair["publicKeyJwk"]["x"]}
        assert read.to_jwk() == {"crv": "Ed25519", "kty": "OKP", **expected}


@pytest.mark.parametrize(("start", "kind"), [("zQ3shokFTS3b", "secp256k1-pub"), ("zUC7EK3Z", "bls12_381-g2-pub")])
def test_did_key_names_the_kind_of_key_that_it_cannot_use(vectors: Path, start: str, kind: str) -> None:
    mentioned = load(vectors / "did-key" / "current-draft-examples.json")["did_keys_mentioned"]
    did = next(each for each in mentioned if each.startswith(f"did:key:{start}"))
    expected = BadDid if len(did) > 136 else BadKey  # the BLS key is longer than any that we use
    with pytest.raises(expected) as caught:
        read_document(did)
    assert kind in str(caught.value) or expected is BadDid


def test_our_prefixes_are_those_of_the_multicodec_table() -> None:
    assert {alg: codec_prefix(row.codec) for alg, row in ALGORITHMS.items() if row.codec is not None} == {
        alg: row.multicodec for alg, row in ALGORITHMS.items() if row.multicodec is not None
    }


@pytest.mark.parametrize(
    "did",
    [
        "did:key:",
        "did:key:zz",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2do",  # one character short
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doKK",  # one too many
        "did:key:u7QEudqWegJ1T7RyVKnnTYPRpUbg02zEIxrYQJlLn_FFWTw",  # base64url is not the method's spelling
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2d0K",  # 0 is no sign of base58btc
        "did:key:z" + "1" * 5000,
    ],
)
def test_a_broken_did_key_is_malformed(did: str) -> None:
    with pytest.raises(Malformed):
        read_document(did)


def test_did_jwk_reads_the_examples_of_its_specification(vectors: Path) -> None:
    cases = {case["name"]: case for case in load(vectors / "did-jwk" / "examples.json")}
    case = cases["P-256"]
    read = read_document(case["did"])
    for purpose in KeyPurpose:  # the corrected document: the specification's own has a stray $ in authentication
        assert list(read.purposes[purpose]) == case["did_document"][purpose.value]
        assert read.key(f"{case['did']}#0", purpose).to_jwk() == case["jwk"]
    with pytest.raises(BadKey):  # X25519 signs nothing
        read_document(cases["X25519"]["did"])


@pytest.mark.parametrize(
    ("use", "purposes"),
    [
        ("enc", {KeyPurpose.KEY_AGREEMENT}),
        ("sig", {KeyPurpose.AUTHENTICATION, KeyPurpose.ASSERTION}),
        (None, set(KeyPurpose)),
    ],
)
def test_the_use_of_a_did_jwk_limits_its_purposes(use: str | None, purposes: set[KeyPurpose]) -> None:
    jwk = SoftwareSigner.from_secret(bytes(31) + b"\x01").public.to_jwk() | ({"use": use} if use else {})
    read = read_document("did:jwk:" + b64url(json.dumps(jwk).encode()))
    assert {purpose for purpose, names in read.purposes.items() if names} == purposes


def test_a_did_jwk_of_ours_is_read_back() -> None:
    key = SoftwareSigner.from_secret(bytes(31) + b"\x01", alg="EdDSA").public
    assert read_document(jwk_did(key)).key("#0", KeyPurpose.ASSERTION) == key


@pytest.mark.parametrize("text", ["", "e30=", "W10", "bm8", "e30", "eyJrIjoxLCJrIjoyfQ"])
def test_a_broken_did_jwk_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        read_document(f"did:jwk:{text}")


def test_a_did_jwk_with_a_private_part_is_refused() -> None:
    jwk = SoftwareSigner.from_secret(bytes(31) + b"\x01").public.to_jwk() | {"d": "AQ"}
    with pytest.raises(BadKey):
        read_document("did:jwk:" + b64url(json.dumps(jwk).encode()))


@pytest.mark.parametrize(
    ("base_url", "did"),
    [
        ("http://localhost:8101", "did:web:localhost%3A8101"),
        ("http://127.0.0.1:8101/", "did:web:127.0.0.1%3A8101"),
        ("https://creditunion.example", "did:web:creditunion.example"),
        ("https://CreditUnion.example:443", "did:web:creditunion.example"),
        ("https://example.com:3000/user/alice", "did:web:example.com%3A3000:user:alice"),
    ],
)
def test_the_did_of_an_address_leads_back_to_it(base_url: str, did: str) -> None:
    assert web_did(base_url) == did
    assert locations(did)[0].startswith(base_url.lower().removesuffix(":443").rstrip("/"))


def test_a_did_web_speaks_for_its_origin_and_other_methods_for_none() -> None:
    assert web_origin("did:web:localhost%3A8101") == "http://localhost:8101"
    assert web_origin("did:web:bose.example") == "https://bose.example"
    assert web_origin("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK") is None


@pytest.mark.parametrize(
    "base_url", ["http://bose.example", "https://u@bose.example", "ftp://a", "https://8.8.8.8", ""]
)
def test_an_address_without_a_did_web_is_refused(base_url: str) -> None:
    with pytest.raises(BadDid):
        web_did(base_url)


@pytest.mark.parametrize(
    "did",
    [
        "did:web:",
        "did:web:bose.example:",
        "did:web:bose.example::a",
        "did:web:bose.example:..:a",
        "did:web:bose.example:.",
        "did:web:bose.example:%2e%2e",
        "did:web:bose.example:a%2Fb",
        "did:web:bose.example%2Fa",
        "did:web:bose.example%3a443",
        "did:web:bose.example%3A0",
        "did:web:bose.example%3A99999",
        "did:web:user%40bose.example",
        "did:web:Bose.example",
        "did:web:10.0.0.1",
        "did:web:2130706433",
        "did:web:0x7f000001",
        "did:web:-bose.example",
        "did:web:bose.example#a",
        "did:web:bose.example/a",
        "did:webs:bose.example",
        "did:ion:abc",
    ],
)
def test_a_did_that_could_lead_elsewhere_is_refused(did: str) -> None:
    with pytest.raises(BadDid):
        locations(did)


def test_a_did_web_document_must_name_its_did() -> None:
    with pytest.raises(BadDidDocument):
        read_document("did:web:bose.example", b'{"id": "did:web:chryota.example"}')
    with pytest.raises(TooLarge):
        read_document("did:web:bose.example", b'{"id": "' + b"a" * 70_000 + b'"}')
    with pytest.raises(Malformed):
        read_document("did:web:bose.example", b"<html>")
    with pytest.raises(ValueError, match="bytes"):
        read_document("did:web:bose.example")


def test_a_multikey_method_of_a_web_document_is_read() -> None:
    did, key = "did:web:bose.example", "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"
    method = {"id": "#k", "type": "Multikey", "controller": did, "publicKeyMultibase": key}
    body = json.dumps({"id": did, "verificationMethod": [method], "assertionMethod": ["#k"]}).encode()
    assert read_document(did, body).key("#k", KeyPurpose.ASSERTION) == PublicKey.from_multikey(key)
