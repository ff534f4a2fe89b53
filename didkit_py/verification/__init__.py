"""From presentation to verdict: `missing` names what is still wanted, the two `verify_` functions judge.

Both are pure: what they need from outside stands in an `Evidence`, so every verdict can be repeated later from what was
stored. Each check that was made is recorded, in the result or in the error.
"""

from didkit_py.verification.credential import (
    CHECKS,
    KeyBinding,
    VerifiedCredential,
    missing,
    parse_one,
    verify_credential,
)
from didkit_py.verification.evidence import STATUS_MAX_AGE, CheckResult, Evidence, Need
from didkit_py.verification.presentation import VerifiedPresentation, parse_answer, readable, verify_presentation

__all__ = [
    "CHECKS",
    "STATUS_MAX_AGE",
    "CheckResult",
    "Evidence",
    "KeyBinding",
    "Need",
    "VerifiedCredential",
    "VerifiedPresentation",
    "missing",
    "parse_answer",
    "parse_one",
    "readable",
    "verify_credential",
    "verify_presentation",
]
