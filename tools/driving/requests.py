"""What the vendors of the story ask for. Query and promise are separate: one can ask for more than it promised."""

from collections.abc import Sequence
from typing import Any, Final

AFFORD: Final = "urn:didkit-py:vct:affordability-range:1"
RECEIPT: Final = "urn:didkit-py:vct:digital-receipt:1"
CONTACT: Final = "urn:didkit-py:vct:contact:1"
STANDING: Final = "urn:didkit-py:vct:insurer-good-standing:1"
DEALER: Final = "urn:didkit-py:vct:authorized-dealer:1"
DPV: Final = "https://w3id.org/dpv#"

Json = Any


def affordability(terms_id: str, step: int) -> Json:
    """'GBP, this much or more', for qualifying an offer; nothing else, no identity."""
    return {
        "purpose_text": "To know whether our offers suit your budget",
        "query": {
            "credentials": [
                {
                    "id": "afford",
                    "format": "dc+sd-jwt",
                    "meta": {"vct_values": [AFFORD]},
                    "claims": [
                        {"path": ["currency"], "values": ["GBP"]},
                        {"path": ["at_least", str(step)], "values": [True]},
                    ],
                }
            ]
        },
        "grants": [
            {
                "gid": "g-budget",
                "data": [
                    {"vct": AFFORD, "path": ["currency"], "necessity": "required"},
                    {"vct": AFFORD, "path": ["at_least", str(step)], "necessity": "required"},
                ],
                "purpose": ["urn:didkit-py:purpose:offer-qualification"],
                "not": [DPV + "SellDataToThirdParties", DPV + "Profiling"],
                "subjectForm": "anonymous",
                "mode": "assert",
                "recipient": {"controller": True, "processors": [], "thirdParties": []},
                "propagation": {"value": "none"},
                "retention": [{"class": "immediate", "period": "P30D", "from": "disclosure", "then": "erase"}],
                "legalBasis": "contract",
            }
        ],
        "terms": terms_id,
        "roles": [DEALER],
        "give": {"code": "test-drive", "text": "A test drive and an offer within your budget"},
    }


def sound_system(terms_id: str, *, extra_paths: Sequence[Sequence[str]] = (), whole_vehicle: bool = False) -> Json:
    """Model, audio system and, if she likes, e-mail; `extra_paths` and `whole_vehicle` ask more than is promised."""
    promised = [["vehicle", "model"], ["vehicle", "audioSystem"]]
    asked = [["vehicle"]] if whole_vehicle else [*promised, *extra_paths]
    return {
        "purpose_text": "To register your sound system for service",
        "query": {
            "credentials": [
                {
                    "id": "car",
                    "format": "dc+sd-jwt",
                    "meta": {"vct_values": [RECEIPT]},
                    "claims": [{"path": list(path)} for path in asked],
                },
                {
                    "id": "contact",
                    "format": "dc+sd-jwt",
                    "meta": {"vct_values": [CONTACT]},
                    "claims": [{"path": ["email"]}],
                },
            ],
            "credential_sets": [{"options": [["car"]]}, {"options": [["contact"]], "required": False}],
        },
        "grants": [
            {
                "gid": "g-sound",
                "data": [
                    *({"vct": RECEIPT, "path": path, "necessity": "required"} for path in promised),
                    {"vct": CONTACT, "path": ["email"], "necessity": "optional"},
                ],
                "purpose": [DPV + "RequestedServiceProvision"],
                "not": [DPV + "SellDataToThirdParties", DPV + "TargetedAdvertising", DPV + "DirectMarketing"],
                "subjectForm": "identified",
                "mode": "copy",
                "recipient": {"controller": True, "processors": [], "thirdParties": []},
                "propagation": {"value": "none"},
                "retention": [{"class": "planning", "period": "P1Y", "from": "relationshipEnd", "then": "erase"}],
                "channel": ["wallet-inbox"],
                "legalBasis": "contract",
                "location": {"storage": ["GB"], "processing": ["GB"]},
            }
        ],
        "terms": terms_id,
        "roles": [],
        "give": {"code": "warranty-registration", "text": "Registers your sound system for service"},
    }


def good_standing(terms_id: str) -> Json:
    """'Insured, in good standing', before the dealer lends a car; no policy number, no price."""
    return {
        "purpose_text": "To lend you a car for your test drive",
        "query": {
            "credentials": [
                {
                    "id": "standing",
                    "format": "dc+sd-jwt",
                    "meta": {"vct_values": [STANDING]},
                    "claims": [{"path": ["standing"], "values": ["good"]}],
                }
            ]
        },
        "grants": [
            {
                "gid": "g-standing",
                "data": [{"vct": STANDING, "path": ["standing"], "necessity": "required"}],
                "purpose": [DPV + "RequestedServiceProvision"],
                "not": [DPV + "SellDataToThirdParties", DPV + "TargetedAdvertising"],
                "subjectForm": "pairwise",
                "mode": "assert",
                "recipient": {"controller": True, "processors": [], "thirdParties": []},
                "propagation": {"value": "none"},
                "retention": [{"class": "planning", "period": "P30D", "from": "disclosure", "then": "erase"}],
                "legalBasis": "contract",
            }
        ],
        "terms": terms_id,
        "roles": [DEALER],
        "give": {"code": "test-drive", "text": "A car for a test drive"},
    }
