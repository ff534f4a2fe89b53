"""Defects that somebody could plant, each with the test that claims to catch it. `make defects` takes each at its word.

A defect is a small change that leaves running code: a check removed, a comparison loosened, a sync dropped, something
kept that should be spent. A row whose text no longer stands in its file belongs to code that moved: move the row too.
"""

from dataclasses import dataclass
from typing import Final

CREDENTIAL: Final = "didkit_py/verification/credential.py"
PRESENTATION: Final = "didkit_py/verification/presentation.py"
SD_JWT: Final = "didkit_py/formats/sd_jwt.py"
SD_JWT_VC: Final = "didkit_py/formats/sd_jwt_vc.py"
JOSE: Final = "didkit_py/jose.py"
ENCODING: Final = "didkit_py/encoding.py"
REQUEST: Final = "didkit_py/oid4vp/request.py"
RESPONSE: Final = "didkit_py/oid4vp/response.py"
KEY_PROOF: Final = "didkit_py/oid4vci/key_proof.py"
AGREEMENT: Final = "didkit_py/terms/agreement.py"
RECORD: Final = "didkit_py/terms/record.py"
ORDER: Final = "didkit_py/terms/order.py"
VENDOR: Final = "didkit_py/terms/vendor.py"
RULES_QUERY: Final = "didkit_py/terms/rules_query.py"
RULES_PROMISE: Final = "didkit_py/terms/rules_promise.py"
RULES_REQUEST: Final = "didkit_py/terms/rules_request.py"
FETCH: Final = "didkit_py/service/fetch.py"
GUARDS: Final = "didkit_py/service/guards.py"
SQLITE: Final = "didkit_py/service/sqlite_connection.py"
ISSUER_STORE: Final = "issuer/store.py"
EVENTS: Final = "didkit_py/terms/events.py"
ACCEPTING: Final = "didkit_py/roles/accepting.py"
ENDING: Final = "didkit_py/roles/ending.py"
VENDOR_APP: Final = "verifier/app.py"
VENDOR_STORE: Final = "verifier/store.py"
LEDGER: Final = "wallet/ledger.py"
WALLET_STORE: Final = "wallet/store.py"
PRESENTING: Final = "didkit_py/roles/presenting.py"
WEB: Final = "didkit_py/service/web.py"

VERIFICATION_TESTS: Final = "tests/unit/test_verification.py::test_"
SD_JWT_TESTS: Final = "tests/unit/formats/test_sd_jwt.py::test_"
JOSE_TESTS: Final = "tests/unit/test_jose.py::test_"
ENCODING_TESTS: Final = "tests/unit/test_encoding.py::test_"
REQUEST_TESTS: Final = "tests/unit/oid4vp/test_request.py::test_"
KEY_PROOF_TESTS: Final = "tests/unit/oid4vci/test_key_proof.py::test_"
AGREEMENT_TESTS: Final = "tests/unit/terms/test_agreement.py::test_"
RECORD_TESTS: Final = "tests/unit/terms/test_record.py::test_"
ORDER_TESTS: Final = "tests/unit/terms/test_order.py::test_"
DECISION_TESTS: Final = "tests/unit/terms/test_decision.py::test_"
FETCH_TESTS: Final = "tests/unit/service/test_fetch.py::test_"
WEB_TESTS: Final = "tests/unit/service/test_web.py::test_"
SQLITE_TESTS: Final = "tests/stores/test_sqlite.py::test_"
ISSUER_TESTS: Final = "tests/e2e/issuer/test_wire.py::test_"
VENDOR_TESTS: Final = "tests/e2e/verifier/test_wire.py::test_"
ENDING_TESTS: Final = "tests/unit/roles/test_ending.py::test_"
VENDOR_ENDING_TESTS: Final = "tests/e2e/verifier/test_endings.py::test_"
KILL_TESTS: Final = "tests/faults/test_kills.py::test_"
STOP_TESTS: Final = "tests/faults/test_stopping.py::test_"
LEDGER_TESTS: Final = "tests/unit/wallet/test_ledger.py::test_"


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
        "more than was asked for is taken",
        PRESENTATION,
        "if one is None or _surplus(one, credential):",
        "if one is None:",
        VERIFICATION_TESTS + "an_answer_with_more_than_was_asked_for_is_refused",
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
        "        _refuse_doubled_members(octets)\n    return value",
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
        "yield from (one for one in case.history.thresholds if one.until > case.now)",
        "yield from (one for one in case.history.thresholds if one.until < one.until)",
        DECISION_TESTS + "vector_13_a_second_threshold_to_the_same_vendor_is_probing",
    ),
    # A promise, and the record of it
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
        RECORD,
        "if self.presented != presented_digest(vp_token, nonce):",
        "if not presented_digest(vp_token, nonce):",
        RECORD_TESTS + "a_record_is_about_one_presentation",
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
        "an issuer's nonce is not spent",
        ISSUER_STORE,
        'ON CONFLICT (id) DO NOTHING", (nonce, end), rows=1',
        'ON CONFLICT (id) DO NOTHING", (nonce, end)',
        ISSUER_TESTS + "a_nonce_works_once_also_for_another_offer",
    ),
    Defect(
        "an access token never ends",
        ISSUER_STORE,
        "WHERE token_hash = ? AND token_expires_at > ? AND state IN (?, ?)",
        "WHERE token_hash = ? AND ? > 0 AND state IN (?, ?)",
        ISSUER_TESTS + "an_expired_token_is_refused_with_a_challenge",
    ),
    # Asking
    Defect(
        "the nonce of a request is not spent with the answer",
        VENDOR_STORE,
        '" WHERE id = ? AND answered_at IS NULL AND state = ? RETURNING id",\n            (state.value,',
        "\" WHERE id = ? AND ? <> '' RETURNING id\",\n            (state.value,",
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
        SQLITE_TESTS + "every_connection_syncs_fully_overwrites_what_it_deletes_and_uses_no_temporary_files",
    ),
    Defect(
        "SQLite syncs less than every commit",
        SQLITE,
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = NORMAL"',
        SQLITE_TESTS + "every_connection_syncs_fully_overwrites_what_it_deletes_and_uses_no_temporary_files",
    ),
    Defect(
        "what is deleted stays in the file",
        SQLITE,
        '"PRAGMA secure_delete = ON"',
        '"PRAGMA secure_delete = OFF"',
        SQLITE_TESTS + "every_connection_syncs_fully_overwrites_what_it_deletes_and_uses_no_temporary_files",
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
        "the ledger's head is replaced before the commit",
        LEDGER,
        "            await self._database.apply(*statements, *also)\n"
        "            await asyncio.to_thread(self._head.write, head.follow(entries))\n",
        "            await asyncio.to_thread(self._head.write, head.follow(entries))\n"
        "            await self._database.apply(*statements, *also)\n",
        KILL_TESTS + "a_no_arrives_once_and_sends_nothing[sqlite]",
    ),
    Defect(
        "an unlocked wallet does not go on with what is unfinished",
        "wallet/parts.py",
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
        "            await self.database.apply(keeping, *self._effects(effect, event.at))\n",
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
        "a form needs no token of the session",
        GUARDS,
        "if session is None or not hmac.compare_digest(session.csrf.encode(), token.encode()):",
        "if session is None or not hmac.compare_digest(token.encode(), token.encode()):",
        WEB_TESTS + "a_form_without_the_sessions_token_is_refused",
    ),
    Defect(
        "a form may come from another site",
        GUARDS,
        'if named - {request.app[SETTINGS].base_url} or sites - {"same-origin"} or not (named or sites):',
        "if not (named or sites):",
        WEB_TESTS + "a_form_from_elsewhere_is_refused_even_with_the_token",
    ),
    Defect(
        "a service answers under any name",
        GUARDS,
        'if request.path not in HEALTH and request.headers.get("Host", "").lower() != expected:',
        'if request.path not in HEALTH and not (request.headers.get("Host", "") and expected):',
        WEB_TESTS + "another_host_is_refused_except_for_health",
    ),
    Defect(
        "redirects are followed",
        FETCH,
        "allow_redirects=False",
        "allow_redirects=True",
        FETCH_TESTS + "a_redirect_is_an_error_and_is_not_followed",
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
        "erasing leaves the deleted bytes in the database's files",
        ACCEPTING,
        "        await self.store.finish_erasing()\n",
        "",
        VENDOR_ENDING_TESTS + "an_erasure_leaves_no_byte_of_what_was_learned_and_a_signed_proof",
    ),
    Defect(
        "a crash before the scrub leaves the deleted bytes for good",
        VENDOR_APP,
        "            await _finish_erasing(opened)\n",
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
)
