"""Parts: what the endpoints, pages and commands of one running issuer work with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from didkit_py.credentials.template import ClaimTemplate
from didkit_py.formats.format import Formats
from didkit_py.keys.public import PublicKey
from didkit_py.roles.issuing import Issuing
from issuer.claim_templates import ListLayout
from issuer.publishing.documents import Publications
from issuer.publishing.status_lists import StatusLists
from issuer.settings import IssuerSettings
from issuer.store import OfferStore

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerContext:
    """One issuer, put together."""

    settings: IssuerSettings
    did: str
    public: PublicKey
    issuing: Issuing
    formats: Formats
    store: OfferStore
    status_lists: StatusLists
    publications: Publications
    layout: ListLayout | None  # the list that can be imported, if there is one
    clock: Clock

    @property
    def templates(self) -> tuple[ClaimTemplate, ...]:
        """The types on offer, in the order of the settings."""
        return tuple(self.issuing.templates.values())
