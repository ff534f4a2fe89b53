"""Box: values sealed for the place in the database where they stand."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from didkit_py.encoding import Json, read_json, write_json
from didkit_py.keys.sealed import NONCE_BYTES, open_sealed, seal

MAX_SEALED_BYTES: Final = 4_194_304  # one offer's ten copies are about 40,000


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Seals and opens with a service's storage key. A value moved to another row or table does not open there."""

    key: bytes = field(repr=False)
    random: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)

    def seal(self, value: Json, *, place: str) -> bytes:
        """The sealed bytes of `value` for `place`, which is `table:id`."""
        return seal(write_json(value), key=self.key, nonce=self.random(NONCE_BYTES), context=place.encode())

    def open(self, sealed: object, *, place: str) -> Json:
        """The value again. Raises CannotOpen when it was changed, or sealed for another place or with another key."""
        octets = sealed if isinstance(sealed, bytes) else b""
        return read_json(open_sealed(octets, key=self.key, context=place.encode()), max_bytes=MAX_SEALED_BYTES)
