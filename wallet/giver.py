"""Who gave a document, or offers one: a name of the public list, or the giver's own words, which are marked as such."""

from dataclasses import dataclass

from didkit_py.credentials.template import template_of
from didkit_py.localization import Text, phrase
from didkit_py.parties.source import KeySources
from didkit_py.reading import origin
from didkit_py.service.fetching.lists import TrustedLists
from didkit_py.trust import TrustedIssuer
from didkit_py.unicode.skeleton import looks_like
from didkit_py.unicode.visible import quoted
from wallet.models import StoredCredential, StoredOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Giver:
    """Who gives a document of one kind, as far as the public list knows."""

    name: str | None  # of the list, which names it for this kind of document
    host: str  # its internet address
    says: str  # what it calls itself; a page quotes it and says that nobody confirms it
    otherwise: str | None = None  # its name of the list, which names it for other kinds alone
    like: str | None = None  # whom of the list its own words could be taken for, though it is somebody else

    @property
    def doubt(self) -> Text:
        """What a page says beside the words of one that is not listed; empty for one that is."""
        if self.name is not None:
            return ""
        if self.otherwise is not None:
            return phrase("giver.doubt.other-kind", name=quoted(self.otherwise))
        if self.like is not None:
            return phrase("giver.doubt.alike", name=quoted(self.like))
        return phrase("giver.doubt.unlisted")

    @property
    def sentence(self) -> Text:
        """The same in a line of plain text, where nothing can be set apart."""
        if self.name is not None:
            return self.name
        line = phrase("giver.line", host=self.host)
        if self.says:
            line = phrase("giver.line-says", host=self.host, says=quoted(self.says))
        plain = self.otherwise is None and self.like is None
        return line if plain else phrase("giver.line-aside", line=line, doubt=self.doubt)


def giver_of(stored: StoredCredential, lists: TrustedLists | None, *, key_sources: KeySources) -> Giver:
    """Who gave a document that is held: by its identifier, a key of which signed it."""
    entry = None if lists is None else lists.trust.issuers.get(stored.issuer)
    address = key_sources.origin(stored.issuer)
    host = stored.issuer if address is None else address.partition("://")[2]
    return _giver(entry, stored.vct, host=host, says=stored.issuer_says, lists=lists)


def giver_of_offer(offer: StoredOffer, lists: TrustedLists | None) -> Giver:
    """Who offers: by the address that answered, for the document has not come yet."""
    issuer, vct = offer.previewed.issuer, offer.previewed.configurations[0].vct
    here = []
    if lists is not None:
        at = origin(issuer.issuer)
        here = [one for one in lists.trust.issuers.values() if lists.key_sources.origin(one.id) == at]
    here.sort(key=lambda one: vct not in one.vcts)
    host = origin(issuer.issuer).partition("://")[2]
    return _giver(here[0] if here else None, vct, host=host, says=issuer.display_name or "", lists=lists)


def _giver(entry: TrustedIssuer | None, vct: str, *, host: str, says: str, lists: TrustedLists | None) -> Giver:
    if entry is not None and vct in entry.vcts:
        return Giver(name=entry.name, host=host, says=says)
    if entry is not None:
        return Giver(name=None, host=host, says=says, otherwise=entry.name)
    listed = () if lists is None else tuple(one.name for one in lists.trust.issuers.values())
    return Giver(name=None, host=host, says=says, like=looks_like(says, listed))


def title_of(vct: str, title: str) -> Text:
    """What a kind of document is called: by us, or by its sender in quotation marks."""
    template = template_of(vct)
    return phrase("document.senders-title", title=quoted(title)) if template is None else template.title
