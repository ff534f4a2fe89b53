"""Claims path pointers by the example that OpenID4VP 1.0 prints in section 7.3."""

import pytest

from didkit_py.credentials.credential import Path_
from didkit_py.encoding import Json
from didkit_py.errors import Malformed, TooLarge
from didkit_py.oid4vp.claims_path import (
    asked_for,
    needed_disclosures,
    read_path,
    remainder,
    select_values,
    visible,
)

ARTHUR: dict[str, Json] = {
    "name": "Arthur Dent",
    "address": {"street_address": "42 Market Street", "locality": "Milliways", "postal_code": "12345"},
    "degrees": [
        {"type": "Bachelor of Science", "university": "University of Betelgeuse"},
        {"type": "Master of Science", "university": "University of Betelgeuse"},
    ],
    "nationalities": ["British", "Betelgeusian"],
}


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        (("name",), ["Arthur Dent"]),
        (("address",), [ARTHUR["address"]]),
        (("address", "street_address"), ["42 Market Street"]),
        (("degrees", None, "type"), ["Bachelor of Science", "Master of Science"]),
        (("nationalities", 1), ["Betelgeusian"]),
    ],
)
def test_the_paths_of_the_standard_select_what_it_says(path: Path_, selected: list[Json]) -> None:
    assert select_values(ARTHUR, path) == selected


@pytest.mark.parametrize(
    "path",
    [
        ("surname",),
        ("name", "first"),  # a text is no object
        ("address", None),  # an object is no array
        ("address", 0),
        ("nationalities", "British"),
        ("nationalities", 2),
        ("degrees", None, "year"),
        (None,),  # the root is an object
        (0,),
    ],
)
def test_a_path_that_fits_nothing_selects_nothing(path: Path_) -> None:
    assert select_values(ARTHUR, path) == []


def test_an_element_that_lacks_the_member_is_left_out_and_the_others_stay() -> None:
    assert select_values({"a": [{"b": 1}, {"c": 2}, {"b": 3}]}, ("a", None, "b")) == [1, 3]


def test_one_element_of_another_kind_ends_the_selection() -> None:
    assert select_values({"a": [{"b": 1}, "text"]}, ("a", None, "b")) == []


def test_a_selected_value_may_be_null_false_or_empty() -> None:
    assert select_values({"a": [None, False, "", 0]}, ("a", None)) == [None, False, "", 0]


@pytest.mark.parametrize("body", [[], {}, "a", None, [True], [-1], [1.0], [["a"]], [{}]])
def test_a_path_is_a_non_empty_array_of_texts_indexes_and_nulls(body: Json) -> None:
    with pytest.raises(Malformed, match=r"query\.path"):
        read_path(body, at="query.path")


def test_a_path_has_a_bound() -> None:
    assert read_path(["a", 0, None], at="path") == ("a", 0, None)
    with pytest.raises(TooLarge):
        read_path(["a"] * 17, at="path")


def test_a_place_needs_the_disclosures_above_it_and_below_it_and_no_others() -> None:
    disclosable: tuple[Path_, ...] = (("a",), ("a", "b"), ("a", "b", "c"), ("a", "d"), ("e",), ("f", 0), ("f", 1))
    assert needed_disclosures(disclosable, [("a", "b")]) == (("a",), ("a", "b"), ("a", "b", "c"))
    assert needed_disclosures(disclosable, [("f", 1)]) == (("f", 1),)
    assert needed_disclosures(disclosable, [("z",)]) == ()


def test_what_is_held_back_leaves_no_gap() -> None:
    seen = visible(ARTHUR, [("name",), ("address", "locality"), ("nationalities", 0), ("degrees",)])
    assert seen == {
        "address": {"street_address": "42 Market Street", "postal_code": "12345"},
        "nationalities": ["Betelgeusian"],
    }


def test_the_remainder_is_told_in_the_largest_pieces() -> None:
    rest = dict(remainder(ARTHUR, [("address", "locality"), ("degrees",), ("nationalities", 0)]))
    assert rest == {
        ("name",): "Arthur Dent",
        ("address", "street_address"): "42 Market Street",
        ("address", "postal_code"): "12345",
        ("nationalities", 1): "Betelgeusian",
    }


@pytest.mark.parametrize(
    ("place", "asked"),
    [(("a",), True), (("a", "b"), True), (("a", "b", "c"), True), (("a", "d"), False), (("e",), False)],
)
def test_a_disclosure_serves_a_path_when_one_holds_the_other(place: Path_, asked: bool) -> None:  # noqa: FBT001
    assert asked_for(place, [("a", "b")]) is asked


def test_an_index_serves_any_index_and_every_element() -> None:
    assert asked_for(("f", 0), [("f", 3)])
    assert asked_for(("f", 0), [("f", None)])
    assert not asked_for(("f", "x"), [("f", None)])
