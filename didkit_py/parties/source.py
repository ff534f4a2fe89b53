"""KeySource: where the keys of one kind of party stand and how they are read; KeySources: the table of them.

Reading is pure: a source names the addresses (`locations`), the edge fetches what stands there, `keys_of` makes
PartyKeys of the bytes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from didkit_py.errors import BadDid
from didkit_py.keys.names import ALG_NAMES
from didkit_py.keys.party import PartyKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """One way of proving which keys are a party's.

    `locations` and `read` raise BadDid for an identifier that is none of theirs, `read` also BadKey, Malformed or
    BadDidDocument for bytes that prove nothing.
    """

    what: str  # the identifiers that it serves, for messages: "a DID"
    serves: Callable[[str], bool]  # whether a text has the form of such an identifier, or of a key id that names one
    party_of: Callable[[str], str]  # the identifier in such a text; raises BadDid
    locations: Callable[[str], tuple[str, ...]]  # of a party: the addresses to fetch; none where it is itself the key
    accept: str | None  # the media type that is asked for there
    max_bytes: int  # of what stands there
    read: Callable[[str, bytes | None], PartyKeys]  # a party and the bytes from its address; `keys_of` calls it
    withdrawn: Callable[[str], bytes]  # what is kept, and read again, where the address of a party answered with 410
    origin: Callable[[str], str | None]  # the origin that a party speaks for, None for one that speaks for none
    names_key: Callable[[str, str], bool]  # whether a key id names a key of the party in full, as a request must
    client_id_prefixes: tuple[str, ...] = ()  # the prefixes of its clients in OpenID4VP 1.0, 5.9.3
    algorithms: frozenset[str] = frozenset(ALG_NAMES)  # keys of others are passed over, as ones that nobody can use

    def keys_of(self, party: str, body: bytes | None) -> PartyKeys:
        """The keys of a party that are of an accepted algorithm. Raises what `read` raises."""
        found = self.read(party, body)
        accepted = {key_id: one for key_id, one in found.keys.items() if one.key.algorithm.alg in self.algorithms}
        return found if len(accepted) == len(found.keys) else replace(found, keys=accepted)


@dataclass(frozen=True, slots=True)
class KeySources:
    """The sources that are believed, in order; the first that serves an identifier counts."""

    rows: tuple[KeySource, ...]

    def of(self, party: str) -> KeySource:
        """The source that serves an identifier. Raises BadDid."""
        for row in self.rows:
            if row.serves(party):
                return row
        raise BadDid(f"expected {' or '.join(row.what for row in self.rows)}", spec="DID Core 1.0, 3.1")

    def of_prefix(self, prefix: str) -> KeySource | None:
        """The source of clients with this prefix."""
        return next((row for row in self.rows if prefix in row.client_id_prefixes), None)

    @property
    def client_id_prefixes(self) -> tuple[str, ...]:
        """The prefixes of all sources, in order."""
        return tuple(prefix for row in self.rows for prefix in row.client_id_prefixes)

    def party_of(self, text: str) -> str:
        """The identifier in a text that is one, or a key id that names one. Raises BadDid."""
        return self.of(text).party_of(text)

    def locations(self, party: str) -> tuple[str, ...]:
        """The addresses whose bytes `read` wants; none for a party that is itself the key. Raises BadDid."""
        return self.of(party).locations(party)

    def keys_of(self, party: str, body: bytes | None = None) -> PartyKeys:
        """The keys of a party, from the bytes at its address where it has one. Raises what the source raises."""
        return self.of(party).keys_of(party, body)

    def accepting(self, algorithms: Iterable[str]) -> "KeySources":
        """The same sources with keys of these algorithms too."""
        more = frozenset(algorithms)
        return KeySources(tuple(replace(row, algorithms=row.algorithms | more) for row in self.rows))

    def origin(self, party: str) -> str | None:
        """The origin that a party speaks for. Raises BadDid."""
        return self.of(party).origin(party)
