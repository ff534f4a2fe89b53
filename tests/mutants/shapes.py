"""Where a text can be taken apart, and how it is put together again with another part."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from didkit_py.encoding import b64url, from_b64url
from didkit_py.errors import Malformed

_COMPACT: Final = re.compile(r"\A[\w-]+\.[\w-]+\.[\w-]+\Z", re.ASCII)
_ENCODED: Final = re.compile(r"\A[\w-]{16,}\Z", re.ASCII)


class Shape(Enum):
    """How a text is built."""

    SD_JWT = auto()
    JWS = auto()
    JWE = auto()
    ENCODED = auto()  # base64url
    JSON = auto()
    OCTETS = auto()  # bytes, one character each
    TEXT = auto()


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text, and the whole text with another piece in its place."""

    text: str
    shape: Shape
    put: Callable[[str], str]


def parts(text: str, shape: Shape) -> list[Part]:
    """What a text of this shape is built of; nothing when it is not built that way."""
    match shape:
        case Shape.SD_JWT:
            return _pieces(text, "~", _sd_jwt_piece)
        case Shape.JWS | Shape.JWE:
            return _pieces(text, ".", lambda _: Shape.ENCODED)
        case Shape.ENCODED:
            return _decoded(text)
        case Shape.JSON:
            return list(_texts(text))
    return []


def _pieces(text: str, between: str, shape_of: Callable[[str], Shape]) -> list[Part]:
    pieces = text.split(between)

    def put(place: int, piece: str) -> str:
        return between.join((*pieces[:place], piece, *pieces[place + 1 :]))

    return [Part(piece, shape_of(piece), partial(put, place)) for place, piece in enumerate(pieces) if piece]


def _sd_jwt_piece(piece: str) -> Shape:
    return Shape.JWS if "." in piece else Shape.ENCODED


def _decoded(text: str) -> list[Part]:
    try:
        octets = from_b64url(text)
    except Malformed:
        return []
    if octets[:1] in (b"{", b"["):
        return [Part(octets.decode(), Shape.JSON, lambda inner: b64url(inner.encode("utf-8", "surrogatepass")))]
    return [Part(octets.decode("latin-1"), Shape.OCTETS, lambda inner: b64url(inner.encode("latin-1")))]


def _texts(text: str) -> Iterator[Part]:
    """The texts inside of a JSON text, however deep."""
    body = json.loads(text)
    for way, value in places(body):
        if isinstance(value, str) and value:
            yield Part(value, _shape_inside(value), lambda inner, way=way: written(body, way, spelt(inner)))  # type: ignore[misc] # mypy knows no lambda with a default


def _shape_inside(value: str) -> Shape:
    if _COMPACT.match(value):
        return Shape.JWS
    return Shape.ENCODED if _ENCODED.match(value) else Shape.TEXT


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value inside of a JSON value, itself first, and the steps that lead there."""
    yield way, value
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*way, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from places(item, (*way, place))


def spelt(value: Any) -> str:
    """A JSON value as the shortest text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def written(value: Any, way: tuple[Any, ...], instead: str) -> str:
    """A JSON value as text, with the text `instead` in the place that `way` leads to."""
    if not way:
        return instead
    step, *rest = way
    if isinstance(value, dict):
        members = [
            f"{spelt(name)}:{written(member, tuple(rest), instead) if name == step else spelt(member)}"
            for name, member in value.items()
        ]
        return "{" + ",".join(members) + "}"
    items = [written(item, tuple(rest), instead) if place == step else spelt(item) for place, item in enumerate(value)]
    return "[" + ",".join(items) + "]"
