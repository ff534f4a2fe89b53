"""Key proofs: the wallet shows that it holds the key that a copy shall be bound to (OpenID4VCI 1.0, appendix F.1).

The key stands in the header (a person's one-use key) or is named by a DID URL (a business). Here, and nowhere else in
issuance, a token is verified by the key that it brings along: it proves possession of that key and nothing more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from didkit_py.encoding import Json, timestamp
from didkit_py.errors import DidkitError
from didkit_py.jose import KEY_HEADER, UnverifiedJws, parse_compact, sign_compact, verify_compact
from didkit_py.keys.party import KeyPurpose, PartyKeys, party_of
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer
from didkit_py.oauth import InvalidNonce, InvalidProof
from didkit_py.oid4vci.nonce import MAX_NONCE
from didkit_py.reading import Reader

TYPE: Final = "openid4vci-proof+jwt"
MAX_PROOF_AGE: Final = timedelta(minutes=5)  # also how far ahead: the nonce is ours, and says by itself how old it is
MAX_PROOF: Final = 16_384  # characters; ours have about 500
_SPEC: Final = "OpenID4VCI 1.0, F.1"


async def create_key_proof(*, signer: Signer, audience: str, nonce: str | None, now: datetime) -> str:
    """A proof of the signer's key for the issuer `audience`; `nonce` is None only for an issuer without nonce endpoint.

    The key travels as `jwk`, or as `kid` where the signer's key_id is a DID URL. `iss` is left out: the token was got
    without naming a client.
    """
    claims: dict[str, Json] = {"aud": audience, "iat": timestamp(now)}
    if nonce is not None:
        claims["nonce"] = nonce
    header: dict[str, Json] = {} if signer.key_id else {"jwk": signer.public.to_jwk()}
    return await sign_compact(claims, typ=TYPE, signer=signer, header=header)


def parse_key_proof(text: str) -> UnverifiedJws:
    """A proof of shape only: typed, signed asymmetrically, with exactly one of jwk and kid. Raises InvalidProof."""
    with _invalid_proof():
        proof = parse_compact(text, typ=TYPE, honoured=KEY_HEADER, max_length=MAX_PROOF)
    named = [name for name in ("jwk", "kid") if proof.header.get(name) is not None]
    if len(named) != 1:
        raise InvalidProof("expected exactly one of jwk and kid in the header of the key proof", spec=_SPEC)
    if named == ["kid"] and not proof.kid:
        raise InvalidProof("key proof header.kid: expected a non-empty text", spec=_SPEC)
    return proof


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedProof:
    """A key whose holder signed for us; the nonce is not judged yet."""

    key: PublicKey
    nonce: str
    kid: str | None  # the DID URL of the key, None for a key without a name


def verify_key_proof(
    text: str, *, expected_audience: str, parties: Mapping[str, PartyKeys], now: datetime
) -> VerifiedProof:
    """Judge one proof by appendix F.4; `parties` are keys by identifier of their party. Raises InvalidProof.

    1. The header is typed, its algorithm asymmetric and accepted. 2. The key is the header's, without a private part,
    or the one that `kid` names for authentication. 3. The signature holds. 4. `aud` is our identifier, a text.
    5. `iat` differs from now by MAX_PROOF_AGE at most. 6. A nonce is there; the caller judges it with `verify_nonce`.

    `iss` plays no part: we know no clients and bind nothing to one.
    """
    proof = parse_key_proof(text)  # 1
    with _invalid_proof():
        key = _key(proof, parties, now)  # 2
        claims = Reader(verify_compact(proof, key), at="key_proof")  # 3
        audience = claims.text("aud", max_length=2_048)
        issued_at = claims.moment("iat")
        nonce = claims.text("nonce", max_length=MAX_NONCE)  # 6
    if audience != expected_audience:  # 4
        raise InvalidProof("key_proof.aud: expected the credential issuer's identifier", spec=_SPEC)
    if abs(now - issued_at) > MAX_PROOF_AGE:  # 5
        raise InvalidProof("key_proof.iat: too far from now", spec="OpenID4VCI 1.0, F.4")
    return VerifiedProof(key=key, nonce=nonce, kid=proof.kid)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedProofs:
    """The proofs of one request: different keys, one nonce, which the caller judges and spends."""

    proofs: tuple[VerifiedProof, ...]
    nonce: str


def verify_key_proofs(
    texts: Sequence[str], *, expected_audience: str, parties: Mapping[str, PartyKeys], now: datetime
) -> VerifiedProofs:
    """Judge all proofs of one request. Raises InvalidProof, or InvalidNonce when they hold different nonces."""
    proofs = tuple(
        verify_key_proof(text, expected_audience=expected_audience, parties=parties, now=now) for text in texts
    )
    if not proofs:
        raise InvalidProof("expected at least one key proof", spec=_SPEC)
    if len({proof.key for proof in proofs}) != len(proofs):
        raise InvalidProof("two key proofs are of the same key; each copy needs its own", spec="OpenID4VCI 1.0, 8.3")
    if len({proof.nonce for proof in proofs}) != 1:
        raise InvalidNonce("the key proofs of one request hold different nonces", spec="OpenID4VCI 1.0, 8.3.1.2")
    return VerifiedProofs(proofs=proofs, nonce=proofs[0].nonce)


def _key(proof: UnverifiedJws, parties: Mapping[str, PartyKeys], now: datetime) -> PublicKey:
    if proof.kid is None:
        return PublicKey.from_jwk(proof.header["jwk"])
    keys = parties.get(party_of(proof.kid))
    if keys is None:
        raise InvalidProof("the DID document that the key proof names could not be had", spec=_SPEC)
    return keys.key(proof.kid, KeyPurpose.AUTHENTICATION, now=now)


@contextmanager
def _invalid_proof() -> Iterator[None]:
    """Raise each error of the block as InvalidProof, its name on the wire; `reason` keeps the code of the error."""
    try:
        yield
    except InvalidProof:
        raise
    except DidkitError as error:
        raise InvalidProof(f"key proof: {error}", spec=error.spec or _SPEC, reason=error.code) from error
