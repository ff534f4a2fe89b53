"""What the person is shown before deciding: who, what, which promises, how long and how to stop.

Made from verified fields alone. What others wrote is marked as a quotation; what is missing says "not promised". The
words stand in the catalogue; here are their keys, and the values that go into them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from itertools import groupby
from typing import Final

from didkit_py.consent.choices import grants_of
from didkit_py.consent.decision import Decision, Reason
from didkit_py.consent.disclosure_case import DisclosureCase, Outcome
from didkit_py.consent.page_digest import claim_label, document_title, page_digest
from didkit_py.consent.value_words import value_text
from didkit_py.consent.vendor import VerifiedVendor
from didkit_py.credentials.credential import ProtocolMember
from didkit_py.encoding import Json, from_timestamp
from didkit_py.localization import Text, clock_time, day, listed, phrase
from didkit_py.oid4vp.dcql import QueryAnswer
from didkit_py.terms.grant import Grant
from didkit_py.terms.grant_parts import Location, Propagation, Recipient, Retention, moment_of
from didkit_py.terms.vocabulary import WORDS, Deed, Word

NOT_PROMISED: Final = phrase("consent.not-promised")
_DAYS: Final = (ProtocolMember.ISSUED_AT, ProtocolMember.BEGINS_AT, ProtocolMember.ENDS_AT)
_FORM: Final = (  # in the order shown
    *_DAYS,
    ProtocolMember.TYPE,
    ProtocolMember.TYPE_VERSION,
    ProtocolMember.HOLDER_KEY,
    ProtocolMember.STATUS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLine:
    """One sentence; `quoted` words are somebody else's and are marked as such on the page."""

    text: Text
    quoted: str | None = None


_NO_USE: Final = ConsentLine(text=phrase("consent.no-use"))
_NO_LIMIT: Final = ConsentLine(text=phrase("consent.no-limit"))
_NO_END: Final = ConsentLine(text=phrase("consent.no-end"))
_NO_BOUND: Final = ConsentLine(text=phrase("consent.no-bound"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who is asking, and how that is known."""

    name: str | None  # proven; None: nobody confirms a name
    how: tuple[Text, ...]
    host: str | None  # the internet address that is proven
    calls_itself: str | None  # in the seller's own words, when no name is proven; nobody confirms it


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that would be sent, with exactly the value that will be sent."""

    query_id: str
    label: Text
    value: Text = field(repr=False)
    required: bool
    always: bool  # it was not asked for, and cannot be left out
    protocol: bool = False  # it belongs to the form of the document; it is no claim, and no promise is about it
    document: Text  # the title of the document that it comes from
    issued_by: Text  # the seller sees this too


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What is promised for some of the items, by one grant; an empty gid: by nobody."""

    gid: str
    about: tuple[str, ...]  # labels
    uses: tuple[ConsentLine, ...]
    will_not: tuple[ConsentLine, ...]
    kept: tuple[ConsentLine, ...]
    onward: tuple[ConsentLine, ...]
    limits: tuple[ConsentLine, ...] = ()  # what else holds the seller back


_NO_PROMISE: Final = Promises(
    gid="", about=(), uses=(_NO_USE,), will_not=(_NO_LIMIT,), kept=(_NO_END,), onward=(_NO_BOUND,)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The standard terms behind the promises."""

    name: str  # family and version, for a quotation
    label: tuple[ConsentLine, ...]
    attested: Text  # when they were signed, and who confirms it; goes on after the name


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """The four blocks of the consent page as data."""

    digest: str  # what a yes to this page gives back; it changes when the page would say something else
    outcome: Outcome
    reasons: tuple[Reason, ...]
    who: Who
    items: tuple[Item, ...]
    covered: tuple[str, ...]  # after over-asking: what could be offered instead
    promises: tuple[Promises, ...]  # that go with what is shared
    choices: tuple[Promises, ...]  # that are accepted only where they are ticked
    terms: Terms | None
    give: str | None  # what the person gets, in the seller's words: show as a quotation
    how_to_stop: tuple[ConsentLine, ...]
    addresses: tuple[ConsentLine, ...]  # where to write and complain: the one thing that may stand folded

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """The reasons that speak against sharing."""
        return tuple(reason for reason in self.reasons if not reason.code.startswith("ok."))

    @property
    def required(self) -> tuple[Item, ...]:
        """What goes with a yes."""
        return tuple(item for item in self.items if item.required)

    @property
    def optional(self) -> tuple[Item, ...]:
        """What goes only where it is ticked."""
        return tuple(item for item in self.items if not item.required)


def consent_view(decision: Decision) -> ConsentView:
    """The page of a decision, refused ones included."""
    case = decision.case
    return ConsentView(
        digest=page_digest(decision),
        outcome=decision.outcome,
        reasons=decision.reasons,
        who=_who(case.vendor),
        items=_items(decision),
        covered=tuple(dict.fromkeys(claim_label(item.vct, item.path) for item in decision.covered)),
        promises=tuple(_promises(case, grants_of(case).tied)) or (_NO_PROMISE,),
        choices=tuple(_promises(case, grants_of(case).choices)),
        terms=_terms(case.vendor),
        give=None if case.agreement is None or case.agreement.give is None else case.agreement.give.text,
        how_to_stop=_how_to_stop(case),
        addresses=_addresses(case),
    )


def _who(vendor: VerifiedVendor | None) -> Who:
    if vendor is None:
        return Who(name=None, how=(phrase("consent.nobody-known"),), host=None, calls_itself=None)
    how = [phrase("consent.role", issuer=role.issuer_name, role=document_title(role.vct)) for role in vendor.roles]
    claimed = None if vendor.name is not None or vendor.agreement is None else vendor.agreement.controller.name
    if vendor.name is None and claimed is None:
        how.insert(0, phrase("consent.nobody-confirms"))
    if vendor.name is not None and vendor.host is not None:
        how.append(phrase("consent.address", host=vendor.host))
    return Who(name=vendor.name, how=tuple(how), host=vendor.host, calls_itself=claimed)


def _items(decision: Decision) -> tuple[Item, ...]:
    required = () if decision.case.candidates is None else decision.case.candidates.required
    return tuple(
        item
        for query_id, answer in decision.chosen.items()
        for item in _items_of(decision.case, answer, required=query_id in required)
    )


def _items_of(case: DisclosureCase, answer: QueryAnswer, *, required: bool) -> Iterable[Item]:
    vct = case.held[answer.held_id].vct
    currency = next((str(value) for path, value in (*answer.shown, *answer.also_shown) if path == ("currency",)), "")
    claims = [
        (claim_label(vct, path), value_text(value, currency=currency), always, False)
        for found, always in ((answer.shown, False), (answer.also_shown, True))
        for path, value in found
    ]
    form = [(label, text, True, True) for label, text in _protocol_texts(answer.protocol_members)]
    for label, text, always, protocol in (*claims, *form):
        yield Item(
            query_id=answer.query_id,
            label=label,
            value=text,
            required=required,
            always=always,
            protocol=protocol,
            document=document_title(vct),
            issued_by=case.held[answer.held_id].issuer_name,
        )


def _protocol_texts(members: Mapping[ProtocolMember, Json]) -> Iterator[tuple[Text, Text]]:
    """What the form of a document shows, beside who gave it, which stands on its own."""
    for name in _FORM:
        if name in members:
            value = members[name]
            moment = from_timestamp(value) if isinstance(value, int | float) else None
            yield phrase(f"form.{name}"), day(moment) if name in _DAYS else phrase(f"form.{name}.value")


def _promises(case: DisclosureCase, gids: Collection[str]) -> Iterator[Promises]:
    grants = () if case.agreement is None else case.agreement.grants
    exceptions = {} if case.vendor is None or case.vendor.terms is None else case.vendor.terms.exceptions
    for grant in grants:
        if grant.gid in gids:
            named = (claim_label(one.vct, one.path) for one in grant.data or () if one.vct and one.path)
            yield Promises(
                gid=grant.gid,
                about=tuple(dict.fromkeys(named)),
                uses=_uses(grant),
                will_not=_will_not(grant.prohibitions or ()) or (_NO_LIMIT,),
                kept=tuple(ConsentLine(text=_kept(one)) for one in grant.retention or ()) or (_NO_END,),
                onward=_onward(grant, exceptions),
                limits=tuple(_limits(grant)),
            )


def _uses(grant: Grant) -> tuple[ConsentLine, ...]:
    known, others = _parted(grant.purpose)
    said = (
        (ConsentLine(text=phrase("consent.used", uses=listed([word.used for word in known], by="and"))),)
        if known
        else ()
    )
    law = (ConsentLine(text=phrase("consent.law")),) if grant.legal_basis == "legalObligation" else ()
    return (*said, *(ConsentLine(text=phrase("consent.used-otherwise"), quoted=iri) for iri in others), *law)


def _limits(grant: Grant) -> Iterator[ConsentLine]:
    """What holds the seller back beside prohibitions, and what it gives back."""
    if grant.channel:
        yield ConsentLine(text=phrase("consent.channel"))
    places = grant.location or Location()
    if places.storage == places.processing:
        named = [("both", places.storage)]
    else:
        named = [("storage", places.storage), ("processing", places.processing)]
    for kind, found in named:
        if found:
            yield ConsentLine(text=phrase(f"consent.places.{kind}"), quoted=", ".join(found))
        elif found is not None:
            yield ConsentLine(text=phrase(f"consent.places.{kind}.none"))
    if grant.return_duty is not None:
        within = grant.return_duty.within
        back = phrase("consent.returned-within", period=within.words()) if within else phrase("consent.returned")
        yield ConsentLine(text=back)


def _will_not(prohibitions: Iterable[str]) -> tuple[ConsentLine, ...]:
    """One sentence for all that is known: a list with commas alone would leave open how far the "not" reaches."""
    known, others = _parted(prohibitions)
    deeds: list[Text] = [word.ruled_out for word in known if word.deed is Deed.ACT]
    if uses := _uses_ruled_out([word for word in known if word.deed is not Deed.ACT]):
        deeds.append(phrase("deed.use", uses=listed(uses, by="or")))
    said = (ConsentLine(text=phrase("consent.will-not", deeds=listed(deeds, by="comma-or"))),) if deeds else ()
    return (*said, *(ConsentLine(text=phrase("consent.will-not-otherwise"), quoted=iri) for iri in others))


def _uses_ruled_out(known: Sequence[Word]) -> list[Text]:
    """What it will not be used for; aims that follow one another share one preposition: `to a or b`, `for c`."""
    found: list[Text] = []
    for deed, some in groupby(known, key=lambda word: word.deed):
        texts = [word.ruled_out for word in some]
        found += [phrase("deed.aim", deeds=listed(texts, by="or"))] if deed is Deed.AIM else texts
    return found


def _parted(iris: Iterable[str]) -> tuple[list[Word], list[str]]:
    """The words of what the vocabulary knows, and the rest."""
    given = tuple(iris)
    return [WORDS[iri] for iri in given if iri in WORDS], [iri for iri in given if iri not in WORDS]


def _kept(one: Retention) -> Text:
    return phrase(
        f"consent.kept.{one.retention_class}",
        period=one.period.words(),
        since=phrase(f"consent.since.{one.start or 'disclosure'}"),
        then=phrase(f"consent.then.{one.then}"),
    )


def _onward(grant: Grant, exceptions: Mapping[str, str]) -> tuple[ConsentLine, ...]:
    if grant.propagation is None:
        return (_NO_BOUND,)
    named = (exceptions.get(one, one) for one in grant.propagation.exceptions or ())
    return (
        _onward_line(grant.propagation, grant.recipient or Recipient()),
        *(ConsentLine(text=phrase("consent.exception"), quoted=one) for one in named),
    )


def _onward_line(propagation: Propagation, recipient: Recipient) -> ConsentLine:
    if propagation.value == "none":
        return ConsentLine(text=phrase("consent.onward.none"))
    if propagation.value == "processors":
        named = ", ".join(recipient.processors or ()) or None
        return ConsentLine(text=phrase("consent.onward.processors"), quoted=named)
    named = ", ".join((*(recipient.processors or ()), *(recipient.third_parties or ()))) or None
    return ConsentLine(text=phrase("consent.onward.others"), quoted=named)


def _terms(vendor: VerifiedVendor | None) -> Terms | None:
    """Only where a third party's word and the seller's own signature name the very text that the promise names."""
    if vendor is None or vendor.terms is None or vendor.signatory is None:
        return None
    if vendor.signatory.terms_id != vendor.terms.id:
        return None
    return Terms(
        name=f"{vendor.terms.family} {vendor.terms.version}",
        label=tuple(ConsentLine(text="", quoted=label.text) for label in vendor.terms.labels),
        attested=phrase(
            f"consent.attested.{vendor.signatory.level}",
            day=day(vendor.signatory.signed_at),
            issuer=vendor.signatory.issuer_name,
        ),
    )


def _how_to_stop(case: DisclosureCase) -> tuple[ConsentLine, ...]:
    agreement = case.agreement
    if agreement is None:
        return (ConsentLine(text=NOT_PROMISED),)
    stop, erase = agreement.withdraw.within.words(), agreement.erase.within.words()
    windows = dict.fromkeys(one.window.not_after for one in agreement.grants if one.window is not None)
    moments = [(end, moment_of(end, end=False).astimezone(UTC)) for end in windows if end is not None]
    ends = [clock_time(moment) if "T" in end.upper() else day(moment) for end, moment in moments]  # a day counts whole
    return (
        ConsentLine(text=phrase("consent.stop", stop=stop, erase=erase)),
        *(ConsentLine(text=phrase("consent.used-until", end=end)) for end in ends),
        _regulator(case),
    )


def _regulator(case: DisclosureCase) -> ConsentLine:
    terms = None if case.vendor is None else case.vendor.terms
    if terms is not None and terms.authority is not None:
        return ConsentLine(text=phrase("consent.regulator"), quoted=terms.authority.name)
    if case.agreement is not None and case.agreement.controller.authority is not None:
        return ConsentLine(text=phrase("consent.regulator-named"), quoted=case.agreement.controller.authority)
    return ConsentLine(text=phrase("consent.no-regulator"))


def _addresses(case: DisclosureCase) -> tuple[ConsentLine, ...]:
    terms = None if case.vendor is None else case.vendor.terms
    found = (
        ()
        if case.agreement is None
        else (ConsentLine(text=phrase("consent.write"), quoted=case.agreement.controller.contact),)
    )
    if case.agreement is None or terms is None or terms.authority is None:
        return found
    return (*found, ConsentLine(text=phrase("consent.complain"), quoted=terms.authority.contact))
