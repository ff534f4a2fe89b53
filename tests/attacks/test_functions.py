"""Every function of the library that reads what others send, against inputs that are wrong in exactly one thing."""

from typing import Any, Final

import pytest

from didkit_py.errors import DidkitError
from tests.attacks import plain_messages, presentations, signed_messages
from tests.attacks.case import Case, rows

CASES: Final[tuple[Case[Any], ...]] = (
    *presentations.CASES,
    *presentations.ANSWER_CASES,
    *signed_messages.CASES,
    *plain_messages.CASES,
)


@pytest.mark.parametrize("case", rows(CASES))
async def test_an_input_that_is_wrong_in_one_thing_is_refused(case: Case[Any]) -> None:
    good = await case.at.good()
    assert case.at.judge(good) is not None  # or the refusal would show nothing
    bad = case.change(good)
    with pytest.raises(DidkitError) as caught:
        case.at.judge(bad)
    error = caught.value
    assert type(error) is case.error, f"{type(error).__name__}: {error}"
    assert not case.reason or error.reason == case.reason
    said = f"{error} {error.advice}"
    assert str(error)
    assert error.advice
    assert not [secret for secret in case.at.secrets(good) if secret and secret in said]
