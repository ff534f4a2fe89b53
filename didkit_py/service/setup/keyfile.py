"""keyfile.py: the sealed file with a service's secrets, and the key file or passphrase that opens it.

Three separate random secrets stand in it: one signs, one seals what is stored, one makes the MACs of stateless tokens.
None is derived from another, so that losing one says nothing about the rest. Beside them stands the id under which the
service's rows are kept: it goes where the keys go that open those rows, and stays when names or signing keys change.
"""

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from didkit_py.encoding import b64url, from_b64url, read_json, write_json
from didkit_py.errors import BadKey, CannotOpen, Malformed
from didkit_py.keys.algorithms import ALGORITHMS
from didkit_py.keys.names import DEFAULT_ALG
from didkit_py.keys.public import PublicKey
from didkit_py.keys.sealed import KEY_BYTES, NONCE_BYTES, SALT_BYTES, open_with_passphrase, seal_with_passphrase
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.reading import Reader
from didkit_py.service.setup.atomic_files import write_private
from didkit_py.service.setup.input_files import BYTE_ORDER_MARK, SAVE_AS_UTF_8, UTF_16_MARKS

FORMAT: Final = "didkit-keys-1"
MAX_FILE_BYTES: Final = 65_536
MIN_UNLOCK_BYTES: Final = 8
PARTY_ID_BYTES: Final = 12
MAX_PARTY_ID: Final = 64  # characters
_TRIES: Final = 16  # for a P-256 secret; one fails with a probability of 2^-32


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKeys:
    """The opened secrets of one service."""

    alg: str
    party_id: str  # whose rows in the database; random, no secret
    signing_secret: bytes = field(repr=False)
    storage_key: bytes = field(repr=False)  # seals what is stored
    mac_key: bytes = field(repr=False)  # makes nonces and other stateless tokens

    def signer(self, key_id: str = "") -> SoftwareSigner:
        """The signer, under the DID URL by which others look its key up."""
        return SoftwareSigner.from_secret(self.signing_secret, alg=self.alg, key_id=key_id)

    @property
    def public(self) -> PublicKey:
        """The key that verifies what the service signs."""
        return self.signer().public


def create_keyfile(path: Path, *, unlock: bytes, alg: str = DEFAULT_ALG) -> ServiceKeys:
    """Fresh secrets, sealed in a new file that only its owner reads.

    Takes about 0.3 s. Raises FileExistsError rather than replacing keys, ValueError for an unlock secret of under 8
    bytes, BadKey for an unknown algorithm.
    """
    if len(unlock) < MIN_UNLOCK_BYTES:
        raise ValueError(f"a passphrase or unlock key has at least {MIN_UNLOCK_BYTES} bytes")
    keys = ServiceKeys(
        alg=alg,
        party_id=b64url(secrets.token_bytes(PARTY_ID_BYTES)),
        signing_secret=create_signing_secret(alg),
        storage_key=secrets.token_bytes(KEY_BYTES),
        mac_key=secrets.token_bytes(KEY_BYTES),
    )
    plain = write_json(
        {
            "format": FORMAT,
            "alg": keys.alg,
            "party": keys.party_id,
            "signing": b64url(keys.signing_secret),
            "storage": b64url(keys.storage_key),
            "mac": b64url(keys.mac_key),
        }
    )
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    write_private(path, seal_with_passphrase(plain, unlock, salt=salt, nonce=nonce) + b"\n")
    return keys


def create_signing_secret(alg: str) -> bytes:
    """The secret bytes of a fresh signing key. Raises BadKey for an unknown algorithm."""
    row = ALGORITHMS.get(alg)
    if row is None:
        raise BadKey(f"expected one of the algorithms {', '.join(ALGORITHMS)}")
    for _ in range(_TRIES):
        secret = secrets.token_bytes(row.secret_bytes)
        try:
            SoftwareSigner.from_secret(secret, alg=alg)
        except BadKey:
            continue
        return secret
    raise BadKey("no key could be made for this algorithm")


def open_keyfile(path: Path, *, unlock: bytes) -> ServiceKeys:
    """The secrets of a service; takes about 0.3 s.

    Raises CannotOpen when the unlock secret is wrong, or the file is damaged, missing or open to others.
    """
    try:
        plain = open_with_passphrase(_read_private(path).strip(), unlock)
        read = Reader(read_json(plain), at="keys")
        read.text("format", one_of={FORMAT})
        alg = read.text("alg", one_of=ALGORITHMS.keys())
        keys = ServiceKeys(
            alg=alg,
            party_id=read.text("party", max_length=MAX_PARTY_ID),
            signing_secret=_secret(read, "signing", ALGORITHMS[alg].secret_bytes),
            storage_key=_secret(read, "storage", KEY_BYTES),
            mac_key=_secret(read, "mac", KEY_BYTES),
        )
        keys.signer()
    except Malformed as error:
        raise CannotOpen(f"{path.name} is damaged") from error
    return keys


def _secret(read: Reader, name: str, length: int) -> bytes:
    octets = from_b64url(read.text(name))
    if len(octets) != length:
        raise Malformed(f"{read.path(name)}: expected {length} bytes")
    return octets


def create_unlock(path: Path) -> bytes:
    """A fresh unlock key in a new file that only its owner reads. Raises FileExistsError."""
    write_private(path, b64url(secrets.token_bytes(KEY_BYTES)).encode("ascii") + b"\n")
    return read_unlock(path)


def read_unlock(path: Path) -> bytes:
    """The unlock key, or passphrase, in a file: its bytes without the last line's end.

    Raises CannotOpen when the file is missing, empty, too long, or may be read by others than its owner.
    """
    unlock = read_secret(path)
    if len(unlock) < MIN_UNLOCK_BYTES:
        raise CannotOpen(f"{path.name} holds no passphrase or key of {MIN_UNLOCK_BYTES} bytes or more")
    return unlock


def read_secret(path: Path) -> bytes:
    """What a file that only its owner may read holds, without the last line's end. Raises CannotOpen."""
    return _read_private(path).rstrip(b"\r\n")


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode) or stat.S_IMODE(state.st_mode) & 0o077:
                raise CannotOpen(f"{path.name} may be read by others than its owner", hint=f"Run: chmod 600 {path}")
            octets = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CannotOpen(f"{path.name} cannot be read ({type(error).__name__})") from error
    if len(octets) > MAX_FILE_BYTES:
        raise CannotOpen(f"{path.name} is longer than {MAX_FILE_BYTES} bytes")
    if octets.startswith(UTF_16_MARKS):
        raise CannotOpen(f"{path.name} is in UTF-16", hint=SAVE_AS_UTF_8)
    return octets.removeprefix(BYTE_ORDER_MARK)
