"""Bytes to text and back: base64url, strict JSON, canonical JSON, digests, base58 multibase, timestamps.

Each text has one spelling here. A reader that accepted two spellings of the same bytes would let an attacker change a
signed text without changing what it means.
"""

import binascii
import hashlib
import json
import re
import sys
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Final, TypeAlias

import base58
import orjson
import rfc8785

from didkit_py.errors import Malformed, TooLarge

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MAX_JSON_BYTES: Final = 262_144  # no message of ours is larger; status lists have a bound of their own
MAX_JSON_DEPTH: Final = 32  # the deepest document of ours nests 9 levels
MAX_SKEW: Final = timedelta(seconds=60)  # how far the clocks of two parties may differ
LAST_SECOND: Final = 253_402_300_799  # of the year 9999, the last of the calendar
_FIRST_MOMENT: Final = datetime(1970, 1, 1, tzinfo=UTC)  # nothing of ours was signed before NumericDate begins
_MAX_SAFE_INTEGER: Final = 2**53 - 1  # RFC 8785, 3.2.2.3: larger integers have no exact double
_INTEGERS: Final = range(-(2**63), 2**64)  # what the JSON library keeps as integers
_DOUBLE_DIGITS: Final = 17  # no program writes more of a double; a text with more says what a double cannot hold
_LEAST_DOUBLE: Final = sys.float_info.min  # below it a double has fewer digits, and at last none
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[][{}]")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")  # the standard alphabet's own signs become illegal
_PADDING: Final = (b"", b"===", b"==", b"=")  # by the number of characters over a multiple of four
# What the last character may be when it carries only four or two bits: those whose other bits are zero.
_LAST: Final[tuple[Collection[str], ...]] = ((), (), frozenset("AQgw"), frozenset("AEIMQUYcgkosw048"))


def b64url(octets: bytes) -> str:
    """base64url without padding (RFC 7515, 2)."""
    return binascii.b2a_base64(octets, newline=False).rstrip(b"=").translate(_TO_URL).decode()


def from_b64url(text: str) -> bytes:
    """The bytes of an unpadded base64url text in its only correct spelling. Raises Malformed."""
    over = len(text) % 4
    try:
        octets = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + _PADDING[over], strict_mode=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Malformed("expected unpadded base64url", spec="RFC 7515, 2") from error
    if over and text[-1] not in _LAST[over]:
        raise Malformed("base64url text has stray bits at its end", spec="RFC 4648, 3.5")
    return octets


def read_json(text: bytes | str, *, max_bytes: int = MAX_JSON_BYTES, max_depth: int = MAX_JSON_DEPTH) -> Json:
    """A JSON text as values: no doubled member, no NaN, no lone surrogate, bounded size and depth.

    A number that cannot be kept is refused and never becomes another: a whole one beyond 64 bits, or a fraction with
    more digits than a double holds (RFC 8259, 6). Raises Malformed or TooLarge.
    """
    octets = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(octets) > max_bytes:
        raise TooLarge(f"JSON text is longer than {max_bytes} bytes")
    if octets.count(b"[") + octets.count(b"{") > max_depth:  # only then can it be too deep
        _refuse_deep(octets, max_depth)
    try:
        value: Json = orjson.loads(octets)
    except orjson.JSONDecodeError as error:
        raise Malformed("expected a JSON text in UTF-8", spec="RFC 8259") from error
    try:
        again = orjson.dumps(value)
    except TypeError:  # lone surrogates
        again = b""
    # A text that is written back unchanged has no doubled member and no changed number; only others pay for the look.
    if again != octets:
        _refuse_what_is_not_kept(octets)
    return value


def _refuse_deep(octets: bytes, max_depth: int) -> None:
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", octets)):
        depth += 1 if bracket in b"[{" else -1
        if depth > max_depth:
            raise TooLarge(f"JSON text is nested deeper than {max_depth} levels")


def _refuse_what_is_not_kept(octets: bytes) -> None:
    """Refuse a text of which the values say less: a member that stands twice, a number that was rounded."""

    def unique(members: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(members)
        if len(found) != len(members):
            raise Malformed("a JSON object has the same member twice", spec="RFC 8259, 4")
        return found

    json.loads(octets, object_pairs_hook=unique, parse_int=_require_kept, parse_float=_require_kept)


def _require_kept(text: str) -> int | float:
    """The number that a text says, where it can be kept as it is."""
    if text.lstrip("-").isdigit():
        if len(text) > len(str(_INTEGERS.start)) or int(text) not in _INTEGERS:
            raise Malformed("a whole number beyond 64 bits cannot be kept as it is", spec="RFC 8259, 6")
        return int(text)
    kept = float(text)
    try:
        said = Decimal(text)
        digits = len("".join(map(str, said.as_tuple().digits)).strip("0"))
    except DecimalException as error:  # an exponent that no number of ours has
        raise Malformed("a number is too large or too small to be kept", spec="RFC 8259, 6") from error
    printed = digits <= _DOUBLE_DIGITS and abs(kept) >= _LEAST_DOUBLE
    if not printed and said != Decimal(repr(kept)):
        raise Malformed("a number has more digits than can be kept", spec="RFC 8259, 6")
    return kept


def write_json(value: object) -> bytes:
    """The shortest JSON text of plain values, members in the order given."""
    return orjson.dumps(value)


def jcs(value: Json) -> bytes:
    """The canonical JSON text (RFC 8785). Raises Malformed for values that have none."""
    try:
        if _sorts_alike(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, orjson.JSONEncodeError, UnicodeError) as error:
        raise Malformed("value has no canonical JSON text", spec="RFC 8785, 3.2") from error


def _sorts_alike(value: Json) -> bool:
    """Whether orjson's sorted text is the canonical one: exact types, safe integers, ASCII member names."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER  # type: ignore[operator] # the kind was just tested
    if kind is dict:
        return all(type(name) is str and name.isascii() and _sorts_alike(member) for name, member in value.items())  # type: ignore[union-attr] # the kind was just tested
    return kind is list and all(map(_sorts_alike, value))  # type: ignore[arg-type] # the kind was just tested


def sha256(octets: bytes) -> bytes:
    """The 32 bytes of SHA-256."""
    return hashlib.sha256(octets).digest()


def digest(octets: bytes) -> str:
    """`sha-256;` and base64url, the spelling of digests inside our signed documents (RFC 6920 alphabet)."""
    return "sha-256;" + b64url(sha256(octets))


def content_address(octets: bytes) -> str:
    """The same 32 bytes as a name: `ni:///sha-256;…` (RFC 6920, 3)."""
    return "ni:///" + digest(octets)


def integrity(octets: bytes) -> str:
    """The same 32 bytes as Subresource Integrity spells them: `sha256-…` in padded base64 (W3C SRI, 3.1)."""
    return "sha256-" + binascii.b2a_base64(sha256(octets), newline=False).decode()


@lru_cache(maxsize=4096)  # base58 costs a quarter of a signature check; the same few issuers come again and again
def from_multibase(text: str) -> bytes:
    """The bytes of a base58btc (`z`) or base64url (`u`) multibase text. Raises Malformed."""
    decode = _MULTIBASE.get(text[:1])
    if decode is None:
        raise Malformed("expected a multibase text that begins with z or u", spec="CID 1.0, 2.4")
    return decode(text[1:])


def _from_base58(text: str) -> bytes:
    if len(text) > 1024:  # quadratic work; the longest key of ours has 49 characters  # noqa: PLR2004
        raise TooLarge("base58 text is longer than 1024 characters")
    try:
        return base58.b58decode(text)
    except ValueError as error:
        raise Malformed("expected base58btc text", spec="CID 1.0, 2.4") from error


_MULTIBASE: Final[Mapping[str, Callable[[str], bytes]]] = {"z": _from_base58, "u": from_b64url}


def multibase58(octets: bytes) -> str:
    """`z` and base58btc."""
    return "z" + base58.b58encode(octets).decode()


def timestamp(moment: datetime) -> int:
    """Seconds since 1970 (NumericDate, RFC 7519, 2); `moment` is aware."""
    return int(moment.timestamp())


def from_timestamp(seconds: float) -> datetime:
    """The aware UTC moment of a NumericDate. Raises Malformed beyond the years of the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Malformed("time lies outside the calendar") from error


def rfc3339(moment: datetime) -> str:
    """`2026-11-21T10:02:11Z`: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: str) -> datetime:
    """The aware UTC moment of an RFC 3339 text with an offset, from 1970 to 9999 in UTC. Raises Malformed."""
    try:
        stated = datetime.fromisoformat(text)
        moment = stated.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # an offset can lead beyond the calendar
        raise Malformed("expected an RFC 3339 date and time", spec="RFC 3339, 5.6") from error
    if stated.tzinfo is None or "T" not in text:
        raise Malformed("expected an RFC 3339 date and time with an offset", spec="RFC 3339, 5.6")
    if moment < _FIRST_MOMENT:
        raise Malformed("expected a time from 1970 on", spec="RFC 7519, 2")
    return moment
