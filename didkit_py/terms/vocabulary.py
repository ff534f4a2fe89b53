"""Words for purposes and prohibitions: what each IRI is narrower than, and how it is said to a person.

The rows repeat `skos:broader` of the Data Privacy Vocabulary (DPV 2) where a grant may be compared by it. Broader terms
that would smuggle something in are left out on purpose: selling data stands under no other purpose here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DPV: Final = "https://w3id.org/dpv#"
PURPOSE: Final = "urn:didkit-py:purpose:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One purpose or practice."""

    iri: str
    does: str  # after "They will use it"
    does_not: str  # after "They promise not"
    broader: str | None = None


_ROWS: Final = (
    Word(
        iri=DPV + "RequestedServiceProvision",
        does="to do what you asked them for",
        does_not="to use it for what you asked for",
        broader=DPV + "ServiceProvision",
    ),
    Word(iri=DPV + "ServiceProvision", does="to provide their service", does_not="to use it to provide services"),
    Word(
        iri=DPV + "ServiceUsageAnalytics",
        does="to study how their service is used",
        does_not="to study how you use their service",
        broader=DPV + "ServiceProvision",
    ),
    Word(iri=DPV + "Marketing", does="for marketing", does_not="to use it for any marketing"),
    Word(
        iri=DPV + "DirectMarketing",
        does="to send you offers",
        does_not="to send you advertising",
        broader=DPV + "Marketing",
    ),
    Word(iri=DPV + "Advertising", does="to advertise", does_not="to use it for advertising", broader=DPV + "Marketing"),
    Word(
        iri=DPV + "PersonalisedAdvertising",
        does="to show you advertising chosen for you",
        does_not="to show you advertising chosen for you",
        broader=DPV + "Advertising",
    ),
    Word(
        iri=DPV + "TargetedAdvertising",
        does="to aim advertising at you",
        does_not="to aim advertising at you",
        broader=DPV + "PersonalisedAdvertising",
    ),
    Word(
        iri=DPV + "SellDataToThirdParties",
        does="to sell your data to others",
        does_not="to sell your data to others",
    ),
    Word(iri=DPV + "Profiling", does="to build a picture of you", does_not="to build a picture of you"),
    Word(iri=DPV + "ResearchAndDevelopment", does="for research", does_not="to use it for research"),
    Word(
        iri=DPV + "CommercialResearch",
        does="for research into products",
        does_not="to use it for research into products",
        broader=DPV + "ResearchAndDevelopment",
    ),
    Word(
        iri=DPV + "ImproveExistingProductsAndServices",
        does="to improve what they sell",
        does_not="to use it to improve what they sell",
    ),
    Word(
        iri=DPV + "ImproveTransportMobility",
        does="to improve roads and transport",
        does_not="to use it for planning transport",
    ),
    Word(iri=DPV + "PublicPolicyMaking", does="to plan public matters", does_not="to use it for public planning"),
    Word(
        iri=PURPOSE + "offer-qualification",
        does="to see whether their offer fits you",
        does_not="to use it to judge whether their offer fits you",
    ),
    Word(iri=PURPOSE + "market-check", does="to look for a better offer for you", does_not="to look for offers"),
    Word(iri=PURPOSE + "satisfaction-survey", does="to ask how content you are", does_not="to ask you in surveys"),
)
WORDS: Final[Mapping[str, Word]] = MappingProxyType({row.iri: row for row in _ROWS})


def is_within(narrow: str, broad: str) -> bool:
    """Whether `narrow` is `broad` or stands below it. An unknown IRI is within itself only."""
    at: str | None = narrow
    while at is not None and at != broad:
        row = WORDS.get(at)
        at = row.broader if row else None
    return at is not None
