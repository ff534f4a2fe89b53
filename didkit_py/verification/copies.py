"""Judging what an issuer sent: every copy by signature, type, time and key, or none at all (OpenID4VCI 1.0, 8.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from didkit_py.encoding import Json
from didkit_py.errors import BadCredential
from didkit_py.formats.sd_jwt import UnverifiedSdJwt, parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import REGISTERED, ReadCredential
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import Signer
from didkit_py.oid4vci.metadata import Configuration
from didkit_py.verification.credential import verify_issued

MAX_SKEW: Final = timedelta(minutes=5)  # how far the issuer's clock may be ahead of ours
_RESPONSE: Final = "OpenID4VCI 1.0, 8.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCopy:
    """A copy whose issuer, type, time and key hold."""

    text: str = field(repr=False)
    signer: Signer = field(repr=False)
    credential: ReadCredential = field(repr=False)


def check_copies(
    texts: Sequence[str],
    *,
    issuer_keys: PartyKeys,
    configuration: Configuration,
    signers: Sequence[Signer],
    now: datetime,
) -> tuple[CheckedCopy, ...]:
    """Every copy, paired with its signer by key and not by order, or none at all.

    1. There are no more copies than proofs. Each copy 2. is no presentation and holds to the last by what every
    verifier will judge it by (`verify_issued`), 3. is of the configuration's type, 4. is bound to one of our keys, no
    two to the same, 5. shares no salt with another, or two vendors could compare what they saw, and 6. says the same
    as the others.
    Raises BadCredential, BadSignature, BadDisclosure, UnknownKey, Expired, NotYetValid or Malformed.
    """
    if len(texts) > len(signers):  # 1
        raise BadCredential("the issuer sent more credentials than keys were proven", spec=_RESPONSE)
    unused = {signer.public: signer for signer in signers}
    seen: set[str] = set()
    copies: list[CheckedCopy] = []
    for text in texts:
        sd_jwt, credential = _judged(text, issuer_keys, now)  # 2
        if credential.vct != configuration.vct:  # 3
            raise BadCredential("the credential is of another type than the one asked for", spec=_RESPONSE)
        copies.append(CheckedCopy(text=text, signer=_take(unused, credential.holder), credential=credential))  # 4
        _require_fresh(sd_jwt, seen)  # 5
        if _said(credential) != _said(copies[0].credential):  # 6
            raise BadCredential("the copies of one credential say different things", spec=_RESPONSE)
    return tuple(copies)


def _judged(text: str, issuer_keys: PartyKeys, now: datetime) -> tuple[UnverifiedSdJwt, ReadCredential]:
    sd_jwt = parse_sd_jwt(text)
    if sd_jwt.kb_jwt is not None:
        raise BadCredential("the issuer sent a presentation, not a credential", spec="RFC 9901, 4")
    if sd_jwt.payload.get("iss") != issuer_keys.id:
        raise BadCredential("the copies of one credential have different issuers", spec=_RESPONSE)
    return verify_issued(text, issuer_keys=issuer_keys, now=now, max_skew=MAX_SKEW)


def _take(unused: dict[PublicKey, Signer], holder: PublicKey | None) -> Signer:
    if holder is None or holder not in unused:
        raise BadCredential("a credential is bound to no key of ours, or to one that has its copy", spec=_RESPONSE)
    return unused.pop(holder)


def _require_fresh(sd_jwt: UnverifiedSdJwt, seen: set[str]) -> None:
    salts = {each.salt for each in sd_jwt.disclosures}
    if len(salts) != len(sd_jwt.disclosures) or salts & seen:
        raise BadCredential("the issuer used one salt twice, so that copies could be compared", spec="RFC 9901, 10.1")
    seen |= salts


def _said(credential: ReadCredential) -> dict[str, Json]:
    """What the issuer says of the subject; key, status and times may differ from copy to copy."""
    return {name: value for name, value in credential.claims.items() if name not in REGISTERED}
