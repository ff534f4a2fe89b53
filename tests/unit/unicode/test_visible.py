"""What strangers write is shown so that nothing hides, moves or overwrites what stands beside it (threat T11)."""

import json

import pytest

from didkit_py.unicode.visible import (
    MAX_QUOTED,
    is_visible,
    one_line,
    quoted,
    reorders_or_controls,
    visible,
    visible_json,
)

# Names whose script needs what cannot be seen, or moves nothing although it looks odd (case K20 and its siblings).
LIVING = {
    "Persian with a non-joiner": "مهسا\u200cنیا",
    "a Persian verb": "می\u200cخواهم",
    "a Persian name behind a letter that does not join": "ماه\u200cها",
    "Arabic heh with a joiner": "ه\u200d",
    "Sinhala with a joiner": "ශ්\u200dරී",
    "Hindi with a joiner": "क्\u200dष",
    "Hindi with a non-joiner": "क्\u200cष",
    "Bengali, a joiner before the virama": "র\u200d্য",
    "Malayalam": "ക്\u200d",
    "a family of emoji": "👩\u200d👩\u200d👧",
    "an astronaut with a skin tone": "👩🏽\u200d🚀",
    "a rainbow flag": "🏳️\u200d🌈",
    "a heart in colour": "❤️",
    "a keycap": "1️⃣",
    "a Japanese name with a variant of a sign": "葛\U000e0100城",
    "Hebrew with points": "שָׁלוֹם",
    "Thai": "เก๋ไก๋",
    "Vietnamese, decomposed": "Nguye\u0302\u0303n",
    "an Irish name": "Siobhán O’Brien",
}
# Every one of these becomes its code point in brackets.
HIDING = {
    "an override to the left": "a\u202eb",
    "an isolate": "a\u2066b",
    "its end": "a\u2069b",
    "a mark to the right": "a\u200fb",
    "the Arabic mark": "a\u061cb",
    "a space of no width": "a\u200bb",
    "a joiner of words": "a\u2060b",
    "a byte order mark": "a\ufeffb",
    "a soft hyphen": "a\u00adb",
    "a tag": "a\U000e0041b",
    "tags behind a flag": "🏴\U000e0067\U000e007f",
    "a variation that means nothing": "a\ufe0fb",
    "a variation of an ideograph, behind a letter": "a\U000e0100b",
    "a Hangul filler": "a\u3164b",
    "a Hangul filler of half width": "a\uffa0b",
    "Hangul fillers of old": "a\u115f\u1160b",
    "an empty Braille pattern": "a\u2800b",
    "an annotation": "a\ufff9b",
    "a grapheme joiner": "a\u034fb",
    "a non-joiner between Latin letters": "a\u200cb",
    "a joiner between Latin letters": "a\u200db",
    "two joiners in a row": "ශ්\u200d\u200d",
    "the bell": "a\x07b",
    "escape": "a\x1b[2Jb",
    "a C1 control": "a\x9b2Jb",
    "a lone return": "a\rb",
    "delete": "a\x7fb",
    "a separator of lines": "a\u2028b",
    "a separator of paragraphs": "a\u2029b",
    "half a surrogate pair": "a\ud800b",
    "private use": "a\ue000b",
    "nothing that is assigned": "a\u0378b",
    "an invisible operator": "a\u2062b",
    "an accent on nothing": "\u0301a",
    "an accent on a blank": "a \u030b",
    "a pile of accents": "a" + "\u0301" * 40,
    "a musical control": "a\U0001d173b",
}


@pytest.mark.parametrize("name", LIVING)
def test_names_of_living_scripts_are_shown_as_they_are(name: str) -> None:
    assert visible(LIVING[name]) == LIVING[name]
    assert is_visible(LIVING[name])
    assert not reorders_or_controls(LIVING[name])


@pytest.mark.parametrize("name", HIDING)
def test_what_hides_reorders_or_controls_is_made_visible(name: str) -> None:
    shown = visible(HIDING[name])
    assert "[U+" in shown
    assert visible(shown) == shown
    assert not is_visible(HIDING[name])


def test_lines_and_tabs_of_a_long_text_stay_and_a_name_has_one_line() -> None:
    assert visible("a\r\n\tb") == "a\n\tb"
    assert one_line(" a\r\n\tb\u3000c ") == "a b c"
    assert not is_visible("a\nb")


@pytest.mark.parametrize(
    "mark",
    ['"', "”", "“", "„", "‟", "«", "»", "‹", "›", "‘", "’", "‛", "″", "❞", "〞", "＂", "\u02ba", "''", "``", "\u05f4"],
)
def test_no_mark_inside_a_strangers_words_ends_their_quotation(mark: str) -> None:
    assert quoted(f"us{mark}: the sender just proved it") == "us': the sender just proved it"


def test_a_quotation_is_short_and_on_one_line() -> None:
    assert quoted("a\n\n“b”\u202e") == "a 'b'[U+202E]"
    assert len(quoted("x" * 65_536)) == MAX_QUOTED + 2
    assert quoted("x" * 65_536).endswith(" …")


def test_json_for_programs_means_the_same_and_holds_no_sign_that_cannot_be_seen() -> None:
    value = {"title": "a\x1b]0;t\x07\x9b2J\u202e\u2028b\x7f", "plain": "Ž £"}
    text = visible_json(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert "\x7f" not in text
    assert visible_json({"plain": "Ž £"}) == '{"plain": "Ž £"}'


def test_many_joiners_take_no_longer_than_other_signs() -> None:
    assert visible("\u200d" * 60_000).count("[U+200D]") == 60_000
