"""The operator of a service: a passphrase kept as an Argon2id hash, compared at the cost of a third of a second."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import nacl.exceptions
import nacl.pwhash.argon2id

from didkit_py.errors import Malformed

PASSES: Final = 4
MEMORY_BYTES: Final = 67_108_864
MIN_PASSPHRASE: Final = 8  # characters
OPERATOR: Final = "operator"


def hash_passphrase(passphrase: str) -> bytes:
    """The hash that is kept instead. Raises Malformed for a passphrase that is too short."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise Malformed(f"the operator's passphrase has fewer than {MIN_PASSPHRASE} characters")
    hashed: bytes = nacl.pwhash.argon2id.str(passphrase.encode(), opslimit=PASSES, memlimit=MEMORY_BYTES)
    return hashed


def passphrase_check(file: Path) -> Callable[[str], Awaitable[str | None]]:
    """A check for the sign-in page: who signed in, or None."""

    async def check(passphrase: str) -> str | None:
        return await asyncio.to_thread(_verify, file, passphrase)

    return check


def _verify(file: Path, passphrase: str) -> str | None:
    try:
        nacl.pwhash.argon2id.verify(file.read_bytes().strip(), passphrase.encode())
    except nacl.exceptions.InvalidkeyError:
        return None
    return OPERATOR
