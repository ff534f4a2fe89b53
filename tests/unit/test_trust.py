"""Who may say what: a list that its publisher signed, and nothing read into it."""

from datetime import UTC, datetime, timedelta

import pytest

from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.encoding import timestamp
from didkit_py.errors import (
    BadDid,
    BadSignature,
    DidkitError,
    Malformed,
    NotYetValid,
    Stale,
    UnknownKey,
    Untrusted,
    WrongType,
)
from didkit_py.jose import sign_compact
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.trust import TermsSource, TrustedIssuer, TrustList, create_trust_list, verify_trust_list

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PUBLISHER = "did:web:terms.example"
SIGNER = SoftwareSigner.from_secret(bytes(31) + b"\x07", key_id=f"{PUBLISHER}#sign-1")
DOCUMENT = keys_of_document(create_document(PUBLISHER, {"sign-1": SIGNER.public}), did=PUBLISHER)
RECEIPT = "urn:didkit-py:vct:digital-receipt:1"
CONTACT = "urn:didkit-py:vct:contact:1"
DEALER = TrustedIssuer(
    id="did:web:dealer.example",
    name="The dealer",
    vcts=frozenset({RECEIPT}),
    status_lists="https://dealer.example/status-lists",
)
MAIL = TrustedIssuer(id="did:web:mail.example", name="Mail check", vcts=frozenset({CONTACT}), status_lists=None)
TERMS = TermsSource(id="ni:///sha-256;abc", url="https://terms.example/terms/abc")


async def signed(typ: str = "trust-list+jwt", signer: SoftwareSigner = SIGNER, **changed: object) -> str:
    claims = {
        "iss": PUBLISHER,
        "iat": timestamp(NOW),
        "exp": timestamp(NOW + timedelta(days=1)),
        "issuers": [{"id": DEALER.id, "name": DEALER.name, "vcts": [RECEIPT]}],
    } | changed
    return await sign_compact({k: v for k, v in claims.items() if v is not None}, typ=typ, signer=signer)  # type: ignore[misc] # one case each is wrongly typed on purpose


def verify(text: str) -> TrustList:
    return verify_trust_list(text, publisher=DOCUMENT, now=NOW, key_sources=KEY_SOURCES)


async def test_the_list_that_was_published_is_the_list_that_is_read() -> None:
    text = await create_trust_list((DEALER, MAIL), terms=(TERMS,), signer=SIGNER, now=NOW, lifetime=timedelta(days=1))
    read = verify(text)
    assert read.issuers == {DEALER.id: DEALER, MAIL.id: MAIL}
    assert read.terms == (TERMS,)
    assert (read.publisher, read.issued_at, read.expires_at) == (PUBLISHER, NOW, NOW + timedelta(days=1))


async def test_an_issuer_is_trusted_for_its_own_types_only() -> None:
    read = verify(await create_trust_list((DEALER, MAIL), signer=SIGNER, now=NOW, lifetime=timedelta(days=1)))
    assert read.require(DEALER.id, RECEIPT) == DEALER
    for issuer, vct in ((DEALER.id, CONTACT), (MAIL.id, RECEIPT), ("did:web:stranger.example", RECEIPT)):
        with pytest.raises(Untrusted):
            read.require(issuer, vct)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"iss": "did:web:other.example"}, Untrusted),
        ({"exp": timestamp(NOW)}, Stale),
        ({"exp": None}, Malformed),
        ({"iat": timestamp(NOW) + 61}, NotYetValid),
        ({"issuers": None}, Malformed),
        ({"issuers": [{"id": "dealer", "name": "x", "vcts": [RECEIPT]}]}, BadDid),
        ({"issuers": [{"id": DEALER.id, "name": "x", "vcts": []}]}, Malformed),
        ({"issuers": [{"id": DEALER.id, "name": "x", "vcts": [RECEIPT]}] * 2}, Malformed),
        ({"issuers": [{"id": DEALER.id, "name": "x", "vcts": ["a"], "status_lists": "http://a.example"}]}, Malformed),
        ({"terms": [{"id": "ni:///sha-256;a", "url": "file:///etc/passwd"}]}, Malformed),
        ({"terms": [{"id": "ni:///sha-256;a", "url": "https://a.example/"}] * 201}, Malformed),
        ({"typ": "jwt"}, WrongType),
        ({"signer": SoftwareSigner.from_secret(bytes(31) + b"\x08", key_id=f"{PUBLISHER}#sign-1")}, BadSignature),
        ({"signer": SoftwareSigner.from_secret(bytes(31) + b"\x07", key_id=f"{PUBLISHER}#other")}, UnknownKey),
        ({"signer": SoftwareSigner.from_secret(bytes(31) + b"\x07", key_id="did:web:other.example#a")}, UnknownKey),
        ({"signer": SoftwareSigner.from_secret(bytes(31) + b"\x07")}, UnknownKey),
    ],
)
async def test_a_list_that_breaks_a_rule_is_refused(changed: dict[str, object], error: type[DidkitError]) -> None:
    verify(await signed())
    with pytest.raises(error):
        verify(await signed(**changed))  # type: ignore[arg-type] # the same


async def test_one_name_with_signs_that_reorder_is_made_visible_and_stops_no_other() -> None:
    names = {DEALER.id: "Dealer\u202e\nof us", MAIL.id: "Mail check"}
    entries = [{"id": did, "name": name, "vcts": [RECEIPT]} for did, name in names.items()]
    read = verify(await signed(issuers=entries))
    assert [one.name for one in read.issuers.values()] == ["Dealer[U+202E] of us", "Mail check"]
