"""Defects that somebody could plant, each with the test that claims to catch it. `make defects` takes each at its word.

A defect is a small change that leaves running code: a check removed, a comparison loosened, a sync dropped, something
kept that should be spent. A row whose text no longer stands in its file belongs to code that moved: move the row too.
"""

from dataclasses import dataclass
from typing import Final

CREDENTIAL: Final = "didkit_py/verification/credential.py"
PRESENTATION: Final = "didkit_py/verification/presentation.py"
PROFILE: Final = "didkit_py/verification/profile.py"
SD_JWT: Final = "didkit_py/formats/sd_jwt.py"
SD_JWT_VC: Final = "didkit_py/formats/sd_jwt_vc.py"
JOSE: Final = "didkit_py/jose.py"
ENCODING: Final = "didkit_py/encoding.py"
REQUEST: Final = "didkit_py/oid4vp/request.py"
RESPONSE: Final = "didkit_py/oid4vp/response.py"
KEY_PROOF: Final = "didkit_py/oid4vci/key_proof.py"
AGREEMENT: Final = "didkit_py/terms/agreement.py"
RECORD: Final = "didkit_py/records/record.py"
ORDER: Final = "didkit_py/terms/order.py"
VENDOR: Final = "didkit_py/consent/vendor.py"
RULES_QUERY: Final = "didkit_py/consent/rules_query.py"
RULES_PROMISE: Final = "didkit_py/consent/rules_promise.py"
CASE: Final = "didkit_py/consent/disclosure_case.py"
SHOWN_TESTS: Final = "tests/unit/terms/test_shown.py::test_"
PAGE_TESTS: Final = "tests/unit/roles/test_page_changed.py::test_"
RULES_REQUEST: Final = "didkit_py/consent/rules_request.py"
FETCH: Final = "didkit_py/service/fetching/fetch.py"
CHECKS_HERE: Final = "didkit_py/service/doctor/local_checks.py"
GUARDS: Final = "didkit_py/service/http/middleware.py"
ROUTING: Final = "didkit_py/service/http/routing.py"
ISSUER_API: Final = "issuer/api.py"
READING: Final = "didkit_py/reading.py"
SIGNING_IN: Final = "didkit_py/service/http/login.py"
SQLITE: Final = "didkit_py/service/storage/sqlite_connection.py"
SQLITE_ENGINE: Final = "didkit_py/service/storage/sqlite.py"
DURABLE: Final = "didkit_py/service/setup/atomic_files.py"
FOLDERS: Final = "didkit_py/service/setup/folders.py"
ISSUER_STORE: Final = "issuer/store.py"
BATCHES: Final = "issuer/importing/batches.py"
EVENTS: Final = "didkit_py/records/events.py"
ISSUING: Final = "didkit_py/roles/issuing.py"
ACCEPTING: Final = "didkit_py/roles/accepting.py"
ENDING: Final = "didkit_py/roles/ending.py"
PRESENTING: Final = "didkit_py/roles/presenting.py"
VENDOR_API: Final = "verifier/api.py"
VENDOR_APP: Final = "verifier/app.py"
VENDOR_STORE: Final = "verifier/store.py"
POLICY: Final = "didkit_py/consent/policy.py"
LEDGER: Final = "wallet/storage/ledger.py"
STATUS_PLACES: Final = "issuer/status_index.py"
WALLET_STORE: Final = "wallet/storage/store.py"
WEB: Final = "didkit_py/service/http/web.py"

EVIDENCE_TESTS: Final = "tests/unit/service/test_evidence.py::test_"
VERIFICATION_TESTS: Final = "tests/unit/test_verification.py::test_"
SD_JWT_TESTS: Final = "tests/unit/formats/test_sd_jwt.py::test_"
JOSE_TESTS: Final = "tests/unit/test_jose.py::test_"
ENCODING_TESTS: Final = "tests/unit/test_encoding.py::test_"
REQUEST_TESTS: Final = "tests/unit/oid4vp/test_request.py::test_"
KEY_PROOF_TESTS: Final = "tests/unit/oid4vci/test_key_proof.py::test_"
AGREEMENT_TESTS: Final = "tests/unit/terms/test_agreement.py::test_"
RECORD_TESTS: Final = "tests/unit/terms/test_record.py::test_"
ORDER_TESTS: Final = "tests/unit/terms/test_order.py::test_"
CHOICES_TESTS: Final = "tests/unit/terms/test_choices.py::test_"
RULES_TESTS: Final = "tests/unit/terms/test_rules.py::test_"
DECISION_TESTS: Final = "tests/unit/terms/test_decision.py::test_"
FETCH_TESTS: Final = "tests/unit/service/test_fetch.py::test_"
METRICS_TESTS: Final = "tests/unit/service/test_metrics.py::test_"
DOCTOR_TESTS: Final = "tests/doctor/test_doctor.py::test_"
WEB_TESTS: Final = "tests/unit/service/test_web.py::test_"
DESCRIPTION_TESTS: Final = "tests/openapi/test_documents.py::test_"
CALLING_TEST: Final = "tests/openapi/test_services.py::test_every_call_of_a_route_gets_an_answer_that_is_described"
SQLITE_TESTS: Final = "tests/stores/test_sqlite.py::test_"
ISSUER_PAGE_TESTS: Final = "tests/e2e/issuer/test_pages.py::test_"
POWER_CUT_TESTS: Final = "tests/stores/test_power_cut.py::test_"
FAULT_TESTS: Final = "tests/stores/test_faults.py::test_"
CLOCK_TESTS: Final = "tests/e2e/issuer/test_clock.py::test_"
ISSUER_TESTS: Final = "tests/e2e/issuer/test_wire.py::test_"
VENDOR_TESTS: Final = "tests/e2e/verifier/test_wire.py::test_"
SUSPENSION_TESTS: Final = "tests/e2e/test_suspension.py::test_"
REFUSAL_TESTS: Final = "tests/e2e/test_refusals.py::test_"
CHECK_TESTS: Final = "tests/e2e/test_check_request.py::test_"
PRESENTING_TESTS: Final = "tests/unit/roles/test_presenting.py::test_"
ENDING_TESTS: Final = "tests/unit/roles/test_ending.py::test_"
VENDOR_ENDING_TESTS: Final = "tests/e2e/verifier/test_endings.py::test_"
MUTANT_TESTS: Final = "tests/mutants/test_mutants.py::test_"
SAME_ANSWER_TESTS: Final = "tests/attacks/test_same_answers.py::test_"
KILL_TESTS: Final = "tests/faults/test_kills.py::test_"
STOP_TESTS: Final = "tests/faults/test_stopping.py::test_"
TRICK_TESTS: Final = "tests/outside/test_url_tricks.py::test_an_address_of_no_public_host_is_never_connected_to"
CONTACT_TESTS: Final = "tests/outside/test_first_contact.py::test_"
ROUTE_TESTS: Final = "tests/outside/test_every_route.py::test_"
CANARY_TESTS: Final = "tests/outside/test_canaries.py::test_"
LEDGER_TESTS: Final = "tests/unit/wallet/test_ledger.py::test_"
SWEEPING_TESTS: Final = "tests/stores/test_sweeping.py::test_"
OVERTAKING_TESTS: Final = "tests/concurrent/test_overtaking.py::test_"


@dataclass(frozen=True, slots=True)
class Defect:
    """One change for the worse, and who notices."""

    name: str  # what is wrong with the code then
    file: str
    text: str  # stands in the file exactly once
    instead: str
    test: str  # the pytest id of a test; without parameters, one of them is enough


DEFECTS: Final = (
    # A credential, and what the holder signs
    Defect(
        "the signature of a credential is not checked",
        CREDENTIAL,
        "    case.key.verify(jws.signature, jws.signing_input, alg=jws.alg)\n",
        "    del jws\n",
        VERIFICATION_TESTS + "the_signature_check_can_fail",
    ),
    Defect(
        "a key document never grows too old",
        "didkit_py/verification/evidence.py",
        "if now is not None and not document.deactivated and self.document_age(did, now) > self.document_max_age:",
        "if now is not None and did not in self.documents:",
        EVIDENCE_TESTS + "a_key_document_out_of_reach_serves_a_day_and_then_nobody_knows",
    ),
    Defect(
        "a withdrawn key document counts as one out of reach",
        "didkit_py/service/fetching/evidence.py",
        "        if wanted.did is None:\n",
        "        if wanted.did is None or wanted.accept is None:\n",
        EVIDENCE_TESTS + "an_issuer_that_withdrew_its_key_document_is_untrusted_at_once_and_after_a_restart",
    ),
    Defect(
        "keys of a deactivated document still serve",
        "didkit_py/dids/document.py",
        "if any(one is not None and one is not False for one in said):",
        "if not all(isinstance(one, bool | None) for one in said):",
        "tests/unit/dids/test_document.py::test_no_key_of_a_deactivated_document_serves",
    ),
    Defect(
        "a key that was fetched before the clock was set back is newer than one fetched since",
        "didkit_py/service/fetching/lists.py",
        "source.fetched_at if source.fetched_at <= latest else _UNKNOWN_TIME for source in sources",
        "source.fetched_at for source in sources",
        EVIDENCE_TESTS + "a_clock_that_was_set_back_lengthens_no_keys_life",
    ),
    Defect(
        "an issuer that was taken off the trust list stays on the one that is kept signed",
        "issuer/publishing/documents.py",
        "await self.database.apply(removal, next_version(_TRUST_LIST))",
        "await self.database.apply(removal)",
        "tests/e2e/issuer/test_commands.py"
        "::test_an_issuer_that_is_taken_off_the_list_is_not_on_the_next_one_that_is_fetched",
    ),
    Defect(
        "proxies of the environment are used",
        FETCH,
        "trust_env=False,",
        "trust_env=True,",
        "tests/unit/service/test_fetch.py::test_the_environments_proxies_and_passwords_are_not_used",
    ),
    Defect(
        "a whole number beyond 64 bits becomes another",
        ENCODING,
        "if len(text) > len(str(_INTEGERS.start)) or int(text) not in _INTEGERS:",
        "if not text:",
        ENCODING_TESTS + "a_number_that_cannot_be_kept_is_refused_and_never_becomes_another",
    ),
    Defect(
        "a date with an offset leads beyond the calendar",
        ENCODING,
        "except (ValueError, OverflowError) as error:  # an offset can lead beyond the calendar",
        "except ValueError as error:",
        ENCODING_TESTS + "a_time_without_offset_or_of_another_form_is_refused",
    ),
    Defect(
        "an issuer is trusted for every type of claim",
        "didkit_py/trust.py",
        "if vct not in entry.vcts:",
        "if not entry.vcts:",
        "tests/unit/test_trust.py::test_an_issuer_is_trusted_for_its_own_types_only",
    ),
    Defect(
        "a key for signing in signs credentials too",
        "didkit_py/dids/document.py",
        "allowed = self.purposes.get(purpose, frozenset())",
        "allowed = frozenset().union(*self.purposes.values())",
        VERIFICATION_TESTS + "a_key_for_signing_in_signs_no_credential",
    ),
    Defect(
        "a credential whose time is over passes",
        CREDENTIAL,
        "if credential.expires_at is not None and credential.expires_at <= now:",
        "if credential.expires_at is not None and credential.issued_at == now:",
        VERIFICATION_TESTS + "the_time_check_can_fail",
    ),
    Defect(
        "the status of a credential is not looked up",
        CREDENTIAL,
        '    _Row("status", "Token Status List, 8.3", _status),\n',
        "",
        VERIFICATION_TESTS + "only_a_valid_status_passes",
    ),
    Defect(
        "a suspended credential counts as valid",
        CREDENTIAL,
        "if entry != Status.VALID:",
        "if entry not in (Status.VALID, Status.SUSPENDED):",
        VERIFICATION_TESTS + "only_a_valid_status_passes",
    ),
    Defect(
        "a status list is kept for longer than its issuer lets it be",
        CREDENTIAL,
        "kept = evidence.status_max_age if found.ttl is None else min(found.ttl, evidence.status_max_age)",
        "kept = evidence.status_max_age",
        SUSPENSION_TESTS + "a_suspension_shows_when_the_lists_time_is_over_and_so_does_its_end",
    ),
    Defect(
        "anybody's status list is believed",
        CREDENTIAL,
        "if found.issuer != case.issuer:",
        "if not found.issuer:",
        VERIFICATION_TESTS + "a_status_list_of_another_signer_or_without_the_index_is_refused",
    ),
    Defect(
        "a status list never grows too old",
        CREDENTIAL,
        "if over or case.evidence.status_age(found, case.now) > case.evidence.status_max_age:",
        "if over:",
        VERIFICATION_TESTS + "a_status_list_that_is_missing_or_old_says_neither_yes_nor_no",
    ),
    Defect(
        "a digest may stand in two places",
        SD_JWT,
        "if len(fresh) != len(digests) or not self.met.isdisjoint(fresh):",
        "if len(fresh) != len(digests):",
        SD_JWT_TESTS + "a_payload_that_breaks_a_rule_is_refused",
    ),
    Defect(
        "a digest may stand twice in one place",
        SD_JWT,
        "if len(fresh) != len(digests) or not self.met.isdisjoint(fresh):",
        "if not self.met.isdisjoint(fresh):",
        SD_JWT_TESTS + "a_payload_that_breaks_a_rule_is_refused",
    ),
    Defect(
        "a disclosure that no digest refers to is accepted",
        SD_JWT,
        "if unfolding.waiting:",
        "if unfolding.waiting and not payload:",
        SD_JWT_TESTS + "a_payload_that_breaks_a_rule_is_refused",
    ),
    Defect(
        "a presentation made for another request is accepted",
        SD_JWT_VC,
        'if read.text("nonce") != expected_nonce:',
        'if not read.text("nonce"):',
        VERIFICATION_TESTS + "the_key_binding_check_can_fail",
    ),
    Defect(
        "a presentation made for another vendor is accepted",
        SD_JWT_VC,
        'if read.text("aud") != expected_audience:',
        'if read.text("aud").partition(":")[0] != expected_audience.partition(":")[0]:',
        VERIFICATION_TESTS + "the_key_binding_check_can_fail",
    ),
    Defect(
        "disclosures can be exchanged after the holder signed",
        SD_JWT_VC,
        'if read.text("sd_hash") != digest_of(sd_jwt.presented):',
        'if len(read.text("sd_hash")) != len(digest_of(sd_jwt.presented)):',
        VERIFICATION_TESTS + "a_presentation_without_proof_or_with_other_disclosures_is_refused",
    ),
    Defect(
        "an old proof of the holder is as good as a new one",
        SD_JWT_VC,
        'if not now - max_age <= read.moment("iat") <= now + MAX_SKEW:',
        'if not read.moment("iat") <= now + MAX_SKEW:',
        VERIFICATION_TESTS + "the_key_binding_check_can_fail",
    ),
    Defect(
        "whoever leaves the holder's proof out need not give one",
        PRESENTATION,
        'waived = one is not None and not one.holder_binding and text.endswith("~")',
        'waived = one is not None and text.endswith("~")',
        VERIFICATION_TESTS + "the_query_decides_on_key_binding_and_not_what_is_shown",
    ),
    Defect(
        "what stands in the place of a proof that nobody wants is not read",
        CREDENTIAL,
        "        if case.sd_jwt.kb_jwt is not None:\n",
        "        if case.sd_jwt.kb_jwt == case.text:\n",
        MUTANT_TESTS + "every_mutant_is_refused",
    ),
    Defect(
        "more than was asked for is taken",
        PRESENTATION,
        "if one is None or _surplus(one, credential):",
        "if one is None:",
        VERIFICATION_TESTS + "an_answer_with_more_than_was_asked_for_is_refused",
    ),
    Defect(
        "one credential shown twice counts as two",
        PRESENTATION,
        'if len({text.partition("~")[0] for text in texts}) != len(texts):',
        "if len(set(texts)) != len(texts):",
        VERIFICATION_TESTS + "one_credential_does_not_answer_one_query_twice",
    ),
    Defect(
        "a part of a claim may be held back where the type knows the whole alone",
        PROFILE,
        "if not disclosed <= profile.hidden:",
        "if disclosed == profile.hidden | {()}:",
        VERIFICATION_TESTS + "a_part_of_a_claim_is_no_disclosure_of_its_own",
    ),
    Defect(
        "a credential may live twice as long as its type allows",
        PROFILE,
        "> profile.template.lifetime + profile.template.rounding:",
        "> 2 * profile.template.lifetime + profile.template.rounding:",
        VERIFICATION_TESTS + "a_credential_lives_as_long_as_its_type_allows_and_not_a_second_longer",
    ),
    # The gate of every signed text
    Defect(
        "the signature of a compact token is not checked",
        JOSE,
        "    key.verify(jws.signature, jws.signing_input, alg=jws.alg)\n    return jws.claims()",
        "    return jws.claims()",
        REQUEST_TESTS + "a_changed_byte_is_refused",
    ),
    Defect(
        "the type of a token is not compared",
        JOSE,
        'if _short_type(header.get("typ")) not in kinds:',
        'if not kinds or _short_type(header.get("typ")) == "":',
        REQUEST_TESTS + "a_token_of_another_type_is_no_request",
    ),
    Defect(
        "crit is ignored",
        JOSE,
        'frozenset({"crit", "b64", "zip",',
        'frozenset({"b64", "zip",',
        JOSE_TESTS + "the_gate_refuses_before_any_signature_is_looked_at",
    ),
    Defect(
        "a token may bring its own key",
        JOSE,
        '"x5c", "jwk", "enc", "jwt"})',
        '"x5c", "enc", "jwt"})',
        JOSE_TESTS + "the_gate_refuses_before_any_signature_is_looked_at",
    ),
    Defect(
        "any name of an algorithm passes the gate",
        JOSE,
        "if not isinstance(alg, str) or alg not in ALG_NAMES:",
        "if not isinstance(alg, str):",
        JOSE_TESTS + "the_gate_refuses_before_any_signature_is_looked_at",
    ),
    Defect(
        "a JSON object may hold a member twice",
        ENCODING,
        "        _refuse_what_is_not_kept(octets)\n    return value",
        "        pass\n    return value",
        ENCODING_TESTS + "a_member_that_stands_twice_is_refused",
    ),
    Defect(
        "base64url may have stray bits at its end",
        ENCODING,
        "if over and text[-1] not in _LAST[over]:",
        "if over == 1:",
        ENCODING_TESTS + "each_octet_sequence_has_exactly_one_base64url_text",
    ),
    Defect(
        "an encrypted answer may be spelt in other letters",
        JOSE,
        "if wrapped_key or not all(map(from_b64url, parts)):",
        "if wrapped_key or not all(parts):",
        MUTANT_TESTS + "every_mutant_is_refused",
    ),
    # A request, as the wallet judges it
    Defect(
        "a request may be signed in another's name",
        REQUEST,
        'if jws.kid is None or "#" not in jws.kid or did_of(jws.kid) != client_id.did:',
        "if jws.kid is None:",
        REQUEST_TESTS + "the_key_must_be_named_as_one_of_the_clients_did",
    ),
    Defect(
        "the answer to a request goes wherever it says",
        REQUEST,
        "if origin(request.response_uri) != (request.client_id.origin or origin(request_uri)):",
        "if not origin(request.response_uri):",
        REQUEST_TESTS + "an_answer_goes_to_the_clients_own_origin_only",
    ),
    Defect(
        "a request made for another wallet is accepted",
        REQUEST,
        "if request.wallet_nonce != expected_wallet_nonce:",
        "if expected_wallet_nonce is not None and request.wallet_nonce is None:",
        REQUEST_TESTS + "a_wallet_nonce_that_is_not_ours_is_refused",
    ),
    Defect(
        "a request that was decided before is decided again",
        RULES_REQUEST,
        "if nonce_key(asked.client_id.full, asked.nonce) in case.history.nonces:",
        "if not asked.nonce:",
        DECISION_TESTS + "a_request_that_was_decided_before_is_a_replay",
    ),
    Defect(
        "a role that another business holds counts",
        VENDOR,
        "if _is_about(credential.subject, case.request.request.client_id.did):",
        "if credential.subject is not None:",
        DECISION_TESTS + "a_role_of_another_business_splits_the_identity",
    ),
    Defect(
        "a dealer's number is not looked for on the deny list",
        VENDOR,
        '_NAMING_CLAIMS: Final = ("name", "dealer_id")',
        '_NAMING_CLAIMS: Final = ("name",)',
        DECISION_TESTS + "a_denied_dealer_is_known_by_its_number_under_a_fresh_did",
    ),
    Defect(
        "the deny list is not consulted",
        RULES_REQUEST,
        "if case.vendor is None or not case.policy.denies(case.vendor.claimed):",
        "if case.vendor is None or not case.policy.denies(frozenset()):",
        DECISION_TESTS + "vector_16_a_denied_vendor_is_refused_by_any_of_its_names",
    ),
    Defect(
        "a vendor may search for the limit by asking again",
        RULES_QUERY,
        "if earlier.until <= case.now or case.vendor.claimed.isdisjoint(earlier.identifiers):",
        "if earlier.until > case.now or case.vendor.claimed.isdisjoint(earlier.identifiers):",
        DECISION_TESTS + "vector_13_a_second_threshold_to_the_same_vendor_is_probing",
    ),
    Defect(
        "a copy that was shown is shown again",
        CASE,
        'return "cred.copies" if held.unused < 1 else None',
        'return "cred.copies" if held.unused < 0 else None',
        REFUSAL_TESTS + "a_copy_that_was_shown_is_never_shown_again",
    ),
    Defect(
        "a name in other letters passes the deny list",
        POLICY,
        "return any(looks_like(one, self.deny) is not None for one in identifiers)",
        "return not identifiers.isdisjoint(self.deny)",
        "tests/unit/terms/test_policy.py::test_a_denied_or_stopped_name_is_known_under_letters_that_look_the_same",
    ),
    Defect(
        "a wallet keeps what breaks the profile of its type",
        CREDENTIAL,
        "    for row in ISSUED:\n",
        "    for row in ISSUED[:4]:\n",
        "tests/unit/test_receipt_and_verification.py::test_what_no_verifier_would_ever_accept_the_wallet_does_not_keep",
    ),
    Defect(
        "an issuer that nobody listed is preferred for showing less",
        "didkit_py/oid4vp/dcql.py",
        "    unlisted = {one.id for one in held if not one.listed}\n",
        "    unlisted = set[str]()\n",
        "tests/unit/oid4vp/test_dcql.py::test_a_listed_issuer_answers_before_one_that_shows_less",
    ),
    Defect(
        "pages show signs that reorder",
        "didkit_py/service/http/pages.py",
        "finalize=lambda value: visible(value) if",
        "finalize=lambda value: value if",
        "tests/unit/wallet/test_giver.py::test_every_expression_of_a_page_shows_signs_that_hide",
    ),
    Defect(
        "a stranger's words end their quotation",
        "didkit_py/unicode/visible.py",
        'words = _MARKS.sub("\'", one_line(text[: 2 * MAX_QUOTED]))',
        "words = one_line(text[: 2 * MAX_QUOTED])",
        "tests/unit/unicode/test_visible.py::test_no_mark_inside_a_strangers_words_ends_their_quotation",
    ),
    Defect(
        "a stranger's text controls the terminal",
        "didkit_py/service/setup/commands.py",
        "click.echo(visible_json(value) if as_json else visible(text))",
        "click.echo(visible_json(value) if as_json else text)",
        "tests/unit/service/test_commands.py::test_no_sign_of_a_stranger_controls_the_terminal",
    ),
    Defect(
        "the keys of a deleted document stay",
        WALLET_STORE,
        'Statement("DELETE FROM copies WHERE credential_id = ?", (credential_id,)),',
        'Statement("UPDATE copies SET used_at = 0 WHERE credential_id = ?", (credential_id,)),',
        "tests/e2e/test_deletion.py::test_a_deleted_document_leaves_a_note_of_its_kind_and_nothing_else",
    ),
    # A promise, and the record of it
    Defect(
        "what left the wallet is said to have been held back",
        PRESENTING,
        "            exchange = replace(exchange, left=True)\n",
        "",
        PRESENTING_TESTS + "a_promise_refused_after_the_presentation_left_counts_it_as_seen",
    ),
    Defect(
        "a vendor may use the relationship id of another",
        RULES_PROMISE,
        "if owner is None or not owner.isdisjoint(case.vendor.identifiers):",
        "if owner is None or owner:",
        REFUSAL_TESTS + "a_relationship_that_belongs_to_another_vendor_is_refused",
    ),
    Defect(
        "a vendor may keep things without end",
        RULES_PROMISE,
        'return cap is None or retention.period > cap or retention.then == "keep"',
        "return cap is None or retention.period > cap",
        REFUSAL_TESTS + "each_is_refused_for_its_reason_and_the_vendor_is_told_no_and_nothing_else",
    ),
    Defect(
        "a promise made for another request counts",
        AGREEMENT,
        '        "nonce": (agreement.nonce, asked.nonce),\n',
        "",
        AGREEMENT_TESTS + "an_agreement_for_another_nonce_is_refused",
    ),
    Defect(
        "a promise made to another wallet counts",
        AGREEMENT,
        '        "wallet_nonce": (agreement.wallet_nonce, asked.wallet_nonce),\n',
        "",
        AGREEMENT_TESTS + "an_agreement_for_another_wallet_is_refused",
    ),
    Defect(
        "a promise about another query counts",
        AGREEMENT,
        '        "request_hash": (agreement.request_hash, request_hash(asked.query)),\n',
        "",
        AGREEMENT_TESTS + "an_agreement_for_another_query_is_refused",
    ),
    Defect(
        "a promise signed by another key counts",
        AGREEMENT,
        "    verify_compact(unverified.jws, request.key)\n",
        "    verify_compact  # noqa: B018\n",
        DECISION_TESTS + "vector_6_an_agreement_signed_with_another_key_is_refused",
    ),
    Defect(
        "a promise under another name of the key counts",
        AGREEMENT,
        "if unverified.jws.kid != request.kid:",
        "if not unverified.jws.kid:",
        AGREEMENT_TESTS + "an_agreement_under_another_name_of_the_key_is_refused",
    ),
    Defect(
        "records and withdrawals may go to somebody else",
        AGREEMENT,
        "if origin(desk.uri) != own:",
        "if not origin(desk.uri):",
        AGREEMENT_TESTS + "an_address_that_is_not_the_vendors_own_is_refused",
    ),
    Defect(
        "a parent may be asked for when some of its children are promised",
        ORDER,
        "return len(path) >= len(above) and all(",
        "return all(",
        DECISION_TESTS + "vector_4_a_parent_of_two_promised_children_is_refused",
    ),
    Defect(
        "a query that names no claims needs no promise for its type",
        RULES_QUERY,
        "        *_unnamed_types(case),\n",
        "",
        SHOWN_TESTS + "a_query_that_names_no_claims_of_a_type_without_promise_is_refused",
    ),
    Defect(
        "what a type shows always needs no promise",
        CASE,
        "    for spec in () if template is None else template.always_shown():\n",
        "    for spec in () if template is None else ():\n",
        SHOWN_TESTS + "the_vendors_own_check_finds_the_same_without_any_document",
    ),
    Defect(
        "what comes along with a document needs no promise",
        CASE,
        "for path, _ in answer.also_shown]",
        "for path, _ in answer.also_shown[:0]]",
        SHOWN_TESTS + "what_a_needed_disclosure_carries_with_it_needs_a_promise",
    ),
    Defect(
        "a yes counts for a page that was never shown",
        "didkit_py/consent/consent.py",
        "    if answer.seen != page_digest(decision):\n",
        "    if not page_digest(decision):\n",
        PAGE_TESTS + "nothing_leaves_when_the_page_would_say_something_else_and_it_is_said_what",
    ),
    Defect(
        "a case may become another one between yes and release",
        "didkit_py/consent/consent.py",
        "    if page_digest(again) != consent.seen:\n",
        "    if not consent.seen:\n",
        PAGE_TESTS + "a_release_refuses_a_case_that_became_another_one_after_the_yes",
    ),
    Defect(
        "a value that changed leaves the digest of the page as it was",
        "didkit_py/consent/page_digest.py",
        "                [value, asked],\n",
        "                [asked],\n",
        PAGE_TESTS + "nothing_leaves_when_the_page_would_say_something_else_and_it_is_said_what",
    ),
    Defect(
        "a threshold is remembered for the shortest life",
        RULES_QUERY,
        "return max(ends, default=",
        "return min(ends, default=",
        SHOWN_TESTS + "a_threshold_is_remembered_for_the_longest_life_among_the_documents_that_could_answer",
    ),
    Defect(
        "a place beyond the status list counts as valid",
        CASE,
        "        except BadStatusList:\n            return True\n",
        "        except BadStatusList:\n            return False\n",
        SHOWN_TESTS + "a_document_whose_place_lies_beyond_the_list_does_not_count_as_valid",
    ),
    Defect(
        "what is promised as optional may be required",
        ORDER,
        "if allowed.is_optional and not asked.is_optional:",
        "if allowed.is_optional and asked.vct is None:",
        DECISION_TESTS + "what_is_promised_as_optional_may_not_be_required",
    ),
    Defect(
        "a longer time is within a shorter one",
        ORDER,
        "        and mine.period <= theirs.period\n",
        "",
        ORDER_TESTS + "a_longer_period_than_the_ceiling_is_named",
    ),
    Defect(
        "a copy is within an aggregate",
        ORDER,
        '"copy": frozenset({"copy"}),',
        '"copy": frozenset({"copy", "aggregate"}),',
        ORDER_TESTS + "what_asks_for_more_or_cannot_be_compared_is_not_within",
    ),
    Defect(
        "the person's own limit on keeping is not applied",
        RULES_PROMISE,
        'return cap is None or retention.period > cap or retention.then == "keep"',
        'return cap is None or retention.then == "keep"',
        DECISION_TESTS + "vector_11_keeping_longer_than_the_persons_cap_is_refused_until_it_is_raised",
    ),
    Defect(
        "a record fits any presentation",
        "didkit_py/roles/checking.py",
        "for one in acceptances if one.presented == presented)",
        "for one in acceptances if presented)",
        "tests/e2e/verifier/test_agreements.py::test_an_acceptance_of_another_presentation_counts_for_nothing",
    ),
    Defect(
        "the vendor may return another record than was accepted",
        RECORD,
        "if accepted is not None and accepted.payload != signed.payload:",
        "if accepted is not None and not signed.payload:",
        RECORD_TESTS + "one_sided_edits_and_foreign_countersignatures_are_seen",
    ),
    # Issuing
    Defect(
        "a proof made for another issuer is accepted",
        KEY_PROOF,
        "if audience != expected_audience:",
        "if not audience:",
        KEY_PROOF_TESTS + "a_proof_that_breaks_one_rule_is_an_invalid_proof",
    ),
    Defect(
        "wrong transaction codes are not counted",
        ISSUER_STORE,
        "UPDATE offers SET tries = tries + 1 WHERE",
        "UPDATE offers SET tries = tries + 0 WHERE",
        ISSUER_TESTS + "five_wrong_codes_lock_the_offer_and_the_right_one_comes_too_late",
    ),
    Defect(
        "a code can be redeemed twice",
        ISSUER_STORE,
        '"UPDATE offers SET state = ?, token_hash = ?, token_expires_at = ? WHERE id = ? AND state = ? RETURNING id"',
        "\"UPDATE offers SET state = ?, token_hash = ?, token_expires_at = ? WHERE id = ? AND ? <> '' RETURNING id\"",
        ISSUER_TESTS + "of_two_who_come_with_the_codes_at_once_one_gets_a_token",
    ),
    Defect(
        "a code that was used is told from one that never was",
        ISSUING,
        "        if attempt is None:\n            raise InvalidGrant(_NO_GRANT,",
        '        if attempt is None:\n            raise InvalidGrant("the code is unknown",',
        SAME_ANSWER_TESTS + "the_issuer_answers_all_of_these_alike",
    ),
    Defect(
        "anybody can make a nonce of ours",
        "didkit_py/oid4vci/nonce.py",
        "if not hmac.compare_digest(mac, _mac(body, key)):",
        "if not hmac.compare_digest(mac, octets[-_MAC_BYTES:]):",
        MUTANT_TESTS + "every_mutant_is_refused",
    ),
    Defect(
        "an issuer's nonce is not spent",
        ISSUER_STORE,
        'ON CONFLICT (id) DO NOTHING", (nonce, end), rows=1',
        'ON CONFLICT (id) DO NOTHING", (nonce, end)',
        ISSUER_TESTS + "a_nonce_works_once_also_for_another_offer",
    ),
    Defect(
        "an access token never ends",
        ISSUER_STORE,
        '" AND token_expires_at > ? AND token_expires_at <= ?"',
        '" AND ? > 0 AND token_expires_at <= ?"',
        ISSUER_TESTS + "an_expired_token_is_refused_with_a_challenge",
    ),
    Defect(
        "a guess after the fifth is judged while the fifth locks the offer",
        ISSUER_STORE,
        "WHERE code_hash = ? AND state = ? AND tries < ? AND expires_at > ?",
        "WHERE code_hash = ? AND state = ? AND ? > 0 AND expires_at > ?",
        OVERTAKING_TESTS + "no_sixth_guess_is_judged_while_the_fifth_is_on_its_way_to_lock_the_offer",
    ),
    Defect(
        "two sets of keys can be registered under one token",
        ISSUER_STORE,
        "SET state = ?, issued_at = ? WHERE id = ? AND state = ? AND token_expires_at > ?",
        "SET state = ?, issued_at = ? WHERE id = ? AND ? <> '' AND token_expires_at > ?",
        OVERTAKING_TESTS + "of_two_who_collect_under_one_token_one_registers_and_the_others_nonce_stays_good",
    ),
    Defect(
        "the nonce is spent apart from what it is spent for",
        ISSUER_STORE,
        "                await self.database.apply(*_registering(offer_id, copies, nonce, now))\n",
        "                for step in _registering(offer_id, copies, nonce, now):\n"
        "                    await self.database.apply(step)\n",
        OVERTAKING_TESTS + "of_two_who_collect_under_one_token_one_registers_and_the_others_nonce_stays_good",
    ),
    Defect(
        "an import hands out codes of offers that another import made first",
        ISSUER_STORE,
        "            values,\n            rows=1,\n        )",
        "            values,\n        )",
        OVERTAKING_TESTS + "of_two_imports_of_one_list_each_row_becomes_one_offer_with_a_code_that_works",
    ),
    Defect(
        "codes that came to nothing stay in the file",
        BATCHES,
        "            written.pop().unlink()\n",
        "            written.pop()\n",
        OVERTAKING_TESTS + "of_two_imports_of_one_list_each_row_becomes_one_offer_with_a_code_that_works",
    ),
    # Asking
    Defect(
        "the nonce of a request is not spent with the answer",
        VENDOR_STORE,
        '" revision = revision + 1 WHERE id = ? AND answered_at IS NULL AND state <> ? RETURNING id"',
        '" revision = revision + 1 WHERE id = ? AND state <> ? RETURNING id"',
        VENDOR_TESTS + "of_many_answers_at_once_one_wins",
    ),
    Defect(
        "an answer need not know the state of the request",
        RESPONSE,
        "if expected_state is not None and body.state != expected_state:",
        "if expected_state is not None and body.state is None:",
        VENDOR_TESTS + "an_answer_with_another_state_changes_nothing",
    ),
    # Storage
    Defect(
        "SQLite does not sync at all",
        SQLITE,
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = OFF"',
        POWER_CUT_TESTS + "what_was_acknowledged_survives_a_power_cut_at_any_moment_and_nothing_is_there_by_half",
    ),
    Defect(
        "SQLite syncs less than every commit",
        SQLITE,
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = NORMAL"',
        POWER_CUT_TESTS + "what_was_acknowledged_survives_a_power_cut_at_any_moment_and_nothing_is_there_by_half",
    ),
    Defect(
        "callers are answered before the commit",
        SQLITE,
        '    connection.execute("COMMIT")\n',
        "    for job in jobs:\n"
        "        job.future.get_loop().call_soon_threadsafe(job.future.set_result, job.result)\n"
        '    connection.execute("COMMIT")\n',
        POWER_CUT_TESTS + "what_was_acknowledged_survives_a_power_cut_at_any_moment_and_nothing_is_there_by_half",
    ),
    Defect(
        "a durable file takes its name before its content is synced",
        DURABLE,
        "os.fsync(file.fileno())",
        "file.fileno()",
        POWER_CUT_TESTS + "a_wallet_goes_on_after_a_power_cut_with_its_key_and_everything_that_it_wrote_down",
    ),
    Defect(
        "the names in a folder are not synced",
        DURABLE,
        "os.fsync(handle)",
        "os.fstat(handle)",
        POWER_CUT_TESTS + "a_wallet_goes_on_after_a_power_cut_with_its_key_and_everything_that_it_wrote_down",
    ),
    Defect(
        "a new service's folder is not synced where it stands",
        FOLDERS,
        "sync_folder(made.parent)",
        "made.exists()",
        POWER_CUT_TESTS + "a_new_folder_is_there_for_good_once_it_was_made",
    ),
    Defect(
        "the head of the ledger is written before its entries",
        LEDGER,
        "            await self._database.apply(*statements, *also)\n"
        "            await asyncio.to_thread(self._head.write, head.follow(entries))\n",
        "            await asyncio.to_thread(self._head.write, head.follow(entries))\n"
        "            await self._database.apply(*statements, *also)\n",
        POWER_CUT_TESTS + "a_wallet_goes_on_after_a_power_cut_with_its_key_and_everything_that_it_wrote_down",
    ),
    Defect(
        "the ledger goes on while its head cannot be written",
        LEDGER,
        "            head = await self._adopt()",
        "            head = self._head.read().follow(await self.read())",
        FAULT_TESTS + "a_head_that_cannot_be_replaced_stops_the_wallet_and_not_its_history",
    ),
    Defect(
        "a batch that the disk refused is acknowledged",
        SQLITE_ENGINE,
        "                job.error = unavailable(error)\n",
        "                job.error = None\n",
        FAULT_TESTS
        + "a_disk_that_fails_at_any_step_costs_nothing_that_was_acknowledged_and_stops_nothing_for_good[once]",
    ),
    Defect(
        "what is deleted stays in the file",
        SQLITE,
        '"PRAGMA secure_delete = ON"',
        '"PRAGMA secure_delete = OFF"',
        SQLITE_TESTS + "every_connection_syncs_fully_overwrites_what_it_deletes_and_uses_no_temporary_files",
    ),
    Defect(
        "a token lives longer once the clock is set back",
        ISSUER_STORE,
        "timestamp(now + TOKEN_LIFETIME + MAX_SKEW)",
        "2**62",
        CLOCK_TESTS + "a_token_of_tomorrow_is_refused",
    ),
    Defect(
        "a spent nonce is forgotten as soon as its time is over",
        ISSUER_STORE,
        "timestamp(now + NONCE_LIFETIME + SPENT_FOR)",
        "timestamp(now + NONCE_LIFETIME)",
        CLOCK_TESTS + "a_spent_nonce_stays_spent_although_its_time_passed_before_the_clock_was_set_back",
    ),
    Defect(
        "a status list of tomorrow is fresh",
        "didkit_py/verification/evidence.py",
        "return age if age >= -MAX_STEP_BACK else timedelta.max",
        "return age",
        VERIFICATION_TESTS + "a_status_list_that_is_missing_or_old_says_neither_yes_nor_no",
    ),
    Defect(
        "an entry of the ledger need not follow from the one before",
        LEDGER,
        "if names != before:",
        "if not names:",
        LEDGER_TESTS + "a_genuine_entry_of_another_history_in_its_own_place_is_noticed",
    ),
    Defect(
        "the ledger is not compared with its head",
        LEDGER,
        "if named != head.digest:",
        "if not named:",
        LEDGER_TESTS + "another_whole_history_under_the_same_seal_is_noticed",
    ),
    Defect(
        "a reader whom a writer overtakes takes the ledger for broken",
        LEDGER,
        "            if self._head.read() == head:",
        "            if head.count >= 0:",
        LEDGER_TESTS + "a_reader_whom_a_writer_overtakes_by_many_commits_reads_again",
    ),
    Defect(
        "two processes may serve one wallet",
        "didkit_py/service/setup/folders.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "tests/concurrent/test_wallet.py::test_a_second_process_does_not_serve_a_wallet_and_commands_beside_it_work",
    ),
    Defect(
        "two pages may spend the code of one offer side by side",
        "wallet/context.py",
        "        async with self._turn(offer_id):\n",
        "        async with asyncio.Lock():\n",
        "tests/concurrent/test_wallet.py"
        "::test_a_second_page_cannot_lose_the_token_that_is_on_its_way_to_the_first[sqlite]",
    ),
    Defect(
        "one process puts its older lists over the newer ones of another",
        "didkit_py/service/fetching/evidence.py",
        "self._load = load",
        "self._load = nothing_stored",
        "tests/unit/service/test_evidence.py"
        "::test_a_schedule_never_puts_an_older_list_over_the_newer_one_that_another_process_stored",
    ),
    # What a crash between two writes leaves, and what a stop cuts off
    Defect(
        "a copy is marked as used in a write of its own, after the answer was kept",
        PRESENTING,
        "before=State.OPEN, notes=[note], spent=spent, now=now)\n",
        "before=State.OPEN, notes=[note], now=now)\n"
        "        await self.store.save_moved(sending, before=State.SENDING, spent=spent, now=now)\n",
        KILL_TESTS + "a_request_is_answered_once_and_recorded_by_both[sqlite-all-steps]",
    ),
    Defect(
        "a presentation is sent again although the vendor has it",
        PRESENTING,
        "if accepted is None or accepted.status != _OK:\n",
        "if accepted is None or accepted.status:\n",
        KILL_TESTS + "a_request_is_answered_once_and_recorded_by_both[sqlite-released]",
    ),
    Defect(
        "an unlocked wallet does not go on with what is unfinished",
        "wallet/context.py",
        "            self._begin(self._resume())\n",
        "",
        KILL_TESTS + "a_no_arrives_once_and_sends_nothing[sqlite]",
    ),
    Defect(
        "a document is kept in a write of its own, before its offer is closed",
        WALLET_STORE,
        "            await self.database.apply(*statements)\n",
        "            await self.database.apply(*statements[1:])\n"
        "            await self.database.apply(statements[0])\n",
        KILL_TESTS + "an_offer_becomes_one_document[sqlite]",
    ),
    Defect(
        "an offer is issued in a write of its own, before its copies are registered",
        ISSUER_STORE,
        "                await self.database.apply(*_registering(offer_id, copies, nonce, now))\n",
        "                steps = tuple(_registering(offer_id, copies, nonce, now))\n"
        "                await self.database.apply(*steps[:2])\n"
        "                await self.database.apply(*steps[2:])\n",
        KILL_TESTS + "an_offer_becomes_one_document[sqlite]",
    ),
    Defect(
        "an event is kept in a write of its own, before it is obeyed",
        VENDOR_STORE,
        "            await self.database.apply(*self._effects(effect, event.at), keeping)\n",
        "            await self.database.apply(keeping)\n"
        "            await self.database.apply(*self._effects(effect, event.at))\n",
        KILL_TESTS + "an_erasure_is_done_once_and_proved[sqlite]",
    ),
    Defect(
        "a service that is told to stop cuts off what is under way",
        WEB,
        "shutdown_timeout=DRAIN_SECONDS)",
        "shutdown_timeout=0.001)",
        STOP_TESTS + "a_request_under_way_is_answered_and_durable_and_no_other_is_taken[sqlite-wallet]",
    ),
    Defect(
        "a client that hangs holds a service that is told to stop",
        WEB,
        "shutdown_timeout=DRAIN_SECONDS)",
        "shutdown_timeout=30.0)",
        STOP_TESTS + "a_client_that_hangs_holds_it_no_longer_than_it_drains[sqlite-wallet]",
    ),
    # The edges of a service
    Defect(
        "strangers' checks of requests may take every socket",
        VENDOR_API,
        "        async with turns:\n            decision",
        "        if turns:\n            decision",
        CHECK_TESTS + "strangers_make_it_fetch_little_at_a_time_and_nothing_on_this_machine",
    ),
    Defect(
        "a form needs no token of the session",
        GUARDS,
        "if not holds_csrf_token(request, await read_csrf(request)):",
        "if await read_csrf(request) is None:",
        WEB_TESTS + "a_form_without_the_sessions_token_is_refused",
    ),
    Defect(
        "a form may come from another site",
        GUARDS,
        'if foreign or sites - {"same-origin"} or not (named or sites):',
        "if not (named or sites):",
        WEB_TESTS + "a_form_from_elsewhere_is_refused_even_with_the_token",
    ),
    Defect(
        "a service answers under any name",
        GUARDS,
        "if request.path not in HEALTH and not all(is_authority_of(base_url, each) for each in named):",
        "if request.path not in HEALTH and not all(named):",
        WEB_TESTS + "another_host_is_refused_except_for_health",
    ),
    Defect(
        "metrics and log name the address with its ids",
        GUARDS,
        'return resource.canonical if resource is not None else "none"',
        "return request.path",
        METRICS_TESTS + "the_public_address_shows_no_metrics",
    ),
    Defect(
        "any page in a browser of the machine can read the metrics",
        "didkit_py/service/http/instrumentation.py",
        "if not any(is_authority_of(each, host) for each in origins):",
        "if not origins:",
        METRICS_TESTS + "a_page_that_calls_this_machine_by_its_own_name_reads_no_metrics",
    ),
    Defect(
        "a call that the database could not do is not counted",
        "didkit_py/service/observability/metrics.py",
        "            self.count(DATABASE_FAILURES, call)\n",
        "",
        "tests/e2e/issuer/test_metrics.py::test_a_database_that_fails_is_counted_and_the_rest_is_still_shown",
    ),
    Defect(
        "a refusal is counted as what went well",
        "didkit_py/service/http/error_responses.py",
        "    request[OUTCOME] = error.code\n",
        "",
        "tests/e2e/issuer/test_metrics.py::test_offers_tokens_and_credentials_are_counted_by_outcome",
    ),
    Defect(
        "the wallet's log says whom it fetched from",
        FETCH,
        "names_origins: bool = False",
        "names_origins: bool = True",
        "tests/e2e/test_wallet.py::test_a_request_has_one_number_and_its_log_does_not_say_whom_the_wallet_met",
    ),
    Defect(
        "a refusal on the wire has no number",
        "didkit_py/service/http/error_responses.py",
        '    shape["request_id"] = request[REQUEST_ID]  # a further member, as RFC 6749, 5.2 lets a server add\n',
        "",
        WEB_TESTS + "a_wire_error_has_the_name_and_status_of_its_routes_table",
    ),
    Defect(
        "redirects are followed",
        FETCH,
        "allow_redirects=False",
        "allow_redirects=True",
        FETCH_TESTS + "a_redirect_is_an_error_and_is_not_followed",
    ),
    Defect(
        "a request that every wallet refuses is handed out",
        "verifier/context.py",
        "        if not would_answer(decision):\n            return decision\n",
        "",
        "tests/e2e/verifier/test_commands.py::test_a_request_that_every_wallet_refuses_is_not_handed_out",
    ),
    Defect(
        "a statement by somebody whom the list names later is called a forgery",
        VENDOR,
        "    if not isinstance(error, Untrusted | UnknownKey):\n",
        "    if not isinstance(error, UnknownKey):\n",
        "tests/unit/terms/test_vendor.py::test_a_statement_of_somebody_who_is_not_on_the_list_yet_is_no_forgery",
    ),
    Defect(
        "a redirect leads from elsewhere to this machine",
        FETCH,
        "                    if still is not on_loopback:\n",
        "                    if still is None:\n",
        FETCH_TESTS + "a_status_list_is_followed_through_the_same_gates_and_three_times_at_most",
    ),
    Defect(
        "a redirect of any document is followed",
        FETCH,
        'if headers.get("Accept") == STATUS_LIST_TYPE else 0',
        'if headers.get("Accept") else 0',
        FETCH_TESTS + "nothing_but_a_status_list_is_followed",
    ),
    Defect(
        "binding methods are looked at when the code is spent",
        "didkit_py/roles/receiving.py",
        "            _require_bindable(_configuration(issuer, each), bindings=bindings, algs=algs)\n",
        "            _configuration(issuer, each)\n",
        "tests/unit/roles/test_receiving.py::test_what_would_end_the_exchange_is_known_before_the_code_is_typed",
    ),
    Defect(
        "encryption that is required in other words than true is not seen",
        "didkit_py/oid4vci/metadata.py",
        'bool(each.get("encryption_required"))',
        'each.get("encryption_required") is True',
        "tests/unit/oid4vci/test_metadata.py::test_encryption_that_is_required_in_whatever_words_is_seen",
    ),
    Defect(
        "the identifiers of a stored token are lost",
        "didkit_py/oid4vci/token.py",
        "        if self.identifiers:\n",
        "        if not self.access_token:\n",
        "tests/unit/oid4vci/test_token.py::test_a_stored_token_keeps_the_identifiers_that_must_be_used",
    ),
    Defect(
        "addresses of a private network are fetched from",
        FETCH,
        "    if not is_public(address[4][0]):\n",
        "    if not address[4][0]:\n",
        FETCH_TESTS + "nothing_but_the_listed_origin_is_reached",
    ),
    Defect(
        "a private address inside of an IPv6 one is taken for public",
        FETCH,
        "            return is_public(str(inner))\n",
        "            return True\n",
        FETCH_TESTS + "an_address_of_special_purpose_is_not_public",
    ),
    Defect(
        "addresses are judged, and sockets are not",
        FETCH,
        "        socket_factory=socket_factory,\n",
        "",
        TRICK_TESTS + "[loopback by number]",
    ),
    Defect(
        "what Python does not know to be special is public",
        FETCH,
        "    if any(address in network for network in _ALSO_SPECIAL):\n",
        "    if not _ALSO_SPECIAL:\n",
        TRICK_TESTS + "[a metadata address among protocol assignments]",
    ),
    Defect(
        "what stands around a host is not looked at",
        READING,
        'if parts.netloc.lower() not in {shown, f"{shown}:{port}"} or not _HOST.match(shown) or port == 0:',
        "if not _HOST.match(shown) or port == 0:",
        TRICK_TESTS + "[a user]",
    ),
    Defect(
        "a number in any spelling is a host",
        READING,
        'if ends_in_number(host) and not _IPV4.match(host) and ":" not in host:',
        "if not host:",
        TRICK_TESTS + "[loopback in two parts]",
    ),
    Defect(
        "a status list is fetched before the signature that names it holds",
        CREDENTIAL,
        "        for judge in (_issuer_key, _signature, _disclosures):\n            judge(case)\n        yield",
        "        yield",
        CONTACT_TESTS + "of_a_presentation_a_vendor_asks_for_the_status_once_its_signature_holds",
    ),
    Defect(
        "whoever a presentation names as its issuer is asked for a key",
        CREDENTIAL,
        "        _trusted_issuer(case)\n        document = evidence.document",
        "        document = evidence.document",
        CONTACT_TESTS + "of_a_presentation_a_vendor_asks_for_the_status_once_its_signature_holds",
    ),
    Defect(
        "a page of the operator asks for no sign-in",
        "issuer/pages/issued.py",
        'routes.page("GET", "/issued", show_issued, ',
        'routes.page("GET", "/issued", show_issued, signed_in=False, ',
        ROUTE_TESTS + "who_is_not_signed_in_is_sent_to_sign_in_and_changes_nothing[http-issuer GET /issued]",
    ),
    Defect(
        "there is an address that no table knows",
        "wallet/pages/rules.py",
        '    routes.page("GET", "/rules", rules)\n',
        '    routes.page("GET", "/rules", rules)\n    routes.page("GET", "/all-rules", rules)\n',
        ROUTE_TESTS + "every_route_is_in_the_table_and_no_other[http-wallet]",
    ),
    Defect(
        "a browser may keep pages about a person",
        "didkit_py/service/http/error_responses.py",
        'response.headers.setdefault("Cache-Control", "no-store")',
        'response.headers.setdefault("Cache-Control", "private")',
        ROUTE_TESTS + "who_may_see_a_page_sees_it_and_looking_changes_nothing[https-wallet GET /rules]",
    ),
    Defect(
        "scripts can read the cookie of a session",
        "didkit_py/service/http/sessions.py",
        "response.set_cookie(name, session.id, path=path, httponly=True,",
        "response.set_cookie(name, session.id, path=path, httponly=False,",
        "tests/unit/service/test_sessions.py::test_cookies_are_for_one_path_and_out_of_reach_of_scripts",
    ),
    Defect(
        "the cookie of a session reaches every port of the host",
        "didkit_py/service/http/sessions.py",
        'path = f"{session.path}/"',
        'path = "/"',
        "tests/unit/service/test_sessions.py::test_cookies_are_for_one_path_and_out_of_reach_of_scripts",
    ),
    Defect(
        "the path of a session is enough without its cookie",
        "didkit_py/service/http/sessions.py",
        "if session is None or not any(hmac.compare_digest(_key(session.id), _key(each)) for each in ids):",
        "if session is None:",
        "tests/unit/service/test_sessions.py::test_another_port_of_this_host_gets_no_cookie_that_opens_a_page",
    ),
    Defect(
        "a browser that signed in before waits for strangers",
        "didkit_py/service/http/login.py",
        "lane = self.own if device and self.devices.tries[device] < OWN_TRIES else self.shared",
        "lane = self.shared",
        "tests/unit/service/test_sessions.py::test_a_browser_that_signed_in_before_does_not_wait_for_strangers",
    ),
    Defect(
        "any number of tries is compared at once",
        "didkit_py/service/http/login.py",
        "return self.taken >= PLACES",
        "return self.taken < 0",
        "tests/unit/service/test_sessions.py::"
        "test_a_flood_of_tries_is_compared_one_at_a_time_and_the_excess_is_told_to_wait",
    ),
    Defect(
        "half a header is waited for",
        "didkit_py/service/http/connections.py",
        "keepalive_timeout=self._limits.idle_seconds,",
        "keepalive_timeout=3_630,",
        "tests/unit/service/test_connections.py::test_half_a_second_request_after_a_whole_one_is_not_waited_for",
    ),
    Defect(
        "who holds connections keeps everybody else out",
        "didkit_py/service/http/connections.py",
        "next(waiting, transport).abort()",
        "transport.abort()",
        "tests/unit/service/test_connections.py::test_others_are_served_while_many_hold_connections[]",
    ),
    Defect(
        "a log that cannot be written costs the request",
        "didkit_py/service/observability/log.py",
        "with contextlib.suppress(AttributeError, OSError, ValueError):",
        "with contextlib.suppress(AttributeError):",
        "tests/unit/service/test_web.py::test_a_log_that_nobody_reads_any_more_costs_no_request_and_no_orderly_end",
    ),
    Defect(
        "pages of other sites may read pages of a session",
        GUARDS,
        'return facts is not None and facts.kind == "wire" and path not in HEALTH',
        "return facts is not None and path not in HEALTH",
        ROUTE_TESTS + "pages_of_other_sites_may_call_the_wire_and_nothing_else[http-wallet]",
    ),
    Defect(
        "a session goes on after its sign-out",
        SIGNING_IN,
        "    end_session(request)\n    return web.Response(status=303",
        "    return web.Response(status=303",
        ROUTE_TESTS + "who_is_not_signed_in_is_sent_to_sign_in_and_changes_nothing[https-issuer GET /]",
    ),
    Defect(
        "a passphrase stands in the log",
        SIGNING_IN,
        'log.info("signed-in")',
        'log.info("signed-in", name=passphrase)',
        CANARY_TESTS + "no_file_holds_a_canary_neither_log_nor_database_nor_journal",
    ),
    Defect(
        "a wrong passphrase stands in the log",
        SIGNING_IN,
        'log.warning("sign-in-refused", attempts=lane.wrong)',
        'log.warning("sign-in-refused", attempts=lane.wrong, name=passphrase)',
        CANARY_TESTS + "no_file_holds_a_canary_neither_log_nor_database_nor_journal",
    ),
    Defect(
        "a code stands in an address",
        "didkit_py/roles/receiving.py",
        "            previewed.server.token_endpoint,\n",
        '            f"{previewed.server.token_endpoint}?{urlencode(request.to_form())}",\n',
        CANARY_TESTS + "no_address_that_was_asked_for_holds_a_canary",
    ),
    Defect(
        "an answer about another event confirms this one",
        EVENTS,
        "    if event.of != to.digest:\n",
        "    if not event.of:\n",
        ENDING_TESTS + "nothing_is_done_without_the_vendors_signature_in_its_place",
    ),
    Defect(
        "what a vendor only received counts as done",
        EVENTS,
        "    if event.state != APPLIED:\n",
        "    if not event.state:\n",
        ENDING_TESTS + "nothing_is_done_without_the_vendors_signature_in_its_place",
    ),
    Defect(
        "an acknowledgement counts as a proof of erasure",
        EVENTS,
        "(Kind.ERASE_PROOF if to.kind is Kind.ERASE_REQUEST else Kind.ACKNOWLEDGE)",
        "event.kind",
        ENDING_TESTS + "an_erasure_is_not_done_by_less_than_a_proof_of_all_of_it",
    ),
    Defect(
        "an event is sent before it is durable",
        ENDING,
        "            await self.store.save_ended(ended, now=self.now_fn())\n        try:\n",
        "        try:\n",
        ENDING_TESTS + "a_silent_vendor_leaves_it_unconfirmed_and_gets_the_same_bytes_again",
    ),
    Defect(
        "a stranger learns which records are there",
        ACCEPTING,
        "            raise BadAgreement(NOT_THEIRS)\n",
        '            raise BadAgreement("the record is not one of ours")\n',
        SAME_ANSWER_TESTS + "the_vendor_answers_all_of_these_alike",
    ),
    Defect(
        "erasing leaves the deleted bytes in the database's files",
        ACCEPTING,
        "        await self.store.finish_erasing()\n",
        "",
        VENDOR_ENDING_TESTS + "an_erasure_leaves_no_byte_of_what_was_learned_and_a_signed_proof",
    ),
    Defect(
        "a crash before the scrub leaves the deleted bytes for good",
        VENDOR_APP,
        "            await _keep_to_time(opened)\n",
        "",
        VENDOR_ENDING_TESTS + "a_crash_between_deleting_and_scrubbing_is_made_good_at_the_next_start",
    ),
    Defect(
        "an erasure forgets that it must scrub",
        VENDOR_STORE,
        "SET wanted = wanted + 1",
        "SET wanted = wanted",
        VENDOR_ENDING_TESTS + "an_erasure_leaves_no_byte_of_what_was_learned_and_a_signed_proof",
    ),
    Defect(
        "a sweep takes all that is over at once, and every other write waits for it",
        ISSUER_STORE,
        "_SWEPT: Final = 500 ",
        "_SWEPT: Final = 10**9 ",
        SWEEPING_TESTS + "other_writes_are_made_while_much_is_swept[sqlite]",
    ),
    Defect(
        "a status list is filled until no free place is found",
        STATUS_PLACES,
        "        if len(free) < len(drawn) // 2:\n",
        "        if not free:\n",
        SWEEPING_TESTS + "a_list_that_is_more_than_half_full_is_left_and_no_sooner[sqlite-104857-2]",
    ),
    Defect(
        "an acceptance waits for its presentation for ever",
        VENDOR_STORE,
        "DELETE FROM acceptances WHERE record IS NULL AND received_at < ?",
        "DELETE FROM acceptances WHERE record IS NULL AND received_at < 0 * ?",
        SWEEPING_TESTS + "a_request_that_nobody_answered_goes_with_its_promises_and_what_was_answered_stays[sqlite]",
    ),
    Defect(
        "what was shown outlives what was promised",
        "didkit_py/roles/asking_store.py",
        "if kept.until is not None and kept.until <= now",
        "if kept.until is None",
        "tests/e2e/verifier/test_retention.py::test_after_thirty_days_nothing_of_what_was_shown_is_left_anywhere",
    ),
    Defect(
        "what became due while nobody ran stays",
        VENDOR_APP,
        "        await parts.retaining.erase_due(now=parts.clock())\n",
        "        await parts.store.finish_erasing()\n",
        "tests/e2e/verifier/test_retention.py::test_what_became_due_while_nobody_ran_goes_at_the_next_start",
    ),
    Defect(
        "the question stays and tells the answer",
        "didkit_py/roles/asking_store.py",
        "asked=kept.asked.without_question() if hides else None",
        "asked=None",
        "tests/e2e/verifier/test_retention.py::test_after_an_erasure_the_question_does_not_tell_the_answer",
    ),
    Defect(
        "the longer of two promises for one claim does not count",
        "didkit_py/records/retention.py",
        "return max(known) if",
        "return min(known) if",
        "tests/e2e/verifier/test_retention.py::test_of_several_grants_for_one_claim_the_longest_keeps_it",
    ),
    Defect(
        "acceptances by strangers are kept without bound",
        VENDOR_STORE,
        "keeping, making_room)",
        "keeping)",
        "tests/e2e/verifier/test_agreements.py::test_acceptances_by_strangers_use_nothing_up",
    ),
    Defect(
        "a no by anybody ends a request",
        "didkit_py/oid4vp/exchange.py",
        "(Event.PRESENTATION_VERIFIED, State.ANSWERED),",
        "(Event.PRESENTATION_VERIFIED, state),",
        "tests/unit/oid4vp/test_exchange.py::test_a_no_and_an_answer_that_does_not_hold_end_nothing",
    ),
    Defect(
        "who wants erased what is gone has the files written anew",
        "didkit_py/roles/asking_store.py",
        "    erases = bool(gone) or ",
        "    erases = True or bool(gone) or ",
        VENDOR_ENDING_TESTS + "erasing_what_is_gone_writes_nothing_anew",
    ),
    Defect(
        "an erasure is proved before it is done",
        ACCEPTING,
        "        if not effect.erases:\n",
        "        if effect is not None:\n",
        VENDOR_ENDING_TESTS + "a_proof_is_signed_after_the_rewrite_and_until_then_the_answer_is_not_yet",
    ),
    Defect(
        "rewrites follow each other without rest",
        "didkit_py/service/storage/scrubbing.py",
        "self._rests_until = loop.time() + REST * (loop.time() - begun)",
        "self._rests_until = 0.0",
        VENDOR_ENDING_TESTS + "a_flood_of_partial_erasures_leaves_the_database_free_most_of_the_time",
    ),
    Defect(
        "who keeps some of it is shown as having erased it",
        "wallet/pages/endings.py",
        "    if one.residual:\n",
        "    if one.residual and not one.confirmed:\n",
        "tests/e2e/test_endings.py::test_who_keeps_some_of_it_is_never_shown_as_having_erased_it",
    ),
    # What others are told of a service
    Defect(
        "a route may go without a description",
        ROUTING,
        "if not handler.__doc__:",
        "if not handler.__name__:",
        DESCRIPTION_TESTS + "a_route_without_a_description_cannot_be_added",
    ),
    Defect(
        "a status that a page answers is not described",
        "issuer/pages/issued.py",
        'query=("to",), statuses=(200, 400)',
        'query=("to",)',
        ISSUER_PAGE_TESTS + "what_was_issued_is_suspended_made_valid_and_revoked_behind_a_question",
    ),
    Defect(
        "a message has a member of another type than is described",
        "didkit_py/oid4vci/token.py",
        'members["expires_in"] = self.expires_in',
        'members["expires_in"] = str(self.expires_in)',
        ISSUER_TESTS + "token_nonce_and_credential_are_kept_by_nobody",
    ),
    Defect(
        "a signed request has a member that is not described",
        "didkit_py/oid4vp/request_claims.py",
        '"aud": AUDIENCE,',
        '"aud": AUDIENCE, "sub": AUDIENCE,',
        VENDOR_TESTS + "a_wallet_gets_the_signed_request_twice_and_with_its_own_nonce",
    ),
    Defect(
        "odd input makes a service fail",
        ISSUER_API,
        "if not (number.isascii() and number.isdigit() and len(number) <= MAX_LIST_NUMBER):",
        "if not number:",
        CALLING_TEST + "[issuer-/status-lists/{number}-get]",
    ),
    Defect(
        "an error is answered in another shape than is described",
        "didkit_py/service/http/error_responses.py",
        '"error_description": describable(message)}',
        '"message": describable(message)}',
        CALLING_TEST + "[issuer-/types/{name}-get]",
    ),
    # Commands that look
    Defect(
        "a check-up takes any program on the port for this one",
        CHECKS_HERE,
        "    except DidkitError:\n        return False\n",
        "    except DidkitError:\n        return True\n",
        DOCTOR_TESTS + "another_service_of_ours_on_the_port_is_another_program",
    ),
    Defect(
        "a check-up leaves a journal behind",
        CHECKS_HERE,
        'options = "mode=ro" if in_use else "mode=ro&immutable=1"',
        'options = "mode=ro" if in_use else "mode=ro&immutable=0"',
        DOCTOR_TESTS + "a_check_up_changes_nothing_in_the_folder",
    ),
    Defect(
        "a check-up does not compare the key with the published one",
        "didkit_py/service/doctor/remote_checks.py",
        "if case.keys.public != case.document.key(None, Purpose.ASSERTION, now=case.clock()):",
        "if not case.document.key(None, Purpose.ASSERTION, now=case.clock()):",
        DOCTOR_TESTS + "a_folder_whose_key_is_not_the_published_one_is_named",
    ),
    Defect(
        "a private key is shown to who did not ask for it",
        "didkit_py/commands/key.py",
        "    if not with_private:\n",
        "    if PRIVATE not in private:\n",
        "tests/unit/commands/test_key.py::test_a_key_is_shown_as_the_standard_prints_it_without_its_private_part",
    ),
    Defect(
        "what a command calls verified has no signature that fits",
        "didkit_py/commands/credential.py",
        'verify_compact(parse_compact(signed, typ=str(seen.header.get("typ")), max_length=MAX_BYTES), key)',
        'parse_compact(signed, typ=str(seen.header.get("typ")), max_length=MAX_BYTES)',
        "tests/unit/commands/test_credential.py::test_a_signature_that_does_not_fit_is_refused_only_when_asked_to",
    ),
    Defect(
        "a session of PostgreSQL that something has reset is used again",
        "didkit_py/service/storage/postgres_pool.py",
        "if not session.is_closed and await session.is_fit(CHECK_SECONDS, doubted=doubted):",
        "if not session.is_closed:",
        "tests/stores/test_pooler.py::test_a_session_that_was_changed_is_left_and_another_one_does_the_work[RESET ALL]",
    ),
    Defect(
        "a pooler before PostgreSQL is taken for the server itself",
        "didkit_py/service/storage/postgres_connection.py",
        "if backend != connection.get_server_pid() or purpose.first:",
        "if purpose.first:",
        "tests/stores/test_pooler.py::test_behind_a_transaction_pooler_with_one_connection_nothing_of_a_neighbours_session_is_used",
    ),
    Defect(
        "a write that lost against neighbours is given up after a few tries",
        "didkit_py/service/storage/postgres.py",
        "RETRY_SECONDS: Final = 20.0",
        "RETRY_SECONDS: Final = 0.01",
        "tests/stores/test_postgres.py::test_a_write_that_loses_nine_times_in_a_row_is_still_made[40001]",
    ),
    Defect(
        "a byte order mark before a file of a person is read as a part of it",
        "didkit_py/service/setup/input_files.py",
        "return octets.removeprefix(BYTE_ORDER_MARK)",
        "return octets",
        "tests/unit/service/test_files.py::test_a_byte_order_mark_before_a_file_of_a_person_changes_nothing[settings.toml-]",
    ),
    Defect(
        "what rides along counts as accepted",
        "didkit_py/consent/consent.py",
        "        grants=grants.carried(answers) | answer.grants,",
        "        grants=grants.carried(answers) | frozenset(grants.choices),",
        CHOICES_TESTS + "advertising_without_data_does_not_ride_along",
    ),
    Defect(
        "a vendor takes a record that declines what is not a choice",
        RECORD,
        "    declined = frozenset(grants.choices).difference(record.agreed)",
        "    declined = frozenset(record.accepted).difference(record.agreed)",
        CHOICES_TESTS + "what_is_needed_cannot_be_declined_beside_a_yes",
    ),
    Defect(
        "a condition that no page explains is passed over",
        "didkit_py/consent/choices.py",
        '        "price": grant.price is not None,',
        '        "price": False,',
        CHOICES_TESTS + "a_condition_that_no_page_explains_is_refused",
    ),
    Defect(
        "uses are tied together that could be chosen apart",
        "didkit_py/consent/choices.py",
        "    return len(purposes) > 1 and not all(map(is_service, purposes))",
        "    return len(purposes) > 1 and not any(map(is_service, purposes))",
        CHOICES_TESTS + "uses_that_have_nothing_to_do_with_each_other_are_not_tied_together",
    ),
    Defect(
        "a promise to pass nothing on may name processors",
        RULES_PROMISE,
        'needed = "listed" if recipient.third_parties else "processors" if recipient.processors else "none"',
        'needed = "listed" if recipient.third_parties else "none"',
        RULES_TESTS + "a_promise_to_pass_nothing_on_that_names_other_parties_is_refused",
    ),
    Defect(
        "one role stands for all types",
        RULES_REQUEST,
        "    if all(roles & shown for roles in wanted):",
        "    if not wanted or any(roles & shown for roles in wanted):",
        RULES_TESTS + "one_role_does_not_stand_for_all_types",
    ),
    Defect(
        "a vendor continues the record of any other",
        RULES_REQUEST,
        "        if owner.isdisjoint(vendor.identifiers):",
        "        if not owner:",
        RULES_TESTS + "a_vendor_continues_only_a_record_of_its_own",
    ),
    Defect(
        "what no type explains says nothing about a person",
        "didkit_py/credentials/template.py",
        "(path)) or frozenset({IDENTITY})",
        "(path))",
        "tests/unit/terms/test_sensitivity.py::test_"
        "a_nameless_vendor_without_a_promise_does_not_learn_who_the_person_is",
    ),
    Defect(
        "a period may lead beyond the calendar",
        "didkit_py/terms/period.py",
        'if seconds > MAX_YEARS * _SECONDS["years"]:',
        'if seconds > 100 * MAX_YEARS * _SECONDS["years"]:',
        "tests/properties/test_terms_readers.py::test_a_period_is_at_most_a_hundred_years_or_no_period",
    ),
    Defect(
        "erasure may take longer than the terms say",
        RULES_PROMISE,
        "    if agreement.erase.within > erasure:",
        "    if agreement.erase.within > agreement.erase.within:",
        RULES_TESTS + "a_desk_is_not_slower_than_the_terms_say",
    ),
)
