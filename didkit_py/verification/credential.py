"""verify_credential: one credential walks a table of small named checks; `missing` names what those still want."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from didkit_py.credentials.template import Path_
from didkit_py.dids.methods import locations
from didkit_py.encoding import Json
from didkit_py.errors import (
    BadKeyBinding,
    BadStatusList,
    DidkitError,
    Expired,
    NotYetValid,
    Revoked,
    Stale,
    UnknownKey,
    Unreachable,
)
from didkit_py.formats.sd_jwt import UnverifiedSdJwt
from didkit_py.formats.sd_jwt_vc import FORMAT, ReadCredential
from didkit_py.formats.table import FORMATS
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.reading import Reader
from didkit_py.status.states import Status
from didkit_py.trust import TrustedIssuer
from didkit_py.verification.evidence import CheckResult, Evidence, Need, failed, passed
from didkit_py.verification.profile import SPEC, profile_of, require_lifetime, require_profile

MAX_SKEW: Final = timedelta(seconds=60)  # how far an issuer's clock may be ahead of ours
_REASONS: Final[Mapping[int, str]] = {Status.INVALID: "revoked", Status.SUSPENDED: "suspended"}


class KeyBinding(Enum):
    """Whether the holder must prove to be the one the credential was issued to."""

    REQUIRED = auto()
    NOT_REQUIRED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCredential:
    """A credential of which every check held."""

    text: str = field(repr=False)
    vct: str
    issuer: str
    issuer_name: str
    subject: str | None
    claims: Mapping[str, Json] = field(repr=False)
    disclosed: tuple[Path_, ...]
    issued_at: datetime | None
    expires_at: datetime | None
    holder: PublicKey | None
    checks: tuple[CheckResult, ...]


@dataclass(slots=True, kw_only=True)
class _Issued:
    """What an issuer signed, on its way through the checks; each check leaves what the next ones need."""

    text: str
    keys_of: Callable[[str], PartyKeys | None]  # the keys of a party, where they are at hand
    now: datetime
    max_skew: timedelta = MAX_SKEW
    sd_jwt: UnverifiedSdJwt = field(init=False)
    issuer: str = field(init=False)
    vct: str = field(init=False)
    key: PublicKey = field(init=False)
    credential: ReadCredential = field(init=False)


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
    spec: str
    judge: Callable[[Any], str]  # takes a _Case, or an _Issued if it stands in ISSUED
    held: CheckResult = field(init=False)  # what is recorded where there is no detail

    def __post_init__(self) -> None:
        object.__setattr__(self, "held", passed(self.name, self.spec))


def _format(case: _Issued) -> str:
    case.sd_jwt = FORMATS[FORMAT].parse(case.text)
    read = Reader(case.sd_jwt.payload, at="credential")
    case.issuer, case.vct = read.text("iss", max_length=2_048), read.text("vct", max_length=2_048)
    return ""


def _trusted_issuer(case: _Case) -> str:
    case.trusted = case.evidence.trust.require(case.issuer, case.vct)
    return ""


def _issuer_key(case: _Issued) -> str:
    kid = case.sd_jwt.jws.kid
    if kid is None or not kid.startswith(("#", f"{case.issuer}#")):  # a relative one is of the DID in iss
        raise UnknownKey("kid is no DID URL of the issuer", spec="SD-JWT VC, 2.5")
    keys = case.keys_of(case.issuer)
    if keys is None:
        raise Unreachable("the issuer's DID document is not at hand", spec="DID Core 1.0, 7.1")
    case.key = keys.key(kid, KeyPurpose.ASSERTION, now=case.now)
    return ""


def _signature(case: _Issued) -> str:
    jws = case.sd_jwt.jws
    case.key.verify(jws.signature, jws.signing_input, alg=jws.alg)
    return ""


def _disclosures(case: _Issued) -> str:
    case.credential = FORMATS[FORMAT].read(case.sd_jwt)
    return ""


def _type_profile(case: _Issued) -> str:
    profile = profile_of(case.vct)
    if profile is None:
        return "the type is not known here; the trust list vouches for it, and nothing else is read into it"
    require_profile(case.credential, profile)
    return ""


def _time(case: _Issued) -> str:
    credential, now = case.credential, case.now
    for begin in (credential.issued_at, credential.not_before):
        if begin is not None and begin > now + case.max_skew:
            raise NotYetValid("the credential's time has not begun", spec="RFC 7519, 4.1.5")
    if credential.expires_at is not None and credential.expires_at <= now:
        raise Expired("the credential's time is over", spec="RFC 7519, 4.1.4")
    profile = profile_of(case.vct)
    if profile is not None:
        require_lifetime(credential, profile)
    return ""


def _holder(case: _Case) -> str:
    if case.key_binding is KeyBinding.NOT_REQUIRED:
        if case.sd_jwt.kb_jwt is not None:
            raise BadKeyBinding("something stands in the place of a proof that nobody asked for", spec="RFC 9901, 7.3")
        return "not required here"
    if case.credential.holder is None:
        raise BadKeyBinding("the credential is bound to no key", spec="RFC 9901, 7.3")
    FORMATS[FORMAT].verify_key_binding(
        case.sd_jwt,
        holder=case.credential.holder,
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
    if found.issuer != case.issuer:
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
    _Row("format", "SD-JWT VC, 2", _format),
    _Row("issuer-key", "SD-JWT VC, 2.5", _issuer_key),
    _Row("signature", "RFC 7515, 5.2", _signature),
    _Row("disclosures", "RFC 9901, 7.1", _disclosures),
    _Row("profile", SPEC, _type_profile),
    _Row("time", "RFC 7519, 4.1", _time),
)
CHECKS: Final = (
    ISSUED[0],
    _Row("trusted-issuer", "trust list", _trusted_issuer),
    *ISSUED[1:],
    _Row("key-binding", "RFC 9901, 7.3", _holder),
    _Row("status", "Token Status List, 8.3", _status),
)


def verify_issued(
    text: str, *, issuer_keys: PartyKeys, now: datetime, max_skew: timedelta = MAX_SKEW
) -> tuple[UnverifiedSdJwt, ReadCredential]:
    """What the owner of `issuer_keys` signed, once all of ISSUED hold: all that verifiers judge, but trust and status.

    What fails here fails at every verifier of ours, so it is not kept when it is received. `now` is aware UTC.
    Raises Malformed, Rejected, or Unreachable where the credential names another issuer.
    """
    case = _Issued(text=text, keys_of={issuer_keys.id: issuer_keys}.get, now=now, max_skew=max_skew)
    for row in ISSUED:
        row.judge(case)
    return case.sd_jwt, case.credential


def verify_credential(
    text: str,
    *,
    evidence: Evidence,
    now: datetime,
    key_binding: KeyBinding,
    expected_nonce: str | None = None,
    expected_audience: str | None = None,
) -> VerifiedCredential:
    """What the credential says, once all of CHECKS hold; `now` is aware UTC.

    Replay is the caller's matter: spend the nonce in the store first. Raises a Malformed, Rejected or Unavailable with
    `.checks`, the failed one last. Raises ValueError when key binding is required and nonce or audience is not given.
    """
    if key_binding is KeyBinding.REQUIRED and not (expected_nonce and expected_audience):
        raise ValueError("key binding is judged against the nonce and audience of a request")
    case = _Case(
        text=text,
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
            checks.append(passed(row.name, row.spec, detail) if detail else row.held)
    except DidkitError as error:
        error.checks = (*checks, failed(CHECKS[len(checks)].name, CHECKS[len(checks)].spec, error))
        raise
    credential = case.credential
    return VerifiedCredential(
        text=text,
        vct=case.vct,
        issuer=case.issuer,
        issuer_name=case.trusted.name,
        subject=credential.subject,
        claims=credential.claims,
        disclosed=credential.disclosed,
        issued_at=credential.issued_at,
        expires_at=credential.expires_at,
        holder=credential.holder,
        checks=tuple(checks),
    )


def missing(texts: Iterable[str], evidence: Evidence, *, now: datetime) -> tuple[Need, ...]:
    """What verifying these credentials still wants, each once; nothing for one that would be refused anyway.

    An issuer that is not trusted causes no fetch, and a status list is asked for only once the signature that names it
    holds. A list that is held but too old, or older than its issuer lets copies be, is asked for again, and so are
    keys that are too old.
    """
    return tuple(dict.fromkeys(need for text in texts for need in _needs(text, evidence, now)))


def _needs(text: str, evidence: Evidence, now: datetime) -> Iterator[Need]:
    case = _Case(
        text=text,
        keys_of=partial(evidence.keys_of, now=now),
        evidence=evidence,
        now=now,
        key_binding=KeyBinding.NOT_REQUIRED,
        expected_nonce=None,
        expected_audience=None,
    )
    try:
        _format(case)
        _trusted_issuer(case)
        keys = evidence.keys_of(case.issuer)
        if keys is None or evidence.keys_age(case.issuer, now) > evidence.keys_max_age:
            yield Need(kind="keys", name=case.issuer, urls=locations(case.issuer))
            return
        status = FORMATS[FORMAT].read_status(case.sd_jwt)
        if status is None or _is_fresh(status.uri, evidence, now):
            return
        for judge in (_issuer_key, _signature, _disclosures):
            judge(case)
        yield Need(kind="status", name=status.uri, urls=(status.uri,))
    except DidkitError:  # verifying says so, with its reason
        return


def _is_fresh(uri: str, evidence: Evidence, now: datetime) -> bool:
    found = evidence.status_lists.get(uri)
    if found is None or (found.expires_at is not None and found.expires_at <= now):
        return False
    kept = evidence.status_max_age if found.ttl is None else min(found.ttl, evidence.status_max_age)
    return evidence.status_age(found, now) <= kept
