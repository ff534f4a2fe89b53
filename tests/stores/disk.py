"""A disk as it is after a power cut: what was synced is there, and of the rest what chance has kept.

It follows the events of a run one by one. At any moment it can say what the files would hold if the power went now: of
each write that no sync covers, every sector is kept or lost by itself, writes overtake each other, a file has one of
the lengths that it had since its last sync, and a name that no sync of the folder covers is there or not.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

SECTOR: Final = 512  # bytes that a disk writes whole or not at all
ALL: Final = 1.0
KEEPING: Final = (0.0, 0.1, 0.5, 0.9, ALL)  # how much of what was not synced a cut spares


@dataclass(frozen=True, slots=True)
class Write:
    """These bytes were written there."""

    file: int
    offset: int
    octets: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.octets)


@dataclass(frozen=True, slots=True)
class Resize:
    """The file was cut or stretched to this size."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """All that was written to this file before is on the disk."""

    file: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A sync of this file failed: what was written since the last one is forgotten, and no later sync brings it."""

    file: int


@dataclass(frozen=True, slots=True)
class Rename:
    """From now on these names mean these files, or nothing. One step: all of it is kept or none."""

    names: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class SyncNames:
    """All names are on the disk as they are now."""


@dataclass(frozen=True, slots=True)
class Told:
    """A caller was told that this is done."""

    what: object


Event = Write | Resize | Sync | Forgotten | Rename | SyncNames | Told


@dataclass(slots=True)
class Disk:
    """One folder, after all events that it was given."""

    told: list[object] = field(default_factory=list)
    _synced: defaultdict[int, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    _since: defaultdict[int, list[Write | Resize]] = field(default_factory=lambda: defaultdict(list))
    _names: dict[str, int | None] = field(default_factory=dict)
    _names_since: list[Rename] = field(default_factory=list)

    def follow(self, event: Event) -> None:
        """Let one more thing happen."""
        match event:
            case Write() | Resize():
                self._since[event.file].append(event)
            case Sync():
                for change in self._since.pop(event.file, ()):
                    _apply(change, self._synced[event.file])
            case Forgotten():
                self._since.pop(event.file, None)
            case Rename():
                self._names_since.append(event)
            case SyncNames():
                for renamed in self._names_since:
                    self._names |= renamed.names
                self._names_since.clear()
            case Told():
                self.told.append(event.what)

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        """What the files hold when the power comes back, by name."""
        keeping = rng.choice(KEEPING)
        names = dict(self._names)
        for renamed in self._names_since:
            if rng.random() < keeping:
                names |= renamed.names
        return {name: self._content(file, rng, keeping) for name, file in names.items() if file is not None}

    def _content(self, file: int, rng: random.Random, keeping: float) -> bytes:
        octets, changes = bytearray(self._synced[file]), self._since[file]
        if keeping == ALL:
            for change in changes:
                _apply(change, octets)
            return bytes(octets)
        sizes = [len(octets)]
        for change in changes:
            sizes.append(change.size if isinstance(change, Resize) else max(sizes[-1], change.end))
        sectors = [sector for change in changes if isinstance(change, Write) for sector in _sectors(change)]
        for sector in rng.sample(sectors, round(keeping * len(sectors))):
            _apply(sector, octets)
        _apply(Resize(file, rng.choice(sizes)), octets)
        return bytes(octets)


def _apply(change: Write | Resize, octets: bytearray) -> None:
    size = change.size if isinstance(change, Resize) else change.offset
    if len(octets) < size:
        octets.extend(bytes(size - len(octets)))  # what was never written reads as zeros
    if isinstance(change, Resize):
        del octets[size:]
    else:
        octets[size : size + len(change.octets)] = change.octets


def _sectors(write: Write) -> Iterator[Write]:
    start = write.offset
    while start < write.end:
        stop = min(write.end, (start // SECTOR + 1) * SECTOR)
        yield Write(write.file, start, write.octets[start - write.offset : stop - write.offset])
        start = stop
