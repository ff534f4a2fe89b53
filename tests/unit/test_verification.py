"""Each check of a credential and of a presentation holds for a good one and can fail, alone and by its own name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from secrets import token_bytes
from typing import Any

import pytest

from didkit_py.credentials.credential import Credential, Path_, ReadCredential, StatusReference
from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named, template_of
from didkit_py.dids.document import create_document, keys_of_document
from didkit_py.dids.key import key_did
from didkit_py.encoding import Json, b64url
from didkit_py.errors import (
    BadCredential,
    BadDisclosure,
    BadKeyBinding,
    BadResponse,
    BadSignature,
    BadStatusList,
    DidkitError,
    Expired,
    Malformed,
    NotYetValid,
    QueryNotAnswered,
    Revoked,
    Stale,
    UnknownKey,
    Unreachable,
    UnsupportedAlgorithm,
    Untrusted,
    WrongType,
)
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC, bind, secure, select
from didkit_py.formats.table import FORMATS
from didkit_py.jose import sign_compact
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.dcql import DcqlQuery
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.status.token_list import VerifiedStatusList, create_status_list, verify_status_list
from didkit_py.trust import TrustedIssuer, TrustList
from didkit_py.verification import (
    CHECKS,
    CheckResult,
    Evidence,
    KeyBinding,
    Need,
    VerifiedCredential,
    missing,
    verify_credential,
    verify_presentation,
)
from didkit_py.verification.profile import Place, Profile, require_profile

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
UNION, INSURER, DEALER = "did:web:creditunion.example", "did:web:insurer.example", "did:web:dealer.example"
AUDIENCE = f"decentralized_identifier:{DEALER}"
NONCE = "n-0S6_WzA2Mj-0S6_WzA2Mj"
URI = "https://insurer.example/status-lists/1"
AFFORDABILITY, STANDING = template_named("affordability-range"), template_named("insurer-good-standing")
SIGNERS = {
    did: SoftwareSigner.from_secret(bytes(31) + bytes([number]), alg=alg, key_id=f"{did}#sign-1")
    for number, (did, alg) in enumerate(((UNION, "ES256"), (INSURER, "EdDSA"), (DEALER, "ES256")), start=1)
}
HOLDER = SoftwareSigner.from_secret(bytes(31) + b"\x09")
STANDING_VALUES: dict[str, Json] = {
    "standing": "good",
    "period": {"from": "2026-01-01", "to": "2026-12-31"},
    "lines": ["motor"],
    "since_band": "5+ years",
}
QUERY = DcqlQuery.from_json(
    {
        "credentials": [
            {
                "id": "afford",
                "format": "dc+sd-jwt",
                "meta": {"vct_values": [AFFORDABILITY.vct]},
                "claims": [
                    {"path": ["currency"], "values": ["GBP"]},
                    {"path": ["at_least", "20000"], "values": [True]},
                ],
            }
        ]
    },
    formats=FORMATS,
)
STEP = (("at_least", "20000"),)


def document(did: str) -> PartyKeys:
    return keys_of_document(create_document(did, {"sign-1": SIGNERS[did].public}), did=did)


def trust(*, extra: Mapping[str, TrustedIssuer] | None = None) -> TrustList:
    rows = (
        TrustedIssuer(id=UNION, name="The credit union", vcts=frozenset({AFFORDABILITY.vct}), status_lists=None),
        TrustedIssuer(id=INSURER, name="The insurer", vcts=frozenset({STANDING.vct, "urn:new"}), status_lists=URI),
    )
    return TrustList(
        publisher="did:web:terms.example",
        issued_at=NOW,
        expires_at=NOW + timedelta(days=7),
        issuers={row.id: row for row in rows} | dict(extra or {}),
    )


async def status_list(statuses: Mapping[int, int] | None = None, *, signer: str = INSURER) -> VerifiedStatusList:
    text = await create_status_list(
        statuses or {},
        size=1024,
        bits=2,
        uri=URI,
        signer=SIGNERS[signer],
        now=NOW - timedelta(hours=1),
        ttl=timedelta(hours=12),
        lifetime=timedelta(days=7),
    )
    return verify_status_list(text, uri=URI, issuer=signer, key=SIGNERS[signer].public, now=NOW)


async def evidence(statuses: Mapping[int, int] | None = None, *, signer: str = INSURER) -> Evidence:
    return Evidence(
        trust=trust(),
        parties={did: document(did) for did in (UNION, INSURER)},
        status_lists={URI: await status_list(statuses, signer=signer)},
        fetched_at={URI: NOW - timedelta(minutes=30)},
        key_sources=KEY_SOURCES,
    )


def affordability(**changed: Any) -> Credential:
    values = {
        "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
        "currency": "GBP",
        "basis": "pre-qualified-credit",
        **ladder_claims(Decimal(23_000), AFFORDABILITY),
    }
    return replace(AFFORDABILITY.fill(values, issuer=UNION, now=NOW), **changed)


def standing(**changed: Any) -> Credential:
    filled = STANDING.fill(STANDING_VALUES, issuer=INSURER, now=NOW, status=StatusReference(uri=URI, index=7))
    return replace(filled, **changed)


@dataclass(kw_only=True)
class Shown:
    """One presentation in the making; each test changes one thing."""

    credential: Credential = field(default_factory=affordability)
    signer: SoftwareSigner | None = None
    holder: SoftwareSigner = HOLDER
    bound_to: SoftwareSigner | None = HOLDER
    paths: tuple[tuple[str, ...], ...] = STEP
    nonce: str = NONCE
    audience: str = AUDIENCE
    made_at: datetime = NOW

    async def selected(self) -> str:
        secured = await secure(
            self.credential,
            holder_key=self.bound_to.public if self.bound_to else None,
            salts=lambda: token_bytes(16),
            signer=self.signer or SIGNERS[self.credential.issuer],
        )
        return select(secured.text, self.paths)

    async def text(self) -> str:
        return await bind(
            await self.selected(), nonce=self.nonce, audience=self.audience, now=self.made_at, signer=self.holder
        )


def judge(text: str, given: Evidence, *, now: datetime = NOW) -> VerifiedCredential:
    return verify_credential(
        text,
        evidence=given,
        now=now,
        key_binding=KeyBinding.REQUIRED,
        expected_nonce=NONCE,
        expected_audience=AUDIENCE,
        in_format=SD_JWT_VC,
    )


def refused(text: str, given: Evidence, error: type[DidkitError], check: str, *, now: datetime = NOW) -> DidkitError:
    """The error, after making sure that exactly this check failed and the ones before it are named as passed."""
    with pytest.raises(error) as caught:
        judge(text, given, now=now)
    names = [row.name for row in CHECKS]
    checks = [each for each in caught.value.checks if isinstance(each, CheckResult)]
    assert [each.name for each in checks] == names[: names.index(check) + 1]
    assert [each.passed for each in checks] == [True] * names.index(check) + [False]
    assert checks[-1].code == caught.value.code
    return caught.value


async def test_a_good_presentation_passes_every_check_by_name() -> None:
    found = judge(await Shown().text(), await evidence())
    assert found.claims["at_least"] == {"20000": True}
    assert (found.issuer_name, found.disclosed, found.holder) == ("The credit union", STEP, HOLDER.public)
    assert [check.name for check in found.checks] == [
        "format",
        "trusted-issuer",
        "issuer-key",
        "signature",
        "disclosures",
        "profile",
        "time",
        "key-binding",
        "status",
    ]
    assert all(check.passed for check in found.checks)


async def test_a_credential_with_a_status_passes_too() -> None:
    found = judge(await Shown(credential=standing(), paths=()).text(), await evidence())
    assert found.claims["standing"] == "good"


async def test_key_binding_is_judged_against_a_request_or_not_at_all() -> None:
    text = await Shown(credential=standing(), paths=()).selected()
    found = verify_credential(
        text, evidence=await evidence(), now=NOW, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
    )
    assert next(check.detail for check in found.checks if check.name == "key-binding") == "not required here"
    for nonce, audience in ((None, AUDIENCE), (NONCE, None), ("", AUDIENCE)):
        with pytest.raises(ValueError, match="nonce"):
            verify_credential(
                text,
                evidence=await evidence(),
                now=NOW,
                key_binding=KeyBinding.REQUIRED,
                expected_nonce=nonce,
                expected_audience=audience,
                in_format=SD_JWT_VC,
            )


async def test_where_no_proof_is_wanted_nothing_may_stand_in_its_place() -> None:
    """Else a text would pass of which a part was never read (RFC 9901, 7.3 leaves it to the verifier)."""
    text = await Shown(credential=standing(), paths=()).selected()
    for proof in ("x", "a.b.c", (await Shown(credential=standing(), paths=()).text()).rpartition("~")[2]):
        with pytest.raises(BadKeyBinding):
            verify_credential(
                text + proof,
                evidence=await evidence(),
                now=NOW,
                key_binding=KeyBinding.NOT_REQUIRED,
                in_format=SD_JWT_VC,
            )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", Malformed),
        ("a.b.c", Malformed),
        (b64url(b'{"alg":"none","typ":"dc+sd-jwt"}') + "." + b64url(b"{}") + ".~", UnsupportedAlgorithm),
        (b64url(b'{"alg":"ES256","typ":"jwt"}') + "." + b64url(b"{}") + ".AA~", WrongType),
        (b64url(b'{"alg":"ES256","typ":"dc+sd-jwt"}') + "." + b64url(b'{"vct":"a"}') + ".AA~", Malformed),
    ],
)
async def test_the_format_check_can_fail(text: str, error: type[DidkitError]) -> None:
    refused(text, await evidence(), error, "format")


async def test_the_trust_check_can_fail() -> None:
    stranger = SoftwareSigner.from_secret(bytes(31) + b"\x20", key_id=f"{DEALER}#sign-1")
    refused(
        await Shown(credential=affordability(issuer=DEALER), signer=stranger).text(),
        await evidence(),
        Untrusted,
        "trusted-issuer",
    )
    # A listed issuer that speaks of what it is not listed for.
    other = affordability(issuer=INSURER)
    refused(await Shown(credential=other).text(), await evidence(), Untrusted, "trusted-issuer")


@pytest.mark.parametrize("kid", [f"{INSURER}#sign-1", f"{UNION}#sign-2", "#sign-2", "#", "sign-1", ""])
async def test_the_issuer_key_check_can_fail(kid: str) -> None:
    signer = replace(SIGNERS[UNION], key_id=kid)
    refused(await Shown(signer=signer).text(), await evidence(), UnknownKey, "issuer-key")


async def test_a_key_for_signing_in_signs_no_credential() -> None:
    published = create_document(UNION, {"sign-1": SIGNERS[UNION].public}) | {"assertionMethod": []}
    given = await evidence()
    given = replace(given, parties={UNION: keys_of_document(published, did=UNION)})
    refused(await Shown().text(), given, UnknownKey, "issuer-key")


@pytest.mark.parametrize(
    ("expires", "is_over"),
    [("2026-11-21T12:00:01Z", False), ("2026-11-21T12:00:00Z", True), ("2026-01-01T00:00:00Z", True)],
)
async def test_a_key_whose_time_is_over_signs_no_credential(expires: str, *, is_over: bool) -> None:
    published: Any = create_document(UNION, {"sign-1": SIGNERS[UNION].public})
    published["verificationMethod"][0]["expires"] = expires
    given = await evidence()
    given = replace(given, parties={**given.parties, UNION: keys_of_document(published, did=UNION)})
    if is_over:
        refused(await Shown().text(), given, UnknownKey, "issuer-key")
    else:
        judge(await Shown().text(), given)


async def test_an_issuer_whose_document_is_not_at_hand_is_neither_believed_nor_refused() -> None:
    given = replace(await evidence(), parties={})
    refused(await Shown().text(), given, Unreachable, "issuer-key")
    another = replace(SIGNERS[UNION], key_id=f"{INSURER}#sign-1")  # no document of the issuer could make that right
    refused(await Shown(signer=another).text(), given, UnknownKey, "issuer-key")


async def test_the_signature_check_can_fail() -> None:
    other = SoftwareSigner.from_secret(bytes(31) + b"\x21", key_id=f"{UNION}#sign-1")
    refused(await Shown(signer=other).text(), await evidence(), BadSignature, "signature")
    text = await Shown().text()
    head, body, rest = text.split(".", 2)
    flipped = body[:40] + ("A" if body[40] != "A" else "B") + body[41:]
    with pytest.raises(DidkitError):
        judge(f"{head}.{flipped}.{rest}", await evidence())


async def test_a_header_that_names_another_algorithm_than_the_key_is_refused() -> None:
    eddsa = SoftwareSigner.from_secret(bytes(31) + b"\x01", alg="EdDSA", key_id=f"{UNION}#sign-1")
    refused(await Shown(signer=eddsa).text(), await evidence(), UnsupportedAlgorithm, "signature")


async def test_the_disclosure_check_can_fail() -> None:
    text = await Shown().text()
    jwt, disclosure, proof = text.split("~")
    forged = b64url(b'["c2FsdHNhbHRzYWx0c2FsdA","20000",true]')
    for shown in ([forged], [disclosure, disclosure], [disclosure, forged]):
        refused("~".join([jwt, *shown, proof]), await evidence(), BadDisclosure, "disclosures")


async def test_a_step_that_is_false_cannot_be_shown_as_true() -> None:
    text = await Shown(paths=(("at_least", "40000"),)).text()
    jwt, _, proof = text.split("~")
    forged = b64url(b'["c2FsdHNhbHRzYWx0c2FsdA","40000",true]')
    refused(f"{jwt}~{forged}~{proof}", await evidence(), BadDisclosure, "disclosures")


@pytest.mark.parametrize(
    "changed",
    [
        {"vct_integrity": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"subject": "did:web:sally.example"},
        {"status": StatusReference(uri=URI, index=1)},  # a type that must not be linkable has none
        {"disclosable": AFFORDABILITY.disclosable()[1:]},  # the lowest step stands in the open
        {"disclosable": (*AFFORDABILITY.disclosable(), ("scheme",))},  # what is always shown can be held back
    ],
    ids=["integrity", "subject", "status", "open", "scheme-hidden"],
)
async def test_the_profile_check_can_fail(changed: dict[str, Any]) -> None:
    refused(await Shown(credential=affordability(**changed)).text(), await evidence(), BadCredential, "profile")


@pytest.mark.parametrize("shown", [("period", "from"), ("period", "to")])
async def test_a_part_of_a_claim_is_no_disclosure_of_its_own(shown: tuple[str, ...]) -> None:
    """The parts of an always-shown claim stand where the type has them, so that no other check can notice."""
    parted = standing(disclosable=(*STANDING.disclosable(), shown))
    refused(await Shown(credential=parted, paths=(shown,)).text(), await evidence(), BadCredential, "profile")


async def test_an_issuer_may_add_no_claim_of_its_own() -> None:
    for claims in (
        {**affordability().claims, "member": "4711"},
        {**affordability().claims, "at_least": {**ladder(), "12345": True}},
    ):
        shown = Shown(credential=affordability(claims=claims))
        refused(await shown.text(), await evidence(), BadCredential, "profile")


def ladder() -> dict[str, Json]:
    steps = affordability().claims["at_least"]
    assert isinstance(steps, dict)
    return steps


async def test_what_is_always_shown_must_be_there() -> None:
    claims = {name: value for name, value in affordability().claims.items() if name != "basis"}
    refused(await Shown(credential=affordability(claims=claims)).text(), await evidence(), BadCredential, "profile")


@pytest.mark.parametrize("shown", [("odometer",), ("vin",), ("vin", "odometer")])
def test_a_group_is_shown_whole_or_not_at_all(shown: tuple[str, ...]) -> None:
    # No type of today has a group of several claims, so this one stands in for those that will.
    names = frozenset({"vin", "odometer", "photos"})
    points: frozenset[Path_] = frozenset((name,) for name in names)
    profile = Profile(
        template=STANDING,
        integrity="",
        places=(Place(path=(), names=names, hidden=names, always=frozenset()),),
        hidden=points,
        groups=((points, points - {("photos",)}),),
    )
    credential = ReadCredential(
        format="dc+sd-jwt",
        vct="v",
        issuer="i",
        subject=None,
        claims=dict.fromkeys(shown, "x"),
        protocol={},
        disclosed=tuple((name,) for name in shown),
        issued_at=None,
        not_before=None,
        expires_at=None,
        holder=None,
        status=StatusReference(uri=URI, index=1),
        integrity=None,
        key_hint=None,
    )
    if shown == ("vin", "odometer"):
        require_profile(credential, profile)  # the third is one that a credential may lack
        return
    with pytest.raises(BadCredential, match="group"):
        require_profile(credential, profile)


async def test_a_type_with_a_status_must_have_one() -> None:
    refused(await Shown(credential=standing(status=None), paths=()).text(), await evidence(), BadCredential, "profile")


async def test_a_type_that_is_not_known_here_is_taken_only_as_far_as_the_trust_list_goes() -> None:
    claims: dict[str, Json] = {"colour": "blue"}
    unknown = standing(vct="urn:new", claims=claims, disclosable=(("colour",),), status=None)
    found = judge(await Shown(credential=unknown, paths=(("colour",),)).text(), await evidence())
    assert found.claims["colour"] == "blue"
    assert "not known here" in next(check.detail for check in found.checks if check.name == "profile")
    other = replace(unknown, issuer=UNION)
    refused(await Shown(credential=other, paths=()).text(), await evidence(), Untrusted, "trusted-issuer")


async def test_the_time_check_can_fail() -> None:
    text, given = await Shown().text(), await evidence()
    refused(text, given, Expired, "time", now=affordability().expires_at)
    refused(text, given, NotYetValid, "time", now=affordability().issued_at - timedelta(seconds=61))
    long = affordability(expires_at=NOW + timedelta(days=365))
    refused(await Shown(credential=long).text(), given, BadCredential, "time")


@pytest.mark.parametrize("made", [affordability, standing], ids=["affordability", "standing"])
async def test_a_credential_lives_as_long_as_its_type_allows_and_not_a_second_longer(
    made: Callable[..., Credential],
) -> None:
    template = template_of(made().vct)
    assert template is not None
    longest = made().issued_at + template.lifetime + template.rounding  # both ends are rounded down
    given, paths = await evidence(), STEP if made is affordability else ()
    judge(await Shown(credential=made(expires_at=longest), paths=paths).text(), given)
    longer = made(expires_at=longest + timedelta(seconds=1))
    refused(await Shown(credential=longer, paths=paths).text(), given, BadCredential, "time")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"nonce": "another-nonce-of-another-request"}, BadKeyBinding),
        ({"audience": "decentralized_identifier:did:web:chryota.example"}, BadKeyBinding),
        ({"made_at": NOW - timedelta(minutes=11)}, BadKeyBinding),
        ({"made_at": NOW + timedelta(minutes=2)}, BadKeyBinding),
        ({"holder": SoftwareSigner.from_secret(bytes(31) + b"\x22")}, BadSignature),
        ({"bound_to": None}, BadKeyBinding),
    ],
    ids=["nonce", "audience", "old", "future", "thief", "unbound"],
)
async def test_the_key_binding_check_can_fail(changed: dict[str, Any], error: type[DidkitError]) -> None:
    refused(await Shown(**changed).text(), await evidence(), error, "key-binding")


async def test_a_presentation_without_proof_or_with_other_disclosures_is_refused() -> None:
    text, given = await Shown(paths=(*STEP, ("range",))).text(), await evidence()
    refused(text.rpartition("~")[0] + "~", given, BadKeyBinding, "key-binding")
    jwt, step, _, proof = text.split("~")
    refused(f"{jwt}~{step}~{proof}", given, BadKeyBinding, "key-binding")


@pytest.mark.parametrize(("entry", "reason"), [(1, "revoked"), (2, "suspended"), (3, "unknown-status")])
async def test_only_a_valid_status_passes(entry: int, reason: str) -> None:
    text = await Shown(credential=standing(), paths=()).text()
    assert refused(text, await evidence({7: entry}), Revoked, "status").reason == reason
    judge(text, await evidence({8: entry}))


async def test_a_status_list_of_another_signer_or_without_the_index_is_refused() -> None:
    text = await Shown(credential=standing(), paths=()).text()
    refused(text, await evidence(signer=UNION), BadStatusList, "status")
    far = standing(status=StatusReference(uri=URI, index=1024))
    refused(await Shown(credential=far, paths=()).text(), await evidence(), BadStatusList, "status")


async def test_a_status_list_that_is_missing_or_old_says_neither_yes_nor_no() -> None:
    text, given = await Shown(credential=standing(), paths=()).text(), await evidence()
    refused(text, replace(given, status_lists={}), Unreachable, "status")
    old = replace(given, fetched_at={URI: NOW - timedelta(hours=25)})
    refused(text, old, Stale, "status")
    tomorrows = replace(given, fetched_at={URI: NOW + timedelta(days=1)})  # our clock was set back
    refused(text, tomorrows, Stale, "status")
    assert missing(SD_JWT_VC.parse(text), tomorrows, now=NOW) != ()
    over = replace(given.status_lists[URI], expires_at=NOW)
    refused(text, replace(given, status_lists={URI: over}), Stale, "status")


async def test_an_address_that_may_not_be_fetched_is_no_status() -> None:
    bad = standing(status=StatusReference(uri="http://insurer.example/1", index=1))
    with pytest.raises(DidkitError):
        judge(await Shown(credential=bad, paths=()).text(), await evidence())
    assert missing(SD_JWT_VC.parse(await Shown(credential=bad, paths=()).text()), await evidence(), now=NOW) == ()


async def test_an_issuer_that_is_its_own_key_needs_no_document() -> None:
    secret = SoftwareSigner.from_secret(bytes(31) + b"\x23", alg="EdDSA")
    did = key_did(secret.public)
    signer = replace(secret, key_id=f"{did}#{did.removeprefix('did:key:')}")
    entry = TrustedIssuer(id=did, name="A key", vcts=frozenset({AFFORDABILITY.vct}), status_lists=None)
    given = Evidence(trust=trust(extra={did: entry}), key_sources=KEY_SOURCES)
    text = await Shown(credential=affordability(issuer=did), signer=signer).text()
    assert missing(SD_JWT_VC.parse(text), given, now=NOW) == ()
    assert judge(text, given).issuer == did


async def test_what_is_missing_is_named_in_rounds_and_only_for_trusted_issuers() -> None:
    text, given = await Shown(credential=standing(), paths=()).text(), await evidence()
    bare = Evidence(trust=given.trust, key_sources=KEY_SOURCES)
    url = "https://insurer.example/.well-known/did.json"
    assert missing([*SD_JWT_VC.parse(text), *SD_JWT_VC.parse(text)], bare, now=NOW) == (
        Need(kind="keys", name=INSURER, urls=(url,)),
    )
    with_document = replace(given, status_lists={}, fetched_at={})
    assert missing(SD_JWT_VC.parse(text), with_document, now=NOW) == (
        Need(kind="status", name=URI, urls=(URI,), issuer=INSURER),
    )
    assert missing(SD_JWT_VC.parse(text), given, now=NOW) == ()
    assert (
        missing(SD_JWT_VC.parse(text), replace(given, fetched_at={URI: NOW - timedelta(hours=13)}), now=NOW) != ()
    )  # beyond ttl
    nobody = replace(with_document, trust=replace(given.trust, issuers={}))
    assert missing(SD_JWT_VC.parse(text), nobody, now=NOW) == ()


@pytest.mark.parametrize(
    ("age", "over", "asked"),
    [
        (timedelta(hours=12), timedelta(seconds=1), False),
        (timedelta(hours=12, seconds=1), timedelta(seconds=1), True),  # older than its issuer lets copies be
        (timedelta(hours=1), timedelta(0), True),  # its own time is over
    ],
    ids=["as-old-as-its-ttl", "older", "over"],
)
async def test_a_status_list_is_asked_for_again_when_it_has_aged(
    age: timedelta, over: timedelta, *, asked: bool
) -> None:
    given = await evidence()
    kept = replace(given.status_lists[URI], expires_at=NOW + over)
    given = replace(given, status_lists={URI: kept}, fetched_at={URI: NOW - age})
    text = await Shown(credential=standing(), paths=()).text()
    assert bool(missing(SD_JWT_VC.parse(text), given, now=NOW)) is asked
    endless = replace(given, status_lists={URI: replace(kept, expires_at=None, ttl=None)})
    assert missing(SD_JWT_VC.parse(text), endless, now=NOW) == ()  # twelve hours are less than the greatest age


async def test_a_status_list_is_not_asked_for_before_the_signature_holds() -> None:
    forger = SoftwareSigner.from_secret(bytes(31) + b"\x24", alg="EdDSA", key_id=f"{INSURER}#sign-1")
    text = await Shown(credential=standing(), paths=(), signer=forger).text()
    assert missing(SD_JWT_VC.parse(text), replace(await evidence(), status_lists={}), now=NOW) == ()


async def answered(vp_token: Mapping[str, list[str]], query: DcqlQuery = QUERY) -> Any:
    return verify_presentation(
        vp_token,
        query=query,
        expected_nonce=NONCE,
        expected_audience=AUDIENCE,
        evidence=await evidence(),
        now=NOW,
        formats=FORMATS,
    )


async def test_a_presentation_that_answers_the_query_names_every_check() -> None:
    found = await answered({"afford": [await Shown().text()]})
    assert [check.name for check in found.checks] == [
        "answer-shape",
        "credentials",
        "query-answered",
        "no-more-than-asked",
    ]
    assert found.credentials["afford"][0].claims["currency"] == "GBP"


@pytest.mark.parametrize("changed", ["foreign-id", "empty", "two", "twice"])
async def test_the_shape_of_an_answer_is_checked(changed: str) -> None:
    text, other = await Shown().text(), await Shown().text()
    tokens: Mapping[str, Mapping[str, list[str]]] = {
        "foreign-id": {"afford": [text], "more": [text]},
        "empty": {"afford": []},
        "two": {"afford": [text, other]},
        "twice": {"afford": [text, text]},
    }
    with pytest.raises(BadResponse) as caught:
        await answered(tokens[changed])
    assert [getattr(each, "name", "") for each in caught.value.checks] == ["answer-shape"]


@pytest.mark.parametrize("age", [timedelta(0), timedelta(seconds=1)], ids=["same-text", "another-proof"])
async def test_one_credential_does_not_answer_one_query_twice(age: timedelta) -> None:
    """Where several are asked for, one credential shown twice would count as two."""
    several = DcqlQuery(
        credentials=tuple(replace(one, multiple=True) for one in QUERY.credentials), source=QUERY.source
    )
    credential, other = await Shown().selected(), await Shown().text()
    one, again = [
        await bind(credential, nonce=NONCE, audience=AUDIENCE, now=NOW - before, signer=HOLDER)
        for before in (timedelta(0), age)
    ]
    if not age:
        again = one  # ES256 makes another signature each time
    assert len((await answered({"afford": [one, other]}, several)).credentials["afford"]) == 2
    with pytest.raises(BadResponse, match="twice"):
        await answered({"afford": [one, again]}, several)


async def test_an_answer_with_a_bad_credential_names_the_check_that_failed() -> None:
    with pytest.raises(BadKeyBinding) as caught:
        await answered({"afford": [await Shown(nonce="of-another-request-altogether").text()]})
    names = [getattr(each, "name", "") for each in caught.value.checks if not getattr(each, "passed", True)]
    assert names == ["key-binding", "credentials"]


async def test_an_answer_that_lacks_the_claim_or_has_another_value_is_refused() -> None:
    for paths in ((), (("at_least", "15000"),)):
        with pytest.raises((QueryNotAnswered, BadResponse)):
            await answered({"afford": [await Shown(paths=paths).text()]})
    poor = affordability(claims={**affordability().claims, **ladder_claims(Decimal(12_000), AFFORDABILITY)})
    with pytest.raises(QueryNotAnswered):
        await answered({"afford": [await Shown(credential=poor).text()]})
    with pytest.raises(QueryNotAnswered):
        await answered({})


async def test_an_answer_with_more_than_was_asked_for_is_refused() -> None:
    with pytest.raises(BadResponse) as caught:
        await answered({"afford": [await Shown(paths=(*STEP, ("range",))).text()]})
    assert getattr(caught.value.checks[-1], "name", "") == "no-more-than-asked"


async def test_the_query_decides_on_key_binding_and_not_what_is_shown() -> None:
    unbound = await Shown().selected()
    with pytest.raises(BadKeyBinding):
        await answered({"afford": [unbound]})
    source = QUERY.source
    assert isinstance(source, dict)
    waived = DcqlQuery(
        credentials=tuple(replace(one, holder_binding=False) for one in QUERY.credentials), source=source
    )
    assert (await answered({"afford": [unbound]}, waived)).credentials
    with pytest.raises(BadKeyBinding):  # a proof that is shown is judged
        await answered({"afford": [await Shown(nonce="of-another-request-altogether").text()]}, waived)


async def test_a_token_of_another_kind_does_not_pass_for_a_credential() -> None:
    token = await sign_compact({"iss": UNION, "vct": AFFORDABILITY.vct}, typ="kb+jwt", signer=SIGNERS[UNION])
    refused(token + "~", await evidence(), WrongType, "format")
