"""The disclosure profile of a claim type, enforced on what was shown.

An issuer that puts a hideable claim in the open, or adds one of its own, would mark its holders; a holder who shows a
group in part, or a type without what it must always show, would hide what speaks against it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from didkit_py.credentials.credential import SUBJECT, Path_, ReadCredential
from didkit_py.credentials.template import ClaimSpec, ClaimTemplate, template_of
from didkit_py.encoding import Json
from didkit_py.errors import BadCredential

SPEC: Final = "claim type's disclosure profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One object of a type's claims and the names that may stand in it."""

    path: tuple[str, ...]
    names: frozenset[str]
    hidden: frozenset[str]  # those that are disclosures of their own
    always: frozenset[str]  # those that every credential of the type shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A claim type's rules in the form in which they are checked."""

    template: ClaimTemplate
    integrity: str
    places: tuple[Place, ...]
    hidden: frozenset[Path_]
    groups: tuple[tuple[frozenset[Path_], frozenset[Path_]], ...]  # per group: all members, those that must be there


@lru_cache(maxsize=256)  # a template's parts cost more to work out than a signature to check
def profile_of(vct: str) -> Profile | None:
    """The rules of a type, or None when it is not known here."""
    template = template_of(vct)
    if template is None:
        return None
    specs = template.claims
    objects = {spec.path[:depth] for spec in specs for depth in range(len(spec.path))}
    groups = sorted({spec.group for spec in specs if spec.group is not None})
    return Profile(
        template=template,
        integrity=template.integrity,
        places=tuple(_place(specs, path) for path in sorted(objects)),
        hidden=frozenset(spec.path for spec in specs if spec.hidden),
        groups=tuple(
            (
                frozenset(spec.path for spec in specs if spec.group == group),
                frozenset(spec.path for spec in specs if spec.group == group and spec.required),
            )
            for group in groups
        ),
    )


def _place(specs: Iterable[ClaimSpec], path: tuple[str, ...]) -> Place:
    depth = len(path)
    inside = [spec for spec in specs if spec.path[:depth] == path and len(spec.path) > depth]
    leaves = [spec for spec in inside if len(spec.path) == depth + 1]
    return Place(
        path=path,
        names=frozenset(spec.path[depth] for spec in inside) | (frozenset() if path else {SUBJECT}),
        hidden=frozenset(spec.path[-1] for spec in leaves if spec.hidden),
        always=frozenset(spec.path[-1] for spec in leaves if spec.required and not spec.hidden),
    )


def require_profile(credential: ReadCredential, profile: Profile) -> None:
    """Check that the credential keeps to its type. Raises BadCredential."""
    if credential.integrity not in (None, profile.integrity):
        raise BadCredential("the credential names another version of its type", spec="SD-JWT VC, 6")
    if (credential.subject is None) != (profile.template.subject == "person"):
        raise BadCredential("sub: a business is named by its DID, a person by no name at all", spec=SPEC)
    if (credential.status is None) == profile.template.has_status:
        raise BadCredential("status: expected exactly when the claim type has one", spec=SPEC)
    disclosed = frozenset(credential.disclosed)
    if not disclosed <= profile.hidden:
        raise BadCredential("a disclosure is not one of the type's", spec=SPEC)
    said = credential.said
    for place in profile.places:
        _require_place(said, place, disclosed)
    for members, required in profile.groups:
        if not required <= disclosed and members & disclosed:
            raise BadCredential("a group of claims is shown in part", spec=SPEC)


def _require_place(claims: Mapping[str, Json], place: Place, disclosed: frozenset[Path_]) -> None:
    found: Json | Mapping[str, Json] = claims
    for name in place.path:
        found = found.get(name) if isinstance(found, dict) else None
    shown = found.keys() if isinstance(found, dict) else frozenset[str]()
    if not place.always <= shown:
        raise BadCredential("a claim that is always shown is missing", spec=SPEC)
    if not shown <= place.names or (found is not None and not isinstance(found, dict)):
        raise BadCredential("a claim is not one of the type's", spec=SPEC)
    for name in place.hidden & shown:
        if (*place.path, name) not in disclosed:
            raise BadCredential("a claim that can be held back stands in the open", spec=SPEC)


def require_lifetime(credential: ReadCredential, profile: Profile) -> None:
    """Check that it lives no longer than its type allows. Raises BadCredential."""
    if credential.issued_at is None or credential.expires_at is None:
        raise BadCredential("iat and exp are missing", spec=SPEC)
    if credential.expires_at - credential.issued_at > profile.template.lifetime + profile.template.rounding:
        raise BadCredential("the credential lives longer than its type allows", spec=SPEC)
