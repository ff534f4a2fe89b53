"""Every kind of token shown to every function that judges one: each is taken in its own place and in no other.

All are signed by one key that everybody believes, so what keeps them apart is the kind alone (RFC 8725, 3.11).
"""

import pytest

from didkit_py.errors import DidkitError, WrongType
from tests.attacks.forging import header
from tests.attacks.genuine import JUDGES, TYPED, genuine, genuine_response

KINDS = (*TYPED, "response")


def shown(kind: str) -> str:
    return genuine_response() if kind == "response" else genuine(kind).text()


@pytest.mark.parametrize("place", JUDGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_accepted_in_its_own_place_only(kind: str, place: str) -> None:
    text = shown(kind)
    if kind == place:
        assert JUDGES[place](text)
        return
    with pytest.raises((DidkitError, ValueError)) as caught:  # a record is split in its parts by the test itself
        JUDGES[place](text)
    assert isinstance(caught.value, DidkitError) or (place, kind) == ("record", "response")


@pytest.mark.parametrize("typ", TYPED.values())
@pytest.mark.parametrize("place", TYPED)
def test_what_is_right_but_for_its_type_is_refused(place: str, typ: str) -> None:
    token = genuine(place)
    if token.header["typ"] == typ:
        assert JUDGES[place](token.text())
        return
    with pytest.raises(DidkitError) as caught:
        JUDGES[place](header(typ=typ)(token).text())
    assert isinstance(caught.value, WrongType) or caught.value.reason == WrongType.code


@pytest.mark.parametrize("typ", ["JWT", "", None, 7, ["kb+jwt"], "application/jwt"])
@pytest.mark.parametrize("place", TYPED)
def test_a_token_of_no_kind_is_refused_everywhere(place: str, typ: str | int | list[str] | None) -> None:
    with pytest.raises(DidkitError):
        JUDGES[place](header(typ=typ)(genuine(place)).text())  # type: ignore[arg-type] # a list of texts is Json
