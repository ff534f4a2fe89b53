"""Vendors: what is proven about them, and what they are known by."""

from datetime import timedelta

from didkit_py.oid4vp.request import VerifierInfo
from didkit_py.terms.vendor import RELATIONSHIP_AGREEMENT, TERMS_SIGNATORY, VerifiedVendor, fold
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
    assert TERMS_BODY.did in case.vendor.evidence.documents
