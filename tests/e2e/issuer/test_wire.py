"""The wire of the issuer, against its real application and database: what goes well and what is refused."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from didkit_py.credentials.template import template_named
from didkit_py.dids.document import keys_of_document
from didkit_py.dids.methods import did_of
from didkit_py.encoding import from_b64url
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import read_credential, verify_issuer
from didkit_py.formats.table import FORMATS
from didkit_py.keys.party import KeyPurpose, PartyKeys
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.roles.receiving import collect, preview, receive, redeem
from didkit_py.status.states import Status
from didkit_py.status.token_list import verify_status_list
from issuer.status_index import LIST_SIZE
from tests.e2e.issuer.office import DEALER, NOW, STANDING, Clock, Office, Taken, keys, open_office

STANDING_TYPE = "insurer-good-standing"


async def issued(office: Office, offer: Taken, signers: list[SoftwareSigner]) -> list[str]:
    token = await office.access_token(offer)
    answer = await office.credential(token, await office.request(STANDING_TYPE, signers))
    assert answer.status == 200, answer.text
    return [entry["credential"] for entry in answer.json()["credentials"]]


async def document(office: Office) -> PartyKeys:
    return keys_of_document((await office.get("/.well-known/did.json")).json(), did=office.parts.did)


async def status_of(office: Office, text: str) -> int:
    """What the published list says of a credential."""
    reference = read_credential(parse_sd_jwt(text)).status
    assert reference is not None
    published = await office.get(reference.uri.removeprefix(office.url))
    assert published.headers["Content-Type"] == "application/statuslist+jwt"
    key = (await document(office)).key(None, KeyPurpose.ASSERTION)
    return verify_status_list(
        published.text, uri=reference.uri, issuer=office.parts.did, key=key, now=office.clock()
    ).status(reference.index)


async def test_a_wallet_takes_an_offer_and_gets_ten_copies_bound_to_its_ten_keys(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    previewed = await preview(offer.link, fetch=office.fetcher, formats=FORMATS)
    assert previewed.issuer.display_name == "Harbour Credit Union"

    received = await receive(
        previewed,
        tx_code=offer.tx_code,
        signers=keys(10),
        fetch=office.fetcher,
        clock=office.clock,
        formats=FORMATS,
        key_sources=KEY_SOURCES,
    )

    assert len(received.texts) == 10
    assert {each.holder for each in received.credentials} == {each.public for each in keys(10)}
    key = (await document(office)).key(None, KeyPurpose.ASSERTION)
    for text in received.texts:
        credential = verify_issuer(parse_sd_jwt(text), key)
        assert credential.claims["standing"] == "good"
        assert credential.vct == "urn:didkit-py:vct:insurer-good-standing:1"
    assert (await office.parts.store.load(offer.id, now=NOW)).state is IssuanceState.ISSUED


async def test_copies_have_different_salts_and_status_places_that_follow_no_order(office: Office) -> None:
    texts = await issued(office, await office.offer(STANDING_TYPE, STANDING), keys(10))

    salts = [disclosure.salt for text in texts for disclosure in parse_sd_jwt(text).disclosures]
    assert len(set(salts)) == len(salts) >= 10
    places = [read_credential(parse_sd_jwt(text)).status for text in texts]
    indices = [place.index for place in places if place is not None]
    assert len(set(indices)) == 10
    assert all(0 <= index < LIST_SIZE for index in indices)
    assert indices != sorted(indices)
    assert max(indices) - min(indices) > 1_000  # ten neighbours at random: less than one in 10^15


async def test_the_affordability_of_a_person_has_no_status_and_hides_each_step(office: Office) -> None:
    steps = {str(step): step <= 20_000 for step in (5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000)}
    values = {
        "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
        "currency": "GBP",
        "basis": "pre-qualified-credit",
        "at_least": steps,
        "range": {"min": 20_000, "max": 25_000},
    }
    offer = await office.offer("affordability-range", values)
    token = await office.access_token(offer)
    answer = await office.credential(token, await office.request("affordability-range", keys(2)))

    parsed = parse_sd_jwt(answer.json()["credentials"][0]["credential"])
    payload = json.loads(parsed.jws.payload)
    assert "status" not in payload
    assert payload["currency"] == "GBP"
    assert "20000" not in json.dumps(payload)
    assert len(parsed.disclosures) == 9
    assert payload["iat"] % 604_800 == payload["exp"] % 604_800 == 0


async def test_metadata_names_the_issuer_its_types_and_its_endpoints(office: Office) -> None:
    metadata = (await office.get("/.well-known/openid-credential-issuer")).json()

    assert metadata["credential_issuer"] == office.url
    assert metadata["batch_credential_issuance"] == {"batch_size": 10}
    person = metadata["credential_configurations_supported"]["affordability-range"]
    assert person["format"] == "dc+sd-jwt"
    assert person["cryptographic_binding_methods_supported"] == ["jwk"]
    business = metadata["credential_configurations_supported"]["authorized-dealer"]
    assert business["cryptographic_binding_methods_supported"] == ["did:web"]
    server = (await office.get("/.well-known/oauth-authorization-server")).json()
    assert server["token_endpoint"] == f"{office.url}/token"
    assert server["pre-authorized_grant_anonymous_access_supported"] is True


async def test_type_metadata_fits_the_digest_in_the_credential(office: Office) -> None:
    texts = await issued(office, await office.offer(STANDING_TYPE, STANDING), keys(1))

    published = (await office.get(f"/types/{STANDING_TYPE}")).json()
    assert published == template_named(STANDING_TYPE).type_metadata()
    assert read_credential(parse_sd_jwt(texts[0])).integrity == template_named(STANDING_TYPE).integrity
    assert (await office.get("/types/contact")).status == 404


async def test_token_nonce_and_credential_are_kept_by_nobody(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    token = await office.token(offer.code, offer.tx_code)
    nonce = await office.post("/nonce")
    answer = await office.credential(token.json()["access_token"], await office.request(STANDING_TYPE, keys(1)))
    message = await office.get(f"/credential-offers/{offer.id}")

    assert [each.headers["Cache-Control"] for each in (token, nonce, answer, message)] == ["no-store"] * 4


async def test_wrong_and_unknown_codes_get_the_same_bytes(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    other = await office.offer(STANDING_TYPE, STANDING, reference="100043")

    wrong = await office.token(offer.code, wrong_code(offer))
    unknown = await office.token("A" * 43, offer.tx_code)
    await office.token(other.code, other.tx_code)
    spent = await office.token(other.code, other.tx_code)

    assert wrong.status == unknown.status == spent.status == 400
    assert wrong.refusal == unknown.refusal == spent.refusal
    assert wrong.error == "invalid_grant"


async def test_five_wrong_codes_lock_the_offer_and_the_right_one_comes_too_late(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)

    answers = [await office.token(offer.code, wrong_code(offer)) for _ in range(5)]

    assert {each.error for each in answers} == {"invalid_grant"}
    assert (await office.parts.store.load(offer.id, now=NOW)).state is IssuanceState.LOCKED
    late = await office.token(offer.code, offer.tx_code)
    assert late.refusal == answers[0].refusal


async def test_the_right_code_still_opens_after_four_wrong_ones(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    for _ in range(4):
        await office.token(offer.code, wrong_code(offer))

    assert (await office.token(offer.code, offer.tx_code)).status == 200


async def test_fifty_guesses_at_once_are_no_more_than_five(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)

    await asyncio.gather(*(office.token(offer.code, wrong_code(offer)) for _ in range(50)))

    kept = await office.parts.store.load(offer.id, now=NOW)
    assert (kept.state, kept.tries) == (IssuanceState.LOCKED, 5)


async def test_of_two_who_come_with_the_codes_at_once_one_gets_a_token(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)

    answers = await asyncio.gather(*(office.token(offer.code, offer.tx_code) for _ in range(4)))

    assert sorted(each.status for each in answers) == [200, 400, 400, 400]


async def test_a_missing_transaction_code_is_named_and_costs_no_try(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code", "pre-authorized_code": offer.code}

    answer = await office.post("/token", data=form)

    assert (answer.status, answer.error) == (400, "invalid_request")
    assert (await office.parts.store.load(offer.id, now=NOW)).tries == 0


async def test_an_expired_offer_has_no_message_and_no_token(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    unknown = await office.get("/credential-offers/AAAAAAAAAAAAAAAAAAAAAA")
    office.clock.forward(timedelta(days=30))

    gone = await office.get(f"/credential-offers/{offer.id}")
    assert (gone.status, gone.refusal) == (404, unknown.refusal)
    assert (await office.token(offer.code, offer.tx_code)).error == "invalid_grant"
    assert (await office.parts.store.load(offer.id, now=office.clock())).state is IssuanceState.EXPIRED


async def test_a_withdrawn_offer_gives_neither_token_nor_credential(office: Office) -> None:
    first = await office.offer(STANDING_TYPE, STANDING)
    second = await office.offer(STANDING_TYPE, STANDING, reference="100043")
    token = await office.access_token(second)
    for each in (first, second):
        await office.parts.store.withdraw(each.id, now=NOW)

    assert (await office.token(first.code, first.tx_code)).error == "invalid_grant"
    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1)))
    assert (answer.status, answer.error) == (401, "invalid_token")


async def test_an_expired_token_is_refused_with_a_challenge(office: Office) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    office.clock.forward(timedelta(hours=1))

    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1)))

    assert (answer.status, answer.error) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic QTpC"}])
async def test_a_token_belongs_into_the_header_and_nowhere_else(office: Office, headers: dict[str, str]) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    body = await office.request(STANDING_TYPE, keys(1))

    answer = await office.post(f"/credential?access_token={token}", json=body, headers=headers)

    assert (answer.status, answer.error) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("audience", "error"), [("https://issuer.example", "invalid_proof"), ("http://localhost:1", "invalid_proof")]
)
async def test_a_proof_for_another_issuer_is_refused(office: Office, audience: str, error: str) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))

    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1), audience=audience))

    assert (answer.status, answer.error) == (400, error)


@pytest.mark.parametrize("nonce", ["never-ours", "qtgASNYRZtrtrmPH2vUHQgAAAABrAiMtIhf5iDhO_umVcDBl6KB2oA"])
async def test_a_foreign_nonce_is_refused(office: Office, nonce: str) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))

    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1), nonce=nonce))

    assert (answer.status, answer.error) == (400, "invalid_nonce")


async def test_an_old_nonce_is_refused(office: Office) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    nonce = await office.nonce()
    office.clock.forward(timedelta(minutes=11))

    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1), nonce=nonce))

    assert (answer.status, answer.error) == (400, "invalid_nonce")


async def test_a_nonce_works_once_also_for_another_offer(office: Office) -> None:
    first = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    second = await office.access_token(await office.offer(STANDING_TYPE, STANDING, reference="100043"))
    nonce = await office.nonce()

    assert (await office.credential(first, await office.request(STANDING_TYPE, keys(1), nonce=nonce))).status == 200
    for token in (first, second):
        again = await office.credential(token, await office.request(STANDING_TYPE, keys(1), nonce=nonce))
        assert (again.status, again.error) == (400, "invalid_nonce")


async def test_what_is_refused_leaves_the_state_as_it_was(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    token = await office.access_token(offer)
    nonce = await office.nonce()
    await office.credential(
        token, await office.request(STANDING_TYPE, keys(1), nonce=nonce, audience="https://x.example")
    )

    assert (await office.parts.store.load(offer.id, now=NOW)).state is IssuanceState.REDEEMED
    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1), nonce=nonce))
    assert answer.status == 200


async def test_more_than_ten_proofs_are_refused(office: Office) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))

    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(11)))

    assert (answer.status, answer.error) == (400, "invalid_credential_request")


async def test_two_proofs_of_one_key_are_refused(office: Office) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))

    answer = await office.credential(token, await office.request(STANDING_TYPE, keys(1) * 2))

    assert (answer.status, answer.error) == (400, "invalid_proof")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"proofs": {}}, "invalid_proof"),
        ({"proofs": {"jwt": []}}, "invalid_proof"),
        ({"proofs": {"jwt": ["a.b.c"]}}, "invalid_proof"),
        ({"proofs": {"jwt": "a.b.c"}}, "invalid_proof"),
        ({"credential_configuration_id": "authorized-dealer"}, "unknown_credential_configuration"),
        ({"credential_configuration_id": "nothing"}, "unknown_credential_configuration"),
        ({"credential_identifier": "x"}, "invalid_credential_request"),
        ({"credential_response_encryption": {}}, "invalid_encryption_parameters"),
    ],
)
async def test_a_wrong_request_has_the_name_that_the_standard_gives_it(
    office: Office, change: dict[str, Any], error: str
) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    body = await office.request(STANDING_TYPE, keys(1))

    answer = await office.credential(token, body | change)

    assert (answer.status, answer.error) == (400, error)
    assert answer.json()["error_description"].isascii()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"proofs":1,"proofs":2}', b"[" * 100_000, b"\xff\xfe", b'"' + b"x" * 70_000 + b'"']
)
async def test_a_body_that_is_no_request_is_refused_without_a_stack_trace(office: Office, body: bytes) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    answer = await office.post("/credential", data=body, headers=headers)

    assert (answer.status, answer.error) == (400, "invalid_credential_request")
    assert b"Traceback" not in answer.body


async def test_unknown_members_of_a_request_are_ignored(office: Office) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    body = {**await office.request(STANDING_TYPE, keys(1)), "extra": {"a": [1]}}

    assert (await office.credential(token, body)).status == 200


async def test_the_same_keys_again_get_fresh_copies_in_the_same_places(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    token = await office.access_token(offer)
    first = await office.credential(token, await office.request(STANDING_TYPE, keys(3)))
    office.clock.forward(timedelta(minutes=20))
    second = await office.credential(token, await office.request(STANDING_TYPE, keys(3)))

    before, after = (
        [parse_sd_jwt(each["credential"]) for each in got.json()["credentials"]] for got in (first, second)
    )
    assert [read_credential(each).status for each in before] == [read_credential(each).status for each in after]
    assert [read_credential(each).holder for each in before] == [read_credential(each).holder for each in after]
    old = {disclosure.salt for each in before for disclosure in each.disclosures}
    assert old.isdisjoint(disclosure.salt for each in after for disclosure in each.disclosures)
    rows = await office.parts.store.database.fetch("SELECT count(*) AS n FROM copies WHERE offer_id = ?", offer.id)
    assert rows[0]["n"] == 3


async def test_other_keys_under_the_same_token_are_refused(office: Office) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    await office.credential(token, await office.request(STANDING_TYPE, keys(3)))

    for others in (keys(4), keys(2), keys(4)[1:]):
        answer = await office.credential(token, await office.request(STANDING_TYPE, others))
        assert (answer.status, answer.error) == (400, "credential_request_denied")


async def test_two_requests_at_once_register_one_set_of_keys(office: Office) -> None:
    token = await office.access_token(await office.offer(STANDING_TYPE, STANDING))
    bodies = [await office.request(STANDING_TYPE, signers) for signers in (keys(2), keys(4)[2:], keys(2))]

    answers = await asyncio.gather(*(office.credential(token, body) for body in bodies))

    assert sorted(each.status for each in answers) in ([200, 200, 400], [200, 400, 400])


async def test_a_wallet_that_stopped_after_the_token_collects_after_the_issuers_restart(
    folder: Path, clock: Clock
) -> None:
    async with open_office(folder, clock) as office:
        offer = await office.offer(STANDING_TYPE, STANDING)
        previewed = await preview(offer.link, fetch=office.fetcher, formats=FORMATS)
        token = await redeem(previewed, tx_code=offer.tx_code, fetch=office.fetcher)
        first = await collect(
            previewed,
            token,
            signers=keys(10),
            fetch=office.fetcher,
            clock=clock,
            formats=FORMATS,
            key_sources=KEY_SOURCES,
        )
    async with open_office(folder, clock) as office:
        again = await collect(
            previewed,
            token,
            signers=keys(10),
            fetch=office.fetcher,
            clock=clock,
            formats=FORMATS,
            key_sources=KEY_SOURCES,
        )
        assert (await office.parts.store.load(offer.id, now=NOW)).state is IssuanceState.ISSUED

    assert [each.status for each in again.credentials] == [each.status for each in first.credentials]


async def test_a_business_proves_its_did_and_gets_one_copy(office: Office, business: SoftwareSigner) -> None:
    offer = await office.offer("authorized-dealer", DEALER, subject=did_of(business.key_id))
    previewed = await preview(offer.link, fetch=office.fetcher, formats=FORMATS)

    received = await receive(
        previewed,
        tx_code=offer.tx_code,
        signers=[business],
        fetch=office.fetcher,
        clock=office.clock,
        formats=FORMATS,
        key_sources=KEY_SOURCES,
    )

    (credential,) = received.credentials
    assert credential.subject == did_of(business.key_id)
    assert credential.claims["dealer_id"] == "CH-0042"
    assert parse_sd_jwt(received.texts[0]).disclosures == ()


async def test_a_key_of_another_business_is_refused(office: Office, business: SoftwareSigner) -> None:
    offer = await office.offer("authorized-dealer", DEALER, subject=did_of(business.key_id))
    token = await office.access_token(offer)
    elsewhere = SoftwareSigner.from_secret(bytes([9] * 32), key_id="did:web:other.example#key-1")
    impostor = SoftwareSigner.from_secret(bytes([8] * 32), key_id=business.key_id)

    for signer in (elsewhere, impostor, keys(1)[0]):
        answer = await office.credential(token, await office.request("authorized-dealer", [signer]))
        assert (answer.status, answer.error) == (400, "invalid_proof")


async def test_a_business_that_cannot_be_reached_is_neither_believed_nor_refused(
    office: Office, business_port: int
) -> None:
    did = f"did:web:localhost%3A{business_port}"
    token = await office.access_token(await office.offer("authorized-dealer", DEALER, subject=did))
    signer = SoftwareSigner.from_secret(bytes([9] * 32), key_id=f"{did}#key-1")

    answer = await office.credential(token, await office.request("authorized-dealer", [signer]))

    assert (answer.status, answer.error) == (503, "temporarily_unavailable")


async def test_revoking_shows_in_the_next_status_list_and_concerns_all_copies_of_that_offer_alone(
    office: Office,
) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    mine = await issued(office, offer, keys(3))
    others = await issued(office, await office.offer(STANDING_TYPE, STANDING, reference="100043"), keys(3))
    assert {await status_of(office, text) for text in mine + others} == {Status.VALID}

    await office.parts.status_lists.change(offer.id, Status.INVALID)
    assert {await status_of(office, text) for text in mine} == {Status.INVALID}
    assert {await status_of(office, text) for text in others} == {Status.VALID}

    await office.parts.status_lists.change(offer.id, Status.SUSPENDED)
    assert {await status_of(office, text) for text in mine} == {Status.SUSPENDED}


async def test_a_suspended_claim_is_ten_places_far_apart_among_at_least_131072(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    await issued(office, offer, keys(10))
    await office.parts.status_lists.change(offer.id, Status.SUSPENDED)
    text, key = (await office.get("/status-lists/1")).text, (await document(office)).key(None, KeyPurpose.ASSERTION)
    read = verify_status_list(
        text, uri=office.parts.status_lists.uri(1), issuer=office.parts.did, key=key, now=office.clock()
    )
    places = len(read.packed) * 8 // read.bits
    assert places >= 2**17
    suspended = [index for index in range(places) if read.status(index) != Status.VALID]
    assert {read.status(index) for index in suspended} == {Status.SUSPENDED}
    assert len(suspended) == 10
    assert suspended[-1] - suspended[0] > 1_000  # ten neighbours at random: less than one in 10^15


async def test_a_status_list_is_signed_anew_only_when_something_changed(office: Office) -> None:
    offer = await office.offer(STANDING_TYPE, STANDING)
    await issued(office, offer, keys(1))
    first = await office.get("/status-lists/1")
    office.clock.forward(timedelta(minutes=5))

    assert (await office.get("/status-lists/1")).body == first.body
    await office.parts.status_lists.change(offer.id, Status.INVALID)
    assert (await office.get("/status-lists/1")).body != first.body


async def test_a_status_list_is_renewed_before_its_time_is_over(office: Office) -> None:
    first = await office.get("/status-lists/1")
    office.clock.forward(timedelta(hours=13))
    second = await office.get("/status-lists/1")

    claims = [json.loads(from_b64url(each.text.split(".")[1])) for each in (first, second)]
    assert claims[1]["exp"] - claims[0]["exp"] == 13 * 3_600
    assert claims[0]["ttl"] == 300


async def test_the_status_lists_can_be_fetched_without_naming_a_credential(office: Office) -> None:
    assert (await office.get("/status-lists")).json() == {"status_lists": [f"{office.url}/status-lists/1"]}
    for number in ("0", "2", "x", "-1", "9" * 30):
        assert (await office.get(f"/status-lists/{number}")).status == 404


def wrong_code(offer: Taken) -> str:
    return f"{(int(offer.tx_code) + 1) % 1_000_000:06}"
