"""What somebody who asks is called: a confirmed name, else the address, marked as no more than that."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from didkit_py.consent.consent import ConsentView
from didkit_py.localization import Phrase, Text, phrase
from didkit_py.oid4vp.client_id import parse_client_id
from didkit_py.parties.source import KeySources
from didkit_py.roles.presenting_store import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Whoever asks, for headings and sentences."""

    name: str | None  # confirmed
    host: str | None

    @property
    def within(self) -> Text:
        """In the middle of a sentence."""
        return self.name or self._somebody("within")

    @property
    def first(self) -> Text:
        """At the beginning of one."""
        return self.name or self._somebody("first")

    def _somebody(self, place: str) -> Phrase:
        """Whoever answers at this address, for this place in a sentence."""
        return phrase(f"requester.{place}.at", host=self.host) if self.host else phrase(f"requester.{place}.unknown")


def asker_of_view(view: ConsentView) -> Requester:
    """As it was judged just now."""
    return Requester(name=view.who.name, host=view.who.host)


def asker_of(exchange: Exchange, *, key_sources: KeySources) -> Requester:
    """As it was judged when the request was opened: what is kept is a confirmed name, or what stands in for one."""
    client = parse_client_id(exchange.client_id, key_sources=key_sources)
    host = urlsplit(client.origin).netloc if client.origin else None
    return Requester(name=None if exchange.vendor in {"", host, client.identifier} else exchange.vendor, host=host)
