"""Names that look alike are known by their skeletons; the pairs are those of UTS 39 and of its data (threat T11)."""

from importlib.resources import files

import pytest

from didkit_py.unicode.skeleton import likenesses, looks_like, skeleton

BOB = "Bob's Chryota"
ALIKE = {
    "Cyrillic letters and a typographic apostrophe": "Bоb’s Сhryota",
    "capital letters of three scripts": "BОΒ'S CHRYOTA",
    "fullwidth": "Ｂｏｂ＇ｓ　Ｃｈｒｙｏｔａ",
    "mathematical letters": "𝐁𝐨𝐛'𝐬 𝐂𝐡𝐫𝐲𝐨𝐭𝐚",
    "a digit": "B0b's Chry0ta",
    "an accent grave": "Bob`s Chryota",
    "an accent acute": "Bob´s Chryota",
    "a letter as apostrophe": "Bobʼs Chryota",
    "no apostrophe": "Bobs Chryota",
    "more blanks": "  Bob's \u2003 Chryota ",
    "a hair space": "Bob's Ch\u200aryota",
    "a sign of no width": "Bob\u200b's Chryota",
    "a filler": "Bob's\u3164Chryota",
    "a combining stroke": "Bob's Chr\u0335yota",
    "accents": "Bób's Chryöta",
    "a grapheme joiner": "Bo\u034fb's Chryota",
    "a variation selector": "Bob\ufe0f's Chryota",
    "tags": "Bob's Chryota\U000e0041",
    "another case": "BOB'S chryota",
}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal", "раураl"),
        ("scope", "ѕсоре"),
        ("rn", "m"),
        ("1", "l"),
        ("I", "l"),
        ("a\u200bb", "ab"),
        ("Å", "A\u030a"),
    ],
)
def test_pairs_of_the_standard_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


def test_a_skeleton_tells_what_does_not_look_alike_apart() -> None:
    assert skeleton("paypal") != skeleton("paypa1s")
    assert skeleton("A") != skeleton("a")


@pytest.mark.parametrize("name", ALIKE)
def test_a_name_that_could_be_taken_for_another_is_found(name: str) -> None:
    assert looks_like(ALIKE[name], ["Ann's Chryota", BOB]) == BOB


@pytest.mark.parametrize("other", ["Rob's Chryota", "Bob's Toyota", "Bob", "", " ", "\u200b"])
def test_another_name_is_another_name(other: str) -> None:
    assert looks_like(other, [BOB, " ", "\u3164"]) is None


def test_a_capital_i_passes_for_a_small_l() -> None:
    assert looks_like("BiIl's Cars", ["Bill's Cars"]) == "Bill's Cars"
    assert looks_like("RlVERSIDE", ["Riverside"]) == "Riverside"
    assert not likenesses("\u200b")


def test_the_table_and_its_licence_are_in_the_package() -> None:
    there = {entry.name for entry in files("didkit_py.unicode").iterdir()}
    assert {"confusables.txt", "confusables.LICENSE"} <= there
