"""From presentation to verdict: `missing` names what is still wanted, the two `verify_` functions judge.

Both are pure: what they need from outside stands in an `Evidence`, so every verdict can be repeated later from what was
stored. Each check that was made is recorded, in the result or in the error. The order: parse, ask `missing` and fetch
that, verify; nothing else is fetched before a signature holds.

    >>> import asyncio
    >>> from datetime import UTC, datetime, timedelta
    >>> from didkit_py.credentials.template import template_named
    >>> from didkit_py.dids.jwk import jwk_did
    >>> from didkit_py.formats.sd_jwt_vc import SD_JWT_VC
    >>> from didkit_py.keys.signer import SoftwareSigner
    >>> from didkit_py.parties.table import KEY_SOURCES
    >>> from didkit_py.trust import TrustedIssuer, TrustList

An issuer, known by its key alone, confirms an e-mail address to the holder of another key:

    >>> now, day = datetime(2026, 12, 1, 12, tzinfo=UTC), timedelta(days=1)
    >>> holder = SoftwareSigner.from_secret(bytes([2] * 32))
    >>> issuer = jwk_did(SoftwareSigner.from_secret(bytes([1] * 32)).public)
    >>> signer = SoftwareSigner.from_secret(bytes([1] * 32), key_id=f"{issuer}#0")
    >>> contact = template_named("contact")
    >>> claims = {"kinds": ["email"], "verified_on": "2026-11-20", "email": "sally@post.example"}
    >>> credential = contact.fill(claims, issuer=issuer, now=now, status=None)
    >>> salts = iter(bytes([number] * 16) for number in range(10)).__next__
    >>> secured = asyncio.run(
    ...     SD_JWT_VC.secure(credential, holder_key=holder.public, salts=salts, signer=signer)
    ... )

Whoever trusts that issuer for that type believes it:

    >>> trusted = TrustedIssuer(id=issuer, name="Letterbox Check", vcts=frozenset({contact.vct}), status_lists=None)
    >>> trust = TrustList(
    ...     publisher="did:web:terms.example", issued_at=now, expires_at=now + day, issuers={issuer: trusted}
    ... )
    >>> evidence = Evidence(trust=trust, key_sources=KEY_SOURCES)
    >>> parsed = parse_one(secured.text, SD_JWT_VC)
    >>> missing([parsed], evidence=evidence, now=now)
    ()
    >>> verified = verify_credential(
    ...     secured.text, in_format=SD_JWT_VC, evidence=evidence, now=now, key_binding=KeyBinding.NOT_REQUIRED
    ... )
    >>> verified.issuer_name, verified.said["email"]
    ('Letterbox Check', 'sally@post.example')
"""

from didkit_py.verification.credential import (
    CHECKS,
    KeyBinding,
    VerifiedCredential,
    missing,
    parse_one,
    verify_credential,
)
from didkit_py.verification.evidence import STATUS_MAX_AGE, CheckResult, Evidence, Need
from didkit_py.verification.presentation import VerifiedPresentation, parse_answer, readable, verify_presentation

__all__ = [
    "CHECKS",
    "STATUS_MAX_AGE",
    "CheckResult",
    "Evidence",
    "KeyBinding",
    "Need",
    "VerifiedCredential",
    "VerifiedPresentation",
    "missing",
    "parse_answer",
    "parse_one",
    "readable",
    "verify_credential",
    "verify_presentation",
]
