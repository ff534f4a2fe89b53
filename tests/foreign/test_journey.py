"""A stranger at both ends of the journey: openvc verifies what our wallet showed the dealer, and the dealer judges what
a wallet made of foreign libraries shows. All three programs run, with their databases, and speak over HTTP only."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import pytest_asyncio
from jwcrypto import jwe, jwk
from openvc.keys import P256SigningKey
from openvc.proof.errors import ProofError
from openvc.proof.sd_jwt import SdJwtVcProofSuite

from didkit_py.encoding import b64url, from_b64url
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.exchange import ExchangeState
from didkit_py.oid4vp.response import ResponseAnswer
from didkit_py.roles.asking_store import KeptRequest, RequestTemplate
from didkit_py.roles.checking import Checking
from tests.browser.town import Town, open_town
from tests.harness.vendor import now
from tools.driving import mallory
from tools.driving.requests import affordability

pytestmark = pytest.mark.asyncio(loop_scope="module")

VCT: Final = "urn:didkit-py:vct:affordability-range:1"
REGISTERED: Final = frozenset({"iss", "iat", "nbf", "exp", "vct", "vct#integrity", "cnf", "status", "sub"})
ALWAYS: Final = {
    "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
    "currency": "GBP",
    "basis": "pre-qualified-credit",
}
POSTED: Final[list[str]] = []  # every answer that the vendor's program took, still encrypted


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Issuer, wallet and vendor at work; the vendor has its papers, and what it is sent is copied on the way in."""
    take_response = Checking.take_response

    async def overheard(self: Checking, request_id: str, form: dict[str, str], **given: Any) -> ResponseAnswer:
        POSTED.append(form.get("response", ""))
        return await take_response(self, request_id, form, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checking, "take_response", overheard)
        for module in (
            "didkit_py.keys.sealed",
            "didkit_py.service.setup.operator",
        ):  # what a passphrase costs is tested there
            patch.setattr(f"{module}.MEMORY_BYTES", 8_192)
            patch.setattr(f"{module}.PASSES", 1)
        async with open_town(tmp_path_factory.mktemp("town")) as opened:
            for link, code in await opened.papers_of_shop():
                await opened.shop.receive(await opened.shop.preview(link), tx_code=code)
            await opened.shop.refresh()
            await opened.world.refresh()
            yield opened


async def ask(town: Town, step: int) -> tuple[str, str]:
    """The dealer asks for that much or more: the id of the request, and its link."""
    body = affordability(town.world.terms_id, step)
    made = await town.shop.asking.ask(RequestTemplate.from_json(body, formats=FORMATS), now=now())
    return made.id, made.link


async def kept(town: Town, request_id: str) -> KeptRequest:
    return await town.shop.store.load_request(request_id, now=now())


# What our wallet shows, judged by a stranger


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the vendor got, opened by jwcrypto, and what a verifier may demand of it."""

    text: str = field(repr=False)
    demands: dict[str, Any]


async def shown_by_our_wallet(town: Town) -> Shown:
    """The buyer answers `20 000 or more` on her wallet's pages; then the vendor's evidence is taken."""
    request_id, link = await ask(town, 20_000)
    page = await town.world.person.fill("/answer", request=link)
    assert page.outcome == "ask", page.text
    done = await town.world.person.press(page, "share")
    assert done.outcome == "released", done.text
    request = await kept(town, request_id)
    assert request.state is ExchangeState.ANSWERED
    answer = json.loads(opened_by_a_stranger(POSTED[-1], request))
    ((query_id, (text,)),) = answer["vp_token"].items()
    assert (query_id, answer["state"]) == ("afford", request.asked.state)
    return Shown(
        text=text,
        demands={
            "public_key_jwk": await published_key(town, text),
            "audience": town.shop.checking.client_id,
            "nonce": request.asked.nonce,
            "require_key_binding": True,
            "expected_vct": VCT,
        },
    )


def opened_by_a_stranger(text: str, request: KeptRequest) -> bytes:
    """What is inside an answer, by the key that the vendor keeps with its request."""
    token = jwe.JWE()
    token.deserialize(text, jwk.JWK(**request.asked.encryption_jwk))
    return bytes(token.payload)


async def published_key(town: Town, text: str) -> dict[str, Any]:
    """The issuer's key, as its web site gives it to anybody who looks up the `kid`."""
    kid = json.loads(from_b64url(text.partition(".")[0]))["kid"]
    _, document = await asyncio.to_thread(mallory.http_json, f"{town.issuer}/.well-known/did.json")
    key: dict[str, Any] = next(one["publicKeyJwk"] for one in document["verificationMethod"] if one["id"] == kid)
    return key


def changed(text: str, place: int) -> str:
    """The text with another character of base64url at `place`."""
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def beginnings(text: str) -> Iterator[int]:
    """Where each part begins: headers, payloads, signatures, disclosures."""
    yield 0
    yield from (place + 1 for place, sign in enumerate(text) if sign in ".~" and place + 1 < len(text))


async def test_a_foreign_library_verifies_what_the_buyer_showed_the_dealer(town: Town) -> None:
    shown = await shown_by_our_wallet(town)
    verified = SdJwtVcProofSuite().verify(shown.text, **shown.demands)
    assert verified.key_bound
    said = {name: value for name, value in verified.claims.items() if name not in REGISTERED}
    assert said == {**ALWAYS, "at_least": {"20000": True}}
    assert shown.text.count("~") == 2  # one disclosure, and the proof behind it
    assert "sub" not in verified.claims
    assert verified.claims["iss"] == town.world.issuer.did


async def test_a_foreign_library_refuses_it_with_one_character_changed(town: Town) -> None:
    shown = await shown_by_our_wallet(town)
    places = tuple(beginnings(shown.text))
    assert len(places) == 7  # two tokens of three parts, one disclosure
    for place in places:
        with pytest.raises(ProofError):
            pytest.fail(f"accepted: {SdJwtVcProofSuite().verify(changed(shown.text, place), **shown.demands)}")


async def test_a_foreign_library_refuses_it_for_another_request_or_another_vendor(town: Town) -> None:
    shown = await shown_by_our_wallet(town)
    other = {"nonce": secrets.token_urlsafe(32), "audience": f"decentralized_identifier:{town.world.dealer.did}"}
    for name, value in other.items():
        with pytest.raises(ProofError):
            pytest.fail(f"accepted: {SdJwtVcProofSuite().verify(shown.text, **{**shown.demands, name: value})}")


# What a foreign wallet shows, judged by our vendor


async def foreign_wallet(town: Town) -> mallory.ForeignWallet:
    """jwcrypto and urllib only, with copies that our issuer gave it over HTTP."""
    link, code = await town.world.offer("affordability-range", town.world.values()["affordability-range"])
    stranger = mallory.ForeignWallet()
    await asyncio.to_thread(stranger.receive, link, code)
    assert len(stranger.held) == mallory.COPIES
    return stranger


def presented_by_jwcrypto(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    return stranger.present(0, request, "20000")


def presented_by_openvc(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    text, key = stranger.held[1]
    issuer_signed, *disclosures, _ = text.split("~")
    wanted = next(one for one in disclosures if json.loads(mallory.decode(one))[1] == "20000")
    holder = P256SigningKey.from_jwk(key.export(as_dict=True), "holder")
    return SdJwtVcProofSuite().create_presentation(
        f"{issuer_signed}~{wanted}~", holder_key=holder, audience=request["client_id"], nonce=request["nonce"]
    )


Present = Callable[[mallory.ForeignWallet, dict[str, Any]], str]


async def answer(town: Town, present: Present, stranger: mallory.ForeignWallet) -> tuple[int, Any, KeptRequest]:
    """Status and body of the vendor's answer, and what it keeps."""
    request_id, link = await ask(town, 20_000)
    request = await asyncio.to_thread(mallory.fetch_request, link)
    form = mallory.sealed_answer(request, "afford", present(stranger, request))
    status, body = await asyncio.to_thread(mallory.post, request, form)
    return status, body, await kept(town, request_id)


@pytest.mark.parametrize("present", [presented_by_jwcrypto, presented_by_openvc])
async def test_the_dealer_accepts_what_a_foreign_wallet_shows(town: Town, present: Present) -> None:
    status, _, request = await answer(town, present, await foreign_wallet(town))
    assert (status, request.state) == (200, ExchangeState.ANSWERED)
    assert request.result is not None
    (learned,) = request.result.learned["afford"]
    assert learned.claims == {**ALWAYS, "at_least": {"20000": True}}
    assert learned.issuer == town.world.issuer.did


# Tampering: each takes an honest presentation apart and puts it together in a way that its maker could not have signed.


def without_proof(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    return presented_by_jwcrypto(stranger, request).rpartition("~")[0] + "~"


def with_a_changed_value(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    return stranger.present(0, request, "50000", forge=True)


def with_a_disclosure_left_out(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    issuer_signed, _, proof = presented_by_jwcrypto(stranger, request).split("~")
    return f"{issuer_signed}~{proof}"


def with_a_disclosure_twice(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    issuer_signed, disclosure, proof = presented_by_jwcrypto(stranger, request).split("~")
    return f"{issuer_signed}~{disclosure}~{disclosure}~{proof}"


def with_a_changed_payload(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    token, _, rest = presented_by_jwcrypto(stranger, request).partition("~")
    header, payload, signature = token.split(".")
    claims = json.loads(from_b64url(payload))
    longer = b64url(json.dumps({**claims, "exp": claims["exp"] + 86_400}).encode())
    return f"{header}.{longer}.{signature}~{rest}"


def with_a_changed_signature(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    text = presented_by_jwcrypto(stranger, request)
    return changed(text, text.index("~") - 40)


def by_the_key_of_another_copy(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    (text, _), (_, other) = stranger.held[:2]
    thief = mallory.ForeignWallet(held=[(text, other)])
    return thief.present(0, request, "20000")


def for_another_request(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    return stranger.present(0, {**request, "nonce": secrets.token_urlsafe(32)}, "20000")


def for_another_vendor(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    return stranger.present(0, {**request, "client_id": "decentralized_identifier:did:web:other.example"}, "20000")


def another_amount_than_asked(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    return stranger.present(0, request, "10000")


def without_algorithm(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    token, _, rest = presented_by_jwcrypto(stranger, request).partition("~")
    header, payload, signature = token.split(".")
    unsigned = b64url(json.dumps({**json.loads(from_b64url(header)), "alg": "none"}).encode())
    return f"{unsigned}.{payload}.{signature}~{rest}"


def signed_by_the_holder_instead_of_the_issuer(stranger: mallory.ForeignWallet, request: dict[str, Any]) -> str:
    text, key = stranger.held[0]
    token, _, rest = text.partition("~")
    header, payload, _ = (from_b64url(part) for part in token.split("."))
    forged = mallory.signed(json.loads(payload), json.loads(header), key)
    return mallory.ForeignWallet(held=[(f"{forged}~{rest}", key)]).present(0, request, "20000")


TAMPERED: Final[dict[Present, str]] = {
    without_proof: "bad-key-binding",
    with_a_changed_value: "bad-disclosure",
    with_a_disclosure_left_out: "bad-key-binding",
    with_a_disclosure_twice: "bad-disclosure",
    with_a_changed_payload: "bad-signature",
    with_a_changed_signature: "bad-signature",
    by_the_key_of_another_copy: "bad-signature",
    for_another_request: "bad-key-binding",
    for_another_vendor: "bad-key-binding",
    another_amount_than_asked: "query-not-answered",
    without_algorithm: "unsupported-algorithm",
    signed_by_the_holder_instead_of_the_issuer: "bad-signature",
}


@pytest.mark.parametrize(("present", "code"), TAMPERED.items(), ids=[one.__name__ for one in TAMPERED])
async def test_the_dealer_refuses_what_a_foreign_wallet_tampered_with(town: Town, present: Present, code: str) -> None:
    status, body, request = await answer(town, present, await foreign_wallet(town))
    assert (status, body["code"]) == (400, code)
    assert request.state is ExchangeState.FAILED
    assert request.result is not None
    assert not request.result.learned
    assert not request.result.checks[-1].check.passed


async def test_the_dealer_believes_one_answer_and_none_that_comes_again(town: Town) -> None:
    stranger = await foreign_wallet(town)
    request_id, link = await ask(town, 20_000)
    request = await asyncio.to_thread(mallory.fetch_request, link)
    form = mallory.sealed_answer(request, "afford", presented_by_jwcrypto(stranger, request))
    first, _ = await asyncio.to_thread(mallory.post, request, form)
    before = await kept(town, request_id)
    again, body = await asyncio.to_thread(mallory.post, request, form)
    assert (first, again, body["code"]) == (200, 400, "replayed")
    assert await kept(town, request_id) == before
