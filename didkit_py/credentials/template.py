"""ClaimTemplate: the claims of one type, the disclosure profile of each, and how long a credential of it lives.

Types are files in `credentials/types/`, read once from the package's own data; a new type is a new file. Each file is
checked as it is read, so that a program with a wrong type does not start.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Self

from didkit_py.credentials.credential import Credential, Path_, StatusReference
from didkit_py.credentials.rules import RULES, Rule
from didkit_py.credentials.schema import Validator, compile_schema, is_required, leaves, require_valid
from didkit_py.encoding import Json, from_timestamp, integrity, jcs, read_json, timestamp
from didkit_py.errors import BadTemplate
from didkit_py.reading import Reader

ALWAYS: Final = "always"  # stands in the signed part, for everyone to read
FREE: Final = "free"  # its own disclosure, shown or not
GROUP: Final = "group:"  # its own disclosure, shown with the others of the group or not at all
IDENTITY: Final = "identity"  # tells who the person is, how to reach them, or what is known by a number of its own
FINANCIAL: Final = "financial"  # tells what the person has, owes, pays or is insured for
ORDINARY: Final = "ordinary"
_SENSITIVITIES: Final = frozenset({IDENTITY, FINANCIAL, ORDINARY})
_ROUNDINGS: Final[Mapping[str, timedelta]] = {"day": timedelta(days=1), "week": timedelta(weeks=1)}
_MEMBERS: Final = frozenset(
    {"vct", "title", "description", "subject", "unlinkability", "copies", "rounding", "lifetime_days", "status"}
    | {"claims", "rules", "schema"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSpec:
    """One claim of a type: where it stands, how it is disclosed, what people call it."""

    path: tuple[str, ...]
    disclosure: str  # "always", "free" or "group:<name>"
    label: str
    data_class: str | None  # IRI of the Data Privacy Vocabulary; None is covered by no ceiling
    sensitivity: str  # IDENTITY, FINANCIAL or ORDINARY: what the value says about the person
    required: bool  # whether every credential of the type holds it

    @property
    def hidden(self) -> bool:
        """Whether it is a disclosure of its own."""
        return self.disclosure != ALWAYS

    @property
    def group(self) -> str | None:
        """The group that is shown together or not at all."""
        return self.disclosure.removeprefix(GROUP) if self.disclosure.startswith(GROUP) else None

    @classmethod
    def read(cls, read: Reader, *, schema: Json) -> Self:
        """From one entry of a type's `claims`. Raises Malformed."""
        known = {"path", "disclosure", "label", "data_class", "sensitivity"}
        read.refuse_unknown(known, nullable=("data_class",))
        path, disclosure = read.texts("path", at_least=1), read.text("disclosure")
        if disclosure not in (ALWAYS, FREE) and not (disclosure.startswith(GROUP) and disclosure != GROUP):
            raise BadTemplate(f"{read.path('disclosure')}: expected always, free or group:<name>")
        return cls(
            path=path,
            disclosure=disclosure,
            label=read.text("label"),
            data_class=None if read.value("data_class") is None else read.text("data_class"),
            sensitivity=read.text("sensitivity", one_of=_SENSITIVITIES),
            required=is_required(schema, path),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClaimTemplate:
    """One type of claim; its name is the name of its file and of the issuer's credential configuration."""

    name: str
    vct: str
    title: str
    description: str
    subject: str  # "person" | "business"
    unlinkability: str  # "U1" not even by status, "U2" by the issuer alone, "U3" a public fact
    copies: int
    rounding: timedelta
    lifetime: timedelta
    has_status: bool
    claims: tuple[ClaimSpec, ...]
    schema: Mapping[str, Json] = field(repr=False)
    rules: tuple[Rule, ...] = field(repr=False)
    validator: Validator = field(repr=False)

    @classmethod
    def from_json(cls, body: Json, *, name: str) -> Self:
        """Read and check one type. Raises Malformed or BadTemplate."""
        read = Reader(body, at=name)
        read.refuse_unknown(_MEMBERS)
        schema = read.mapping("schema")
        rules = read.texts("rules")
        if not RULES.keys() >= set(rules):
            raise BadTemplate(f"{read.path('rules')}: expected names of the table of rules")
        template = cls(
            name=name,
            vct=read.text("vct"),
            title=read.text("title"),
            description=read.text("description"),
            subject=read.text("subject", one_of={"person", "business"}),
            unlinkability=read.text("unlinkability", one_of={"U1", "U2", "U3"}),
            copies=read.integer("copies", minimum=1, maximum=100),
            rounding=_ROUNDINGS[read.text("rounding", one_of=_ROUNDINGS)],
            lifetime=timedelta(days=read.integer("lifetime_days", minimum=1, maximum=36_525)),
            has_status=read.flag("status"),
            claims=tuple(ClaimSpec.read(entry, schema=dict(schema)) for entry in read.objects("claims", at_least=1)),
            schema=schema,
            rules=tuple(RULES[rule] for rule in rules),
            validator=compile_schema(schema),
        )
        template.require_sound()
        return template

    def require_sound(self) -> None:
        """Check what one member cannot say alone. Raises BadTemplate."""
        paths = [spec.path for spec in self.claims]
        if sorted(leaves(dict(self.schema), paths)) != sorted(paths):
            raise BadTemplate(
                f"{self.name}: each leaf of the schema needs exactly one claim, and no claim another place"
            )
        if self.unlinkability == "U1" and (self.has_status or self.rounding != _ROUNDINGS["week"]):
            raise BadTemplate(f"{self.name}: a U1 type has no status and whole weeks")
        if self.subject == "business" and any(spec.hidden for spec in self.claims):
            raise BadTemplate(f"{self.name}: a statement about a business hides nothing")

    @property
    def integrity(self) -> str:
        """What `vct#integrity` says: the digest of the canonical type metadata."""
        return _integrity(self)

    def type_metadata(self) -> dict[str, Json]:
        """SD-JWT VC type metadata; `group` and `data_class` are members of our own that others may ignore."""
        return {
            "vct": self.vct,
            "name": self.title,
            "description": self.description,
            "display": [{"locale": "en-GB", "name": self.title, "description": self.description}],
            "claims": [_claim_metadata(spec) for spec in self.claims],
        }

    def require_values(self, values: Mapping[str, Json]) -> None:
        """Check an issuer's values against schema and rules. Raises BadTemplate, without the values."""
        require_valid(self.validator, values)
        for rule in self.rules:
            if (fault := rule(values)) is not None:
                raise BadTemplate(fault)

    def fill(
        self,
        values: Mapping[str, Json],
        *,
        issuer: str,
        now: datetime,
        subject: str | None = None,
        status: StatusReference | None = None,
        lifetime: timedelta | None = None,
    ) -> Credential:
        """A credential of this type with coarse times. Raises BadTemplate."""
        self.require_values(values)
        if (subject is None) != (self.subject == "person"):
            raise BadTemplate("subject: a business is named by its DID, a person by no name at all")
        if (status is None) == self.has_status:
            raise BadTemplate("status: expected exactly when the claim type has one")
        issued_at, expires_at = self._times(now, lifetime)
        return Credential(
            vct=self.vct,
            vct_integrity=self.integrity,
            issuer=issuer,
            subject=subject,
            claims=values,
            disclosable=self.disclosable(),
            issued_at=issued_at,
            expires_at=expires_at,
            status=status,
        )

    def _times(self, now: datetime, lifetime: timedelta | None) -> tuple[datetime, datetime]:
        chosen = self.lifetime if lifetime is None else lifetime
        expires_at = _rounded_down(now + chosen, self.rounding)
        if chosen > self.lifetime or expires_at <= now:
            raise BadTemplate(f"lifetime: expected {self.rounding.days} to {self.lifetime.days} days")
        return _rounded_down(now, self.rounding), expires_at

    def spec(self, path: Path_) -> ClaimSpec | None:
        """The claim at exactly this path."""
        return next((spec for spec in self.claims if spec.path == path), None)

    def data_classes(self, path: Path_) -> frozenset[str | None]:
        """The data classes of what a request for `path` would show; {None} when no claim is there."""
        return frozenset(spec.data_class for spec in self._touched(path)) or frozenset({None})

    def sensitivities(self, path: Path_) -> frozenset[str]:
        """What a request for `path` would learn about the person; what the type does not explain tells who it is."""
        return frozenset(spec.sensitivity for spec in self._touched(path)) or frozenset({IDENTITY})

    def label(self, path: Path_) -> str:
        """What people call it; for a parent, all that stands below it."""
        return ", ".join(spec.label for spec in self._touched(path)) or self.title

    def _touched(self, path: Path_) -> Iterator[ClaimSpec]:
        """The claim of which `path` is a part, or the claims below it; None in `path` fits every name."""
        return (spec for spec in self.claims if all(a in (None, b) for a, b in zip(path, spec.path, strict=False)))

    def disclosable(self) -> tuple[tuple[str, ...], ...]:
        """Every path that is a disclosure of its own."""
        return tuple(spec.path for spec in self.claims if spec.hidden)

    def always_shown(self) -> tuple[ClaimSpec, ...]:
        """The claims that every presentation of the type shows, whatever was asked for."""
        return tuple(spec for spec in self.claims if not spec.hidden)


@cache  # templates are few and never change; this is a third of the cost of filling one
def _integrity(template: ClaimTemplate) -> str:
    return integrity(jcs(template.type_metadata()))


def _claim_metadata(spec: ClaimSpec) -> dict[str, Json]:
    metadata: dict[str, Json] = {
        "path": list(spec.path),
        "display": [{"locale": "en-GB", "label": spec.label}],
        "mandatory": spec.required,
        "sd": "always" if spec.hidden else "never",
    }
    ours = {"group": spec.group, "data_class": spec.data_class}
    return metadata | {name: value for name, value in ours.items() if value is not None}


def _rounded_down(moment: datetime, step: timedelta) -> datetime:
    seconds, width = timestamp(moment), int(step.total_seconds())
    return from_timestamp(seconds - seconds % width)


_BY_NAME: Final[Mapping[str, ClaimTemplate]] = {
    name: ClaimTemplate.from_json(read_json(entry.read_bytes()), name=name)
    for entry in sorted(files(__package__).joinpath("types").iterdir(), key=lambda entry: entry.name)
    if (name := entry.name.removesuffix(".json")) != entry.name
}
TEMPLATES: Final[Mapping[str, ClaimTemplate]] = MappingProxyType(
    {template.vct: template for template in _BY_NAME.values()}
)


def template_named(name: str) -> ClaimTemplate:
    """The type of that name. Raises BadTemplate."""
    if name not in _BY_NAME:
        raise BadTemplate(f"expected a claim type: {', '.join(sorted(_BY_NAME))}")
    return _BY_NAME[name]


def template_of(vct: str) -> ClaimTemplate | None:
    """The type with that `vct`, or None for types of others."""
    return TEMPLATES.get(vct)


def sensitivities_of(vct: str, path: Path_) -> frozenset[str]:
    """What a request for `path` would learn about the person; a type of others may say who it is."""
    template = template_of(vct)
    return frozenset({IDENTITY}) if template is None else template.sensitivities(path)
