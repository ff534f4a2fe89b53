"""Reader takes typed members out of JSON and names the path of the one that is wrong.

Unknown members are left alone: standards ask to ignore them, and signed documents keep them. An optional member that is
null counts as absent, since many programs write null for what they do not have; a required one that is null is wrong,
and so is null where a schema of our own does not allow it (`refuse_unknown`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from didkit_py.encoding import LAST_SECOND, Json, from_rfc3339
from didkit_py.errors import Malformed, TooLarge

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAX_TEXT: Final = 65_536  # characters; credentials inside JSON are the longest texts
MAX_ITEMS: Final = 1_000
_LOOPBACK: Final = re.compile(r"\A(localhost|127(\.\d{1,3}){3}|\[::1\])\Z")
_HOST: Final = re.compile(r"\A(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)\Z")
_NUMERIC: Final = re.compile(r"\A(0x[0-9a-f]*|[0-9]+)\Z")
_IPV4: Final = re.compile(r"\A(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}\Z")
_PRINTABLE_ASCII: Final = re.compile(r"\A[\x21-\x7e]+\Z")


class Reader:
    """One JSON object being read; `at` names it in errors, such as `credential_offer.grants`."""

    __slots__ = ("at", "members")

    def __init__(self, body: Json, *, at: str) -> None:
        """Raises Malformed when `body` is no object."""
        if not isinstance(body, dict):
            raise Malformed(f"{at}: expected an object")
        self.members: dict[str, Json] = body
        self.at = at

    def path(self, name: str) -> str:
        """The path of a member, for errors."""
        return f"{self.at}.{name}"

    def has(self, name: str) -> bool:
        """Whether the member is there; one that is null is not."""
        return self.members.get(name) is not None

    def value(self, name: str) -> Json:
        """The member as it is. Raises Malformed when absent."""
        if name not in self.members:
            raise Malformed(f"{self.path(name)}: missing")
        return self.members[name]

    def text(self, name: str, *, max_length: int = MAX_TEXT, one_of: Collection[str] | None = None) -> str:
        """A non-empty text."""
        value = self.members.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= max_length or "\0" in value:
            raise self._no_text(self.value(name), name, max_length)
        if one_of is not None and value not in one_of:
            raise Malformed(f"{self.path(name)}: expected one of {', '.join(sorted(one_of))}")
        return value

    def optional_text(self, name: str, *, max_length: int = MAX_TEXT) -> str | None:
        """A non-empty text, or None when absent."""
        return self.text(name, max_length=max_length) if self.has(name) else None

    def _no_text(self, value: Json, name: str, max_length: int) -> Malformed:
        if isinstance(value, str) and len(value) > max_length:
            return TooLarge(f"{self.path(name)}: longer than {max_length} characters")
        # Also for one with a NUL, which no database takes.
        return Malformed(f"{self.path(name)}: expected a non-empty text")

    def decoration(self, name: str, *, max_length: int = MAX_TEXT) -> str | None:
        """A text that is only shown: None when absent, and where it is none that can be shown."""
        value = self.members.get(name)
        return value if isinstance(value, str) and 0 < len(value) <= max_length and "\0" not in value else None

    def decorations(self, name: str, *, max_items: int = MAX_ITEMS) -> tuple[Self, ...]:
        """The objects of an array that only decorates: whatever else stands there is passed over."""
        value = self.members.get(name)
        items = value[:max_items] if isinstance(value, list) else []
        found = ((f"{self.path(name)}[{place}]", item) for place, item in enumerate(items))
        return tuple(type(self)(item, at=at) for at, item in found if isinstance(item, dict))

    def texts(self, name: str, *, at_least: int = 0, max_items: int = MAX_ITEMS) -> tuple[str, ...]:
        """An array of non-empty texts."""
        found: list[str] = []
        for place, item in enumerate(self.items(name, at_least=at_least, max_items=max_items)):
            if not isinstance(item, str) or not 0 < len(item) <= MAX_TEXT or "\0" in item:
                raise self._no_text(item, f"{name}[{place}]", MAX_TEXT)
            found.append(item)
        return tuple(found)

    def optional_texts(self, name: str) -> tuple[str, ...]:
        """An array of non-empty texts, empty when absent."""
        return self.texts(name) if self.has(name) else ()

    def items(self, name: str, *, at_least: int = 0, max_items: int = MAX_ITEMS) -> list[Json]:
        """An array as it is."""
        value = self.value(name)
        if not isinstance(value, list):
            raise Malformed(f"{self.path(name)}: expected an array")
        if len(value) < at_least:
            raise Malformed(f"{self.path(name)}: expected at least {at_least} item(s)")
        if len(value) > max_items:
            raise TooLarge(f"{self.path(name)}: more than {max_items} items")
        return value

    def integer(self, name: str, *, minimum: int = 0, maximum: int = 2**53 - 1) -> int:
        """A whole number inside the bounds; true and 1.0 are none."""
        value = self.members.get(name)
        if type(value) is not int:
            self.value(name)  # says so of a member that is not there
            raise Malformed(f"{self.path(name)}: expected a whole number")
        if not minimum <= value <= maximum:
            raise Malformed(f"{self.path(name)}: expected {minimum} to {maximum}")
        return value

    def optional_integer(self, name: str, *, minimum: int = 0, maximum: int = 2**53 - 1) -> int | None:
        """A whole number inside the bounds, or None when absent."""
        return self.integer(name, minimum=minimum, maximum=maximum) if self.has(name) else None

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """True or false; absent means `default` where one is given."""
        if default is not None and not self.has(name):
            return default
        value = self.value(name)
        if not isinstance(value, bool):
            raise Malformed(f"{self.path(name)}: expected true or false")
        return value

    def moment(self, name: str) -> datetime:
        """A NumericDate as an aware UTC moment, to the microsecond where it has a fraction (RFC 7519, 2)."""
        value = self.members.get(name)
        if type(value) is not int and type(value) is not float:
            self.value(name)  # says so of a member that is not there
            raise Malformed(f"{self.path(name)}: expected a number of seconds", spec="RFC 7519, 2")
        if not 0 <= value <= LAST_SECOND:
            raise Malformed(f"{self.path(name)}: expected 0 to {LAST_SECOND} seconds", spec="RFC 7519, 2")
        return datetime.fromtimestamp(value, UTC)

    def optional_moment(self, name: str) -> datetime | None:
        """A NumericDate as an aware UTC moment, or None when absent."""
        return self.moment(name) if self.has(name) else None

    def optional_seconds(self, name: str, *, maximum: int) -> timedelta | None:
        """A positive number of seconds, which may have a fraction, or None when absent."""
        if not self.has(name):
            return None
        value = self.members[name]
        if (type(value) is not int and type(value) is not float) or not 0 < value <= maximum:
            raise Malformed(f"{self.path(name)}: expected a positive number of seconds, at most {maximum}")
        return timedelta(seconds=value)

    def rfc3339(self, name: str) -> datetime:
        """An RFC 3339 text as an aware UTC moment."""
        try:
            return from_rfc3339(self.text(name, max_length=40))
        except Malformed as error:
            raise Malformed(f"{self.path(name)}: {error}", spec=error.spec) from error

    def object(self, name: str) -> Self:
        """A member object, to be read further."""
        return type(self)(self.value(name), at=f"{self.at}.{name}")

    def optional_object(self, name: str) -> Self | None:
        """A member object, or None when absent."""
        return self.object(name) if self.has(name) else None

    def objects(self, name: str, *, at_least: int = 0, max_items: int = MAX_ITEMS) -> tuple[Self, ...]:
        """An array of objects, to be read further."""
        found = self.items(name, at_least=at_least, max_items=max_items)
        return tuple(type(self)(item, at=f"{self.path(name)}[{place}]") for place, item in enumerate(found))

    def mapping(self, name: str) -> Mapping[str, Json]:
        """A member object as plain members."""
        return self.object(name).members

    def url(self, name: str) -> str:
        """An absolute https URL without fragment or user part; http only for loopback.

        Whether a loopback origin may be fetched is the fetcher's decision, not ours.
        """
        text = self.text(name, max_length=2_048)
        if not _is_short_url(text):
            raise Malformed(f"{self.path(name)}: expected an https URL without user part or fragment")
        return text

    def origin_url(self, name: str) -> str:
        """A URL as `url`, also without query: an identifier such as a Credential Issuer Identifier."""
        text = self.url(name)
        if "?" in text:
            raise Malformed(f"{self.path(name)}: expected a URL without query")
        return text

    def refuse_unknown(self, known: Collection[str], *, nullable: Collection[str] = ()) -> None:
        """Raises Malformed for a member outside `known`, or for null where `nullable` does not name the member.

        Documents of our own have schemas, which know no other members and where null may stand.
        """
        for name, value in self.members.items():
            if name not in known:
                raise Malformed(f"{self.at}: unknown member {name[:40]!r}")
            if value is None and name not in nullable:
                raise Malformed(f"{self.path(name)}: expected a value or no such member")


def is_url(text: str) -> bool:
    """Whether `text` is an absolute https URL, or http on loopback, with no user part, fragment or odd character."""
    if not _PRINTABLE_ASCII.match(text) or "#" in text or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    shown = f"[{host}]" if ":" in host else host
    if parts.netloc.lower() not in {shown, f"{shown}:{port}"} or not _HOST.match(shown) or port == 0:
        return False  # a user, a stray bracket, zeros before a port: parsers differ on what stands around a host
    if ends_in_number(host) and not _IPV4.match(host) and ":" not in host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(text))


def ends_in_number(host: str) -> bool:
    """Whether some resolver would take a lower-case host name for an IPv4 address (URL Standard, 3.5)."""
    return bool(_NUMERIC.match(host.rpartition(".")[2]))


_is_short_url = lru_cache(maxsize=1024)(is_url)  # the addresses of the same few parties come again and again


def is_loopback(text: str) -> bool:
    """Whether the URL's host is this machine by name or number."""
    host = urlsplit(text).hostname or ""
    return bool(_LOOPBACK.match(f"[{host}]" if ":" in host else host))


def origin(text: str) -> str:
    """Scheme, host and port of a URL, lower case, default port left out."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{shown}" + (f":{parts.port}" if parts.port and parts.port != default else "")
