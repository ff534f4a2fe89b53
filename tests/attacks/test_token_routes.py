"""Every kind of text sent to every address of both services, in every place where one is read: only its own is taken.

The addresses come from the applications themselves, so a new one that stands in no table fails.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web

from didkit_py.encoding import read_json, write_json
from didkit_py.jose import JointlySigned
from didkit_py.oid4vp.request import TYPE
from didkit_py.service.http.routing import FACTS
from issuer.app import create_app as create_issuer
from issuer.folder import load_settings as load_issuer
from tests.attacks import issuer_endpoints as issuing
from tests.attacks import vendor_endpoints as vending
from tests.attacks.endpoint import GIVEAWAYS, Answer, Call, Change, but, fields, headers, members, send
from tests.attacks.forging import header
from tests.attacks.genuine import TYPED
from tests.attacks.token_places import texts
from tests.e2e.issuer.office import Office
from tests.e2e.verifier.shop import Shop, pairwise
from verifier.app import create_app as create_vendor
from verifier.folder import load_settings as load_vendor

pytestmark = pytest.mark.asyncio(loop_scope="module")
Good: TypeAlias = Callable[[Any], Awaitable[Call]]
TYPES: Final = (*TYPED.values(), "JWT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place of a call where a text of others is read."""

    name: str
    good: Good
    put: Callable[[str], Change[Any]]
    values: Callable[[], tuple[str, ...]] = lambda: tuple(texts().values())
    spends: bool = False  # a refused call uses the good one up, so each text gets a call of its own


def field_of_form(name: str) -> Callable[[str], Change[Any]]:
    return lambda text: fields(**{name.replace("-", "__"): text})


def member_of_json(name: str) -> Callable[[str], Change[Any]]:
    return lambda text: members(lambda body: {**body, name: text})


def in_the_path(good: Callable[[Any], Awaitable[str]]) -> Slot:
    """The last part of an address; `good` gives one that is there."""

    async def call(world: Any) -> Call:
        return Call(method="GET", url=await good(world))

    def put(text: str) -> Change[Any]:
        async def changed(_: object, call: Call) -> Call:
            return replace(call, url=f"{call.url.rpartition('/')[0]}/{quote(text, safe='')[:6_000]}")

        return changed

    return Slot(name="the path", good=call, put=put)


def at(path: str) -> Callable[[Any], Awaitable[str]]:
    async def address(world: Any) -> str:
        return f"{world.url}{path}"

    return address


# --- the issuer


async def open_offer(office: Office) -> str:
    return (await issuing.OFFER.good(office)).url


def proof(text: str) -> Change[Any]:
    return members(lambda body: {**body, "proofs": {"jwt": [text, *body["proofs"]["jwt"][1:]]}})


def whole_body(text: str) -> Change[Any]:
    async def changed(_: object, call: Call) -> Call:
        return replace(call, body=text.encode())

    return changed


def other_types(own: str) -> Callable[[], tuple[str, ...]]:
    return lambda: tuple(typ for typ in TYPES if typ != own)


SAYS: Final = "says what is public, and reads nothing"
ISSUER: Final[Mapping[str, tuple[Slot, ...] | str]] = {
    "GET /.well-known/did.json": SAYS,
    "GET /.well-known/openid-credential-issuer": SAYS,
    "GET /.well-known/oauth-authorization-server": SAYS,
    "GET /status-lists": SAYS,
    "GET /trust-list": SAYS,
    "GET /healthz": SAYS,
    "GET /readyz": SAYS,
    "POST /nonce": "gives a nonce to anybody, and reads nothing",
    "GET /credential-offers/{id}": (in_the_path(open_offer),),
    "GET /status-lists/{number}": (in_the_path(at("/status-lists/1")),),
    "GET /types/{name}": (in_the_path(at(f"/types/{issuing.TYPE}")),),
    "GET /terms/{digest}": (replace(in_the_path(at("/terms/x")), spends=True),),
    "GET /terms/layers/{digest}": (replace(in_the_path(at("/terms/layers/x")), spends=True),),
    "POST /token": (
        Slot(name="the code", good=issuing.good_token, put=field_of_form("pre-authorized_code")),
        Slot(name="the transaction code", good=issuing.good_token, put=field_of_form("tx_code"), spends=True),
        Slot(name="the grant", good=issuing.good_token, put=field_of_form("grant_type")),
        Slot(name="the body", good=issuing.good_token, put=whole_body),
    ),
    "POST /credential": (
        Slot(
            name="the access token",
            good=issuing.good_credential,
            put=lambda text: headers(Authorization=f"Bearer {text}"[:8_000]),
            values=lambda: tuple(text for text in texts().values() if '"' not in text),
        ),
        Slot(name="a key proof", good=issuing.good_credential, put=proof),
        Slot(
            name="a key proof by the right key",
            good=issuing.good_credential,
            put=lambda typ: issuing.proofs(header(typ=typ)),
            values=other_types("openid4vci-proof+jwt"),
        ),
        Slot(name="the configuration", good=issuing.good_credential, put=member_of_json("credential_configuration_id")),
        Slot(name="the body", good=issuing.good_credential, put=whole_body),
    ),
}

# --- the vendor


async def request_address(shop: Shop) -> str:
    return (await shop.ask()).request_uri


async def good_path_of_response(shop: Shop) -> Call:
    return await vending.good_response(shop)


def elsewhere(text: str) -> Change[Any]:
    return vending.instead(quote(text, safe="")[:6_000])


def shown(text: str) -> Change[Any]:
    return vending.showing(lambda _: text)


def record(text: str) -> Change[Any]:
    """A compact token as a record's wire form spells it."""
    header_, payload, signature = [*text.split("."), "", ""][:3]
    body = {"payload": payload, "signatures": [{"protected": header_, "signature": signature}]}
    return members(lambda shape: {**shape, "record": body})


def record_of_type(typ: str) -> Change[Any]:
    """The person's own record under the person's own key, but as a token of another type."""

    async def changed(_: Shop, call: Call) -> Call:
        key = pairwise(vending.OPENED[call.secrets[-1]].fetched)
        body = read_json(call.body)
        assert isinstance(body, dict)
        known = JointlySigned.from_json(body["record"])
        signed = await JointlySigned(known.payload, ()).countersign(key, typ=typ, header={"jwk": key.public.to_jwk()})
        return replace(call, body=write_json({"record": signed.to_json()}))

    return changed


def events(good: Good) -> tuple[Slot, ...]:
    return (
        Slot(name="the event", good=good, put=member_of_json("event")),
        Slot(
            name="the event by the right key",
            good=good,
            put=lambda typ: vending.event(header(typ=typ)),
            values=other_types("agreement-event+jwt"),
        ),
        Slot(name="the body", good=good, put=whole_body),
    )


VENDOR: Final[Mapping[str, tuple[Slot, ...] | str]] = {
    "GET /.well-known/did.json": SAYS,
    "GET /healthz": SAYS,
    "GET /readyz": SAYS,
    "GET /done": "tells a code of ours from anything else, and no more: test_same_answers.py",
    "GET /oid4vp/requests/{id}": (in_the_path(request_address),),
    "POST /oid4vp/requests/{id}": (
        Slot(name="the path", good=vending.good_post, put=elsewhere),
        Slot(
            name="the wallet's metadata",
            good=vending.good_post,
            put=field_of_form("wallet_metadata"),
            values=lambda: tuple(text for text in texts().values() if not text.startswith("{")),
        ),
    ),  # the wallet's nonce is any text of up to 512 signs, which is given back and never read
    "POST /oid4vp/response/{id}": (
        Slot(name="the path", good=good_path_of_response, put=elsewhere),
        Slot(name="the answer", good=vending.good_response, put=field_of_form("response")),
        Slot(name="a presentation", good=vending.good_response, put=shown, spends=True),
        Slot(
            name="the state of a refusal",
            good=vending.good_response,
            put=lambda text: but(body=urlencode({"error": "access_denied", "state": text}).encode()),
        ),
    ),
    "POST /agreements": (
        Slot(name="the record", good=vending.good_acceptance, put=member_of_json("record")),
        Slot(name="the record's parts", good=vending.good_acceptance, put=record),
        Slot(
            name="the record by the right key",
            good=vending.good_acceptance,
            put=record_of_type,
            values=other_types("agreement-record+jwt"),
        ),
        Slot(name="the body", good=vending.good_acceptance, put=whole_body),
    ),
    "POST /agreements/withdraw": events(vending.good_withdrawal),
    "POST /agreements/erase": events(vending.good_erasure),
    "POST /check-request": "says of any text what a wallet would say to it: of all these, that it would refuse",
}


def open_routes(app: web.Application) -> frozenset[str]:
    """What answers without a session, but for the pages where one begins or ends and their pictures."""
    return frozenset(
        f"{route.method} {route.resource.canonical}"
        for route, facts in app[FACTS].items()
        if route.resource is not None and route.method != "HEAD" and not facts.signed_in
    ) - {"GET /sign-in", "POST /sign-in", "POST /sign-out", "GET /static/{name}"}


async def test_every_open_address_of_the_issuer_stands_in_the_table(office: Office) -> None:
    assert open_routes(create_issuer(office.folder, load_issuer(office.folder))) == ISSUER.keys()


async def test_every_open_address_of_the_vendor_stands_in_the_table(shop: Shop) -> None:
    assert open_routes(create_vendor(shop.folder, load_vendor(shop.folder))) == VENDOR.keys()


def require_refused(answer: Answer, text: str, where: str) -> None:
    assert 400 <= answer.status < 500, f"{where}: {answer.status} {answer.text[:200]}"
    assert not [word for word in GIVEAWAYS if word in answer.text], answer.text
    assert len(text) < 40 or text not in answer.text


async def require_only_its_own(slot: Slot, world: Any, where: str) -> None:
    call = await slot.good(world)
    for text in slot.values():
        if slot.spends:
            call = await slot.good(world)
        require_refused(await send(world.http, await slot.put(text)(world, call)), text, where)
    if not slot.spends:
        accepted = await send(world.http, call)
        assert 200 <= accepted.status < 300, f"{where}: {accepted.text}"


def slots(table: Mapping[str, tuple[Slot, ...] | str]) -> list[Any]:
    return [
        pytest.param(slot, f"{route}: {slot.name}", id=f"{route}: {slot.name}")
        for route, found in table.items()
        if not isinstance(found, str)
        for slot in found
    ]


@pytest.mark.parametrize(("slot", "where"), slots(ISSUER))
async def test_the_issuer_takes_a_text_in_its_own_place_only(slot: Slot, where: str, office: Office) -> None:
    await require_only_its_own(slot, office, where)


@pytest.mark.parametrize(("slot", "where"), slots(VENDOR))
async def test_the_vendor_takes_a_text_in_its_own_place_only(slot: Slot, where: str, shop: Shop) -> None:
    await require_only_its_own(slot, shop, where)


async def test_checking_finds_nothing_in_any_text_that_a_wallet_would_answer(shop: Shop) -> None:
    for kind, text in texts().items():
        answer = await shop.post("/check-request", data=text.encode(), headers={"Content-Type": f"application/{TYPE}"})
        assert answer.status == 400 or answer.json()["outcome"] == "refuse", kind
