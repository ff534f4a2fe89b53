"""The public verification, as a vendor calls it, with every check on: trust, key, signature, profile, time, binding."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Final

from bench.credentials import HOLDERS, holders
from bench.measuring import Case, done
from didkit_py.credentials.credential import StatusReference
from didkit_py.credentials.template import template_named
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.encoding import Json
from didkit_py.formats import sd_jwt_vc
from didkit_py.formats.table import FORMATS
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.query import DcqlQuery
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.status.token_list import create_status_list, verify_status_list
from didkit_py.trust import TrustedIssuer, TrustList
from didkit_py.verification import Evidence, verify_presentation

ISSUER: Final = "did:web:insurer.example"
LIST: Final = "https://insurer.example/status-lists/1"
NONCE, AUDIENCE = "n-0S6_WzA2Mj-0S6_WzA2Mj", "decentralized_identifier:did:web:vendor.example"
STANDING: Final[dict[str, Json]] = {
    "standing": "good",
    "period": {"from": "2026-11-01", "to": "2027-10-31"},
    "since_band": "5+ years",
    "lines": ["motor"],
}
QUERY: Final[Json] = {
    "credentials": [
        {
            "id": "standing",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": ["urn:didkit-py:vct:insurer-good-standing:1"]},
            "claims": [{"path": ["standing"], "values": ["good"]}, {"path": ["lines"]}],
        }
    ]
}


def case(alg: str) -> Case:
    """One presentation of a good-standing claim, with its status looked up in a list of a million entries."""
    now = datetime.now(UTC).replace(microsecond=0)
    issuer = SoftwareSigner.from_secret(bytes(range(32)), alg=alg, key_id=f"{ISSUER}#key-1")
    template = template_named("insurer-good-standing")
    credential = template.fill(STANDING, issuer=ISSUER, now=now, status=_reference())
    salts = iter(int.to_bytes(place, 16, "big") for place in range(10**6)).__next__

    def show(holder: SoftwareSigner) -> str:
        secured = done(sd_jwt_vc.secure(credential, holder_key=holder.public, salts=salts, signer=issuer))
        selected = sd_jwt_vc.select(secured.text, [("lines",)])
        return str(done(sd_jwt_vc.bind(selected, nonce=NONCE, audience=AUDIENCE, now=now, signer=holder)))

    shown = itertools.cycle([show(holder) for holder in holders(alg, first=HOLDERS + 1)])  # not those of other cases
    evidence, query = _evidence(issuer, now), DcqlQuery.from_json(QUERY, formats=FORMATS)

    def verify() -> object:
        return verify_presentation(
            {"standing": [next(shown)]},
            query=query,
            expected_nonce=NONCE,
            expected_audience=AUDIENCE,
            evidence=evidence,
            now=now,
            formats=FORMATS,
        )

    verify()
    return Case(
        name=f"{alg} public verification, every check on",
        call=verify,
        baseline=f"{alg} two raw verifications, one key loaded",
        target=1.7,
    )


def _reference() -> StatusReference:
    return StatusReference(uri=LIST, index=123_456)


def _evidence(issuer: SoftwareSigner, now: datetime) -> Evidence:
    document = keys_of_document(create_document(ISSUER, {"key-1": issuer.public}), did=ISSUER)
    published = done(
        create_status_list(
            {77: 1},
            size=1_048_576,
            bits=2,
            uri=LIST,
            signer=issuer,
            now=now,
            ttl=timedelta(hours=1),
            lifetime=timedelta(days=1),
        )
    )
    listed = verify_status_list(published, uri=LIST, issuer=ISSUER, key=issuer.public, now=now)
    trusted = TrustedIssuer(
        id=ISSUER,
        name="Insurer",
        vcts=frozenset({"urn:didkit-py:vct:insurer-good-standing:1"}),
        status_lists=None,
    )
    trust = TrustList(
        publisher="did:web:terms.example",
        issued_at=now,
        expires_at=now + timedelta(days=1),
        issuers={ISSUER: trusted},
    )
    return Evidence(
        trust=trust,
        parties={ISSUER: document},
        status_lists={LIST: listed},
        fetched_at={LIST: now},
        key_sources=KEY_SOURCES,
    )
