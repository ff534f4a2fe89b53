"""A stranger checks it: what we present, other libraries verify; what they present, we judge, good and tampered."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from jwcrypto.jwk import JWK
from openvc.keys import Ed25519SigningKey, P256SigningKey
from openvc.proof.errors import ProofError
from openvc.proof.sd_jwt import SdJwtVcProofSuite
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from didkit_py.credentials.credential import ReadCredential
from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.encoding import b64url, from_b64url, read_json, write_json
from didkit_py.errors import BadDisclosure, BadKeyBinding, BadSignature, DidkitError, Malformed, UnsupportedAlgorithm
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import bind, secure, select, verify_issuer, verify_key_binding
from didkit_py.jose import parse_compact
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

NONCE: Final = "n-0S6_WzA2Mj-q1w2e3r4t5y6u7i8"
AUDIENCE: Final = "decentralized_identifier:did:web:dealer.example"
VCT: Final = "urn:didkit-py:vct:affordability-range:1"
KEYS: Final[dict[str, type[P256SigningKey | Ed25519SigningKey]]] = {"ES256": P256SigningKey, "EdDSA": Ed25519SigningKey}
PERSON: Final = {"given_name": "Erika", "email": "erika@mail.example", "age_over_18": True}
SHOWN: Final = ("given_name", "age_over_18")


async def presentation_of_ours(alg: str) -> tuple[str, PublicKey]:
    """A credit union's claim about an amount, of which one step is shown; and the credit union's key."""
    issuer = SoftwareSigner.from_secret(secrets.token_bytes(31) + b"\x01", alg=alg, key_id="did:web:cu.example#1")
    holder = SoftwareSigner.from_secret(secrets.token_bytes(31) + b"\x02", alg=alg)
    template = template_named("affordability-range")
    always = {"scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1", "currency": "GBP", "basis": "savings"}
    credential = template.fill(
        {**always, **ladder_claims(Decimal(23_456), template)}, issuer="did:web:cu.example", now=datetime.now(UTC)
    )
    secured = await secure(credential, holder_key=holder.public, salts=lambda: secrets.token_bytes(16), signer=issuer)
    selected = select(secured.text, [("at_least", "20000")])
    text = await bind(selected, nonce=NONCE, audience=AUDIENCE, now=datetime.now(UTC), signer=holder)
    return text, issuer.public


def tampered(text: str) -> Iterator[tuple[str, str]]:
    """Changes that an honest verifier refuses, each by its name."""
    issuer_signed, *disclosures, kb_jwt = text.split("~")
    salt, *name, value = parts_of(disclosures[0])
    other = b64url(write_json([salt, *name, not value if isinstance(value, bool) else "Mallory"]))
    yield "another value", "~".join((issuer_signed, other, *disclosures[1:], kb_jwt))
    yield "a disclosure left out", "~".join((issuer_signed, *disclosures[1:], kb_jwt))
    yield "a disclosure twice", "~".join((issuer_signed, disclosures[0], *disclosures, kb_jwt))
    yield "no key binding", "~".join((issuer_signed, *disclosures, ""))
    yield (
        "another payload",
        "~".join((with_member(issuer_signed, "iss", "did:web:mallory.example"), *disclosures, kb_jwt)),
    )
    yield "another nonce", "~".join((issuer_signed, *disclosures, with_member(kb_jwt, "nonce", "other")))


def parts_of(disclosure: str) -> list[Any]:
    parts = read_json(from_b64url(disclosure))
    assert isinstance(parts, list)
    return parts


def with_member(token: str, name: str, value: str) -> str:
    header, payload, signature = token.split(".")
    claims = read_json(from_b64url(payload))
    assert isinstance(claims, dict)
    return f"{header}.{b64url(write_json({**claims, name: value}))}.{signature}"


def judge(text: str, issuer: PublicKey, *, nonce: str = NONCE, audience: str = AUDIENCE) -> ReadCredential:
    """Our verdict; key binding is required."""
    sd_jwt = parse_sd_jwt(text)
    read = verify_issuer(sd_jwt, issuer)
    assert isinstance(read.holder, PublicKey)
    verify_key_binding(
        sd_jwt, holder=read.holder, expected_nonce=nonce, expected_audience=audience, now=datetime.now(UTC)
    )
    return read


@pytest.mark.parametrize("alg", KEYS)
async def test_openvc_verifies_our_presentation_and_refuses_it_tampered(alg: str) -> None:
    text, issuer = await presentation_of_ours(alg)
    demands: dict[str, Any] = {
        "public_key_jwk": issuer.to_jwk(),
        "audience": AUDIENCE,
        "nonce": NONCE,
        "require_key_binding": True,
        "expected_vct": VCT,
    }
    verified = SdJwtVcProofSuite().verify(text, **demands)
    assert verified.key_bound
    assert verified.claims["at_least"] == {"20000": True}
    assert verified.claims["currency"] == "GBP"
    assert "range" not in verified.claims
    for name, changed in tampered(text):
        with pytest.raises(ProofError):
            pytest.fail(f"openvc accepted {name}: {SdJwtVcProofSuite().verify(changed, **demands)}")
    with pytest.raises(ProofError):
        SdJwtVcProofSuite().verify(text, **demands | {"nonce": "other"})


async def test_the_reference_library_verifies_our_presentation_and_refuses_it_tampered() -> None:
    text, issuer = await presentation_of_ours("ES256")  # it knows no other algorithm for key binding
    key = JWK(**issuer.to_jwk())

    def verify(presented: str) -> Any:
        return SDJWTVerifier(presented, lambda *_: key, AUDIENCE, NONCE).get_verified_payload()

    assert verify(text)["at_least"] == {"20000": True}
    for name, changed in tampered(text):
        with pytest.raises(Exception, match=r"."):
            pytest.fail(f"sd-jwt accepted {name}: {verify(changed)}")


def presentation_by_openvc(alg: str) -> tuple[str, PublicKey]:
    suite = SdJwtVcProofSuite()
    issuer, holder = KEYS[alg].generate("did:web:cu.example#1"), KEYS[alg].generate("holder")
    text = suite.issue(
        {"iss": "did:web:cu.example", "vct": VCT, **PERSON},
        signing_key=issuer,
        disclosable=list(PERSON),
        holder_jwk=holder.public_jwk(),
        expires_in_s=86_400,
        decoys=3,
    )
    selected = select(text, [(name,) for name in SHOWN])
    presented = suite.create_presentation(selected, holder_key=holder, audience=AUDIENCE, nonce=NONCE)
    return presented, PublicKey.from_jwk(issuer.public_jwk())


def presentation_by_the_reference_library(alg: str) -> tuple[str, PublicKey]:
    holder = JWK.generate(kty="EC", crv="P-256")
    issuer = JWK.generate(kty="EC", crv="P-256") if alg == "ES256" else JWK.generate(kty="OKP", crv="Ed25519")
    claims = {"iss": "did:web:cu.example", "vct": VCT, **{SDObj(name): value for name, value in PERSON.items()}}
    issued = SDJWTIssuer(
        claims, issuer, holder, sign_alg=alg, add_decoy_claims=True, extra_header_parameters={"typ": "dc+sd-jwt"}
    )
    shown = SDJWTHolder(issued.sd_jwt_issuance)
    shown.create_presentation(dict.fromkeys(SHOWN, True), NONCE, AUDIENCE, holder, sign_alg="ES256")
    return shown.sd_jwt_presentation, PublicKey.from_jwk(issuer.export_public(as_dict=True))


FOREIGN: Final[dict[str, Callable[[str], tuple[str, PublicKey]]]] = {
    "openvc": presentation_by_openvc,
    "sd-jwt": presentation_by_the_reference_library,
}


@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("library", FOREIGN)
def test_we_accept_a_foreign_presentation_and_read_what_it_shows(library: str, alg: str) -> None:
    text, issuer = FOREIGN[library](alg)
    read = judge(text, issuer)
    assert {name: read.claims.get(name) for name in PERSON} == {
        "given_name": "Erika",
        "email": None,
        "age_over_18": True,
    }
    assert set(read.disclosed) == {("given_name",), ("age_over_18",)}
    assert (read.issuer, read.vct) == ("did:web:cu.example", VCT)


@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("library", FOREIGN)
def test_we_refuse_a_foreign_presentation_that_was_tampered_with(library: str, alg: str) -> None:
    text, issuer = FOREIGN[library](alg)
    expected: dict[str, type[DidkitError]] = {
        "another value": BadDisclosure,
        "a disclosure left out": BadKeyBinding,
        "a disclosure twice": BadDisclosure,
        "no key binding": BadKeyBinding,
        "another payload": BadSignature,
        "another nonce": BadSignature,
    }
    assert {name for name, _ in tampered(text)} == expected.keys()
    for name, changed in tampered(text):
        with pytest.raises(expected[name]):
            judge(changed, issuer)
    with pytest.raises(BadKeyBinding):
        judge(text, issuer, nonce="other")
    with pytest.raises(BadKeyBinding):
        judge(text, issuer, audience="decentralized_identifier:did:web:other.example")


def test_we_refuse_a_foreign_presentation_whose_header_says_none() -> None:
    text, issuer = presentation_by_openvc("ES256")
    issuer_signed, _, rest = text.partition("~")
    _, payload, _ = issuer_signed.split(".")
    unsigned = b64url(write_json({"alg": "none", "typ": "dc+sd-jwt"}))
    for signature in ("", b64url(bytes(64))):
        with pytest.raises((UnsupportedAlgorithm, Malformed)):
            judge(f"{unsigned}.{payload}.{signature}~{rest}", issuer)
    assert parse_compact(issuer_signed, typ="dc+sd-jwt").alg == "ES256"
