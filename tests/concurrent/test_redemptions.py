"""Ten thousand who come with the same thing at once: one of them gets something, and everybody else the same refusal.

CROWD=… in the environment sets another number; CI takes a quarter of them.

Codes and answers come over HTTP, 128 at a time, to the real services: one process on SQLite, two on one database of
PostgreSQL. Guesses and nonces come through the role without HTTP, in one process, to keep this file quick; there, on
PostgreSQL, two sets of the service's parts share the database. What is left in it afterwards is the effect of one.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice
from typing import Final

from didkit_py.encoding import sha256
from didkit_py.oauth import InvalidGrant, InvalidNonce
from didkit_py.oid4vci.credential_request import CredentialRequest
from didkit_py.oid4vci.key_proof import create_key_proof
from didkit_py.oid4vci.offer import PRE_AUTHORIZED
from didkit_py.oid4vci.token import TokenRequest
from didkit_py.oid4vp.response import create_response
from didkit_py.roles.issuing_store import MadeOffer, WantedCredential
from issuer.context import IssuerContext
from tests.concurrent.conftest import Dealer, Union, count
from tests.concurrent.crowd import CROWD, Answer, call_all, post_form, rush
from tests.e2e.issuer.office import NOW, STANDING, keys

TYPE: Final = "insurer-good-standing"
PRESENTATIONS: Final = 8  # as many acceptances as the vendor takes for one request


async def an_offer(parts: IssuerContext, reference: str = "100042") -> MadeOffer:
    return await parts.issuing.make_offer(
        WantedCredential(type_name=TYPE, values=STANDING, reference=reference), now=NOW
    )


def redemption(union: Union, made: MadeOffer, tx_code: str) -> bytes:
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": made.offer.code, "tx_code": tx_code}
    return post_form(f"{union.url}/token", form)


def outcomes(answers: Sequence[Answer]) -> Counter[tuple[int, str]]:
    """How often each answer was given, by its status and the name of its error."""
    return Counter((one.status, one.json().get("error", "")) for one in answers)


async def test_a_code_is_redeemed_once(union: Union, ports: list[int]) -> None:
    made = await an_offer(union.parts)
    answers = await rush(ports, [redemption(union, made, made.tx_code)] * CROWD)
    assert outcomes(answers) == {(200, ""): 1, (400, "invalid_grant"): CROWD - 1}
    (token,) = [one.json()["access_token"] for one in answers if one.status == 200]
    assert (await union.parts.issuing.authorize(token, now=NOW)).offer.id == made.offer.id
    assert await count(union.parts.store.database, "SELECT count(*) FROM offers WHERE token_hash IS NOT NULL") == 1


async def test_guesses_at_a_transaction_code_are_no_more_than_five(desks: list[IssuerContext]) -> None:
    made = await an_offer(desks[0])
    wrong = [code for guess in range(CROWD + 1) if (code := f"{guess:06}") != made.tx_code][:CROWD]

    async def guess(desk: IssuerContext, tx_code: str) -> str:
        try:
            return (
                await desk.issuing.redeem(TokenRequest(code=made.offer.code, tx_code=tx_code), now=NOW)
            ).access_token
        except InvalidGrant as refused:
            return refused.code

    answers = await call_all(partial(guess, desk, code) for desk, code in zip(cycle(desks), wrong, strict=False))
    assert Counter(answers) == {"invalid_grant": CROWD}
    kept = await desks[0].store.load(made.offer.id, now=NOW)
    assert (kept.tries, kept.state) == (5, "locked")
    assert await guess(desks[0], made.tx_code) == "invalid_grant"


async def test_a_nonce_is_spent_once_and_for_one_offer(desks: list[IssuerContext]) -> None:
    first, database = desks[0], desks[0].store.database
    nonce = first.issuing.nonce(now=NOW)
    asked = [await a_token_and_a_request(first, f"member {place}", nonce) for place in range(3)]

    async def ask(desk: IssuerContext, token: str, request: CredentialRequest) -> str:
        try:
            await desk.issuing.issue(request, token=token, now=NOW)
        except InvalidNonce as refused:
            return refused.code
        return "issued"

    crowd = islice(zip(cycle(desks), cycle(asked), strict=False), CROWD)
    got = await call_all(partial(ask, desk, *one) for desk, one in crowd)
    assert Counter(got) == {"issued": 1, "invalid_nonce": CROWD - 1}
    assert await count(database, "SELECT count(*) FROM spent_nonces") == 1
    assert await count(database, "SELECT count(*) FROM offers WHERE issued_at IS NOT NULL") == 1
    assert await count(database, "SELECT count(*) FROM copies") == 1
    assert await count(database, "SELECT count(*) FROM copies WHERE list_index IS NOT NULL") == 1


async def a_token_and_a_request(parts: IssuerContext, reference: str, nonce: str) -> tuple[str, CredentialRequest]:
    """Of an offer of their own, with a key of their own, over that nonce."""
    made = await an_offer(parts, reference)
    token = await parts.issuing.redeem(TokenRequest(code=made.offer.code, tx_code=made.tx_code), now=NOW)
    (signer,) = keys(1)
    proof = await create_key_proof(signer=signer, audience=parts.settings.base_url, nonce=nonce, now=NOW)
    return token.access_token, CredentialRequest(configuration_id=TYPE, proofs=(proof,))


async def test_a_request_is_answered_once_and_leaves_one_result_and_one_record(
    dealer: Dealer, ports: list[int]
) -> None:
    """Different presentations, each accepted before, each encrypted twice; of each text come six hundred and more."""
    shop, database = dealer.shop, dealer.shop.parts.store.database
    fetched = await shop.fetch(await shop.ask())
    request = fetched.request.request
    shown = [await shop.present(fetched) for _ in range(PRESENTATIONS)]
    for vp_token in shown:
        accepted = await shop.send_acceptance(await shop.accept(fetched, vp_token))
        assert accepted.status == 202, accepted.text
    texts = [create_response(vp_token, request=request) for vp_token in shown * 2]
    sent = [post_form(request.response_uri, {"response": text}) for text in texts]
    answers = await rush(ports, islice(cycle(sent), CROWD))
    (won,) = [one.json() for one in answers if one.status == 200]
    assert Counter(one.json()["code"] for one in answers if one.status == 400) == {"replayed": CROWD - 1}
    assert await count(database, "SELECT count(*) FROM requests WHERE answered_at IS NOT NULL") == 1
    assert await count(database, "SELECT count(*) FROM acceptances WHERE record IS NOT NULL") == 1
    assert await shop.parts.store.has_response_code(sha256(won["redirect_uri"].partition("=")[2].encode()))
    kept = await shop.parts.store.load_request(fetched.made.id, now=shop.clock())
    (recorded,) = [one for one in await shop.parts.store.load_acceptances(fetched.made.id) if one.record]
    assert kept.result is not None
    assert kept.result.presented == recorded.presented
