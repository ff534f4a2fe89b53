"""The life of an offer: what is not listed is refused."""

from itertools import product

import pytest

from didkit_py.errors import IllegalMove
from didkit_py.oid4vci.issuance import IssuanceEvent, IssuanceState, move

LEGAL = {
    ("offered", "code-redeemed"): "redeemed",
    ("offered", "codes-exhausted"): "locked",
    ("offered", "offer-withdrawn"): "withdrawn",
    ("offered", "time-passed"): "expired",
    ("redeemed", "credential-requested"): "issued",
    ("redeemed", "offer-withdrawn"): "withdrawn",
    ("redeemed", "time-passed"): "expired",
    ("issued", "credential-requested"): "issued",
    ("locked", "offer-withdrawn"): "withdrawn",
}


@pytest.mark.parametrize(("state", "event"), list(product(IssuanceState, IssuanceEvent)))
def test_an_offer_moves_only_as_listed(state: IssuanceState, event: IssuanceEvent) -> None:
    if (state.value, event.value) in LEGAL:
        assert move(state, event) == LEGAL[state.value, event.value]
    else:
        with pytest.raises(IllegalMove):
            move(state, event)


def test_a_code_is_redeemed_once() -> None:
    with pytest.raises(IllegalMove):
        move(move(IssuanceState.OFFERED, IssuanceEvent.CODE_REDEEMED), IssuanceEvent.CODE_REDEEMED)
