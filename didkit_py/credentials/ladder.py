"""From an amount to a ladder of yes and no; the amount goes no further."""

from decimal import Decimal
from typing import TYPE_CHECKING

from didkit_py.encoding import Json
from didkit_py.errors import BadTemplate

if TYPE_CHECKING:
    from didkit_py.credentials.template import ClaimTemplate


def ladder_steps(template: "ClaimTemplate") -> tuple[int, ...]:
    """The thresholds of the type, lowest first. Raises BadTemplate for a type without a ladder."""
    steps = tuple(int(path[1]) for path in template.disclosable() if path[0] == "at_least")
    if not steps:
        raise BadTemplate("the claim type has no ladder")
    return tuple(sorted(steps))


def ladder_claims(amount: Decimal, template: "ClaimTemplate") -> dict[str, Json]:
    """`at_least` with every step of the type and `range` between two steps. Raises BadTemplate."""
    if not amount.is_finite() or amount < 0:
        raise BadTemplate("amount: expected zero or more")
    steps = ladder_steps(template)
    return {
        "at_least": {str(step): amount >= step for step in steps},
        "range": {
            "min": max((step for step in steps if amount >= step), default=0),
            "max": min((step for step in steps if amount < step), default=None),
        },
    }
