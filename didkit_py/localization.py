"""Texts that people read, by language: a phrase names a message of the catalogue, and a catalogue has its words.

Whatever decides what is said returns a `Phrase`: the key of a message and the values of its placeholders. The page, or
the command, chooses the language and turns it into words. Catalogues are gettext's: `locale/<language>/LC_MESSAGES/
didkit.po`, compiled beside it by `python -m tools.messages`. A key is an identifier such as `consent.who-asks`; a
message that has the placeholder `count` has plural forms, and its language says which of them a number takes.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Final, Self, TypeAlias

from didkit_py.encoding import Json
from didkit_py.errors import DidkitError, Malformed
from didkit_py.reading import Reader

DEFAULT_LANGUAGE: Final = "en"
_DOMAIN: Final = "didkit"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A message of the catalogue by its key, and what goes into its placeholders, by name."""

    key: str
    values: tuple[tuple[str, Value], ...] = field(default=(), repr=False)  # can be claims

    @classmethod
    def from_json(cls, read: Reader) -> Self:
        """As `to_json` wrote it. Raises Malformed."""
        values = read.mapping("values")
        found = (
            (name, one if isinstance(one, int) else text_of(one, at=read.path(name))) for name, one in values.items()
        )
        return cls(read.text("key"), tuple(found))

    def to_json(self) -> dict[str, Json]:
        return {"key": self.key, "values": {name: text_json(value) for name, value in self.values}}


Value: TypeAlias = str | int | Phrase
Text: TypeAlias = str | Phrase  # what is shown: data as it is, or a message


def phrase(key: str, /, **values: Value) -> Phrase:
    """The message with this key, with these values in its placeholders."""
    return Phrase(key, tuple(values.items()))


def text_json(value: Value) -> Json:
    """A text as it is stored: data is a string, a message an object."""
    return value.to_json() if isinstance(value, Phrase) else value


def text_of(given: Json, *, at: str) -> Text:
    """What `text_json` wrote. Raises Malformed."""
    if isinstance(given, dict):
        return Phrase.from_json(Reader(given, at=at))
    if not isinstance(given, str):
        raise Malformed(f"{at}: expected a text or a message")
    return given


def listed(texts: Sequence[Text], *, by: str = "comma") -> Text:
    """Several texts as one: `by` is `comma`, `and`, `or`, `comma-or` or `semicolon`. None of them: an empty text."""
    if len(texts) < 2:  # noqa: PLR2004 - a pair
        return texts[0] if texts else ""
    half = len(texts) // 2  # a balanced tree: a long list nests no deeper than JSON may
    return phrase(f"list.{by}", first=listed(texts[:half], by=by), last=listed(texts[half:], by=by))


def enumerated(texts: Sequence[Text]) -> Text:
    """Several texts as one, with "and" before the last."""
    return listed([listed(texts[:-1]), texts[-1]], by="and") if len(texts) > 1 else listed(texts)


def day(moment: date | None) -> Text:
    """`21 November 2026`."""
    if moment is None:
        return ""
    return phrase("date.day", day=moment.day, month=phrase(f"date.month.{moment.month}"), year=moment.year)


def clock_time(moment: datetime | None) -> Text:
    """`21 November 2026, 10:02 UTC`."""
    return "" if moment is None else phrase("date.time", day=day(moment), time=f"{moment:%H:%M}")


def hint_of(error: DidkitError) -> Text:
    """What the reader can do about an error; one that was raised with a hint of its own keeps it, in English."""
    return phrase(f"error.{error.code}.hint") if error.advice and error.advice == error.hint else error.advice


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language."""

    language: str
    messages: gettext.NullTranslations

    def pattern(self, said: Phrase) -> str:
        """The text of a message with its placeholders, in the form that its count takes. Raises KeyError."""
        count = dict(said.values).get("count")
        found = (
            self.messages.ngettext(said.key, said.key, count)
            if isinstance(count, int)
            else self.messages.gettext(said.key)
        )
        if found == said.key:
            raise KeyError(said.key)
        return found

    def text(self, said: Text) -> str:
        """What is said, as plain text. Raises KeyError for a key that the catalogue lacks."""
        if isinstance(said, str):
            return said
        values = {name: self.text(value) if isinstance(value, Phrase) else value for name, value in said.values}
        return self.pattern(said).format(**values)


@cache
def catalogues() -> Mapping[str, Catalogue]:
    """Every language that is there, by its tag (BCP 47)."""
    found = {}
    for folder in files("didkit_py").joinpath("locale").iterdir():
        with folder.joinpath("LC_MESSAGES", f"{_DOMAIN}.mo").open("rb") as compiled:
            found[folder.name] = Catalogue(folder.name, gettext.GNUTranslations(compiled))
    return found


def in_english(said: Text) -> str:
    """What is said in the default language, for commands and for programs that read a sentence."""
    return catalogues()[DEFAULT_LANGUAGE].text(said)


def preferred(accepted: str, available: Iterable[str]) -> str:
    """The available language that a reader likes best, by `Accept-Language` (RFC 9110, 12.5.4; RFC 4647, 3.4).

    A range that is no language, or has a weight that is no number, counts for nothing.
    """
    known = {tag.lower(): tag for tag in available}
    liked: list[tuple[float, str]] = []
    for part in accepted[:_MAX_ACCEPTED].split(","):
        tag, _, weight = part.strip().lower().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        while tag and tag not in known:
            tag = tag.rpartition("-")[0]
        if tag and 0.0 < quality <= 1.0:
            liked.append((quality, known[tag]))
    return max(liked, key=lambda one: one[0], default=(1.0, DEFAULT_LANGUAGE))[1]


_MAX_ACCEPTED: Final = 1_000  # characters of the header; nobody reads more languages than fit
