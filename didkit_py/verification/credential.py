"""verify_credential: one credential walks a table of small named checks; `missing` names what those still want."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from didkit_py.credentials.credential import Path_, ProtocolMember, ReadCredential, UnverifiedCredential, said
from didkit_py.encoding import MAX_SKEW, Json
from didkit_py.errors import (
    BadKeyBinding,
    BadResponse,
    BadStatusList,
    DidkitError,
    Expired,
    NotYetValid,
    Revoked,
    Stale,
    UnknownKey,
    Unreachable,
)
from didkit_py.formats.format import Format
from didkit_py.keys.party import KeyPurpose, PartyKeys, party_of
from didkit_py.keys.public import PublicKey
from didkit_py.status.states import Status
from didkit_py.trust import TrustedIssuer
from didkit_py.verification.evidence import CheckResult, Evidence, Need, failed, passed
from didkit_py.verification.profile import SPEC, profile_of, require_lifetime, require_profile

_REASONS: Final[Mapping[int, str]] = {Status.INVALID: "revoked", Status.SUSPENDED: "suspended"}


class KeyBinding(Enum):
    """Whether the holder must prove to be the one the credential was issued to."""

    REQUIRED = auto()
    NOT_REQUIRED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCredential:
    """A credential of which every check held."""

    format: str
    text: str = field(repr=False)
    vct: str
    issuer: str
    issuer_name: str
    subject: str | None
    claims: Mapping[str, Json] = field(repr=False)  # all that a query can name, the members of the format too
    protocol: Mapping[str, ProtocolMember] = field(repr=False)  # which names of `claims` are members of the format
    disclosed: tuple[Path_, ...]
    issued_at: datetime | None
    expires_at: datetime | None
    holder: PublicKey | str | None  # a key, or the thumbprint of one
    checks: tuple[CheckResult, ...]

    @property
    def said(self) -> dict[str, Json]:
        """What the issuer says, without the members of the format."""
        return said(self.claims, self.protocol)


@dataclass(slots=True, kw_only=True)
class _Issued:
    """What an issuer signed, on its way through the checks; each check leaves what the next ones need."""

    in_format: Format
    parse: Callable[[], UnverifiedCredential]
    keys_of: Callable[[str], PartyKeys | None]  # the keys of a party, where they are at hand
    now: datetime
    unverified: UnverifiedCredential = field(init=False)
    key: PublicKey = field(init=False)
    credential: ReadCredential = field(init=False)

    def section(self, check: str, otherwise: str = "") -> str:
        """The section of the format's standard that a check enforces."""
        return self.in_format.sections.get(check, otherwise)


@dataclass(slots=True, kw_only=True)
class _Case(_Issued):
    """The same, shown to somebody."""

    evidence: Evidence
    key_binding: KeyBinding
    expected_nonce: str | None
    expected_audience: str | None
    trusted: TrustedIssuer = field(init=False)


@dataclass(frozen=True, slots=True)
class _Row:
    """One check: its name, the rule that it enforces, and what makes it fail: an exception.

    The text that a judge returns becomes the check's detail.
    """

    name: str
    spec: str  # empty: the format's standard says which
    judge: Callable[[Any], str]  # takes a _Case, or an _Issued if it stands in ISSUED


def _format(case: _Issued) -> str:
    case.unverified = case.parse()
    return ""


def _trusted_issuer(case: _Case) -> str:
    case.trusted = case.evidence.trust.require(case.unverified.issuer, case.unverified.vct)
    return ""


def _issuer_key(case: _Issued) -> str:
    keys = case.keys_of(case.unverified.issuer)
    case.key = _key_of(case.unverified, keys, case.now, spec=case.section("issuer-key"))
    return ""


def _key_of(unverified: UnverifiedCredential, keys: PartyKeys | None, now: datetime, *, spec: str = "") -> PublicKey:
    issuer, kid = unverified.issuer, unverified.key_hint
    if kid is None or party_of(kid) not in ("", issuer):  # one without a party is of the issuer
        raise UnknownKey("kid names no key of the issuer", spec=spec)
    if keys is None:
        raise Unreachable("the issuer's keys are not at hand", spec="DID Core 1.0, 7.1")
    return keys.key(kid, KeyPurpose.ASSERTION, now=now)


def _signature(case: _Issued) -> str:
    case.unverified.verify_signature(case.key)
    return ""


def _disclosures(case: _Issued) -> str:
    case.credential = case.unverified.read()
    return ""


def _type_profile(case: _Issued) -> str:
    profile = profile_of(case.unverified.vct)
    if profile is None:
        return "the type is not known here; the trust list vouches for it, and nothing else is read into it"
    require_profile(case.credential, profile)
    return ""


def _time(case: _Issued) -> str:
    credential, now = case.credential, case.now
    for begin in (credential.issued_at, credential.not_before):
        if begin is not None and begin > now + MAX_SKEW:
            raise NotYetValid("the credential's time has not begun", spec="RFC 7519, 4.1.5")
    if credential.expires_at is not None and credential.expires_at <= now:
        raise Expired("the credential's time is over", spec="RFC 7519, 4.1.4")
    profile = profile_of(case.unverified.vct)
    if profile is not None:
        require_lifetime(credential, profile)
    return ""


def _holder(case: _Case) -> str:
    section = case.section("key-binding")
    if case.key_binding is KeyBinding.NOT_REQUIRED:
        if case.unverified.has_proof:
            raise BadKeyBinding("something stands in the place of a proof that nobody asked for", spec=section)
        return "not required here"
    if case.credential.holder is None:
        raise BadKeyBinding("the credential is bound to no key", spec=section)
    case.unverified.verify_proof(
        case.credential.holder,
        expected_nonce=case.expected_nonce or "",
        expected_audience=case.expected_audience or "",
        now=case.now,
    )
    return ""


def _status(case: _Case) -> str:
    status = case.credential.status
    if status is None:
        return "the credential has no status; its short life stands in for one"
    found = case.evidence.status_lists.get(status.uri)
    if found is None:
        raise Unreachable("the issuer's status list is not at hand", spec="Token Status List, 8.3")
    if found.issuer != case.unverified.issuer:
        raise BadStatusList("the status list is signed by another party than the issuer", spec="Token Status List, 8.3")
    over = found.expires_at is not None and found.expires_at <= case.now
    if over or case.evidence.status_age(found, case.now) > case.evidence.status_max_age:
        raise Stale("the status list is too old", spec="Token Status List, 8.3")
    entry = found.status(status.index)
    if entry != Status.VALID:
        reason = _REASONS.get(entry, "unknown-status")
        said = f"the issuer's status list does not call it valid: {reason}"
        raise Revoked(said, spec="Token Status List, 7", reason=reason)
    return ""


# What can be judged of what an issuer signed before anybody is shown it; the same rows stand in CHECKS.
ISSUED: Final = (
    _Row("format", "", _format),
    _Row("issuer-key", "", _issuer_key),
    _Row("signature", "", _signature),
    _Row("disclosures", "", _disclosures),
    _Row("profile", SPEC, _type_profile),
    _Row("time", "RFC 7519, 4.1", _time),
)
CHECKS: Final = (
    ISSUED[0],
    _Row("trusted-issuer", "trust list", _trusted_issuer),
    *ISSUED[1:],
    _Row("key-binding", "", _holder),
    _Row("status", "Token Status List, 8.3", _status),
)


def verify_issued(
    unverified: UnverifiedCredential,
    *,
    in_format: Format,
    issuer_keys: PartyKeys,
    now: datetime,
) -> ReadCredential:
    """What the owner of `issuer_keys` signed, once all of ISSUED hold: all that verifiers judge, but trust and status.

    What fails here fails at every verifier of ours, so it is not kept when it is received. `now` is aware UTC.
    Raises Malformed, Rejected, or Unreachable where the credential names another issuer.
    """
    case = _Issued(
        in_format=in_format,
        parse=lambda: unverified,
        keys_of={issuer_keys.id: issuer_keys}.get,
        now=now,
    )
    for row in ISSUED:
        row.judge(case)
    return case.credential


def parse_one(text: str, in_format: Format) -> UnverifiedCredential:
    """The credential in a text that holds no other. Raises what the format's `parse` raises, or BadResponse."""
    unverified, *others = in_format.parse(text)
    if others:
        raise BadResponse("expected one credential, not several in one presentation")
    return unverified


def verify_credential(
    text: str,
    *,
    in_format: Format,
    evidence: Evidence,
    now: datetime,
    key_binding: KeyBinding,
    expected_nonce: str | None = None,
    expected_audience: str | None = None,
) -> VerifiedCredential:
    """What the one credential in `text` says, once all of CHECKS hold; `now` is aware UTC.

    Replay is the caller's matter: spend the nonce in the store first. Raises a Malformed, Rejected or Unavailable with
    `.checks`, the failed one last. Raises ValueError when key binding is required and nonce or audience is not given.
    """
    return verify_parsed(
        text,
        lambda: parse_one(text, in_format),
        in_format=in_format,
        evidence=evidence,
        now=now,
        key_binding=key_binding,
        expected_nonce=expected_nonce,
        expected_audience=expected_audience,
    )


def verify_parsed(
    text: str,
    parse: Callable[[], UnverifiedCredential],
    *,
    in_format: Format,
    evidence: Evidence,
    now: datetime,
    key_binding: KeyBinding,
    expected_nonce: str | None,
    expected_audience: str | None,
) -> VerifiedCredential:
    """The same for one credential of `text`, which `parse` gives, or raises what is wrong with the text."""
    if key_binding is KeyBinding.REQUIRED and not (expected_nonce and expected_audience):
        raise ValueError("key binding is judged against the nonce and audience of a request")
    case = _Case(
        in_format=in_format,
        parse=parse,
        keys_of=partial(evidence.keys_of, now=now),
        evidence=evidence,
        now=now,
        key_binding=key_binding,
        expected_nonce=expected_nonce,
        expected_audience=expected_audience,
    )
    checks: list[CheckResult] = []
    try:
        for row in CHECKS:
            detail = row.judge(case)
            checks.append(passed(row.name, case.section(row.name, row.spec), detail))
    except DidkitError as error:
        row = CHECKS[len(checks)]
        error.checks = (*checks, failed(row.name, case.section(row.name, row.spec), error))
        raise
    credential = case.credential
    return VerifiedCredential(
        format=in_format.id,
        text=text,
        vct=credential.vct,
        issuer=credential.issuer,
        issuer_name=case.trusted.name,
        subject=credential.subject,
        claims=credential.claims,
        protocol=credential.protocol,
        disclosed=credential.disclosed,
        issued_at=credential.issued_at,
        expires_at=credential.expires_at,
        holder=credential.holder,
        checks=tuple(checks),
    )


def missing(credentials: Iterable[UnverifiedCredential], evidence: Evidence, *, now: datetime) -> tuple[Need, ...]:
    """What verifying these credentials still wants, each once; nothing for one that would be refused anyway.

    An issuer that is not trusted causes no fetch, and a status list is asked for only once the signature that names it
    holds. A list that is held but too old, or older than its issuer lets copies be, is asked for again, and so are
    keys that are too old.
    """
    return tuple(dict.fromkeys(need for one in credentials for need in _needs(one, evidence, now)))


def _needs(unverified: UnverifiedCredential, evidence: Evidence, now: datetime) -> Iterator[Need]:
    issuer = unverified.issuer
    try:
        evidence.trust.require(issuer, unverified.vct)
        keys = evidence.keys_of(issuer)
        if keys is None or evidence.keys_age(issuer, now) > evidence.keys_max_age:
            yield Need(kind="keys", name=issuer, urls=evidence.key_sources.locations(issuer))
            return
        status = unverified.status
        if status is None or _is_fresh(status.uri, evidence, now):
            return
        unverified.verify_signature(_key_of(unverified, keys, now))
        unverified.read()
        yield Need(kind="status", name=status.uri, urls=(status.uri,), issuer=issuer)
    except DidkitError:  # verifying says so, with its reason
        return


def _is_fresh(uri: str, evidence: Evidence, now: datetime) -> bool:
    found = evidence.status_lists.get(uri)
    if found is None or (found.expires_at is not None and found.expires_at <= now):
        return False
    kept = evidence.status_max_age if found.ttl is None else min(found.ttl, evidence.status_max_age)
    return evidence.status_age(found, now) <= kept
