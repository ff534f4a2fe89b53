"""Makes examples/members.csv: a credit union's export with the mistakes that such files have. The same file every time.

Each row carries a label that says what is wrong with it, so that a test can count without reading the file back.
"""

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SEED: Final = 20_261_121
MEMBERS: Final = 520
TARGET: Final = Path(__file__).resolve().parent.parent / "examples" / "members.csv"
HEADING: Final = b"member_number,name,pre_qualified_amount,currency,branch"
FIRST_NAMES: Final = (
    "Amara", "Ben", "Chloë", "Dilip", "Esther", "Fergus", "Grace", "Haroon", "Imogen", "Jack", "Kofi", "Leah",
    "Małgorzata", "Niamh", "Oluwaseun", "Priya", "Rhys", "Siân", "Tomás", "Zoë",
)  # fmt: skip
LAST_NAMES: Final = (
    "Adeyemi", "Bennett", "Clarke", "Dhillon", "Evans", "Fraser", "Green", "Hughes", "Iqbal", "Jones", "Kowalski",
    "Lewis", "Moreau", "Núñez", "O'Brien", "Patel", "Quinn", "Roberts", "Smyth-Jones", "Žižka",
)  # fmt: skip
BRANCHES: Final = ("High Street", "Mill Lane", "Station Road", "Harbour")
OLD_NUMBERS: Final = 500  # members from this position on have numbers that begin with zeros
KNOWN: Final = {17: ("Mallory Quick", 41_000), 42: ("Sally Example", 23_250)}  # whom stories and tests speak of


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the file as bytes; `mistake` names what an import must report, `note` what it must put up with."""

    octets: bytes
    mistake: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A row as it should have been."""

    number: str
    name: str
    amount: int
    branch: str


Spoil = Callable[[Member], bytes]


def line(number: str, name: str, amount: str, currency: str, branch: str) -> bytes:
    """A line in UTF-8, fields taken as they are."""
    return f"{number},{name},{amount},{currency},{branch}".encode()


def plain(member: Member) -> bytes:
    """A line without fault."""
    return line(member.number, member.name, f"{member.amount}.00", "GBP", member.branch)


def _with(amount: Callable[[Member], str] | None = None, currency: str = "GBP", number: str | None = None) -> Spoil:
    def spoil(member: Member) -> bytes:
        shown = f"{member.amount}.00" if amount is None else amount(member)
        return line(member.number if number is None else number, member.name, shown, currency, member.branch)

    return spoil


def _accented_in_another_encoding(member: Member) -> bytes:
    return line(member.number, "Zoé", f"{member.amount}.00", "GBP", member.branch).replace("é".encode(), b"\xe9")


def _pound_in_another_encoding(member: Member) -> bytes:
    return line(member.number, member.name, f"#{member.amount}.00", "GBP", member.branch).replace(b"#", b"\xa3")


def _name_over_two_lines(member: Member) -> bytes:
    return line(member.number, f'"{member.name}\r\nc/o the warden"', f"{member.amount}.00", "GBP", member.branch)


def _too_short(member: Member) -> bytes:
    return f"{member.number},{member.name},{member.amount}.00".encode()


def _unclosed_quote(member: Member) -> bytes:
    return line(member.number, f'"{member.name}', f"{member.amount}.00", "GBP", member.branch)


# What is wrong, how often, and how it looks.
MISTAKES: Final[tuple[tuple[str, int, Spoil], ...]] = (
    ("no member number", 3, _with(number="")),
    ("no amount", 6, _with(lambda _: "")),
    ("no currency", 3, _with(currency="")),
    ("wrong currency", 5, _with(currency="EUR")),
    ("wrong currency", 3, _with(currency="US dollars")),
    ("negative amount", 5, _with(lambda member: f"-{member.amount}.00")),
    ("negative amount", 2, _with(lambda member: f'"(£{member.amount:,})"')),
    ("amount of nothing", 2, _with(lambda _: "0.00")),
    ("no number", 4, _with(lambda _: "see notes")),
    ("no number", 3, _with(lambda member: f'"{member.amount // 1000}.{member.amount % 1000:03},00"')),
    ("other encoding", 6, _accented_in_another_encoding),
    ("other encoding", 3, _pound_in_another_encoding),
    ("too many columns", 5, _with(lambda member: f"{member.amount:,}.00")),  # a comma that nobody quoted
    ("too many columns", 2, lambda member: plain(member) + b",,checked by JB"),
    ("too few columns", 3, _too_short),
    ("open quotation mark", 1, _unclosed_quote),
)
# What looks odd and is right, how often, and how it looks.
ODDITIES: Final[tuple[tuple[str, int, Spoil], ...]] = (
    ("thousands separator", 10, _with(lambda member: f'"{member.amount:,}.00"')),
    ("pound sign", 8, _with(lambda member: f"£{member.amount}")),
    ("pound sign and separator", 4, _with(lambda member: f'"£ {member.amount:,}.50"')),
    ("lower-case currency", 3, _with(currency="gbp")),
    ("spaces around", 4, _with(lambda member: f"  {member.amount}.00 ", " GBP ")),
    ("line break inside quotes", 4, _name_over_two_lines),
)
DUPLICATES: Final = 6
LOST_ZEROS: Final = 2
BLANK_LINES: Final = 5


def make_rows() -> list[Row]:
    """Every line after the heading, in order."""
    chance = random.Random(SEED)  # noqa: S311 - the same rows every time is the point
    members = list(_members(chance))
    rows = [Row(octets=plain(member)) for member in members]
    places = iter(chance.sample(range(100, MEMBERS - LOST_ZEROS), 150))
    for mistake, count, spoil in MISTAKES:
        for place in (next(places) for _ in range(count)):
            rows[place] = Row(octets=spoil(members[place]), mistake=mistake)
    for note, count, spoil in ODDITIES:
        for place in (next(places) for _ in range(count)):
            rows[place] = Row(octets=spoil(members[place]), note=note)
    rows += _repeated(members)
    for place in sorted(chance.sample(range(50, MEMBERS), BLANK_LINES), reverse=True):
        rows.insert(place, Row(octets=b"", note="blank line"))
    return rows


def _members(chance: random.Random) -> Iterator[Member]:
    for position in range(MEMBERS):
        name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
        amount = chance.randrange(3_000, 60_001, 250)
        name, amount = KNOWN.get(position, (name, amount))
        number = f"{position:06}" if position >= OLD_NUMBERS else str(100_000 + position)
        yield Member(number=number, name=name, amount=amount, branch=chance.choice(BRANCHES))


def _repeated(members: list[Member]) -> list[Row]:
    """Members once more at the end: some as they were, some as a spreadsheet shortens their numbers."""
    again = [Row(octets=plain(member), mistake="same member twice") for member in members[:DUPLICATES]]
    shortened = [_with(number=each.number.lstrip("0"))(each) for each in members[-LOST_ZEROS:]]
    return again + [Row(octets=octets, mistake="same member twice") for octets in shortened]


def make_file() -> bytes:
    """The whole file, as a spreadsheet program writes it: a byte order mark, CRLF."""
    return b"\xef\xbb\xbf" + b"".join(each + b"\r\n" for each in (HEADING, *(row.octets for row in make_rows())))


if __name__ == "__main__":
    TARGET.write_bytes(make_file())
    rows = make_rows()
    sys.stdout.write(f"{TARGET.name}: {len(rows)} rows, {sum(bool(row.mistake) for row in rows)} with a mistake\n")
