"""Purposes and prohibitions: what each IRI is narrower than, and how a sentence about it is built.

The rows repeat `skos:broader` of the Data Privacy Vocabulary (DPV 2) where a grant may be compared by it. Broader terms
that would smuggle something in are left out on purpose: selling data stands under no other purpose here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from didkit_py.localization import Phrase, phrase

DPV: Final = "https://w3id.org/dpv#"
PURPOSE: Final = "urn:didkit-py:purpose:"


class Deed(Enum):
    """Where a purpose or practice stands in a sentence about what will not be done."""

    ACT = "act"  # it is done: "sell it"
    AIM = "aim"  # something is used to do it: "send you ads"
    FIELD = "field"  # something is used for it: "for research"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One purpose or practice."""

    iri: str
    deed: Deed
    broader: str | None = None
    service: bool = False  # what a person comes for; every other use is a choice of its own

    @property
    def used(self) -> Phrase:
        """What it is used for, as a part of a sentence."""
        return phrase(f"vocabulary.{self.iri.replace('#', ':').rpartition(':')[2]}.used")

    @property
    def ruled_out(self) -> Phrase:
        """What will not be done, as a part of a sentence; of which kind, `deed` says."""
        return phrase(f"vocabulary.{self.iri.replace('#', ':').rpartition(':')[2]}.not")


_ROWS: Final = (
    Word(iri=DPV + "RequestedServiceProvision", deed=Deed.FIELD, broader=DPV + "ServiceProvision", service=True),
    Word(iri=DPV + "ServiceProvision", deed=Deed.FIELD, service=True),
    Word(iri=DPV + "ServiceUsageAnalytics", deed=Deed.AIM, broader=DPV + "ServiceProvision"),
    Word(iri=DPV + "Marketing", deed=Deed.FIELD),
    Word(iri=DPV + "DirectMarketing", deed=Deed.AIM, broader=DPV + "Marketing"),
    Word(iri=DPV + "Advertising", deed=Deed.FIELD, broader=DPV + "Marketing"),
    Word(iri=DPV + "PersonalisedAdvertising", deed=Deed.AIM, broader=DPV + "Advertising"),
    Word(iri=DPV + "TargetedAdvertising", deed=Deed.AIM, broader=DPV + "PersonalisedAdvertising"),
    Word(iri=DPV + "SellDataToThirdParties", deed=Deed.ACT),
    Word(iri=DPV + "Profiling", deed=Deed.AIM),
    Word(iri=DPV + "ResearchAndDevelopment", deed=Deed.FIELD),
    Word(iri=DPV + "CommercialResearch", deed=Deed.FIELD, broader=DPV + "ResearchAndDevelopment"),
    Word(iri=DPV + "ImproveExistingProductsAndServices", deed=Deed.AIM),
    Word(iri=DPV + "ImproveTransportMobility", deed=Deed.AIM),
    Word(iri=DPV + "PublicPolicyMaking", deed=Deed.FIELD),
    Word(iri=PURPOSE + "offer-qualification", deed=Deed.AIM, service=True),
    Word(iri=PURPOSE + "market-check", deed=Deed.AIM, service=True),
    Word(iri=PURPOSE + "satisfaction-survey", deed=Deed.AIM),
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
