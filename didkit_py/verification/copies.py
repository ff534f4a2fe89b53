"""Judging what an issuer sent: every copy by signature, type, time and key, or none at all (OpenID4VCI 1.0, 8.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from didkit_py.credentials.credential import ReadCredential, UnverifiedCredential
from didkit_py.errors import BadCredential
from didkit_py.formats.format import Format
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.signer import Signer
from didkit_py.oid4vci.metadata import Configuration
from didkit_py.verification.credential import verify_issued

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
    in_format: Format,
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
        unverified, credential = _judged(text, in_format, issuer_keys, now)  # 2
        if credential.vct != configuration.vct:  # 3
            raise BadCredential("the credential is of another type than the one asked for", spec=_RESPONSE)
        key = next((key for key in unused if credential.is_bound_to(key)), None)  # 4
        if key is None:
            raise BadCredential("a credential is bound to no key of ours, or to one that has its copy", spec=_RESPONSE)
        copies.append(CheckedCopy(text=text, signer=unused.pop(key), credential=credential))
        salts = unverified.salts()  # 5
        if len(set(salts)) != len(salts) or not seen.isdisjoint(salts):
            raise BadCredential(
                "the issuer used one salt twice, so that copies could be compared", spec="RFC 9901, 10.1"
            )
        seen.update(salts)
        # Key, status and times may differ from copy to copy.
        if credential.said != copies[0].credential.said:  # 6
            raise BadCredential("the copies of one credential say different things", spec=_RESPONSE)
    return tuple(copies)


def _judged(
    text: str, in_format: Format, issuer_keys: PartyKeys, now: datetime
) -> tuple[UnverifiedCredential, ReadCredential]:
    unverified, *others = in_format.parse(text)
    if others or unverified.has_proof:
        raise BadCredential("the issuer sent a presentation, not a credential", spec=_RESPONSE)
    if unverified.issuer != issuer_keys.id:
        raise BadCredential("the copies of one credential have different issuers", spec=_RESPONSE)
    return unverified, verify_issued(unverified, in_format=in_format, issuer_keys=issuer_keys, now=now)
