"""Claim descriptions in issuer metadata: what people call the claims of a credential (OpenID4VCI 1.0, B.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from didkit_py.encoding import Json
from didkit_py.errors import Malformed
from didkit_py.reading import Reader

MAX_CLAIMS: Final = 500
MAX_DEPTH: Final = 16
_SPEC: Final = "OpenID4VCI 1.0, B.3"

Path = tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimDescription:
    """One claim by its path; the order of descriptions is the order to show them in."""

    path: Path
    label: str | None = None

    @classmethod
    def from_reader(cls, read: Reader, *, language: str) -> Self:
        """Read shape only. Raises Malformed."""
        displays = read.objects("display", at_least=1, max_items=100) if read.has("display") else ()
        names = {each.optional_text("locale") or "": each.optional_text("name", max_length=1_000) for each in displays}
        if len(names) != len(displays):
            raise Malformed(f"{read.path('display')}: two entries for one language", spec="OpenID4VCI 1.0, B.2")
        ours = [name for locale, name in names.items() if locale.partition("-")[0].lower() == language]
        return cls(path=_path(read), label=next(iter([*ours, *names.values()]), None))

    def to_json(self, *, language: str) -> dict[str, Json]:
        path: list[Json] = list(self.path)
        members: dict[str, Json] = {"path": path}
        return {**members, "display": [{"name": self.label, "locale": language}]} if self.label else members


def parse_claims(read: Reader, *, language: str) -> tuple[ClaimDescription, ...]:
    """The `claims` of a credential's metadata, empty when absent. Raises Malformed, also for contradictory ones."""
    if not read.has("claims"):
        return ()
    entries = read.objects("claims", at_least=1, max_items=MAX_CLAIMS)
    claims = tuple(ClaimDescription.from_reader(each, language=language) for each in entries)
    _refuse_contradictions([claim.path for claim in claims], at=read.path("claims"))
    return claims


def _path(read: Reader) -> Path:
    items = read.items("path", at_least=1, max_items=MAX_DEPTH)
    path: list[str | int | None] = []
    for item in items:
        if not (item is None or isinstance(item, str) or (type(item) is int and item >= 0)):
            raise Malformed(f"{read.path('path')}: expected texts, null and whole numbers", spec="OpenID4VCI 1.0, C")
        path.append(item)
    return tuple(path)


def _refuse_contradictions(paths: Sequence[Path], *, at: str) -> None:
    """No claim twice; below one path only members, only places of an array, or only all of an array."""
    if len(set(paths)) != len(paths):
        raise Malformed(f"{at}: the same claim stands twice", spec=_SPEC)
    below: dict[Path, type] = {}
    for path in paths:
        for depth, item in enumerate(path):
            if below.setdefault(path[:depth], type(item)) is not type(item):
                raise Malformed(f"{at}: one claim is described as an object and as an array, or as two", spec=_SPEC)
