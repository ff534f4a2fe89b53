"""Texts of strangers made safe to show: nothing in them reorders, hides or overwrites what stands beside them.

One function decides for every page, command, letter and log line: `visible`. A sign that a reader cannot see, or that
moves others, becomes its code point in brackets, such as `[U+202E]`. Joiners stay where their script needs them, by a
rule in the manner of CONTEXTJ (RFC 5892, A.1 and A.2), and in emoji sequences (UTS 51).
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

MAX_QUOTED: Final = 600  # characters; more of a stranger's text is cut where it is quoted
_MAX_MARKS: Final = 6  # combining marks on one sign; more of them would cover the lines above and below
_VIRAMA: Final = 9  # canonical combining class of the signs that ask the next consonant to join
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_EMOJI_STYLES: Final = frozenset("\ufe0e\ufe0f")
_PLAIN: Final = re.compile(r"\A[\x20-\x7e\t\n\u00a0-\u00ac\u00ae-\u02ff]*\Z")  # the usual case, decided at once
_INVISIBLE_KINDS: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LINE: Final = frozenset("\t\n")
_VARIATIONS: Final = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x180B, 0x1810))
# Blank although they are letters, marks or symbols (Default_Ignorable_Code_Point, and the empty Braille pattern).
_BLANK: Final = frozenset(map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *_VARIATIONS)))
# Format signs that have a look of their own (Prepended_Concatenation_Mark).
_SEEN: Final = frozenset(map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)))
_REORDERING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_CONTROL_KINDS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})

# First and last code point of the scripts whose letters join: Arabic, Syriac, N'Ko, Mandaic, Mongolian, Phags-pa,
# Manichaean, Psalter Pahlavi, Rohingya, Sogdian, Adlam.
_JOINING: Final = (
    *((0x620, 0x74F), (0x750, 0x77F), (0x7C0, 0x7FA), (0x840, 0x8FF), (0x1807, 0x18AA), (0xA840, 0xA873)),
    *((0xFB50, 0xFDFF), (0xFE70, 0xFEFC), (0x10AC0, 0x10AEF), (0x10B80, 0x10BAF), (0x10D00, 0x10D27)),
    *((0x10F30, 0x10F6F), (0x1E900, 0x1E94B)),
)
_MONGOLIAN: Final = ((0x1820, 0x18AA),)
_IDEOGRAPHS: Final = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
_PICTOGRAPHS: Final = (
    *((0xA9, 0xA9), (0xAE, 0xAE), (0x203C, 0x203C), (0x2049, 0x2049), (0x2100, 0x27BF), (0x2900, 0x2BFF)),
    *((0x3030, 0x303D), (0x3297, 0x3299), (0x1F000, 0x1FAFF)),
)
_SKIN_TONES: Final = ((0x1F3FB, 0x1F3FF),)
_KEYCAPS: Final = frozenset("#*0123456789")

# The property Quotation_Mark, the ornamental ones, and what Unicode's table of confusables calls alike to ' or ".
_MARKS: Final = re.compile(
    "[\"'`\u00ab\u00b4\u00bb\u02b9-\u02bf\u02c8\u02ca\u02cb\u02dd\u02ee\u02f4\u02f6\u055a\u055d\u05f3\u05f4\u07f4\u07f5"
    "\u144a\u16cc\u1cd3\u1fbd\u1fbf\u1fef\u1ffd\u1ffe\u2018-\u201f\u2032-\u2037\u2039\u203a\u2057\u226a\u226b\u275b-\u2760\u276e"
    "\u276f\u2e42\u3003\u300a-\u300f\u301d-\u301f\ua78c\ufe41-\ufe44\uff02\uff07\uff40\uff62\uff63"
    "\U00016f51\U00016f52\U0001f676-\U0001f678]+"
)


def visible(text: str) -> str:
    """The text with every sign that reorders, hides or controls as `[U+…]`; line breaks and tabs stay.

    What was visible before is unchanged, so that it may be applied again.
    """
    if _PLAIN.match(text):
        return text
    text = text.replace("\r\n", "\n")
    return "".join(one if _is_seen(text, at) else f"[U+{ord(one):04X}]" for at, one in enumerate(text))


def one_line(text: str) -> str:
    """`visible` on one line: each run of blanks and line breaks is one space."""
    return " ".join(visible(" ".join(text.split())).split())


def quoted(text: str) -> str:
    """A stranger's words for the inside of a quotation, on one line and of at most MAX_QUOTED characters.

    Each run of quotation marks of any script is one apostrophe, so that the words cannot end the quotation.
    """
    words = _MARKS.sub("'", one_line(text[: 2 * MAX_QUOTED]))
    return f"{words[:MAX_QUOTED]} …" if len(words) > MAX_QUOTED else words


def visible_json(value: object) -> str:
    """The value as JSON on one line; where it holds a sign that cannot be seen, all but ASCII is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return text if visible(text) == text and "\x7f" not in text else json.dumps(value).replace("\x7f", "\\u007f")


def is_visible(text: str) -> bool:
    """Whether every sign can be seen and stays in its place, on one line."""
    return visible(text) == text and _LINE.isdisjoint(text)


def reorders_or_controls(text: str) -> bool:
    """Whether a sign changes the direction of writing, breaks the line or controls a device."""
    return any(one in _REORDERING or unicodedata.category(one) in _CONTROL_KINDS for one in text)


def _is_seen(text: str, at: int) -> bool:
    one = text[at]
    kind = unicodedata.category(one)
    if one in {_ZWNJ, _ZWJ}:
        return _joins(text, at)
    if one in _BLANK:
        return _varies(text, at)
    if kind in {"Mn", "Me"}:  # on nothing, it would sit on our own sign
        pile = at >= _MAX_MARKS and all(
            unicodedata.category(each) in {"Mn", "Me"} for each in text[at - _MAX_MARKS : at]
        )
        return at > 0 and not text[at - 1].isspace() and not pile
    return kind not in _INVISIBLE_KINDS or one in _SEEN or one in _LINE


def _joins(text: str, at: int) -> bool:
    """Whether a joiner does something here: after or before a virama, between joining letters, between emoji."""
    before, after = text[at - 1] if at else "", text[at + 1] if at + 1 < len(text) else ""
    if _VIRAMA in {unicodedata.combining(one) for one in (before, after) if one}:
        return True
    near = text[max(0, at - _MAX_MARKS - 1) : at]
    last, following = _letter(near[::-1]), _letter(text[at + 1 : at + _MAX_MARKS + 2])
    if text[at] == _ZWNJ:
        return _in(last, _JOINING) and _in(following, _JOINING)
    if _in(last, _JOINING) or _in(following, _JOINING):
        return True
    emoji = near.rstrip("".join(_EMOJI_STYLES))[-1:]
    return (_in(emoji, _PICTOGRAPHS) or _in(emoji, _SKIN_TONES)) and _in(after, _PICTOGRAPHS)


def _letter(text: str) -> str:
    """The first sign that is no combining mark."""
    return next((one for one in text if unicodedata.category(one) != "Mn"), "")


def _varies(text: str, at: int) -> bool:
    """Whether a variation selector chooses the form of the sign before it."""
    one, before = text[at], text[at - 1] if at else ""
    if one in _EMOJI_STYLES:
        return before in _KEYCAPS or _in(before, _PICTOGRAPHS) or _in(before, _IDEOGRAPHS)
    if 0x180B <= ord(one) <= 0x180F:  # noqa: PLR2004 - Mongolian free variation selectors and vowel separator
        return _in(before, _MONGOLIAN)
    return ord(one) in _VARIATIONS and _in(before, _IDEOGRAPHS)


def _in(one: str, ranges: Sequence[tuple[int, int]]) -> bool:
    return bool(one) and any(first <= ord(one) <= last for first, last in ranges)
