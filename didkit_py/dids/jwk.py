"""did:jwk: the DID is a JWK in base64url (did:jwk Method Specification).

Members may stand in any order, so one key has many DIDs: the text itself is the identifier and is never rewritten.
"""

from functools import lru_cache
from typing import Final

from didkit_py.dids.document import keys_of_one
from didkit_py.encoding import Json, b64url, from_b64url, jcs, read_json
from didkit_py.errors import BadDid, Malformed
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.keys.public import PublicKey

PREFIX: Final = "did:jwk:"
FRAGMENT: Final = "0"
_SPEC: Final = "did:jwk, 3"
_MAX_BYTES: Final = 2_048


def locations(did: str) -> tuple[str, ...]:
    """Nothing: the DID says it all. Raises BadDid."""
    _jwk(did)
    return ()


@lru_cache(maxsize=1024)
def read(did: str, _: bytes | None = None) -> PartyKeys:
    """The keys that the DID stands for. Raises BadDid or BadKey."""
    jwk = _jwk(did)
    return keys_of_one(did, FRAGMENT, PublicKey.from_jwk(jwk, optional=True), _purposes(jwk))


def jwk_did(key: PublicKey) -> str:
    """A DID of a public key, in the spelling that we write: canonical JSON of the members that make the key."""
    return PREFIX + b64url(jcs(key.to_jwk()))


def _purposes(jwk: dict[str, Json]) -> tuple[KeyPurpose, ...]:
    signing = (KeyPurpose.AUTHENTICATION, KeyPurpose.ASSERTION)
    if jwk.get("use") == "enc":
        return (KeyPurpose.KEY_AGREEMENT,)
    agrees = jwk.get("kty") == "EC" and jwk.get("use") != "sig"
    return (*signing, KeyPurpose.KEY_AGREEMENT) if agrees else signing


def _jwk(did: str) -> dict[str, Json]:
    if not did.startswith(PREFIX):
        raise BadDid("expected did:jwk", spec=_SPEC)
    try:
        jwk = read_json(from_b64url(did.removeprefix(PREFIX)), max_bytes=_MAX_BYTES)
    except Malformed as error:
        raise BadDid("expected did:jwk with a JWK in base64url", spec=_SPEC) from error
    if not isinstance(jwk, dict):
        raise BadDid("expected did:jwk with a JWK object", spec=_SPEC)
    return jwk
