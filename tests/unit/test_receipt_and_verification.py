"""What a wallet keeps is what a verifier accepts: one judgement for receipt and for verification."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from didkit_py.credentials.credential import Credential, StatusReference
from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.errors import DidkitError
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, bind, secure
from didkit_py.jose import sign_compact
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.metadata import create_configuration
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.trust import TrustedIssuer, TrustList
from didkit_py.verification import Evidence, KeyBinding, verify_credential
from didkit_py.verification.copies import check_copies

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ISSUER, OTHER = "did:web:union.example", "did:web:other.example"
NONCE, AUDIENCE = "n-0S6_WzA2Mj-0S6_WzA2Mj", "decentralized_identifier:did:web:dealer.example"
AFFORDABILITY = template_named("affordability-range")
KEYS = {
    name: SoftwareSigner.from_secret(bytes(31) + bytes([n])) for n, name in enumerate(("key-1", "key-2", "login"), 1)
}
HOLDER = SoftwareSigner.from_secret(bytes(31) + b"\x09")


def affordability(**changed: Any) -> Credential:
    values = {
        "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
        "currency": "GBP",
        "basis": "pre-qualified-credit",
        **ladder_claims(Decimal(23_000), AFFORDABILITY),
    }
    return replace(AFFORDABILITY.fill(values, issuer=ISSUER, now=NOW), **changed)


@dataclass(kw_only=True)
class Sent:
    """One credential as an issuer sends it; each case changes one thing."""

    credential: Credential = field(default_factory=affordability)
    kid: str | None = f"{ISSUER}#key-1"
    key: str = "key-1"
    keys: tuple[str, ...] = ("key-1",)
    typ: str = "dc+sd-jwt"
    payload: dict[str, Any] | None = None  # signed as it is, without disclosures

    async def text(self) -> str:
        signer = replace(KEYS[self.key], key_id=self.kid or "")
        if self.payload is not None or self.typ != "dc+sd-jwt":
            return await sign_compact(self.plain() | (self.payload or {}), typ=self.typ, signer=signer) + "~"
        counted = iter(range(1, 1_000))
        secured = await secure(
            self.credential, holder_key=HOLDER.public, salts=lambda: next(counted).to_bytes(16, "big"), signer=signer
        )
        return secured.text

    def plain(self) -> dict[str, Any]:
        times = {"iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 86_400}
        return {"iss": ISSUER, "vct": AFFORDABILITY.vct, "cnf": {"jwk": HOLDER.public.to_jwk()}, **times}

    def document(self) -> PartyKeys:
        body = create_document(ISSUER, {name: KEYS[name].public for name in (*self.keys, "login")})
        body["assertionMethod"] = [f"{ISSUER}#{name}" for name in self.keys]
        return keys_of_document(body, did=ISSUER)


async def kept(sent: Sent) -> str:
    """What the wallet says: `kept`, or the code of the error."""
    configuration = create_configuration(
        vct=sent.credential.vct,
        title="T",
        description="D",
        claims=[],
        for_business=False,
        signing_alg="ES256",
        in_format=SD_JWT_VC,
    )
    try:
        check_copies(
            [await sent.text()],
            issuer_keys=sent.document(),
            configuration=configuration,
            signers=[HOLDER],
            now=NOW,
            in_format=SD_JWT_VC,
        )
    except DidkitError as error:
        return error.code
    return "kept"


async def accepted(sent: Sent) -> str:
    """What a verifier says that trusts this issuer for the type: `kept`, or the code of the error."""
    entry = TrustedIssuer(id=ISSUER, name="U", vcts=frozenset({sent.credential.vct, "urn:theirs"}), status_lists=None)
    evidence = Evidence(
        trust=TrustList(publisher=OTHER, issued_at=NOW, expires_at=NOW + timedelta(days=1), issuers={ISSUER: entry}),
        parties={ISSUER: sent.document()},
        key_sources=KEY_SOURCES,
    )
    text = await bind(await sent.text(), nonce=NONCE, audience=AUDIENCE, now=NOW, signer=HOLDER)
    try:
        verify_credential(
            text,
            evidence=evidence,
            now=NOW,
            key_binding=KeyBinding.REQUIRED,
            expected_nonce=NONCE,
            expected_audience=AUDIENCE,
            in_format=SD_JWT_VC,
        )
    except DidkitError as error:
        return error.code
    return "kept"


GOOD: dict[str, Callable[[], Sent]] = {
    "an absolute kid": Sent,
    "a relative kid (K06)": lambda: Sent(kid="#key-1"),
    "a relative kid of one of several keys": lambda: Sent(kid="#key-2", key="key-2", keys=("key-1", "key-2")),
    "a type that nobody here knows": lambda: Sent(
        credential=affordability(vct="urn:theirs"), payload={"vct": "urn:theirs", "level": 3}
    ),
}


def wrong(**changed: Any) -> Callable[[], Sent]:
    return lambda: Sent(credential=affordability(**changed))


OPEN = {**affordability().claims, "at_least": {"20000": True}}
BAD: dict[str, tuple[Callable[[], Sent], str]] = {
    "no kid and one key": (lambda: Sent(kid=None), "unknown-key"),
    "no kid and several keys (K06)": (lambda: Sent(kid=None, keys=("key-1", "key-2")), "unknown-key"),
    "a kid of another DID": (lambda: Sent(kid=f"{OTHER}#key-1"), "unknown-key"),
    "a kid that is a path of the DID": (lambda: Sent(kid=f"{ISSUER}/a#key-1"), "unknown-key"),
    "a kid that is no DID URL": (lambda: Sent(kid="key-1"), "unknown-key"),
    "an empty fragment": (lambda: Sent(kid="#"), "unknown-key"),
    "a key that is not for assertions": (lambda: Sent(kid="#login", key="login"), "unknown-key"),
    "another key than the kid says": (lambda: Sent(key="key-2", keys=("key-1", "key-2")), "bad-signature"),
    "claims that can be held back, in the open": (
        lambda: Sent(credential=replace(affordability(claims=OPEN), disclosable=())),
        "bad-credential",
    ),
    "a claim that is always shown is missing": (
        wrong(claims={name: value for name, value in affordability().claims.items() if name != "currency"}),
        "bad-credential",
    ),
    "a claim that is always shown, as a disclosure": (
        lambda: Sent(credential=replace(affordability(), disclosable=(*affordability().disclosable, ("currency",)))),
        "bad-credential",
    ),
    "a claim that the type has not": (wrong(claims={**affordability().claims, "mark": 7}), "bad-credential"),
    "a life that is too long": (wrong(expires_at=NOW + timedelta(days=400)), "bad-credential"),
    "another version of the type": (wrong(vct_integrity=f"sha256-{'A' * 43}="), "bad-credential"),
    "a status where the type has none": (
        wrong(status=StatusReference(uri="https://union.example/status/1", index=3)),
        "bad-credential",
    ),
    "a person that has a name": (wrong(subject="did:web:sally.example"), "bad-credential"),
    "another typ": (lambda: Sent(typ="vc+jwt", payload={}), "wrong-type"),
    "neither iat nor exp": (lambda: Sent(payload={"vct": AFFORDABILITY.vct, "iat": 0}), "bad-credential"),
    "a life that is over": (wrong(expires_at=NOW), "expired"),
}


@pytest.mark.parametrize("name", GOOD)
async def test_what_a_verifier_accepts_the_wallet_keeps(name: str) -> None:
    assert await accepted(GOOD[name]()) == "kept"
    assert await kept(GOOD[name]()) == "kept"


@pytest.mark.parametrize("name", BAD)
async def test_what_no_verifier_would_ever_accept_the_wallet_does_not_keep(name: str) -> None:
    sent, code = BAD[name]
    assert await accepted(sent()) == code
    assert await kept(sent()) == code


async def test_an_issuer_that_is_a_web_address_is_known_to_neither() -> None:
    sent = Sent(credential=affordability(issuer="https://union.example"))
    assert await accepted(sent) == "untrusted-issuer"
    assert await kept(sent) == "bad-credential"
