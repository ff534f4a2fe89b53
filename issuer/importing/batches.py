"""From a list that was read to offers: what an import would do, does, and hands out."""

import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from didkit_py.encoding import Json
from didkit_py.errors import BadImport
from didkit_py.roles.issuing_store import MadeOffer, WantedCredential
from didkit_py.service.setup.atomic_files import write_private
from issuer.context import IssuerContext
from issuer.importing.rows import BadRow, ReadList, read_list

CODES_HEADING: Final = ("member", "offer_id", "tx_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an import of this list would do."""

    read: ReadList
    wanted: tuple[WantedCredential, ...] = field(repr=False)
    unchanged: int

    @property
    def new(self) -> int:
        """How many offers it would make."""
        return len(self.wanted) - self.unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did; the codes are told this once."""

    batch: str
    made: tuple[MadeOffer, ...] = field(repr=False)
    unchanged: int
    rejected: tuple[BadRow, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "batch": self.batch,
            "created": len(self.made),
            "unchanged": self.unchanged,
            "rejected": [row.to_json() for row in self.rejected],
        }


async def preview_list(parts: IssuerContext, body: bytes) -> Preview:
    """Read the list and look what is known; nothing is written. Raises BadImport or TooLarge."""
    if parts.layout is None:
        raise BadImport("this issuer offers no type that is made from lists", hint="Make single offers: issuer offer.")
    read = read_list(body, parts.layout)
    wanted = tuple(
        WantedCredential(type_name=parts.layout.type_name, values=row.values, reference=row.member, addressee=row.name)
        for row in read.good
    )
    unchanged = await parts.issuing.unchanged(wanted, now=parts.clock()) if wanted else 0
    return Preview(read=read, wanted=wanted, unchanged=unchanged)


async def import_list(
    parts: IssuerContext,
    preview: Preview,
    *,
    before_saving: Callable[[Sequence[MadeOffer]], Awaitable[None]] | None = None,
) -> Imported:
    """Make the offers of a list, all or none (flow I1)."""
    now = parts.clock()
    batch = now.strftime("%Y%m%d-%H%M%S-") + parts.store.random(3).hex()
    making = await parts.issuing.make_offers(preview.wanted, now=now, batch=batch, before_saving=before_saving)
    return Imported(batch=batch, made=making.made, unchanged=len(making.unchanged), rejected=preview.read.bad)


def codes_csv(made: Sequence[MadeOffer]) -> bytes:
    """The transaction codes as a list."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(CODES_HEADING)
    writer.writerows((each.offer.wanted.reference, each.offer.id, each.tx_code) for each in made)
    return text.getvalue().encode()


def codes_writer(file: Path | None) -> Callable[[Sequence[MadeOffer]], Awaitable[None]]:
    """Writes the codes, for their owner's eyes only, before the offers exist: a crash then loses neither.

    Called again, it replaces what it wrote: those codes came to nothing. It raises BadImport when there are codes and
    no file for them, or the file exists.
    """
    written: list[Path] = []

    async def write(made: Sequence[MadeOffer]) -> None:
        while written:
            written.pop().unlink()
        if not made:
            return
        if file is None:
            raise BadImport(
                f"{len(made)} new offers need a file for their transaction codes", hint="Add --codes-out FILE."
            )
        try:
            write_private(file, codes_csv(made))
        except FileExistsError as error:
            raise BadImport(f"{file} exists", hint="Name a new file; codes are never overwritten.") from error
        except OSError as error:
            raise BadImport(f"{file} cannot be written ({error.strerror})") from error
        written.append(file)

    return write
