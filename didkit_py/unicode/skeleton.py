"""Names that look alike: the skeletons of Unicode Technical Standard 39, 4, and a wider form of them for refusals.

Two names with one skeleton can pass for each other on a page. That is reason enough to refuse or to warn; it is never
reason to trust: who is trusted is known by exact name and key. The table is package data, see specs/decisions/0006.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

MAX_NAME: Final = 2_048  # characters that are looked at; names of parties are far shorter
# Accents and overlays of Latin, Greek and Cyrillic; the vowel signs of other scripts are letters to their readers.
_ACCENTS: Final = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_VARIATION: Final = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_BLANK: Final = re.compile("[\\s\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
_APOSTROPHES: Final = re.compile("['`\u00b4]")


@cache
def _table() -> Mapping[int, str]:
    """What stands for each sign; its rows are written by tools/confusables.py."""
    text = files(__package__).joinpath("confusables.txt").read_text(encoding="ascii")
    rows = ([int(each, 16) for each in row.split()] for row in text.splitlines())
    return {first: "".join(map(chr, rest)) for first, *rest in rows}


def skeleton(name: str) -> str:
    """The skeleton (UTS 39, 4): names that have the same one look alike. It is for comparing, never for showing."""
    text = unicodedata.normalize("NFD", name)
    seen = "".join(one for one in text if unicodedata.category(one) != "Cf" and not _VARIATION.match(one))
    return unicodedata.normalize("NFD", seen.translate(_table()))


@lru_cache(maxsize=4096)  # the same few names are compared with every request
def likenesses(name: str) -> frozenset[str]:
    """Skeletons without case, accents, blanks and apostrophes; names that share one can be taken for each other.

    One is of the name as it is written and one of it in small letters: the Cyrillic capital Ve looks like B and the
    small one does not, but both are the same letter. Capital I looks like l and is a capital i, so that these three
    are one. Empty for a name of blanks.
    """
    text = unicodedata.normalize("NFKC", _APOSTROPHES.sub("", name[:MAX_NAME]))
    return frozenset({_worn(skeleton(text)), _worn(text)} - {""})


def _worn(text: str) -> str:
    """What is left of the skeleton of a name in small letters."""
    for _ in range(2):  # twice, for the table makes a capital of 0, and two letters of m
        text = _ACCENTS.sub("", skeleton(text.casefold()))
    return _BLANK.sub("", _APOSTROPHES.sub("", text)).casefold().replace("i", "l")


def looks_like(name: str, others: Iterable[str]) -> str | None:
    """The first of `others` that `name` could be taken for, or None."""
    own = likenesses(name)
    return next((one for one in others if not own.isdisjoint(likenesses(one))), None)
