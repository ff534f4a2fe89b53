"""Lists as files: each row by itself, so that one bad row never stops the others.

A file is bytes until a field is needed: a row in another encoding spoils itself and nothing else. What a row's amount
is, nobody keeps: `ListLayout.values` turns it into steps before this module hands the row on.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from didkit_py.encoding import Json
from didkit_py.errors import BadImport, TooLarge
from didkit_py.localization import Phrase, in_english, phrase
from didkit_py.service.setup.input_files import BYTE_ORDER_MARK, not_utf_8
from didkit_py.unicode.visible import is_visible, reorders_or_controls
from issuer.claim_templates import BadField, ListLayout, read_member

MAX_FILE_BYTES: Final = 20 * 2**20  # about 300,000 members
MAX_ROWS: Final = 200_000
MAX_ROW_LINES: Final = 10  # of text inside quotes; an open quotation mark would swallow the rest of the file
MAX_FIELD: Final = 200  # characters
_ROW: Final = "row"  # the column of a fault that is the whole row's


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that makes no offer; the reason never quotes the row."""

    line: int  # from 1, the heading included
    column: str
    reason: Phrase

    def to_json(self) -> dict[str, Json]:
        return {"line": self.line, "column": self.column, "reason": in_english(self.reason)}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodRow:
    """What one row says about one member, as claim values."""

    line: int
    member: str = field(repr=False)
    name: str = field(repr=False)
    values: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadList:
    """A file that was read to its end."""

    good: tuple[GoodRow, ...]
    bad: tuple[BadRow, ...]
    unused: tuple[str, ...]  # columns that no claim needs
    blank: int


@dataclass(frozen=True, slots=True)
class _Record:
    """The fields of one row, still in the file's encoding: each character is one byte."""

    line: int
    fields: tuple[str, ...] | None  # None: the row cannot be cut into fields


def read_list(body: bytes, layout: ListLayout) -> ReadList:
    """Every row of the file, good or bad. Raises BadImport or TooLarge when it cannot be read as a list at all."""
    records = _records(_decode_bytes(body))
    heading = next(records, None)
    places, unused = _read_heading(heading, layout)
    width = len(heading.fields) if heading is not None and heading.fields else 0
    reading = _Reading(layout=layout, places=places, width=width)
    for count, record in enumerate(records):
        if count >= MAX_ROWS:
            raise TooLarge(f"the list has more than {MAX_ROWS:,} rows", hint="Import it in parts.")
        reading.take(record)
    return ReadList(good=tuple(reading.good), bad=tuple(reading.bad), unused=unused, blank=reading.blank)


def _decode_bytes(body: bytes) -> str:
    """One character per byte, so that cutting into rows and fields fails for nobody's letters."""
    if len(body) > MAX_FILE_BYTES:
        raise TooLarge(f"the file is longer than {MAX_FILE_BYTES:,} bytes", hint="Import it in parts.")
    if not_utf_8(body):
        raise BadImport(
            "the file is no text in UTF-8", hint="Save the list as “CSV UTF-8 (comma delimited)” and try again."
        )
    return body.removeprefix(BYTE_ORDER_MARK).decode("latin-1")


def _records(text: str) -> Iterator[_Record]:
    """Cut into rows; a row may hold line breaks inside quotes, and a quote left open spoils only its first line."""
    lines = re.split("\r\n|\n|\r", text)
    if lines and not lines[-1]:
        lines.pop()
    at = 0
    while at < len(lines):
        used, fields = _cut(lines, at)
        yield _Record(at + 1, fields)
        at += used


def _cut(lines: Sequence[str], start: int) -> tuple[int, tuple[str, ...] | None]:
    """How many lines the row takes, and its fields."""
    row = lines[start]
    for used in range(1, MAX_ROW_LINES + 1):
        if row.count('"') % 2 == 0:
            try:
                return used, tuple(next(csv.reader(io.StringIO(row, newline=""), strict=True), ()))
            except csv.Error:
                break
        if start + used >= len(lines):
            break
        row += "\n" + lines[start + used]
    return 1, None


def _read_heading(heading: _Record | None, layout: ListLayout) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Where each column of the layout stands, and which columns nobody needs. Raises BadImport."""
    if heading is None or not heading.fields:
        raise BadImport(
            "the file has no heading", hint="The first line must name the columns; compare it with the sample."
        )
    given = [_utf8(name).strip().lower() if _is_utf8(name) else "" for name in heading.fields]
    places: dict[str, int] = {}
    for column in layout.columns:
        found = [place for place, name in enumerate(given) if name in {column.name, *column.also}]
        if len(found) > 1:
            raise BadImport(f"the heading names the column {column.name} twice", hint="Remove one of the two columns.")
        if found:
            places[column.name] = found[0]
    missing = [column.name for column in layout.columns if column.required and column.name not in places]
    if missing:
        hint = "Compare the first line with the sample."
        if len(given) == 1 and (";" in given[0] or "\t" in given[0]):
            hint = "The columns are not separated by commas; save the list as “CSV UTF-8 (comma delimited)”."
        raise BadImport(f"the heading lacks the column(s) {', '.join(missing)}", hint=hint)
    unused = (str(name[:40]) for place, name in enumerate(given) if place not in places.values() and is_visible(name))
    return places, tuple(unused)


def _is_utf8(raw: str) -> bool:
    try:
        raw.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _utf8(raw: str) -> str:
    return raw.encode("latin-1").decode("utf-8")


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One pass over the rows."""

    layout: ListLayout
    places: Mapping[str, int]
    width: int
    good: list[GoodRow] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    blank: int = 0
    seen: dict[str, int] = field(default_factory=dict)  # member, leading zeros aside -> line

    def take(self, record: _Record) -> None:
        if record.fields is not None and not any(each.strip() for each in record.fields):
            self.blank += 1
            return
        try:
            self.good.append(self._read(record))
        except BadField as fault:
            self.bad.append(BadRow(line=record.line, column=fault.column, reason=fault.reason))

    def _read(self, record: _Record) -> GoodRow:
        row = self._named(record)
        member = read_member(row[self.layout.member_column], column=self.layout.member_column)
        values = self.layout.values(row)
        # A spreadsheet that strips leading zeros makes one member look like two.
        first = self.seen.setdefault(member.casefold().lstrip("0"), record.line)
        if first != record.line:
            raise BadField(self.layout.member_column, phrase("issuer.row.same-member", line=first))
        return GoodRow(line=record.line, member=member, name=row.get(self.layout.name_column, ""), values=values)

    def _named(self, record: _Record) -> dict[str, str]:
        if record.fields is None:
            raise BadField(_ROW, phrase("issuer.row.open-quote"))
        if len(record.fields) != self.width:
            more = len(record.fields) > self.width
            reason = "issuer.row.more-fields" if more else "issuer.row.fewer-fields"
            raise BadField(_ROW, phrase(reason, count=len(record.fields), width=self.width))
        fields, names = record.fields, {self.layout.name_column}
        return {each: _read_field(each, fields[at], is_name=each in names) for each, at in self.places.items()}


def _read_field(name: str, raw: str, *, is_name: bool) -> str:
    """The field on one line. A name keeps what the script of its owner needs; pages show what is odd in it."""
    if not _is_utf8(raw):
        raise BadField(name, phrase("issuer.row.no-utf-8"))
    text = " ".join(_utf8(raw).split())
    if len(text) > MAX_FIELD:
        raise BadField(name, phrase("issuer.row.too-long", most=MAX_FIELD))
    if reorders_or_controls(text) or not (is_name or is_visible(text)):
        raise BadField(name, phrase("issuer.row.unprintable"))
    return text
