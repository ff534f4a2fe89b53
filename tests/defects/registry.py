"""Faults that somebody could make, each with the test that claims to notice it. `make defects` takes each at its word.

A row names a function and what it would do if the fault were made; no text of the code stands here, so that code can be
moved and rewritten. What every line of a judgement does is shown beside this by `make mutation`.
"""

# ruff: noqa: F821
# The code of a substitute runs in place of the function's: it takes the same parameters, and its names are those of the
# function's own module.

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

CREDENTIALS: Final = "tests/unit/test_verification.py::test_"
DECISIONS: Final = "tests/unit/terms/test_decision.py::test_"
RULES: Final = "tests/unit/terms/test_rules.py::test_"
CHOICES: Final = "tests/unit/terms/test_choices.py::test_"


@dataclass(frozen=True, slots=True)
class Defect:
    """One fault: the function `module:qualified.name` does what `instead` does."""

    name: str
    function: str
    instead: Callable[..., Any]
    test: str


DEFECTS: Final = (
    Defect(
        "the signature of a credential is not checked",
        "didkit_py.verification.credential:_signature",
        lambda case: "",
        f"{CREDENTIALS}the_signature_check_can_fail",
    ),
    Defect(
        "a credential whose time is over passes",
        "didkit_py.verification.credential:_time",
        lambda case: "",
        f"{CREDENTIALS}the_time_check_can_fail",
    ),
    Defect(
        "the status of a credential is not looked up",
        "didkit_py.verification.credential:_status",
        lambda case: "",
        f"{CREDENTIALS}only_a_valid_status_passes",
    ),
    Defect(
        "the holder's proof is not checked",
        "didkit_py.verification.credential:_holder",
        lambda case: "",
        f"{CREDENTIALS}the_key_binding_check_can_fail",
    ),
    Defect(
        "whoever leaves the holder's proof out need not give one",
        "didkit_py.verification.presentation:_binding",
        lambda queries, unverified: KeyBinding.REQUIRED if unverified.has_proof else KeyBinding.NOT_REQUIRED,  # type: ignore[name-defined]
        f"{CREDENTIALS}the_query_decides_on_key_binding_and_not_what_is_shown",
    ),
    Defect(
        "more than was asked for is taken",
        "didkit_py.verification.presentation:_require_no_more",
        lambda case: None,
        f"{CREDENTIALS}an_answer_with_more_than_was_asked_for_is_refused",
    ),
    Defect(
        "a credential may live longer than its type allows",
        "didkit_py.verification.profile:require_lifetime",
        lambda credential, profile: None,
        f"{CREDENTIALS}a_credential_lives_as_long_as_its_type_allows_and_not_a_second_longer",
    ),
    Defect(
        "an issuer is trusted for every type of claim",
        "didkit_py.trust:TrustList.require",
        lambda self, issuer, vct: self.issuers[issuer],
        "tests/unit/test_trust.py::test_an_issuer_is_trusted_for_its_own_types_only",
    ),
    Defect(
        "a digest may stand in two places",
        "didkit_py.formats.sd_jwt:_Unfolding.meet",
        lambda self, digests: None,
        "tests/unit/formats/test_sd_jwt.py::test_a_payload_that_breaks_a_rule_is_refused",
    ),
    Defect(
        "a JSON object may hold a member twice",
        "didkit_py.encoding:_refuse_what_is_not_kept",
        lambda octets: None,
        "tests/unit/test_encoding.py::test_a_member_that_stands_twice_is_refused",
    ),
    Defect(
        "a name that is denied passes",
        "didkit_py.consent.rules_request:is_denied",
        lambda case: (),
        f"{DECISIONS}vector_16_a_denied_vendor_is_refused_by_any_of_its_names",
    ),
    Defect(
        "a vendor may search for the limit by asking again",
        "didkit_py.consent.rules_query:probes",
        lambda case: (),
        f"{DECISIONS}vector_13_a_second_threshold_to_the_same_vendor_is_probing",
    ),
    Defect(
        "a request that was decided before is decided again",
        "didkit_py.consent.rules_request:is_replayed",
        lambda case: (),
        f"{DECISIONS}a_request_that_was_decided_before_is_a_replay",
    ),
    Defect(
        "a role that another business holds counts",
        "didkit_py.consent.rules_request:disagrees_on_identity",
        lambda case: (),
        f"{DECISIONS}a_role_of_another_business_splits_the_identity",
    ),
    Defect(
        "uses are tied together that could be chosen apart",
        "didkit_py.consent.choices:bundles",
        lambda case: (),
        f"{CHOICES}uses_that_have_nothing_to_do_with_each_other_are_not_tied_together",
    ),
    Defect(
        "a desk may be slower than the terms say",
        "didkit_py.consent.rules_promise:_slower",
        lambda agreement, document: iter(()),
        f"{RULES}a_desk_is_not_slower_than_the_terms_say",
    ),
    Defect(
        "a yes to one page counts for another",
        "didkit_py.consent.page_digest:page_digest",
        lambda decision: "page",
        "tests/unit/roles/test_page_changed.py::test_nothing_leaves_when_the_page_would_say_something_else_and_it_is_said_what",
    ),
    Defect(
        "a private address is fetched",
        "didkit_py.service.fetching.fetch:is_public",
        lambda text: True,
        "tests/unit/service/test_fetch.py::test_an_address_of_special_purpose_is_not_public",
    ),
    Defect(
        "a request that is over is answered",
        "didkit_py.roles.checking:_require_open",
        lambda kept: None,
        "tests/e2e/verifier/test_wire.py::test_a_request_that_is_over_is_neither_shown_nor_answered",
    ),
    Defect(
        "any key may stand in for the business that an offer names",
        "didkit_py.roles.issuing:_require_subject",
        lambda proof, subject: None,
        "tests/e2e/issuer/test_wire.py::test_a_key_of_another_business_is_refused",
    ),
    Defect(
        "a stranger's words end their quotation",
        "didkit_py.unicode.visible:quoted",
        lambda text: f"“{text}”",
        "tests/unit/unicode/test_visible.py::test_no_mark_inside_a_strangers_words_ends_their_quotation",
    ),
    Defect(
        "the letters of a denied name decide",
        "didkit_py.consent.policy:looks_like",
        lambda name, others: next((one for one in others if one == name), None),
        "tests/unit/terms/test_policy.py::test_a_denied_or_stopped_name_is_known_under_letters_that_look_the_same",
    ),
    Defect(
        "the answer to a request goes wherever it says",
        "didkit_py.oid4vp.request:_require_tied",
        lambda request, request_uri: None,
        "tests/unit/oid4vp/test_request.py::test_an_answer_goes_to_the_clients_own_origin_only",
    ),
    Defect(
        "copies of one credential may share their salts",
        "didkit_py.formats.sd_jwt_vc:UnverifiedSdJwtVc.salts",
        lambda self: (),
        "tests/unit/roles/test_receiving.py::test_one_fault_in_what_the_issuer_sends_and_nothing_is_received",
    ),
)
