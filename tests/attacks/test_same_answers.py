"""Unknown, spent and foreign look the same: status, headers and body byte for byte, but for date and request id.

Where two answers differ, `DIFFERENT` says who may learn of it and why.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import pytest

from didkit_py.encoding import b64url
from tests.attacks import issuer_endpoints as issuing
from tests.attacks import vendor_endpoints as vending
from tests.attacks.endpoint import Answer, Call, Change, fields, headers, send
from tests.attacks.forging import FORGER, all_of_tokens, signed_by
from tests.attacks.forging import header as token_header
from tests.attacks.forging import payload as token_payload
from tests.e2e.issuer.office import Office
from tests.e2e.verifier.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")
World: TypeAlias = Any
ITS_OWN: Final = frozenset({"date", "x-request-id"})  # of each answer


def told(answer: Answer) -> tuple[int, Mapping[str, str], bytes]:
    """What an answer tells."""
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in ITS_OWN}
    return answer.status, kept, answer.body.replace(answer.headers["X-Request-Id"].encode(), b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Calls of one address that nobody must be able to tell apart."""

    name: str
    good: Callable[[World], Awaitable[Call]]
    changes: Mapping[str, Change[Any]]


async def answers(group: Group, world: World) -> Mapping[str, tuple[int, Mapping[str, str], bytes]]:
    found = {}
    now = world.clock.now
    for name, change in group.changes.items():
        call = await change(world, await group.good(world))
        found[name] = told(await send(world.http, call))
        world.clock.now = now
    return found


# --- the issuer


async def unknown_token(_: Office, call: Call) -> Call:
    return await headers(Authorization="Bearer " + "x" * 43)(None, call)


async def token_cut(_: Office, call: Call) -> Call:
    return await headers(Authorization=f"Bearer {call.secrets[0][:-1]}")(None, call)


ISSUER: Final = (
    Group(
        name="codes and transaction codes",
        good=issuing.good_token,
        changes={
            "unknown code": fields(pre__authorized_code="x" * 43),
            "spent code": issuing.spent_code,
            "code after its offer's end": issuing.old_offer,
            "code of a withdrawn offer": issuing.withdrawn_offer,
            "wrong transaction code": issuing.wrong_tx_code,
            "transaction code of another offer": issuing.others_tx_code,
            "the fifth wrong transaction code": issuing.locked_offer,
            "the right transaction code of a locked offer": issuing.after_lock,
        },
    ),
    Group(
        name="access tokens",
        good=issuing.good_credential,
        changes={
            "unknown token": unknown_token,
            "token that is cut": token_cut,
            "token after its hour": issuing.old_token,
            "code in the token's place": issuing.offers_code_as_token,
        },
    ),
    Group(
        name="nonces that were never ours",
        good=issuing.good_credential,
        changes={
            "bytes of the right length": issuing.foreign_nonce,
            "bytes of another length": lambda office, call: issuing.with_nonce(office, call, b64url(bytes(39))),
            "a text": lambda office, call: issuing.with_nonce(office, call, "x"),
        },
    ),
    Group(
        name="offers",
        good=issuing.OFFER.good,
        changes={
            "never made": vending.instead("x" * 22),
            "taken up": issuing.taken_up,
            "withdrawn": issuing.withdrawn,
        },
    ),
)

# --- the vendor

NOT_THERE: Final[Mapping[str, Change[Any]]] = {
    "never made": vending.instead("x" * 22),
    "another length": vending.instead("x"),
    "another alphabet": vending.instead("%D1%85"),
}


async def return_page(shop: Shop) -> Call:
    return Call(method="GET", url=f"{shop.url}/done?response_code=")


def code(text: str) -> Change[Any]:
    async def changed(_: object, call: Call) -> Call:
        return replace(call, url=call.url + text)

    return changed


async def real_code(shop: Shop, call: Call) -> Call:
    answer = await send(shop.http, await vending.good_response(shop))
    return replace(call, url=answer.text.partition('"redirect_uri":"')[2].partition('"')[0])


def strangers(change: Callable[[Any], Any]) -> Change[Shop]:
    """An event that a stranger signed as whom it likes."""
    return vending.event(lambda token: change(vending.thiefs(token)))


UNKNOWN_RECORD: Final = "0198b0a2-5d1e-7c3a-9f42-000000000000"
STRANGERS: Final[Mapping[str, Change[Any]]] = {
    "a record that is not there": strangers(token_payload(record=UNKNOWN_RECORD)),
    "a record of somebody else": vending.event(vending.thiefs),
    "a record of somebody else, in another relationship": strangers(token_payload(rel="x" * 22)),
    "a record of somebody else, at another place": strangers(token_payload(seq=7)),
}
WITHOUT_KEY: Final[Mapping[str, Change[Any]]] = {
    "a record that is not there": vending.event(
        all_of_tokens(token_header(jwk={}), token_payload(record=UNKNOWN_RECORD))
    ),
    "a record of somebody else": vending.event(token_header(jwk={})),
}
VENDOR: Final = (
    Group(name="requests by GET", good=vending.good_get, changes=NOT_THERE),
    Group(name="requests by POST", good=vending.good_post, changes=NOT_THERE),
    Group(name="answers", good=vending.good_response, changes=NOT_THERE),
    Group(
        name="codes of the page to come back to",
        good=return_page,
        changes={
            "none": code(""),
            "unknown": code("x" * 22),
            "endless": code("x" * 2_000),
            "odd": code("%F0%9F%98%80"),
        },
    ),
    Group(name="records at withdrawal", good=vending.good_withdrawal, changes=STRANGERS),
    Group(name="records at erasure", good=vending.good_erasure, changes=STRANGERS),
    Group(name="records at erasure, without key", good=vending.good_erasure, changes=WITHOUT_KEY),
)

# --- what may differ

# name -> (one, what it answers, another, what that answers, why the difference may be)
Differing: TypeAlias = tuple[Callable[[World], Awaitable[Call]], Change[Any], str, Change[Any], str, str]


def as_it_is(_: World, call: Call) -> Any:
    async def same() -> Call:
        return call

    return same()


DIFFERENT_ISSUER: Final[Mapping[str, Differing]] = {
    "a form without transaction code": (
        issuing.good_token,
        fields(tx_code=None),
        "invalid_request",
        issuing.wrong_tx_code,
        "invalid_grant",
        "OpenID4VCI 1.0, 6.3 names both; whether an offer has a code stands in the offer",
    ),
    "a nonce that was ours": (
        issuing.good_credential,
        issuing.old_nonce,
        "the nonce is too old",
        issuing.foreign_nonce,
        "the nonce was not made here",
        "both are invalid_nonce; anybody may ask for a nonce, and its age stands in it",
    ),
    "a token of another offer": (
        issuing.good_credential,
        issuing.put("credential_configuration_id", "affordability-range"),
        "unknown_credential_configuration",
        unknown_token,
        "invalid_token",
        "OpenID4VCI 1.0, 8.3.1.2 names both; the first is told to the owner of a token that is good for something else",
    ),
}
DIFFERENT_VENDOR: Final[Mapping[str, Differing]] = {
    "a request whose time is over": (
        vending.good_get,
        vending.later,
        '"error":"expired"',
        vending.instead("x" * 22),
        '"error":"not-found"',
        "only who has the link knows the name, 128 random bits, and the person shall learn why it does not open",
    ),
    "a request that was answered": (
        vending.good_get,
        vending.answered,
        '"error":"illegal-move"',
        vending.instead("x" * 22),
        '"error":"not-found"',
        "the same; who opens a link twice shall not think that the vendor lost the request",
    ),
    "an answer that was given before": (
        vending.good_response,
        vending.sent_before,
        '"code":"replayed"',
        vending.instead("x" * 22),
        '"code":"not-found"',
        "the same; a wallet that sends twice shall know that the first answer came",
    ),
    "a code that is ours": (
        return_page,
        real_code,
        "Your answer arrived",
        code("x" * 22),
        "Nothing to see here",
        "the code comes only from an answer just given, and the page says nothing about the person",
    ),
    "an event under the right key whose signature does not hold": (
        vending.good_withdrawal,
        vending.event(signed_by(FORGER)),
        '"code":"bad-signature"',
        vending.event(vending.thiefs),
        '"code":"bad-agreement"',
        "only the two parties of a record know its key, which is made for it alone",
    ),
}


@pytest.mark.parametrize("group", ISSUER, ids=lambda group: group.name)
async def test_the_issuer_answers_all_of_these_alike(group: Group, office: Office) -> None:
    require_alike(await answers(group, office))


@pytest.mark.parametrize("group", VENDOR, ids=lambda group: group.name)
async def test_the_vendor_answers_all_of_these_alike(group: Group, shop: Shop) -> None:
    require_alike(await answers(group, shop))


def require_alike(found: Mapping[str, tuple[int, Mapping[str, str], bytes]]) -> None:
    first, *others = found.items()
    for name, answer in others:
        for here, there in zip(answer, first[1], strict=True):
            assert here == there, f"{name} and {first[0]} differ"


@pytest.mark.parametrize("name", DIFFERENT_ISSUER)
async def test_what_the_issuer_tells_apart_is_what_the_table_says(name: str, office: Office) -> None:
    await require_different(DIFFERENT_ISSUER[name], office)


@pytest.mark.parametrize("name", DIFFERENT_VENDOR)
async def test_what_the_vendor_tells_apart_is_what_the_table_says(name: str, shop: Shop) -> None:
    await require_different(DIFFERENT_VENDOR[name], shop)


async def require_different(row: Differing, world: World) -> None:
    good, one, said_to_one, other, said_to_other, why = row
    now = world.clock.now
    for change, said, not_said in ((one, said_to_one, said_to_other), (other, said_to_other, said_to_one)):
        answer = await send(world.http, await change(world, await good(world)))
        assert said in answer.text, answer.text
        assert not_said not in answer.text
        world.clock.now = now
    assert why
