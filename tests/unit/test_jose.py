"""Compact JWS, two-party JWS and JWE: the gate refuses before anything is computed."""

import json
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import Json, b64url, write_json
from didkit_py.errors import (
    BadKey,
    BadSignature,
    CannotOpen,
    DidkitError,
    Malformed,
    TooLarge,
    UnsupportedAlgorithm,
    WrongType,
)
from didkit_py.jose import (
    JointlySigned,
    decrypt,
    encrypt,
    parse_compact,
    parse_jwe_header,
    sign_compact,
    usable_encryption_key,
    verify_compact,
)
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

# A token without `typ`, as printed in RFCs: no token of ours is one.
UNTYPED: Any = (None,)
SIGNERS = [
    SoftwareSigner.from_secret(bytes(31) + b"\x07", alg=alg, key_id="did:web:a.example#1") for alg in ("ES256", "EdDSA")
]
ENCRYPTION_SECRET: dict[str, Json] = {  # RFC 7518, appendix C
    "kty": "EC",
    "crv": "P-256",
    "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
    "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
    "d": "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw",
}
ENCRYPTION_KEY = {name: value for name, value in ENCRYPTION_SECRET.items() if name != "d"}


def test_the_eddsa_token_of_rfc_8037_verifies() -> None:
    key = PublicKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    text = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    jws = parse_compact(text, typ=UNTYPED)
    key.verify(jws.signature, jws.signing_input, alg=jws.alg)
    assert jws.payload == b"Example of Ed25519 signing"


def test_the_es256_token_of_rfc_7515_verifies() -> None:
    key = PublicKey.from_jwk(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }
    )
    text = (
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    claims = verify_compact(parse_compact(text, typ=UNTYPED), key)
    assert claims == {"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": True}


@pytest.mark.needs("vectors")
def test_wycheproof_tokens_are_judged_as_labelled(vectors: Path) -> None:
    suite = json.loads((vectors / "wycheproof" / "json_web_signature_test.json").read_text(encoding="utf-8"))
    accepted = judged = 0
    for group in suite["testGroups"]:
        public = group.get("public") or group.get("private")
        ours = isinstance(public, dict) and public.get("crv") in ("P-256", "Ed25519")
        if group["comment"] == "ec_key_for_encryption":
            continue  # what a key may serve for is said by purposes of a DID document, not by `use` of a JWK
        for case in group["tests"]:
            judged += 1
            try:
                jws = parse_compact(case["jws"] if isinstance(case["jws"], str) else "", typ=UNTYPED)
                PublicKey.from_jwk(public).verify(jws.signature, jws.signing_input, alg=jws.alg)
            except DidkitError:
                assert not (ours and case["result"] == "valid"), case
            else:
                assert case["result"] == "valid", case
                accepted += 1
    assert judged == 401 - 2
    assert accepted >= 2


@pytest.mark.needs("vectors")
@pytest.mark.parametrize("name", ["4_1.rsa_v15_signature", "4_3.ecdsa_signature", "4_4.hmac-sha2_integrity_protection"])
def test_tokens_of_rfc_7520_with_other_algorithms_are_refused(vectors: Path, name: str) -> None:
    case = json.loads((vectors / "jose-cookbook" / "jws" / f"{name}.json").read_text(encoding="utf-8"))
    with pytest.raises(UnsupportedAlgorithm):
        parse_compact(case["output"]["compact"], typ=UNTYPED)


@pytest.mark.needs("vectors")
def test_encrypted_texts_of_rfc_7520_with_other_algorithms_are_refused(vectors: Path) -> None:
    names = [
        path for path in sorted((vectors / "jose-cookbook" / "jwe").glob("*.json")) if "compact" in path.read_text()
    ]
    assert names
    for path in names:
        if compact := json.loads(path.read_text(encoding="utf-8"))["output"].get("compact"):
            with pytest.raises(UnsupportedAlgorithm):
                parse_jwe_header(compact)


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.alg)
async def test_a_token_holds_until_one_character_changes(signer: SoftwareSigner) -> None:
    text = await sign_compact({"a": 1}, typ="test+jwt", signer=signer)
    jws = parse_compact(text, typ="test+jwt")
    assert verify_compact(jws, signer.public) == {"a": 1}
    assert jws.kid == "did:web:a.example#1"
    for place, sign in enumerate(text):
        changed = text[:place] + ("A" if sign != "A" else "B") + text[place + 1 :]
        with pytest.raises(DidkitError):
            verify_compact(parse_compact(changed, typ="test+jwt"), signer.public)


def token(header: dict[str, Json]) -> str:
    return f"{b64url(write_json(header))}.{b64url(b'{}')}.{b64url(bytes(64))}"


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ({"typ": "test+jwt"}, UnsupportedAlgorithm),
        ({"alg": "none", "typ": "test+jwt"}, UnsupportedAlgorithm),
        ({"alg": "None", "typ": "test+jwt"}, UnsupportedAlgorithm),
        ({"alg": "HS256", "typ": "test+jwt"}, UnsupportedAlgorithm),
        ({"alg": "ES256"}, WrongType),
        ({"alg": "ES256", "typ": "other+jwt"}, WrongType),
        ({"alg": "ES256", "typ": 5}, WrongType),
        ({"alg": "ES256", "typ": "test+jwt", "crit": ["exp"]}, UnsupportedAlgorithm),
        ({"alg": "ES256", "typ": "test+jwt", "b64": False}, UnsupportedAlgorithm),
        ({"alg": "ES256", "typ": "test+jwt", "jwk": {}}, UnsupportedAlgorithm),
        ({"alg": "ES256", "typ": "test+jwt", "jku": "https://attacker.example"}, UnsupportedAlgorithm),
        ({"alg": "ES256", "typ": "test+jwt", "x5c": []}, UnsupportedAlgorithm),
        ({"alg": "ES256", "typ": "test+jwt", "zip": "DEF"}, UnsupportedAlgorithm),
    ],
    ids=str,
)
def test_the_gate_refuses_before_any_signature_is_looked_at(header: dict[str, Json], error: type[DidkitError]) -> None:
    with pytest.raises(error):
        parse_compact(token(header), typ="test+jwt")


def test_a_header_refused_once_is_refused_again_and_one_gate_is_not_another() -> None:
    """What was read for one caller is remembered for that caller's demands alone."""
    typed = token({"alg": "ES256", "typ": "a+jwt", "jwk": {}})
    parse_compact(typed, typ="a+jwt", honoured=frozenset({"jwk"}))
    for _ in range(2):
        with pytest.raises(UnsupportedAlgorithm):
            parse_compact(typed, typ="a+jwt")
        with pytest.raises(WrongType):
            parse_compact(typed, typ="b+jwt", honoured=frozenset({"jwk"}))


def test_a_header_that_was_read_cannot_be_changed() -> None:
    jws = parse_compact(token({"alg": "ES256", "typ": "a+jwt"}), typ="a+jwt")
    with pytest.raises(TypeError):
        jws.header["alg"] = "none"  # type: ignore[index] # that is the point


def test_type_names_are_compared_as_media_types() -> None:
    parse_compact(token({"alg": "ES256", "typ": "application/Test+JWT"}), typ="test+jwt")


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "..", "e30.e30.", "W10.e30.AA", "é.e30.AA", "e30=.e30.AA"])
def test_what_is_no_compact_token_is_malformed(text: str) -> None:
    with pytest.raises((Malformed, UnsupportedAlgorithm)):
        parse_compact(text, typ="test+jwt")


def test_a_long_token_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        parse_compact("a" * 131_073, typ="test+jwt")


async def test_a_payload_that_is_no_object_is_malformed_after_the_signature() -> None:
    from didkit_py.jose import sign_octets  # noqa: PLC0415 - wanted by this test alone

    text = await sign_octets(b"[1]", typ="test+jwt", signer=SIGNERS[0])
    with pytest.raises(Malformed):
        verify_compact(parse_compact(text, typ="test+jwt"), SIGNERS[0].public)


async def test_two_parties_sign_the_same_bytes() -> None:
    first, second = SIGNERS
    signed = await JointlySigned(b'{"a":1}', ()).countersign(first, typ="record+jwt")
    both = JointlySigned.from_json((await signed.countersign(second, typ="record+jwt")).to_json())
    both.verify(0, first.public, typ="record+jwt")
    both.verify(1, second.public, typ="record+jwt")
    with pytest.raises(BadSignature):
        signed.verify(1, second.public, typ="record+jwt")
    with pytest.raises(WrongType):
        both.verify(0, first.public, typ="other+jwt")
    with pytest.raises(BadSignature):
        JointlySigned(b'{"a":2}', both.signatures).verify(0, first.public, typ="record+jwt")
    with pytest.raises(UnsupportedAlgorithm):
        both.verify(1, first.public, typ="record+jwt")


@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM"])
def test_an_encrypted_text_opens_with_its_key_alone(enc: str) -> None:
    text = encrypt(b"secret", jwk=ENCRYPTION_KEY, enc=enc)
    assert decrypt(text, private_jwk=ENCRYPTION_SECRET) == b"secret"
    other: dict[str, Json] = {**ENCRYPTION_SECRET, **_other_key()}
    with pytest.raises(CannotOpen):
        decrypt(text, private_jwk=other)
    head, rest = text.split(".", 1)
    with pytest.raises(CannotOpen):
        decrypt(f"{head}.{rest[:-2]}{'AA' if rest[-2:] != 'AA' else 'BB'}", private_jwk=ENCRYPTION_SECRET)


def _other_key() -> dict[str, Json]:
    # RFC 7518, appendix C: Alice's ephemeral key
    return {
        "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
        "d": "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo",
    }


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256GCM"},
        {"alg": "ECDH-ES+A128KW", "enc": "A256GCM"},
        {"alg": "ECDH-ES", "enc": "A128CBC-HS256"},
        {"alg": "ECDH-ES", "enc": "A256GCM", "zip": "DEF"},
        {"alg": "ECDH-ES", "enc": "A256GCM", "crit": ["x"]},
        {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 10**9},
    ],
    ids=str,
)
def test_other_ways_to_encrypt_are_refused_before_any_work(header: dict[str, Json]) -> None:
    with pytest.raises(UnsupportedAlgorithm):
        decrypt(f"{b64url(write_json(header))}....", private_jwk=ENCRYPTION_SECRET)


def test_a_key_that_cannot_be_used_to_encrypt_is_malformed() -> None:
    with pytest.raises((Malformed, BadKey)):
        encrypt(b"secret", jwk={**ENCRYPTION_KEY, "y": ENCRYPTION_KEY["x"]}, enc="A256GCM")


def test_the_encryption_key_is_the_first_that_is_meant_for_it() -> None:
    good: dict[str, Json] = {**ENCRYPTION_KEY, "alg": "ECDH-ES", "use": "enc", "kid": "2"}
    others: list[Json] = [
        None,
        {**good, "kid": "1", "use": "sig"},
        {**good, "kid": "1", "alg": "ES256"},
        {**good, "kid": "1", "crv": "P-521"},
    ]
    assert usable_encryption_key([*others, good]) == good
    assert usable_encryption_key(others) is None


async def test_what_a_token_says_is_not_in_its_repr() -> None:
    signer = SoftwareSigner.from_secret(bytes(range(1, 33)))
    jws = parse_compact(await sign_compact({"claim": "a secret value"}, typ="jwt", signer=signer), typ="jwt")
    assert "secret" not in repr(jws)
