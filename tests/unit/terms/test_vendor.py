"""Vendors: what is proven about them, and what they are known by."""

from dataclasses import replace
from datetime import timedelta

import pytest

from didkit_py.consent.vendor import RELATIONSHIP_AGREEMENT, TERMS_SIGNATORY, VerifiedVendor, fold, verify_vendor
from didkit_py.credentials.template import template_named
from didkit_py.dids.key import key_did
from didkit_py.oid4vp.client_id import client_id_of
from didkit_py.oid4vp.request import VerifierInfo
from didkit_py.parties.table import KEY_SOURCES
from tests.cast import BOB, DEALER, NOW, SOUND, TERMS_BODY, Situation, dealer_asks, dealer_role, happy, terms_signatory


async def vendor_of(situation: Situation) -> VerifiedVendor:
    vendor = (await situation.case()).vendor
    assert vendor is not None
    return vendor


async def test_a_dealer_with_all_its_papers_is_known_by_its_proven_names() -> None:
    vendor = await vendor_of(await dealer_asks())
    assert vendor.findings == ()
    assert vendor.name == DEALER.name
    assert vendor.host == "dealer.example"
    assert {DEALER.did, "ch-0042", "ann's chryota ltd", "dealer.example"} <= vendor.identifiers
    assert vendor.signatory is not None
    assert vendor.terms is not None
    assert vendor.signatory.terms_id == vendor.terms.id


async def test_a_name_that_nobody_confirms_is_claimed_and_not_proven() -> None:
    vendor = await vendor_of(await happy())
    assert vendor.name is None
    assert fold(SOUND.name) in vendor.claimed
    assert fold(SOUND.name) not in vendor.identifiers


async def test_two_agreements_are_none() -> None:
    h = await happy()
    second = VerifierInfo(format=RELATIONSHIP_AGREEMENT, data=await h.offer())
    vendor = await vendor_of(h.but(more_info=(second,)))
    assert vendor.agreement is None
    assert [one.code for one in vendor.findings] == ["agr.unbound"]


async def test_the_statement_about_terms_is_the_one_that_the_agreement_names() -> None:
    h = await happy()
    theirs = VerifierInfo(format=TERMS_SIGNATORY, data=await terms_signatory(BOB, h.terms))
    assert (await vendor_of(h.but(more_info=(theirs,)))).findings == ()
    swapped = await vendor_of(
        h.but(signatory=theirs.data, agreement_changes={"signatory_text": h.signatory}, more_info=())
    )
    assert [one.code for one in swapped.findings] == ["agr.unbound", "terms.missing"]


async def test_a_statement_about_another_business_splits_the_identity() -> None:
    h = await happy()
    vendor = await vendor_of(h.but(signatory=await terms_signatory(BOB, h.terms)))
    assert [one.code for one in vendor.findings] == ["vrf.identity-split"]


async def test_a_role_that_was_not_signed_by_a_trusted_issuer_proves_nothing() -> None:
    h = await dealer_asks()
    role = await dealer_role(DEALER)
    forged = role[:-20] + ("A" * 10) + role[-10:]
    vendor = await vendor_of(h.but(role=forged))
    assert (vendor.name, vendor.roles) == (None, ())
    assert [one.code for one in vendor.findings] == ["vrf.role-missing"]


async def test_the_same_evidence_is_judged_again_at_another_time() -> None:
    case = await (await dealer_asks()).case()
    assert case.vendor is not None
    assert case.request is not None
    later = case.vendor.at(NOW + timedelta(days=2), request=case.request)
    assert {one.code for one in later.findings} == {"vrf.role-stale", "terms.stale", "agr.unbound"}
    assert case.vendor.at(NOW, request=case.request).findings == ()
    assert TERMS_BODY.did in case.vendor.evidence.parties


def without(h: Situation, did: str, *, made: timedelta) -> Situation:
    """The lists before they named this issuer, made so long after now."""
    evidence = h.evidence
    kept = {name: one for name, one in evidence.trust.issuers.items() if name != did}
    trust = replace(evidence.trust, issuers=kept, issued_at=NOW + made)
    return h.but(evidence=replace(evidence, trust=trust))


@pytest.mark.parametrize(
    ("made", "code"), [(timedelta(days=-400), "terms.stale"), (timedelta(seconds=1), "terms.forged")]
)
async def test_a_statement_of_somebody_who_is_not_on_the_list_yet_is_no_forgery(made: timedelta, code: str) -> None:
    vendor = await vendor_of(without(await happy(), TERMS_BODY.did, made=made))
    assert vendor.signatory is None
    assert [one.code for one in vendor.findings] == [code]


async def test_a_changed_statement_stays_a_forgery_however_old_the_list_is() -> None:
    h = without(await happy(), DEALER.did, made=timedelta(days=-400))
    assert h.signatory is not None
    forged = h.signatory[:-20] + ("A" * 10) + h.signatory[-10:]
    codes = [one.code for one in (await vendor_of(h.but(signatory=forged))).findings]
    assert "terms.stale" not in codes


@pytest.mark.parametrize(
    ("made", "code"), [(timedelta(days=-400), "vrf.role-stale"), (timedelta(seconds=1), "vrf.role-missing")]
)
async def test_an_approval_by_somebody_who_is_not_on_the_list_yet_is_told_apart(made: timedelta, code: str) -> None:
    h = await dealer_asks()
    issuer = next(did for did, one in h.evidence.trust.issuers.items() if dealer_vct() in one.vcts)
    vendor = await vendor_of(without(h, issuer, made=made))
    assert vendor.roles == ()
    assert code in [one.code for one in vendor.findings]


def dealer_vct() -> str:
    return template_named("authorized-dealer").vct


@pytest.mark.parametrize(
    ("made", "code"), [(timedelta(days=-400), "terms.stale"), (timedelta(seconds=1), "terms.missing")]
)
async def test_terms_that_were_signed_after_the_list_was_made_are_not_at_hand_yet(made: timedelta, code: str) -> None:
    h = await happy()
    evidence = replace(h.evidence, trust=replace(h.evidence.trust, issued_at=NOW + made))
    request, document = (case := await h.but(evidence=evidence).case()).request, case.vendor
    assert request is not None
    assert document is not None
    vendor = verify_vendor(request, evidence=evidence, vendor_keys=document.keys, terms={}, now=NOW)
    assert [one.code for one in vendor.findings] == [code]


async def test_a_vendor_whose_name_is_a_key_speaks_for_no_internet_address() -> None:
    h = await happy()
    case = await h.case()
    assert case.request is not None
    client_id = client_id_of(key_did(SOUND.signer.public), key_sources=KEY_SOURCES)
    request = replace(case.request, request=replace(case.request.request, client_id=client_id))
    vendor = verify_vendor(request, evidence=h.evidence, vendor_keys=SOUND.document, terms={}, now=NOW)
    assert vendor.host is None
    assert vendor.identifiers == {fold(client_id.full), fold(client_id.identifier)}
    assert {one.code for one in vendor.findings} >= {"vrf.identity-split"}, "the promise is of the did:web"


async def test_what_a_vendor_shows_beside_the_evidence_that_we_know_is_passed_over() -> None:
    h = await happy()
    other = VerifierInfo(format="urn:example:seal-of-quality", data="x")
    assert (await vendor_of(h.but(more_info=(other,)))).findings == ()
