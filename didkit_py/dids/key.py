"""did:key: the DID is the public key (did:key Method v0.9).

Our Ed25519 keys derive no X25519 key: the method makes that an option, and we encrypt to keys named in each request.
The prefixes on the hot path stand in `keys/algorithms.py`; the table of all others is read where it is wanted.
"""

from functools import lru_cache
from typing import Final

from didkit_py.dids.document import keys_of_one
from didkit_py.encoding import from_multibase
from didkit_py.errors import BadDid, BadKey
from didkit_py.keys.algorithms import KEY_KINDS
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.keys.public import PublicKey

PREFIX: Final = "did:key:"
_MAX_LENGTH: Final = 128  # characters of multibase; our longest key has 49


def locations(did: str) -> tuple[str, ...]:
    """Nothing: the DID says it all. Raises BadDid."""
    _multibase(did)
    return ()


@lru_cache(maxsize=1024)
def read(did: str, _: bytes | None = None) -> PartyKeys:
    """The keys that the DID stands for. Raises BadDid, Malformed or BadKey."""
    text = _multibase(did)
    try:
        key = PublicKey.from_multikey(text)
    except BadKey as error:
        raise BadKey(f"expected a {KEY_KINDS} key, found {kind_of(text)}", spec="did:key, 3.1") from error
    purposes = (KeyPurpose.AUTHENTICATION, KeyPurpose.ASSERTION)
    return keys_of_one(did, text, key, purposes)


def key_did(key: PublicKey) -> str:
    """The DID of a public key."""
    return PREFIX + key.to_multikey()


def codec_prefix(name: str) -> bytes:
    """The varint prefix that the multicodec table gives to a kind of key."""
    from multiformats import multicodec  # noqa: PLC0415 - a tenth of a second to import, wanted by few

    prefix: bytes = multicodec.get(name).wrap(b"")
    return prefix


def kind_of(text: str) -> str:
    """The multicodec table's name for the bytes of a multibase text, for people who read an error."""
    from multiformats import multicodec  # noqa: PLC0415 - a tenth of a second to import, wanted by few

    try:
        codec, _, _ = multicodec.unwrap_raw(from_multibase(text))
        return str(multicodec.get(code=codec).name)
    except (KeyError, ValueError):
        return "bytes of no known kind"


def _multibase(did: str) -> str:
    text = did.removeprefix(PREFIX)
    if not did.startswith(f"{PREFIX}z") or len(text) > _MAX_LENGTH or not text.isalnum() or not text.isascii():
        raise BadDid("expected did:key with a base58btc multibase key", spec="did:key, 3.1")
    return text
