"""Issuing as a use case, over a store in memory: what is asked of the store, and what is answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.encoding import Json, write_json
from didkit_py.errors import BadTemplate, IllegalMove, Replayed
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC
from didkit_py.keys.party import PartyKeys
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.oauth import (
    CredentialRequestDenied,
    InvalidGrant,
    InvalidNonce,
    InvalidProof,
    InvalidRequest,
    InvalidToken,
    UnknownCredentialConfiguration,
)
from didkit_py.oid4vci.credential_request import CredentialRequest
from didkit_py.oid4vci.key_proof import create_key_proof
from didkit_py.oid4vci.token import TokenRequest
from didkit_py.roles.issuing import TOKEN_LIFETIME, Issuing
from didkit_py.roles.issuing_store import (
    AccessGrant,
    Copy,
    KeyedHashes,
    MadeOffer,
    NewOffer,
    Registration,
    Try,
    WantedCredential,
)

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
URL = "https://union.example"
STANDING: dict[str, Json] = {
    "standing": "good",
    "period": {"from": "2026-11-01", "to": "2027-10-31"},
    "since_band": "5+ years",
    "lines": ["motor"],
}
WANTED = WantedCredential(type_name="insurer-good-standing", values=STANDING, reference="100042")


@dataclass
class Kept:
    new: NewOffer
    state: str = "offered"
    tries: int = 0
    token: bytes = b""
    token_expires_at: datetime = NOW
    registration: Registration | None = None


@dataclass
class MemoryStore:
    """Keeps what it is told, by the rules of the protocol."""

    offers: dict[str, Kept] = field(default_factory=dict)
    spent: set[bytes] = field(default_factory=set)
    race: Registration | None = None  # what another request registers just before ours

    async def known_offers(self, fingerprints: Collection[bytes], *, now: datetime) -> Mapping[bytes, str]:
        return {
            kept.new.fingerprint: name for name, kept in self.offers.items() if kept.new.fingerprint in fingerprints
        }

    async def save_offers(self, offers: Sequence[NewOffer], *, batch: str) -> bool:
        self.offers |= {new.offer.id: Kept(new) for new in offers}
        return True

    async def count_try(self, code_hash: bytes, *, now: datetime) -> Try | None:
        for name, kept in self.offers.items():
            if kept.new.code_hash == code_hash and kept.state == "offered" and kept.tries < 5:
                kept.tries += 1
                return Try(offer_id=name, tx_code_hash=kept.new.tx_code_hash, number=kept.tries)
        return None

    async def lock_offer(self, offer_id: str) -> None:
        self.offers[offer_id].state = "locked"

    async def spend_code(self, offer_id: str, *, token_hash: bytes, token_expires_at: datetime) -> bool:
        kept = self.offers[offer_id]
        if kept.state != "offered":
            return False
        kept.state, kept.token, kept.token_expires_at = "redeemed", token_hash, token_expires_at
        return True

    async def load_grant(self, token_hash: bytes, *, now: datetime) -> AccessGrant | None:
        for kept in self.offers.values():
            if kept.token == token_hash and kept.token_expires_at > now:
                return AccessGrant(offer=kept.new.offer, registration=kept.registration)
        return None

    async def register(
        self, offer_id: str, *, keys: Sequence[bytes], nonce: bytes, with_status: bool, now: datetime
    ) -> Registration:
        kept = self.offers[offer_id]
        if self.race is not None:
            kept.registration, self.race = self.race, None
        if kept.registration is not None:
            raise IllegalMove("keys are registered already")
        await self.spend_nonce(nonce, now=now)
        copies = tuple(Copy(key_hash=key, place=(1, place) if with_status else None) for place, key in enumerate(keys))
        kept.registration = Registration(copies=copies, issued_at=now)
        return kept.registration

    async def spend_nonce(self, nonce: bytes, *, now: datetime) -> None:
        if nonce in self.spent:
            raise Replayed("the nonce was used before")
        self.spent.add(nonce)

    async def replace_tx_code(self, offer_id: str, tx_code_hash: bytes, *, now: datetime) -> None:
        self.offers[offer_id].new = replace(self.offers[offer_id].new, tx_code_hash=tx_code_hash)


@dataclass
class Counter:
    """Bytes that differ at each call, the same in every run."""

    count: int = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(4, "big").rjust(size, b"\1")


async def no_document(party: str) -> PartyKeys:
    raise AssertionError("nothing is fetched for a person")


def keys(count: int) -> list[SoftwareSigner]:
    return [SoftwareSigner.from_secret(bytes([7] * 31 + [place + 1])) for place in range(count)]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def issuing(store: MemoryStore) -> Issuing:
    signer = SoftwareSigner.from_secret(bytes([5] * 32), key_id="did:web:union.example#key-1")
    names = ("insurer-good-standing", "authorized-dealer", "affordability-range", "digital-receipt")
    return Issuing(
        store=store,
        templates={name: template_named(name) for name in names},
        issuer_url=URL,
        signer=signer,
        hashes=KeyedHashes(key=bytes([6] * 32)),
        nonce_key=bytes([6] * 32),
        random=Counter(),
        fetch_keys=no_document,
        in_format=SD_JWT_VC,
    )


async def request(issuing: Issuing, signers: Sequence[SoftwareSigner], **given: str) -> CredentialRequest:
    nonce = given.get("nonce") or issuing.nonce(now=NOW)
    audience = given.get("audience", URL)
    proofs = [await create_key_proof(signer=each, audience=audience, nonce=nonce, now=NOW) for each in signers]
    return CredentialRequest(configuration_id=given.get("type_name", WANTED.type_name), proofs=tuple(proofs))


async def token_for(issuing: Issuing, made: MadeOffer) -> str:
    redeemed = await issuing.redeem(TokenRequest(code=made.offer.code, tx_code=made.tx_code), now=NOW)
    return redeemed.access_token


async def test_a_store_never_sees_a_code_or_a_number_outside_of_the_offer(issuing: Issuing, store: MemoryStore) -> None:
    made = await issuing.make_offer(WANTED, now=NOW)

    new = store.offers[made.offer.id].new
    hashes = (new.fingerprint, new.reference_hash, new.code_hash, new.tx_code_hash)
    assert {len(each) for each in hashes} == {32}
    assert len(set(hashes)) == 4
    assert made.tx_code not in repr(new)
    assert made.offer.code not in repr(new)
    assert "100042" not in repr(new)


async def test_hashes_of_another_issuer_say_nothing_about_ours() -> None:
    ours, theirs = KeyedHashes(key=bytes([6] * 32)), KeyedHashes(key=bytes([7] * 32))
    assert ours.reference("100042") != theirs.reference("100042")
    assert ours.fingerprint(WANTED) != theirs.fingerprint(WANTED)
    assert ours.tx_code("a", "123456") != ours.tx_code("b", "123456")


@pytest.mark.parametrize(
    "other",
    [
        replace(WANTED, reference="100043"),
        replace(WANTED, values={**STANDING, "since_band": "1-2 years"}),
        replace(WANTED, subject="did:web:x.example"),
        replace(WANTED, type_name="contact"),
    ],
)
def test_another_claim_or_receiver_has_another_fingerprint(other: WantedCredential) -> None:
    hashes = KeyedHashes(key=bytes([6] * 32))
    assert hashes.fingerprint(other) != hashes.fingerprint(WANTED)
    assert hashes.fingerprint(replace(WANTED, addressee="Sally")) == hashes.fingerprint(WANTED)


async def test_the_same_claim_for_the_same_receiver_is_offered_once(issuing: Issuing, store: MemoryStore) -> None:
    first = await issuing.make_offer(WANTED, now=NOW)
    making = await issuing.make_offers([WANTED, replace(WANTED, reference="7"), WANTED], now=NOW)

    assert [each.offer.wanted.reference for each in making.made] == ["7"]
    assert making.unchanged == (first.offer.id,)
    with pytest.raises(IllegalMove):
        await issuing.make_offer(WANTED, now=NOW)


async def test_one_wrong_claim_stops_all_of_them(issuing: Issuing, store: MemoryStore) -> None:
    with pytest.raises(BadTemplate):
        await issuing.make_offers([WANTED, replace(WANTED, values={"standing": "good"})], now=NOW)
    assert store.offers == {}


@pytest.mark.parametrize(
    "wanted",
    [
        replace(WANTED, type_name="contact"),
        replace(WANTED, reference=""),
        replace(WANTED, reference="x" * 201),
        replace(WANTED, subject="did:web:dealer.example"),
        replace(WANTED, type_name="authorized-dealer"),
        replace(WANTED, values={**STANDING, "premium": 10}),
    ],
)
async def test_a_claim_that_does_not_fit_its_type_is_not_offered(issuing: Issuing, wanted: WantedCredential) -> None:
    with pytest.raises(BadTemplate):
        await issuing.make_offer(wanted, now=NOW)


async def test_codes_are_handed_over_before_the_offers_are_kept(issuing: Issuing, store: MemoryStore) -> None:
    seen: list[int] = []

    async def keep(made: Sequence[MadeOffer]) -> None:
        seen.append(len(store.offers))
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        await issuing.make_offers([WANTED], now=NOW, before_saving=keep)
    assert (seen, store.offers) == ([0], {})


async def test_five_wrong_codes_lock_and_never_say_why(issuing: Issuing, store: MemoryStore) -> None:
    made = await issuing.make_offer(WANTED, now=NOW)
    wrong = TokenRequest(code=made.offer.code, tx_code="x" + made.tx_code[1:])
    said = set()
    for attempt in (wrong, wrong, wrong, wrong, wrong, TokenRequest(code=made.offer.code, tx_code=made.tx_code)):
        with pytest.raises(InvalidGrant) as caught:
            await issuing.redeem(attempt, now=NOW)
        said.add((str(caught.value), caught.value.advice))
    with pytest.raises(InvalidGrant) as caught:
        await issuing.redeem(TokenRequest(code="unknown", tx_code="123456"), now=NOW)
    assert said == {(str(caught.value), caught.value.advice)}
    assert store.offers[made.offer.id].state == "locked"


async def test_a_replaced_code_is_the_only_one_that_works(issuing: Issuing) -> None:
    made = await issuing.make_offer(WANTED, now=NOW)
    tx_code = await issuing.replace_tx_code(made.offer.id, now=NOW)

    with pytest.raises(InvalidGrant):
        await token_for(issuing, made)
    await token_for(issuing, replace(made, tx_code=tx_code))


async def test_no_transaction_code_is_a_wrong_request_and_not_a_try(issuing: Issuing, store: MemoryStore) -> None:
    made = await issuing.make_offer(WANTED, now=NOW)
    with pytest.raises(InvalidRequest):
        await issuing.redeem(TokenRequest(code=made.offer.code), now=NOW)
    assert store.offers[made.offer.id].tries == 0


async def test_a_token_ends(issuing: Issuing) -> None:
    token = await token_for(issuing, await issuing.make_offer(WANTED, now=NOW))
    await issuing.authorize(token, now=NOW + TOKEN_LIFETIME - timedelta(seconds=1))
    with pytest.raises(InvalidToken):
        await issuing.authorize(token, now=NOW + TOKEN_LIFETIME)


async def test_each_key_gets_its_copy(issuing: Issuing) -> None:
    token = await token_for(issuing, await issuing.make_offer(WANTED, now=NOW))
    response = await issuing.issue(await request(issuing, keys(10)), token=token, now=NOW)
    assert len(set(response.credentials)) == 10


AFFORDABLE: dict[str, Json] = {
    "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
    "currency": "GBP",
    "basis": "savings",
}
RECEIPT: dict[str, Json] = {
    "receipt_type": "goods",
    "date": "2026-11-20",
    "seller": {"name": "Ann's Chryota Ltd"},
    "fullReceiptDigest": "sha-256;" + "A" * 43,
}
PERSONS: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {  # two people, by type
    "affordability-range": (
        AFFORDABLE | ladder_claims(Decimal(23_000), template_named("affordability-range")),
        AFFORDABLE | ladder_claims(Decimal(6_000), template_named("affordability-range")),
    ),
    "digital-receipt": (RECEIPT, RECEIPT | {"buyer_name": "Frank", "items": ["a car"]}),
    "insurer-good-standing": (STANDING, STANDING | {"lines": ["motor", "home"]}),
}


@pytest.mark.parametrize("name", PERSONS)
async def test_copies_share_nothing_but_what_a_type_always_shows(issuing: Issuing, name: str) -> None:
    """Neither two copies of one person nor those of two people can be told from the others by a value."""
    payloads: list[dict[str, Json]] = []
    for person, values in enumerate(PERSONS[name]):
        made = await issuing.make_offer(WantedCredential(type_name=name, values=values, reference=str(person)), now=NOW)
        token = await token_for(issuing, made)
        wanted = await request(issuing, keys(20)[10 * person :][:10], type_name=name)
        response = await issuing.issue(wanted, token=token, now=NOW + timedelta(minutes=4 * person))
        payloads += [parse_sd_jwt(text).payload for text in response.credentials]

    specs = template_named(name).claims
    always = {spec.path[0] for spec in specs if not spec.hidden}
    equal = {"vct", "vct#integrity", "iss", "iat", "exp", "_sd_alg"}
    parents = {spec.path[0] for spec in specs if spec.hidden and len(spec.path) > 1}
    different = {"_sd", "cnf"} | parents  # and the places of statuses, which this store does not choose
    for payload in payloads:
        assert payload.keys() <= always | equal | different | {"status"}
        assert {member: payload.get(member) for member in equal} == {
            member: payloads[0].get(member) for member in equal
        }
    for member in different:
        found = [write_json(payload[member]) for payload in payloads if member in payload]
        assert len(set(found)) == len(found)
    hidden = [one for payload in payloads for one in digests_of(payload)]
    assert len(set(hidden)) == len(hidden)


def digests_of(node: Json) -> list[Json]:
    """The digests of all disclosures below a signed object."""
    if not isinstance(node, dict):
        return []
    own = node.get("_sd", [])
    assert isinstance(own, list)
    return own + [one for value in node.values() for one in digests_of(value)]


async def test_a_nonce_that_was_used_is_refused_and_registers_nothing(issuing: Issuing, store: MemoryStore) -> None:
    nonce = issuing.nonce(now=NOW)
    first = await token_for(issuing, await issuing.make_offer(WANTED, now=NOW))
    made = await issuing.make_offer(replace(WANTED, reference="7"), now=NOW)
    second = await token_for(issuing, made)
    await issuing.issue(await request(issuing, keys(1), nonce=nonce), token=first, now=NOW)

    for token in (first, second):
        with pytest.raises(InvalidNonce):
            await issuing.issue(await request(issuing, keys(1), nonce=nonce), token=token, now=NOW)
    assert store.offers[made.offer.id].registration is None


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"audience": "https://other.example"}, InvalidProof),
        ({"nonce": "not ours"}, InvalidNonce),
        ({"type_name": "authorized-dealer"}, UnknownCredentialConfiguration),
    ],
)
async def test_a_wrong_request_spends_nothing(
    issuing: Issuing, store: MemoryStore, given: dict[str, str], error: type[Exception]
) -> None:
    token = await token_for(issuing, await issuing.make_offer(WANTED, now=NOW))
    with pytest.raises(error):
        await issuing.issue(await request(issuing, keys(1), **given), token=token, now=NOW)
    assert store.spent == set()


async def test_a_request_that_comes_second_gets_copies_only_for_the_same_keys(
    issuing: Issuing, store: MemoryStore
) -> None:
    same = Registration(
        copies=tuple(
            Copy(key_hash=issuing.hashes.holder_key(each.public.thumbprint), place=(1, 9)) for each in keys(1)
        ),
        issued_at=NOW - timedelta(minutes=1),
    )
    for race, refused in ((same, False), (Registration(copies=(), issued_at=NOW), True)):
        made = await issuing.make_offer(replace(WANTED, reference=str(refused)), now=NOW)
        token = await token_for(issuing, made)
        store.race = race
        wanted = await request(issuing, keys(1))
        if refused:
            with pytest.raises(CredentialRequestDenied):
                await issuing.issue(wanted, token=token, now=NOW)
        else:
            assert len((await issuing.issue(wanted, token=token, now=NOW)).credentials) == 1
