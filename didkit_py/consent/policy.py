"""Policy: the person's own lists and limits.

The defaults protect without being asked: three months for what is wanted at once, two years for planning, no archive,
six years for disputes and legal duties (the time in which a claim in contract can be brought in England), processors as
the furthest onward transfer, and a dealer that a manufacturer attests before anyone hears what a person can afford.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Self, TypeVar

from didkit_py.encoding import Json
from didkit_py.errors import Malformed
from didkit_py.reading import Reader
from didkit_py.terms.grant import Grant, read_grants
from didkit_py.terms.grant_parts import PROPAGATIONS, RETENTION_CLASSES, ClaimPath, read_path, read_period
from didkit_py.terms.order import is_below
from didkit_py.terms.period import Period
from didkit_py.unicode.skeleton import looks_like

T = TypeVar("T")

PROFILES: Final = ("strict", "standard", "eudi-warn")
AFFORDABILITY: Final = "urn:didkit-py:vct:affordability-range:1"
AUTHORIZED_DEALER: Final = "urn:didkit-py:vct:authorized-dealer:1"
KNOWN_PARTY: Final = "urn:didkit-py:vct:known-party:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowRule:
    """A release that the person agreed to beforehand: this vendor, these purposes, this type, these paths, no more."""

    vendor: str  # any proven identifier of it, exactly
    purposes: frozenset[str]
    vct: str
    paths: tuple[ClaimPath, ...]

    def matches(self, *, identifiers: frozenset[str], purposes: frozenset[str], vct: str, path: ClaimPath) -> bool:
        """Whether one item asked for is inside the rule."""
        return (
            self.vendor in identifiers
            and bool(purposes)
            and purposes <= self.purposes
            and vct == self.vct
            and any(is_below(path, one) for one in self.paths)
        )

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("vendor", "purposes", "vct", "paths"))
        entries = read.items("paths", at_least=1)
        return cls(
            vendor=read.text("vendor"),
            purposes=frozenset(read.texts("purposes", at_least=1)),
            vct=read.text("vct"),
            paths=tuple(read_path(Reader({"path": one}, at=read.path("paths")), "path") for one in entries),
        )

    def to_json(self) -> dict[str, Json]:
        purposes: list[Json] = [*sorted(self.purposes)]
        return {"vendor": self.vendor, "purposes": purposes, "vct": self.vct, "paths": [[*one] for one in self.paths]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What a recipient's role must say; an empty set does not limit. Distance waits for places in role credentials."""

    brands: frozenset[str] = frozenset()
    territories: frozenset[str] = frozenset()  # country or region codes; GB admits GB-ENG
    only: frozenset[str] = frozenset()  # identifiers of the only parties wanted

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        read.refuse_unknown(("brands", "territories", "only"))
        return cls(**{name: frozenset(read.optional_texts(name)) for name in ("brands", "territories", "only")})

    def to_json(self) -> dict[str, Json]:
        return {
            "brands": [*sorted(self.brands)],
            "territories": [*sorted(self.territories)],
            "only": [*sorted(self.only)],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the person accepts, asks to be asked about, and refuses."""

    deny: frozenset[str] = frozenset()  # DIDs, client ids, hosts, dealer numbers, legal names
    stop_notices: frozenset[str] = frozenset()  # the same, of a regulator or community
    allow: tuple[AllowRule, ...] = ()
    required_roles: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: MappingProxyType({AFFORDABILITY: frozenset({AUTHORIZED_DEALER, KNOWN_PARTY})})
    )  # claim type -> role credentials of which one is wanted
    criteria: Mapping[str, Criteria] = field(default_factory=dict)  # by claim type
    retention_caps: Mapping[str, Period] = field(
        default_factory=lambda: MappingProxyType(
            {
                "immediate": Period.parse("P90D"),
                "planning": Period.parse("P2Y"),
                "dispute": Period.parse("P6Y"),
                "legal": Period.parse("P6Y"),
            }
        )
    )  # a class that is not named is not accepted
    propagation: str = "processors"
    own_terms: tuple[Grant, ...] = ()  # the person's own upper bound; empty: none
    threshold_cap: int | None = None  # the highest step that may be asked, in units of its currency
    profile: str = "standard"

    def denies(self, identifiers: frozenset[str]) -> bool:
        """Whether one of these identifiers is on the deny list, or could be taken for one that is (UTS 39, 4)."""
        return any(looks_like(one, self.deny) is not None for one in identifiers)

    def stops(self, identifiers: frozenset[str]) -> bool:
        """Whether a stop notice names one of these identifiers, or one that it could be taken for (UTS 39, 4)."""
        return any(looks_like(one, self.stop_notices) is not None for one in identifiers)

    def denying(self, who: str) -> Self:
        """Copy of the policy with one more name on the deny list."""
        return replace(self, deny=self.deny | {who.strip()})

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Read a stored policy; what is absent keeps its default. Raises Malformed."""
        read = Reader(body, at="policy")
        read.refuse_unknown(_MEMBERS, nullable=("threshold_cap",))
        given = {name: make(read) for name, make in _READERS.items() if name in read.members}
        return cls(**given)

    def to_json(self) -> dict[str, Json]:
        return {
            "deny": [*sorted(self.deny)],
            "stop_notices": [*sorted(self.stop_notices)],
            "allow": [rule.to_json() for rule in self.allow],
            "required_roles": {vct: [*sorted(roles)] for vct, roles in sorted(self.required_roles.items())},
            "criteria": {vct: criteria.to_json() for vct, criteria in sorted(self.criteria.items())},
            "retention_caps": {name: period.text for name, period in sorted(self.retention_caps.items())},
            "propagation": self.propagation,
            "own_terms": [grant.to_json() for grant in self.own_terms],
            "threshold_cap": self.threshold_cap,
            "profile": self.profile,
        }


def _retention_caps(read: Reader) -> Mapping[str, Period]:
    caps = read.object("retention_caps")
    if not caps.members.keys() <= set(RETENTION_CLASSES):
        raise Malformed(f"{caps.at}: expected {', '.join(RETENTION_CLASSES)}")
    return _by_name(caps, read_period)


def _by_name(read: Reader, read_one: Callable[[Reader, str], T]) -> Mapping[str, T]:
    """Each member of an object, as `read_one` reads it."""
    return MappingProxyType({name: read_one(read, name) for name in read.members})


_READERS: Final[Mapping[str, Callable[[Reader], Any]]] = MappingProxyType(
    {
        "deny": lambda read: frozenset(read.texts("deny")),
        "stop_notices": lambda read: frozenset(read.texts("stop_notices")),
        "allow": lambda read: tuple(AllowRule.from_reader(one) for one in read.objects("allow")),
        "required_roles": lambda read: _by_name(
            read.object("required_roles"), lambda roles, vct: frozenset(roles.texts(vct, at_least=1))
        ),
        "criteria": lambda read: _by_name(
            read.object("criteria"), lambda criteria, vct: Criteria.from_reader(criteria.object(vct))
        ),
        "retention_caps": _retention_caps,
        "propagation": lambda read: read.text("propagation", one_of=PROPAGATIONS),
        "own_terms": lambda read: read_grants(read, "own_terms", at_least=0),
        "threshold_cap": lambda read: None if read.value("threshold_cap") is None else read.integer("threshold_cap"),
        "profile": lambda read: read.text("profile", one_of=PROFILES),
    }
)
_MEMBERS: Final = tuple(_READERS)
DEFAULT_POLICY: Final = Policy()
