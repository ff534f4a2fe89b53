"""The values of a DCQL query, read strictly from JSON and valid once they exist (OpenID4VP 1.0, 6).

Unknown members are ignored, as section 6 asks. A query for a format that we do not speak is kept: nothing of ours can
answer it, and the wallet must be able to say so without failing. A query with no format of ours at all is refused.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias, TypeVar

from didkit_py.credentials.credential import Path_
from didkit_py.encoding import Json
from didkit_py.errors import Malformed
from didkit_py.formats.format import Formats
from didkit_py.oauth import VpFormatsNotSupported
from didkit_py.oid4vp.claims_path import read_path
from didkit_py.reading import Reader

MAX_CREDENTIALS: Final = 20  # queries in one request; a person cannot judge more
MAX_CLAIMS: Final = 100  # claims in one query; the largest claim type of ours has under 30
MAX_OPTIONS: Final = 50  # alternatives of one set
MAX_VALUES: Final = 100
MAX_ID: Final = 128  # characters
_ID: Final = re.compile(r"\A[A-Za-z0-9_-]+\Z")

Expected: TypeAlias = str | int | bool
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimQuery:
    """One claim that is asked for (6.3)."""

    path: Path_
    id: str | None = None
    values: tuple[Expected, ...] = ()  # the claim must equal one of them in type and value; empty: any value

    @classmethod
    def from_reader(cls, read: Reader) -> Self:
        return cls(
            path=read_path(read.value("path"), at=read.path("path")),
            id=_id(read.value("id"), at=read.path("id")) if read.has("id") else None,
            values=_expected(read) if read.has("values") else (),
        )

    def accepts(self, value: Json) -> bool:
        """Whether a claim's value is one of those asked for: true is not 1, and 1.0 is not 1."""
        for one in self.values:
            if type(value) is type(one) and value == one:
                return True
        return not self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedAuthority:
    """Who must stand behind the issuer (6.1.1). No type is understood yet, so that such a query has no answer."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialQuery:
    """One credential that is asked for (6.1); without claims it asks for nothing that could be held back."""

    id: str
    format: str
    vct_values: tuple[str, ...] = ()  # identifiers of types; empty only for formats that we do not speak
    claims: tuple[ClaimQuery, ...] = ()
    claim_sets: tuple[tuple[str, ...], ...] = ()  # ids of claims, the vendor's preference first
    multiple: bool = False
    holder_binding: bool = True  # False lets a wallet leave the holder's proof out; ours never does
    trusted_authorities: tuple[TrustedAuthority, ...] = ()

    @classmethod
    def from_reader(cls, read: Reader, *, formats: Formats) -> Self:
        claims = _each(read, "claims", ClaimQuery.from_reader, MAX_CLAIMS)
        _refuse_doubled((claim.id for claim in claims if claim.id is not None), at=read.path("claims"))
        form = read.text("format", max_length=MAX_ID)
        meta, row = read.object("meta"), formats.get(form)
        return cls(
            id=_id(read.value("id"), at=read.path("id")),
            format=form,
            vct_values=() if row is None else row.asked_types(meta),
            claims=claims,
            claim_sets=_claim_sets(read, claims) if read.has("claim_sets") else (),
            multiple=read.flag("multiple", default=False),
            holder_binding=read.flag("require_cryptographic_holder_binding", default=True),
            trusted_authorities=_each(
                read,
                "trusted_authorities",
                lambda one: TrustedAuthority(
                    type=one.text("type", max_length=MAX_ID),
                    values=one.texts("values", at_least=1, max_items=MAX_VALUES),
                ),
                MAX_VALUES,
            ),
        )

    def alternatives(self) -> tuple[tuple[ClaimQuery, ...], ...]:
        """The combinations of claims of which one must be shown, in order of preference (6.4.1)."""
        if not self.claim_sets:
            return (self.claims,)
        by_id = {claim.id: claim for claim in self.claims}
        return tuple(tuple(by_id[name] for name in names) for names in self.claim_sets)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSet:
    """Combinations of queries of which one must be answered (6.2)."""

    options: tuple[tuple[str, ...], ...]
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DcqlQuery:
    """What a vendor asks for; `source` is the query as it was sent, for digests over it."""

    credentials: tuple[CredentialQuery, ...]
    credential_sets: tuple[CredentialSet, ...] = ()
    source: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, body: Json, *, formats: Formats) -> Self:
        """Read a query; `formats` are those that we speak. Raises Malformed, TooLarge, or VpFormatsNotSupported."""
        read = Reader(body, at="dcql_query")
        found = read.objects("credentials", at_least=1, max_items=MAX_CREDENTIALS)
        credentials = tuple(CredentialQuery.from_reader(one, formats=formats) for one in found)
        ids = tuple(one.id for one in credentials)
        _refuse_doubled(ids, at=read.path("credentials"))
        if formats.keys().isdisjoint(one.format for one in credentials):
            raise VpFormatsNotSupported(
                f"dcql_query: expected a query for {' or '.join(sorted(formats))}", spec="OpenID4VP 1.0, 8.5"
            )
        sets = _each(
            read,
            "credential_sets",
            lambda one: CredentialSet(
                options=_id_sets(one, "options", ids, MAX_CREDENTIALS), required=one.flag("required", default=True)
            ),
            MAX_CREDENTIALS,
        )
        return cls(credentials=credentials, credential_sets=sets, source=body)

    def to_json(self) -> Json:
        """The query as it was sent."""
        return self.source

    def credential(self, query_id: str) -> CredentialQuery | None:
        """The query of this id."""
        for one in self.credentials:
            if one.id == query_id:
                return one
        return None


def _each(read: Reader, name: str, make: Callable[[Reader], _Value], most: int) -> tuple[_Value, ...]:
    """An optional array that is not empty when present."""
    return tuple(make(one) for one in read.objects(name, at_least=1, max_items=most)) if read.has(name) else ()


def _id(value: Json, *, at: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_ID or not _ID.match(value):
        raise Malformed(f"{at}: expected letters, digits, _ and -", spec="OpenID4VP 1.0, 6.1")
    return value


def _refuse_doubled(ids: Iterable[str], *, at: str) -> None:
    known = tuple(ids)
    if len(set(known)) != len(known):
        raise Malformed(f"{at}: an id occurs twice", spec="OpenID4VP 1.0, 6")


def _expected(read: Reader) -> tuple[Expected, ...]:
    values = read.items("values", at_least=1, max_items=MAX_VALUES)
    found = tuple(value for value in values if isinstance(value, str | int))
    if len(found) != len(values):
        raise Malformed(
            f"{read.path('values')}: expected texts, whole numbers, true or false", spec="OpenID4VP 1.0, 6.3"
        )
    return found


def _claim_sets(read: Reader, claims: Sequence[ClaimQuery]) -> tuple[tuple[str, ...], ...]:
    if not claims or any(claim.id is None for claim in claims):
        raise Malformed(f"{read.path('claim_sets')}: needs claims that all have an id", spec="OpenID4VP 1.0, 6.4.1")
    return _id_sets(read, "claim_sets", {claim.id for claim in claims if claim.id is not None}, MAX_CLAIMS)


def _id_sets(read: Reader, name: str, known: Collection[str], most: int) -> tuple[tuple[str, ...], ...]:
    """A non-empty array of non-empty arrays of known ids."""
    options = read.items(name, at_least=1, max_items=MAX_OPTIONS)
    found = tuple(
        Reader({"ids": option}, at=f"{read.path(name)}[{place}]").texts("ids", at_least=1, max_items=most)
        for place, option in enumerate(options)
    )
    if not {one for option in found for one in option} <= set(known):
        raise Malformed(f"{read.path(name)}: refers to an id that does not exist", spec="OpenID4VP 1.0, 6")
    return found
