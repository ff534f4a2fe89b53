"""The lists as they are kept: one place that the running service and the commands beside it read and write.

They are public, so they belong to no party: all who follow the same trust list share what was fetched for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from didkit_py.encoding import from_timestamp, timestamp
from didkit_py.errors import Stale
from didkit_py.parties.source import KeySources
from didkit_py.service.fetching.evidence import Source, TrustedLists, read_lists
from didkit_py.service.storage.columns import number, octets, text
from didkit_py.service.storage.database import Database, Statement


@dataclass(slots=True, kw_only=True)
class KeptLists:
    """The last good lists of one vendor, read again whenever some process has kept newer ones."""

    database: Database
    trust_list_url: str | None
    trust_list_signer: str | None
    key_sources: KeySources
    _lists: TrustedLists | None = field(default=None, repr=False)
    _version: int = -1

    async def current(self, now: datetime) -> TrustedLists:
        """What is kept, verified. Raises Stale when there is nothing, or the trust list's time is over."""
        if self.trust_list_url is None or self.trust_list_signer is None:
            raise Stale("no trust list is set", hint="Set trust_list_url and trust_list_signer in settings.toml.")
        sql = "SELECT value FROM source_versions WHERE trust_list = ?"
        rows = await self.database.fetch(sql, self._followed)
        version = number(rows[0], "value") if rows else 0
        if self._lists is None or version != self._version:
            self._lists = read_lists(
                await self.load_sources(),
                trust_list_url=self.trust_list_url,
                trust_list_signer=self.trust_list_signer,
                key_sources=self.key_sources,
                now=now,
            )
            self._version = version
        self._lists.require_holding(now)
        return self._lists

    @property
    def _followed(self) -> str:
        return self.trust_list_url or ""  # without one nothing is fetched, and nothing is found

    async def load_sources(self) -> tuple[Source, ...]:
        """What was fetched, as it came."""
        sql = "SELECT url, fetched_at, body FROM sources WHERE trust_list = ? ORDER BY url"
        rows = await self.database.fetch(sql, self._followed)
        return tuple(
            Source(
                url=text(row, "url"),
                body=octets(row, "body"),
                fetched_at=from_timestamp(number(row, "fetched_at")),
            )
            for row in rows
        )

    async def save_sources(self, sources: Sequence[Source]) -> None:
        """Keep these instead of the ones before."""
        await self.database.apply(
            Statement(
                "INSERT INTO source_versions (trust_list, value) VALUES (?, ?)"
                " ON CONFLICT (trust_list) DO UPDATE SET value = source_versions.value + 1",
                (self._followed, 1),
            ),
            Statement("DELETE FROM sources WHERE trust_list = ?", (self._followed,)),
            *(
                Statement(
                    "INSERT INTO sources (trust_list, url, fetched_at, body) VALUES (?, ?, ?, ?)",
                    (self._followed, one.url, timestamp(one.fetched_at), one.body),
                )
                for one in sources
            ),
        )
