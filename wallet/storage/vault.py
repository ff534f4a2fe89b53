"""The wallet's key: sealed on disk by the passphrase, in memory only while somebody is signed in."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final

from didkit_py.errors import CannotOpen, Malformed, NotFound, Rejected
from didkit_py.keys.sealed import KEY_BYTES, NONCE_BYTES, SALT_BYTES, open_with_passphrase, seal_with_passphrase
from didkit_py.service.http.session_lifetimes import ABSOLUTE_SECONDS, IDLE_SECONDS
from didkit_py.service.setup.atomic_files import write_private
from didkit_py.service.setup.input_files import BYTE_ORDER_MARK
from didkit_py.service.storage.sealing import Box

MIN_PASSPHRASE: Final = 12  # characters
MAX_PASSPHRASE: Final = 1_024
_WALLET_ID: Final = b"didkit-wallet-id"  # at most 16 bytes: what is derived


def wallet_id_of(box: Box) -> str:
    """Whose rows a key opens: a name in the database that only the key's holder can tell."""
    return blake2b(key=box.key, person=_WALLET_ID, digest_size=16).hexdigest()


class Locked(Rejected):
    """The wallet is locked."""

    code = "locked"
    hint = "Unlock the wallet with your passphrase."


def require_passphrase(passphrase: str) -> None:
    """Refuse a passphrase that is too short to guard anything. Raises Malformed."""
    if not MIN_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
        raise Malformed(
            f"the passphrase must have {MIN_PASSPHRASE} to {MAX_PASSPHRASE} characters",
            hint="Choose four or more words that have nothing to do with each other.",
        )


def create_key(path: Path, passphrase: str) -> Box:
    """A new key for a new wallet, sealed in `path`, which must not exist."""
    require_passphrase(passphrase)
    key = secrets.token_bytes(KEY_BYTES)
    sealed = seal_with_passphrase(
        key, passphrase.encode(), salt=secrets.token_bytes(SALT_BYTES), nonce=secrets.token_bytes(NONCE_BYTES)
    )
    write_private(path, sealed)
    return Box(key=key)


def open_key(path: Path, passphrase: str) -> Box:
    """The wallet's key; takes about 0.3 s. Raises CannotOpen for a wrong passphrase, NotFound without a key file."""
    try:
        sealed = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    except OSError as error:
        raise NotFound(
            f"{path}: there is no wallet here", hint="Make one with `didkit-py wallet init DIR …`."
        ) from error
    try:
        key = open_with_passphrase(sealed, passphrase.encode())
    except CannotOpen as error:
        raise CannotOpen("the passphrase of this wallet is not right") from error
    if len(key) != KEY_BYTES:
        raise CannotOpen("the key file holds no key of a wallet")
    return Box(key=key)


@dataclass(slots=True, eq=False)
class Ticket:
    """One browser's stay in the unlocked wallet."""

    began: float
    seen: float


@dataclass(slots=True, kw_only=True)
class Vault:
    """Holds the key while at least one ticket is valid, and forgets it with the last."""

    path: Path
    clock: Callable[[], float] = time.monotonic
    _box: Box | None = field(default=None, repr=False)
    _tickets: set[Ticket] = field(default_factory=set)

    async def unlock(self, passphrase: str) -> Ticket | None:
        """A ticket when the passphrase is right, else None."""
        try:
            box = await asyncio.to_thread(open_key, self.path, passphrase)
        except (CannotOpen, UnicodeEncodeError):
            return None
        self.expire()
        self._box = self._box or box  # what works with the key exists once, however many browsers there are
        ticket = Ticket(began=self.clock(), seen=self.clock())
        self._tickets.add(ticket)
        return ticket

    def hold(self, box: Box) -> None:
        """Work with a key that was opened already, as commands do; no ticket, so it stays until the process ends."""
        self._box = box

    def use(self, ticket: object) -> bool:
        """Whether the ticket is still good; it then counts as seen."""
        self.expire()
        if not isinstance(ticket, Ticket) or ticket not in self._tickets:
            return False
        ticket.seen = self.clock()
        return True

    def leave(self, ticket: object) -> None:
        """Give the ticket back; the last one locks the wallet."""
        if isinstance(ticket, Ticket):
            self._tickets.discard(ticket)
        if not self._tickets:
            self._box = None  # Python keeps no promise to overwrite the memory

    def expire(self) -> None:
        """Take back tickets that were not used for long, or that are old."""
        now = self.clock()
        for ticket in tuple(self._tickets):
            if now - ticket.seen > IDLE_SECONDS or now - ticket.began > ABSOLUTE_SECONDS:
                self.leave(ticket)

    @property
    def locked(self) -> bool:
        """Whether nobody is signed in."""
        return self._box is None

    @property
    def box(self) -> Box:
        """What opens the wallet's values. Raises Locked."""
        if self._box is None:
            raise Locked("the wallet is locked")
        return self._box
