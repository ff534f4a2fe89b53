"""RFC 9901: the holder's proof and the salts, rule by rule. The format itself is judged in tests/unit/formats."""

import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.encoding import b64url, from_b64url, read_json, sha256, timestamp, write_json
from didkit_py.errors import BadKeyBinding, DidkitError, Malformed, UnsupportedAlgorithm, WrongType
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import secure, verify_key_binding
from didkit_py.jose import sign_compact
from didkit_py.keys.signer import SoftwareSigner

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ISSUER = SoftwareSigner.from_secret(bytes(31) + b"\x01", key_id="did:web:creditunion.example#1")
HOLDER = SoftwareSigner.from_secret(bytes(31) + b"\x02")
NONCE, AUDIENCE = "XZOUco1u_gEPknxS78sWWg", "https://example.com/verifier"


async def credential() -> str:
    """An SD-JWT without any disclosure, which ends with its tilde."""
    return await sign_compact({"iss": "x", "vct": "y"}, typ="dc+sd-jwt", signer=ISSUER) + "~"


async def judge(*, typ: str = "kb+jwt", without: str = "", **changed: Any) -> None:
    """Judge a key binding that is as RFC 9901, 4.3 says, but for what is changed or left out."""
    presented = await credential()
    claims = {
        "iat": timestamp(NOW),
        "aud": AUDIENCE,
        "nonce": NONCE,
        "sd_hash": b64url(sha256(presented.encode("ascii"))),
        **changed,
    }
    claims.pop(without, None)
    proof = await sign_compact(claims, typ=typ, signer=HOLDER)
    judge_proof(presented + proof)


def judge_proof(text: str) -> None:
    verify_key_binding(
        parse_sd_jwt(text), holder=HOLDER.public, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW
    )


async def test_a_key_binding_as_the_standard_describes_it_holds() -> None:
    await judge()
    await judge(more="members are allowed")


@pytest.mark.parametrize("name", ["iat", "aud", "nonce", "sd_hash"])
async def test_a_key_binding_without_one_of_its_members_is_refused(name: str) -> None:
    with pytest.raises(Malformed, match=name):
        await judge(without=name)


@pytest.mark.parametrize("typ", ["JWT", "dc+sd-jwt", "kb+sd-jwt", "openid4vci-proof+jwt"])
async def test_a_key_binding_of_another_type_is_refused(typ: str) -> None:
    with pytest.raises(WrongType):
        await judge(typ=typ)


@pytest.mark.parametrize("alg", ["none", "HS256", None])
async def test_an_unsigned_key_binding_is_refused(alg: str | None) -> None:
    presented = await credential()
    header = {"typ": "kb+jwt"} | ({"alg": alg} if alg else {})
    claims = {"iat": timestamp(NOW), "aud": AUDIENCE, "nonce": NONCE, "sd_hash": b64url(sha256(presented.encode()))}
    for signature in ("", b64url(bytes(64))):
        with pytest.raises((UnsupportedAlgorithm, Malformed)):
            judge_proof(f"{presented}{b64url(write_json(header))}.{b64url(write_json(claims))}.{signature}")


@pytest.mark.parametrize(
    "changed",
    [
        {"sd_hash": b64url(sha256(b""))},
        {"sd_hash": b64url(sha256(b"another~"))},
        {"aud": [AUDIENCE]},
        {"aud": AUDIENCE + "/"},
        {"nonce": NONCE.lower()},
        {"iat": timestamp(NOW - timedelta(days=365))},
        {"iat": timestamp(NOW + timedelta(days=365))},
        {"iat": str(timestamp(NOW))},
        {"exp": timestamp(NOW - timedelta(seconds=1))},
    ],
    ids=str,
)
async def test_a_key_binding_for_another_time_place_or_content_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises((BadKeyBinding, Malformed)):
        await judge(**changed)


async def test_the_hash_covers_the_last_tilde() -> None:
    presented = await credential()
    with pytest.raises(BadKeyBinding):
        await judge(sd_hash=b64url(sha256(presented.removesuffix("~").encode())))


async def test_every_disclosure_has_a_fresh_salt_of_128_bits() -> None:
    given: list[bytes] = []

    def salts() -> bytes:
        given.append(secrets.token_bytes(16))
        return given[-1]

    template = template_named("affordability-range")
    always = {"scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1", "currency": "GBP", "basis": "savings"}
    values = always | ladder_claims(Decimal(23_456), template)
    filled = template.fill(values, issuer="did:web:creditunion.example", now=NOW)
    secured = await secure(filled, holder_key=HOLDER.public, salts=salts, signer=ISSUER)
    disclosures = [read_json(from_b64url(text)) for text in secured.text.split("~")[1:-1]]
    shown = [from_b64url(str(parts[0])) for parts in disclosures if isinstance(parts, list)]
    assert len(shown) == len(set(shown)) == len(disclosures) > 1
    assert set(shown) <= set(given)
    assert {len(salt) * 8 for salt in shown} == {128}


@pytest.mark.parametrize("text", ["", "~", "a.b~", "a.b.c~d"])
async def test_what_is_no_key_binding_is_refused(text: str) -> None:
    with pytest.raises(DidkitError):
        judge_proof(await credential() + text)
