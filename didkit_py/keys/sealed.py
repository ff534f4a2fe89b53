"""Secrets at rest: sealed under a passphrase by Argon2id and XChaCha20-Poly1305, or under a 32-byte key.

A sealed text says how it was made, so a stronger cost later needs no new format. The cost is bounded when read: a
text from elsewhere must not make us work for minutes (CVE-2026-27932 is that mistake in another format).
"""

from typing import Final

import nacl.exceptions
import nacl.pwhash.argon2id
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)

from didkit_py.encoding import b64url, from_b64url, read_json, write_json
from didkit_py.errors import CannotOpen, Malformed
from didkit_py.reading import Reader

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
SALT_BYTES: Final = 16
MEMORY_BYTES: Final = 67_108_864  # 64 MiB, libsodium's "interactive" with more passes: about a quarter of a second
PASSES: Final = 4
_MAX_MEMORY_BYTES: Final = 1_073_741_824
_MAX_PASSES: Final = 16
_FORMAT: Final = "didkit-sealed-1"


def seal(plain: bytes, *, key: bytes, nonce: bytes, context: bytes = b"") -> bytes:
    """`nonce` and ciphertext; `context` must be given again to open. `nonce` is 24 fresh random bytes."""
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, context, nonce, key)


def open_sealed(sealed: bytes, *, key: bytes, context: bytes = b"") -> bytes:
    """The plain bytes. Raises CannotOpen."""
    try:
        plain: bytes = crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed[NONCE_BYTES:], context, sealed[:NONCE_BYTES], key
        )
    except (nacl.exceptions.CryptoError, ValueError) as error:
        raise CannotOpen("the sealed bytes do not open with this key") from error
    return plain


def seal_with_passphrase(plain: bytes, passphrase: bytes, *, salt: bytes, nonce: bytes) -> bytes:
    """A JSON text that opens with the passphrase; `salt` is 16, `nonce` 24 fresh random bytes."""
    header = {"format": _FORMAT, "salt": b64url(salt), "passes": PASSES, "memory_bytes": MEMORY_BYTES}
    key = _derive(passphrase, salt, PASSES, MEMORY_BYTES)
    return write_json({**header, "sealed": b64url(seal(plain, key=key, nonce=nonce, context=write_json(header)))})


def open_with_passphrase(text: bytes, passphrase: bytes) -> bytes:
    """The plain bytes of `seal_with_passphrase`. Raises Malformed or CannotOpen; takes about 0.3 s."""
    read = Reader(read_json(text), at="sealed")
    read.text("format", one_of={_FORMAT})
    header = {
        "format": _FORMAT,
        "salt": read.text("salt"),
        "passes": read.integer("passes", minimum=1, maximum=_MAX_PASSES),
        "memory_bytes": read.integer("memory_bytes", minimum=8_192, maximum=_MAX_MEMORY_BYTES),
    }
    salt = from_b64url(read.text("salt"))
    if len(salt) != SALT_BYTES:
        raise Malformed("sealed.salt: expected 16 bytes")
    key = _derive(passphrase, salt, read.integer("passes"), read.integer("memory_bytes"))
    return open_sealed(from_b64url(read.text("sealed")), key=key, context=write_json(header))


def _derive(passphrase: bytes, salt: bytes, passes: int, memory_bytes: int) -> bytes:
    key: bytes = nacl.pwhash.argon2id.kdf(KEY_BYTES, passphrase, salt, opslimit=passes, memlimit=memory_bytes)
    return key
