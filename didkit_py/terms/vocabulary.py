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
    does: str  # after "Used"
    does_not: str  # after "They will not"; begins with "use it" wherever it is a use
    broader: str | None = None
    service: bool = False  # what a person comes for; every other use is a choice of its own


_ROWS: Final = (
    Word(
        iri=DPV + "RequestedServiceProvision",
        does="for what you asked for",
        does_not="use it for what you asked for",
        broader=DPV + "ServiceProvision",
        service=True,
    ),
    Word(iri=DPV + "ServiceProvision", does="for their service", does_not="use it for their service", service=True),
    Word(
        iri=DPV + "ServiceUsageAnalytics",
        does="for studying how their service is used",
        does_not="use it to study how you use their service",
        broader=DPV + "ServiceProvision",
    ),
    Word(iri=DPV + "Marketing", does="for marketing", does_not="use it for marketing"),
    Word(
        iri=DPV + "DirectMarketing",
        does="for sending you ads",
        does_not="use it to send you ads",
        broader=DPV + "Marketing",
    ),
    Word(iri=DPV + "Advertising", does="for ads", does_not="use it for ads", broader=DPV + "Marketing"),
    Word(
        iri=DPV + "PersonalisedAdvertising",
        does="for showing you ads chosen for you",
        does_not="use it to show you ads chosen for you",
        broader=DPV + "Advertising",
    ),
    Word(
        iri=DPV + "TargetedAdvertising",
        does="for aiming ads at you",
        does_not="use it to aim ads at you",
        broader=DPV + "PersonalisedAdvertising",
    ),
    Word(iri=DPV + "SellDataToThirdParties", does="for selling it to others", does_not="sell it"),
    Word(
        iri=DPV + "Profiling",
        does="for building a picture of you",
        does_not="use it to build a picture of you",
    ),
    Word(iri=DPV + "ResearchAndDevelopment", does="for research", does_not="use it for research"),
    Word(
        iri=DPV + "CommercialResearch",
        does="for research into products",
        does_not="use it for research into products",
        broader=DPV + "ResearchAndDevelopment",
    ),
    Word(
        iri=DPV + "ImproveExistingProductsAndServices",
        does="for improving what they sell",
        does_not="use it to improve what they sell",
    ),
    Word(
        iri=DPV + "ImproveTransportMobility",
        does="for better roads and transport",
        does_not="use it to plan roads and transport",
    ),
    Word(iri=DPV + "PublicPolicyMaking", does="for public planning", does_not="use it for public planning"),
    Word(
        iri=PURPOSE + "offer-qualification",
        does="for seeing whether their offer fits you",
        does_not="use it to judge whether their offer fits you",
        service=True,
    ),
    Word(
        iri=PURPOSE + "market-check",
        does="for finding you a better offer",
        does_not="use it to look for offers",
        service=True,
    ),
    Word(
        iri=PURPOSE + "satisfaction-survey",
        does="for asking how content you are",
        does_not="use it to ask you in surveys",
    ),
)
WORDS: Final[Mapping[str, Word]] = MappingProxyType({row.iri: row for row in _ROWS})


def is_within(narrow: str, broad: str) -> bool:
    """Whether `narrow` is `broad` or stands below it. An unknown IRI is within itself only."""
    at: str | None = narrow
    while at is not None and at != broad:
        row = WORDS.get(at)
        at = row.broader if row else None
    return at is not None


def is_service(iri: str) -> bool:
    """Whether this purpose is what a person comes for. An unknown IRI is not."""
    return iri in WORDS and WORDS[iri].service
