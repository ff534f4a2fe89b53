"""What verification makes of presentations in a format that it knows by its row alone."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest

from didkit_py.credentials.credential import Path_
from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.encoding import b64url, from_b64url
from didkit_py.errors import DidkitError
from didkit_py.formats.format import ToPresent
from didkit_py.keys.party import KeyPurpose, PartyKey, PartyKeys
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oid4vp.dcql import DcqlQuery
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.trust import TrustedIssuer, TrustList
from didkit_py.verification import VerifiedPresentation, verify_presentation
from didkit_py.verification.evidence import Evidence
from tests.formats.toy import TOY

NOW: Final = datetime(2026, 12, 1, 12, tzinfo=UTC)
NONCE: Final = "n" * 32
SHOP: Final = "decentralized_identifier:did:web:shop.example"
MINT: Final = "https://mint.example"
BUDGET: Final = template_named("affordability-range")
CONTACT: Final = template_named("contact")
ISSUER: Final = SoftwareSigner.from_secret(bytes([1] * 32))
HOLDERS: Final = {
    name: SoftwareSigner.from_secret(bytes([place] * 32)) for name, place in (("budget", 2), ("contact", 3))
}
ASKED: Final[Mapping[str, Any]] = {
    "budget": {
        "id": "budget",
        "format": TOY.id,
        "meta": {"kinds": [BUDGET.vct]},
        "claims": [{"path": ["currency"]}, {"path": ["at_least", "20000"]}],
    },
    "contact": {
        "id": "contact",
        "format": TOY.id,
        "meta": {"kinds": [CONTACT.vct]},
        "claims": [{"path": ["email"]}],
    },
}
PATHS: Final[Mapping[str, tuple[Path_, ...]]] = {
    "budget": (("at_least", "20000"),),
    "contact": (("email",),),
}
ALWAYS: Final[Mapping[str, dict[str, Any]]] = {
    "budget": {
        "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
        "basis": "pre-qualified-credit",
    },
    "contact": {"kinds": ["email"], "verified_on": "2026-11-20"},
}
SHOWN: Final[Mapping[str, dict[str, Any]]] = {
    "budget": {"currency": "GBP", "at_least": {"20000": True}},
    "contact": {"email": "sally@post.example"},
}
HELD: Final[Mapping[str, dict[str, Any]]] = {
    "budget": {**ALWAYS["budget"], "currency": "GBP", **ladder_claims(Decimal(23_500), BUDGET)},
    "contact": {**ALWAYS["contact"], **SHOWN["contact"]},
}
TEMPLATES: Final = {"budget": BUDGET, "contact": CONTACT}
EVIDENCE: Final = Evidence(
    trust=TrustList(
        publisher="did:web:town.example",
        issued_at=NOW - timedelta(days=1),
        expires_at=NOW + timedelta(days=1),
        issuers={
            MINT: TrustedIssuer(id=MINT, name="The Mint", vcts=frozenset({BUDGET.vct, CONTACT.vct}), status_lists=None)
        },
    ),
    key_sources=KEY_SOURCES,
    parties={
        MINT: PartyKeys(
            id=MINT,
            proven_by="given",
            keys={ISSUER.public.thumbprint: PartyKey(key=ISSUER.public)},
            purposes={KeyPurpose.ASSERTION: frozenset({ISSUER.public.thumbprint})},
        )
    },
)


def query(*asked: Any) -> DcqlQuery:
    return DcqlQuery.from_json({"credentials": list(asked)}, formats={TOY.id: TOY})


async def held(name: str, *, signer: SoftwareSigner = ISSUER, now: datetime = NOW) -> str:
    """What the mint issued to the holder of this document's key."""
    credential = TEMPLATES[name].fill(HELD[name], issuer=MINT, now=now, subject=None, status=None)
    secured = await TOY.secure(credential, holder_key=HOLDERS[name].public, salts=lambda: bytes(16), signer=signer)
    return secured.text


async def chosen(name: str, **held_as: Any) -> ToPresent:
    return ToPresent(await held(name, **held_as), PATHS[name], HOLDERS[name])


async def presented(
    chosen: Mapping[str, Sequence[ToPresent]], *, nonce: str = NONCE, audience: str = SHOP, now: datetime = NOW
) -> dict[str, list[str]]:
    made = await TOY.present(chosen, nonce=nonce, audience=audience, now=now)
    return {name: [*texts] for name, texts in made.items()}


async def both(**told: Any) -> dict[str, list[str]]:
    return await presented({name: [await chosen(name)] for name in PATHS}, **told)


def verified(vp_token: Mapping[str, Sequence[str]], **changed: Any) -> VerifiedPresentation:
    given: dict[str, Any] = {
        "query": query(*ASKED.values()),
        "formats": {TOY.id: TOY},
        "expected_nonce": NONCE,
        "expected_audience": SHOP,
        "evidence": EVIDENCE,
        "now": NOW,
    }
    return verify_presentation(vp_token, **given | changed)


def edited(vp_token: Mapping[str, Sequence[str]], edit: Callable[[list[Any]], object]) -> dict[str, list[str]]:
    """The same answer with its one presentation, as MessagePack has it, changed by `edit`."""
    (text,) = {text for texts in vp_token.values() for text in texts}
    body = msgspec.msgpack.decode(from_b64url(text))
    edit(body)
    return {name: [b64url(msgspec.msgpack.encode(body))] for name in vp_token}


async def test_one_presentation_answers_two_queries_with_what_was_chosen_and_what_is_always_shown() -> None:
    vp_token = await both()
    assert vp_token["budget"] == vp_token["contact"]
    found = verified(vp_token).credentials
    for name in PATHS:
        (one,) = found[name]
        said = {member: value for member, value in one.claims.items() if member not in TOY.protocol}
        assert said == ALWAYS[name] | SHOWN[name]
    assert {one.issuer for some in found.values() for one in some} == {MINT}


async def test_what_was_not_chosen_is_not_in_the_presentation() -> None:
    only = {"contact": [ToPresent(await held("contact"), (), HOLDERS["contact"])]}
    (text,) = (await presented(only))["contact"]
    assert b"sally" in from_b64url(await held("contact"))
    assert b"sally" not in from_b64url(text)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"nonce": "another"}, "bad-signature"),
        ({"audience": "x509_hash:another"}, "bad-signature"),
        ({"now": NOW - timedelta(minutes=11)}, "bad-key-binding"),
        ({"now": NOW + timedelta(minutes=2)}, "bad-key-binding"),
    ],
)
async def test_a_proof_for_another_request_or_time_is_refused(told: dict[str, Any], code: str) -> None:
    with pytest.raises(DidkitError) as refused:
        verified(await both(**told))
    assert refused.value.code == code


def _drop_proofs(body: list[Any]) -> None:
    body[3] = []


def _swap_holders(body: list[Any]) -> None:
    body[3] = body[3][:1]


def _forge_a_value(body: list[Any]) -> None:
    leaf = body[1][0][2][0]
    leaf[1] = leaf[1].replace(b"GBP", b"EUR")


def _show_it_twice(body: list[Any]) -> None:
    body[1][0][2].append(body[1][0][2][1])


def _move_a_leaf(body: list[Any]) -> None:
    body[1][0][2][1][0] = 99


def _shorten_its_way(body: list[Any]) -> None:
    body[1][0][2][1][2] = []


def _lengthen_its_way(body: list[Any]) -> None:
    body[1][0][2][1][2].append(bytes(32))


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (_drop_proofs, "bad-key-binding"),
        (_swap_holders, "bad-key-binding"),
        (_forge_a_value, "bad-disclosure"),
        (_show_it_twice, "bad-disclosure"),
        (_move_a_leaf, "bad-disclosure"),
        (_shorten_its_way, "bad-disclosure"),
        (_lengthen_its_way, "bad-disclosure"),
        (lambda body: body[1].append(body[1][0]), "bad-response"),
        (lambda body: body.__setitem__(1, []), "bad-response"),
        (lambda body: body.__setitem__(0, 9), "malformed"),
    ],
)
async def test_a_presentation_that_was_changed_is_refused(edit: Callable[[list[Any]], object], code: str) -> None:
    with pytest.raises(DidkitError) as refused:
        verified(edited(await both(), edit))
    assert refused.value.code == code


async def test_a_credential_signed_by_another_key_is_refused() -> None:
    other = {"budget": [await chosen("budget", signer=HOLDERS["budget"])], "contact": [await chosen("contact")]}
    with pytest.raises(DidkitError) as refused:
        verified(await presented(other))
    assert refused.value.code == "unknown-key"


async def test_more_than_was_asked_for_is_refused() -> None:
    vp_token = await both()
    less = query({**ASKED["budget"], "claims": [{"path": ["currency"]}]}, ASKED["contact"])
    with pytest.raises(DidkitError) as refused:
        verified(vp_token, query=less)
    assert refused.value.code == "bad-response"
    assert "more is shown than was asked for" in str(refused.value)


async def test_a_credential_that_answers_no_query_is_refused() -> None:
    """One text holds two documents, and only one of them was asked for."""
    vp_token = await both()
    with pytest.raises(DidkitError) as refused:
        verified({"budget": vp_token["budget"]}, query=query(ASKED["budget"]))
    assert refused.value.code in {"bad-response", "wrong-type", "query-not-answered"}


async def test_an_expired_credential_is_refused() -> None:
    old = {name: [await chosen(name, now=NOW - timedelta(days=3_650))] for name in PATHS}
    with pytest.raises(DidkitError) as refused:
        verified(await presented(old))
    assert refused.value.code == "expired"
