"""dc+sd-jwt: what an issuer writes, what a holder shows, what a verifier accepts."""

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from didkit_py.credentials.credential import Credential, Path_, StatusReference
from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named
from didkit_py.encoding import Json, b64url, write_json
from didkit_py.errors import (
    BadCredential,
    BadDisclosure,
    BadKey,
    BadKeyBinding,
    BadSignature,
    DidkitError,
    Malformed,
    UnsupportedAlgorithm,
    WrongType,
)
from didkit_py.formats.format import ToPresent
from didkit_py.formats.sd_jwt import digest_of, parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import (
    SD_JWT_VC,
    bind,
    read_credential,
    secure,
    select,
    verify_issuer,
    verify_key_binding,
)
from didkit_py.jose import sign_compact
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

NOW = datetime(2026, 11, 21, 10, 2, 11, tzinfo=UTC)
NONCE, AUDIENCE = "n-0S6_WzA2Mj", "decentralized_identifier:did:web:dealer.example"
KID = "did:web:issuer.example#key-1"
STATUS = StatusReference(uri="https://issuer.example/status-lists/1", index=7)


def signer(number: int, alg: str = "ES256", key_id: str = "") -> SoftwareSigner:
    return SoftwareSigner.from_secret(number.to_bytes(32, "big"), alg=alg, key_id=key_id)


ISSUER, HOLDER = signer(7, key_id=KID), signer(8)
CREDENTIAL = Credential(
    vct="urn:didkit-py:vct:test:1",
    vct_integrity="sha256-AAAA",
    issuer="did:web:issuer.example",
    subject=None,
    claims={"open": 1, "email": "sally@mail.example", "car": {"model": "Hybrid", "year": 2026}, "list": [1]},
    disclosable=(("email",), ("telephone",), ("car", "model"), ("car", "year"), ("list",)),
    issued_at=datetime(2026, 11, 21, tzinfo=UTC),
    expires_at=datetime(2027, 11, 21, tzinfo=UTC),
    status=STATUS,
)


def salts() -> Callable[[], bytes]:
    numbers = itertools.count(1)
    return lambda: next(numbers).to_bytes(16, "big")


async def issued(credential: Credential = CREDENTIAL) -> str:
    return (await secure(credential, holder_key=HOLDER.public, salts=salts(), signer=ISSUER)).text


async def presented(*paths: Path_, **changes: Any) -> str:
    arguments: dict[str, Any] = {"nonce": NONCE, "audience": AUDIENCE, "now": NOW, "signer": HOLDER}
    return await bind(select(await issued(), paths), **arguments | changes)


async def test_the_issuer_writes_what_the_draft_asks_for() -> None:
    sd_jwt = parse_sd_jwt(await issued())
    assert sd_jwt.jws.header == {"alg": "ES256", "typ": "dc+sd-jwt", "kid": KID}
    plain = {name: value for name, value in sd_jwt.payload.items() if name not in ("_sd", "car")}
    assert plain == {
        "vct": "urn:didkit-py:vct:test:1",
        "vct#integrity": "sha256-AAAA",
        "iss": "did:web:issuer.example",
        "iat": 1_795_219_200,
        "exp": 1_826_755_200,
        "cnf": {"jwk": HOLDER.public.to_jwk()},
        "status": {"status_list": {"idx": 7, "uri": "https://issuer.example/status-lists/1"}},
        "_sd_alg": "sha-256",
        "open": 1,
    }
    assert len(sd_jwt.disclosures) == 4


async def test_no_hidden_value_stands_in_the_signed_part() -> None:
    payload = json.dumps(parse_sd_jwt(await issued()).payload)
    for secret in ("sally", "Hybrid", "2026,", "email", "model", "telephone"):
        assert secret not in payload


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
async def test_a_presentation_shows_what_was_chosen_and_no_more(alg: str) -> None:
    issuer, holder = signer(7, alg, KID), signer(8, alg)
    secured = await secure(CREDENTIAL, holder_key=holder.public, salts=salts(), signer=issuer)
    text = await bind(select(secured.text, [("car", "model")]), nonce=NONCE, audience=AUDIENCE, now=NOW, signer=holder)
    sd_jwt = parse_sd_jwt(text)
    read = verify_issuer(sd_jwt, issuer.public)
    assert read.holder == holder.public
    verify_key_binding(sd_jwt, holder=holder.public, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW)
    assert read.disclosed == (("car", "model"),)
    assert read.claims["car"] == {"model": "Hybrid"}
    assert "email" not in read.claims
    assert (read.vct, read.issuer, read.subject, read.key_hint) == (CREDENTIAL.vct, CREDENTIAL.issuer, None, KID)
    assert (read.issued_at, read.expires_at, read.not_before) == (CREDENTIAL.issued_at, CREDENTIAL.expires_at, None)
    assert (read.status, read.integrity) == (STATUS, "sha256-AAAA")


async def test_choosing_nothing_shows_nothing() -> None:
    assert parse_sd_jwt(select(await issued(), [])).disclosures == ()


async def test_a_path_that_is_always_shown_needs_no_disclosure() -> None:
    assert parse_sd_jwt(select(await issued(), [("open",), ("vct",), ("car",)])).disclosures == ()


@pytest.mark.parametrize(
    "path", [("nothing",), ("telephone",), ("car", "nothing"), ("open", "deeper"), (0,), ("email", None)]
)
async def test_a_path_that_the_credential_does_not_hold_is_our_mistake(path: Path_) -> None:
    text = await issued()
    with pytest.raises(ValueError, match="no claim"):
        select(text, [path])


async def test_parents_come_along_and_children_do_not() -> None:
    inner = b64url(write_json(["s1", "street", "High Street"]))
    outer = b64url(write_json(["s2", "address", {"_sd": [digest_of(inner)], "country": "GB"}]))
    item = b64url(write_json(["s3", "DE"]))
    payload: dict[str, Json] = {
        "vct": "v",
        "iss": "i",
        "_sd": [digest_of(outer)],
        "list": ["GB", {"...": digest_of(item)}],
    }
    signed = await sign_compact(payload, typ="dc+sd-jwt", signer=ISSUER)
    text = f"{signed}~{inner}~{outer}~{item}~"
    shown: dict[Path_, list[str]] = {
        ("address", "street"): [inner, outer],
        ("address",): [outer],
        ("address", "country"): [outer],
        ("list",): [],
        ("list", 0): [],
        ("list", 1): [item],
        ("list", None): [item],
    }
    for path, disclosures in shown.items():
        assert select(text, [path]) == "~".join((signed, *disclosures, "")), path


async def test_a_disclosure_of_another_place_is_not_chosen_by_its_name() -> None:
    """`email` may hang below another claim; a name alone selects nothing."""
    stray = b64url(write_json(["s1", "email", "other@mail.example"]))
    other = b64url(write_json(["s2", "other", {"_sd": [digest_of(stray)]}]))
    mine = b64url(write_json(["s3", "email", "sally@mail.example"]))
    payload: dict[str, Json] = {"vct": "v", "iss": "i", "_sd": [digest_of(other), digest_of(mine)]}
    signed = await sign_compact(payload, typ="dc+sd-jwt", signer=ISSUER)
    assert select(f"{signed}~{stray}~{other}~{mine}~", [("email",)]) == f"{signed}~{mine}~"


async def test_one_amount_looks_like_another_in_the_signed_part() -> None:
    """Five members between 6 000 and 60 000 give signed parts of one length and shape."""
    template = template_named("affordability-range")
    seen = set()
    for amount in (6_000, 12_000, 24_000, 38_000, 60_000):
        always = {"scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1", "currency": "GBP", "basis": "savings"}
        values = always | ladder_claims(Decimal(amount), template)
        credential = template.fill(values, issuer="did:web:creditunion.example", now=NOW)
        sd_jwt = parse_sd_jwt(await issued(credential))
        steps, top = sd_jwt.payload["at_least"], sd_jwt.payload["_sd"]
        assert isinstance(steps, dict)
        assert isinstance(top, list)
        assert list(steps) == ["_sd"]
        assert len(sd_jwt.disclosures) == 9
        seen.add((len(sd_jwt.jws.payload), len(str(steps)), len(top)))
    assert len(seen) == 1


async def test_receipts_with_few_and_many_parts_have_the_same_number_of_digests() -> None:
    template = template_named("digital-receipt")
    always: dict[str, Json] = {
        "receipt_type": "goods",
        "date": "2026-11-20",
        "seller": {"name": "Example Motors"},
        "fullReceiptDigest": "sha-256;ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
    }
    counts = set()
    for more in ({}, {"buyer_name": "Sally"}, {"vehicle": {"model": "Hybrid"}, "payment": "cash"}):
        values: Mapping[str, Json] = {**always, **more}  # type: ignore[dict-item] # plain JSON
        credential = template.fill(values, issuer="did:web:dealer.example", now=NOW, status=STATUS)
        payload: Any = parse_sd_jwt(await issued(credential)).payload
        counts.add((len(payload["_sd"]), len(payload["vehicle"]["_sd"])))
    assert counts == {(5, 4)}


async def test_a_business_credential_is_one_signed_part() -> None:
    credential = template_named("authorized-dealer").fill(
        {"brand": "Chryota", "scope": ["sales"], "territory": ["GB"], "dealer_id": "D-1", "name": "Example Motors"},
        issuer="did:web:chryota.example",
        subject="did:web:dealer.example",
        now=NOW,
        status=STATUS,
    )
    secured = await secure(credential, holder_key=None, salts=salts(), signer=ISSUER)
    sd_jwt = parse_sd_jwt(secured.text)
    assert not {"_sd", "_sd_alg", "cnf"} & sd_jwt.payload.keys()
    read = verify_issuer(sd_jwt, ISSUER.public)
    assert (read.subject, read.holder, read.disclosed) == ("did:web:dealer.example", None, ())


async def test_a_claim_with_a_registered_name_is_never_issued() -> None:
    credential = Credential(
        vct="v", vct_integrity="s", issuer="i", subject=None, claims={"exp": 5}, disclosable=(),
        issued_at=NOW, expires_at=NOW, status=None,
    )  # fmt: skip
    with pytest.raises(ValueError, match="registered"):
        await issued(credential)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"nonce": "other"}, BadKeyBinding),
        ({"audience": "decentralized_identifier:did:web:other.example"}, BadKeyBinding),
        ({"now": NOW - timedelta(minutes=11)}, BadKeyBinding),
        ({"now": NOW + timedelta(seconds=61)}, BadKeyBinding),
        ({"signer": signer(9)}, BadSignature),
        ({"signer": signer(8, "EdDSA")}, UnsupportedAlgorithm),
        ({"extra": {"exp": 1}}, BadKeyBinding),
        ({"extra": {"exp": int(NOW.timestamp())}}, BadKeyBinding),
        ({"extra": {"nbf": 4_000_000_000}}, BadKeyBinding),
        ({"extra": {"nbf": int(NOW.timestamp()) + 61}}, BadKeyBinding),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value.__name__,
)
async def test_a_key_binding_for_another_request_key_or_time_is_refused(
    changes: dict[str, Any], error: type[DidkitError]
) -> None:
    sd_jwt = parse_sd_jwt(await presented(("email",), **changes))
    with pytest.raises(error):
        verify_key_binding(sd_jwt, holder=HOLDER.public, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize("extra", [{"exp": int(NOW.timestamp()) + 1}, {"nbf": int(NOW.timestamp()) + 60}], ids=str)
async def test_a_key_binding_within_a_time_of_its_own_holds(extra: dict[str, int]) -> None:
    sd_jwt = parse_sd_jwt(await presented(("email",), extra=extra))
    verify_key_binding(sd_jwt, holder=HOLDER.public, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize("seconds", [-600, 0, 60])
async def test_a_key_binding_holds_for_ten_minutes_and_a_minute_of_skew(seconds: int) -> None:
    sd_jwt = parse_sd_jwt(await presented(("email",), now=NOW + timedelta(seconds=seconds)))
    verify_key_binding(sd_jwt, holder=HOLDER.public, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW)


async def test_a_key_binding_cannot_move_to_another_selection() -> None:
    kb_jwt = (await presented(("email",))).rpartition("~")[2]
    for paths in ([], [("email",), ("car", "model")]):
        sd_jwt = parse_sd_jwt(select(await issued(), paths) + kb_jwt)
        with pytest.raises(BadKeyBinding):
            verify_key_binding(sd_jwt, holder=HOLDER.public, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW)


async def test_a_missing_key_binding_or_another_token_in_its_place_is_refused() -> None:
    selected = select(await issued(), [])
    claims: dict[str, Json] = {"nonce": NONCE, "aud": AUDIENCE, "iat": 1_795_255_331, "sd_hash": digest_of(selected)}
    listed: dict[str, Json] = {**claims, "aud": [AUDIENCE]}
    cases: dict[str, type[DidkitError]] = {
        selected: BadKeyBinding,
        selected + await sign_compact(claims, typ="JWT", signer=HOLDER): WrongType,
        selected + await sign_compact(listed, typ="kb+jwt", signer=HOLDER): Malformed,
    }
    for text, error in cases.items():
        with pytest.raises(error):
            verify_key_binding(
                parse_sd_jwt(text), holder=HOLDER.public, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW
            )


@pytest.mark.parametrize("name", ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "iat"])
async def test_a_registered_claim_that_comes_from_a_disclosure_is_refused(name: str) -> None:
    hidden = b64url(write_json(["salt", name, 4_000_000_000]))
    payload: dict[str, Json] = {"vct": "v", "iss": "i", "_sd": [digest_of(hidden)]}
    payload.pop(name, None)
    text = f"{await sign_compact(payload, typ='dc+sd-jwt', signer=ISSUER)}~{hidden}~"
    with pytest.raises(BadDisclosure):
        verify_issuer(parse_sd_jwt(text), ISSUER.public)


async def test_a_part_of_a_registered_claim_that_comes_from_a_disclosure_is_refused() -> None:
    hidden = b64url(write_json(["salt", "jwk", HOLDER.public.to_jwk()]))
    payload: dict[str, Json] = {"vct": "v", "iss": "i", "cnf": {"_sd": [digest_of(hidden)]}}
    text = f"{await sign_compact(payload, typ='dc+sd-jwt', signer=ISSUER)}~{hidden}~"
    with pytest.raises(BadDisclosure):
        verify_issuer(parse_sd_jwt(text), ISSUER.public)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"vct": None}, Malformed),
        ({"vct": ""}, Malformed),
        ({"iss": 5}, Malformed),
        ({"exp": "soon"}, Malformed),
        ({"exp": True}, Malformed),
        ({"exp": 10**18}, Malformed),
        ({"cnf": {}}, BadCredential),
        ({"cnf": {"kid": "key"}}, BadCredential),
        ({"cnf": {"jwk": {"kty": "oct", "k": "AAAA"}}}, BadKey),
        ({"cnf": {"jwk": {**HOLDER.public.to_jwk(), "d": "AAAA"}}}, BadKey),
        ({"cnf": []}, Malformed),
        ({"status": {}}, BadCredential),
        ({"status": {"other": {}}}, BadCredential),
        ({"status": {"status_list": {"idx": -1, "uri": "https://a.example"}}}, Malformed),
        ({"status": {"status_list": {"idx": 1, "uri": "http://a.example"}}}, Malformed),
        ({"_sd_alg": "md5"}, BadDisclosure),
    ],
    ids=str,
)
async def test_a_signed_credential_of_wrong_shape_is_refused(change: dict[str, Json], error: type[DidkitError]) -> None:
    payload: dict[str, Json] = {"vct": "v", "iss": "i", **change}
    sd_jwt = parse_sd_jwt(await sign_compact(payload, typ="dc+sd-jwt", signer=ISSUER) + "~")
    with pytest.raises(error):
        verify_issuer(sd_jwt, ISSUER.public)


async def test_another_issuers_key_does_not_verify() -> None:
    sd_jwt = parse_sd_jwt(await issued())
    with pytest.raises(BadSignature):
        verify_issuer(sd_jwt, signer(9).public)
    with pytest.raises(UnsupportedAlgorithm):
        verify_issuer(sd_jwt, signer(7, "EdDSA").public)


async def test_reading_first_does_not_stand_in_for_verifying() -> None:
    """The signature is still checked of what was read without it."""
    sd_jwt = parse_sd_jwt(await issued())
    read = read_credential(sd_jwt)
    with pytest.raises(BadSignature):
        verify_issuer(sd_jwt, signer(9).public)
    assert verify_issuer(sd_jwt, ISSUER.public) == read


async def test_the_old_media_type_is_still_read() -> None:
    text = await sign_compact({"vct": "v", "iss": "i"}, typ="vc+sd-jwt", signer=ISSUER) + "~"
    assert verify_issuer(parse_sd_jwt(text), ISSUER.public).vct == "v"


async def test_neither_claims_nor_salts_are_printed() -> None:
    secured = await secure(CREDENTIAL, holder_key=HOLDER.public, salts=salts(), signer=ISSUER)
    sd_jwt = parse_sd_jwt(secured.text)
    for shown in (repr(CREDENTIAL), repr(secured), repr(sd_jwt), repr(read_credential(sd_jwt)), repr(sd_jwt.processed)):
        assert "sally" not in shown
        assert sd_jwt.disclosures[0].text not in shown
        assert sd_jwt.disclosures[0].salt not in shown


@pytest.mark.needs("vectors")
def test_the_presentation_printed_in_openid4vp_verifies(vectors: Path) -> None:
    folder = vectors / "sd-jwt" / "openid4vp-sd_jwt_vcld" / "01"
    text = "".join((folder / "sd_jwt_presentation.txt").read_text(encoding="ascii").split())
    kb_payload = json.loads((folder / "kb_jwt_payload.json").read_text(encoding="utf-8"))
    sd_jwt = parse_sd_jwt(text)
    key = PublicKey.from_jwk(  # settings.yml beside it
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
            "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
        }
    )
    read = verify_issuer(sd_jwt, key)
    assert read.claims == json.loads((folder / "verified_contents.json").read_text(encoding="utf-8"))
    assert read.disclosed == (("ld", "credentialSubject", "givenName"),)
    assert isinstance(read.holder, PublicKey)
    verify_key_binding(
        sd_jwt,
        holder=read.holder,
        expected_nonce=kb_payload["nonce"],
        expected_audience=kb_payload["aud"],
        now=datetime.fromtimestamp(kb_payload["iat"], UTC),
    )


async def test_the_row_offers_the_same_to_the_rest_of_the_library() -> None:
    secured = await SD_JWT_VC.secure(CREDENTIAL, holder_key=HOLDER.public, salts=salts(), signer=ISSUER)
    chosen = {"q": [ToPresent(secured.text, (("email",),), HOLDER)]}
    vp_token = await SD_JWT_VC.present(chosen, nonce=NONCE, audience=AUDIENCE, now=NOW)
    (text,) = vp_token["q"]
    (held,), (shown,) = SD_JWT_VC.parse(secured.text), SD_JWT_VC.parse(text)
    assert (held.has_proof, shown.has_proof) == (False, True)
    assert held.issuer_signed == shown.issuer_signed
    assert shown.read().disclosed == (("email",),)
    assert (shown.issuer, shown.vct, shown.key_hint) == (CREDENTIAL.issuer, CREDENTIAL.vct, ISSUER.key_id)
    shown.verify_signature(ISSUER.public)
    with pytest.raises(BadSignature):
        shown.verify_signature(HOLDER.public)
    shown.verify_proof(HOLDER.public, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW)
    for holder in (ISSUER.public, HOLDER.public.thumbprint):  # another key, and only the name of the right one
        with pytest.raises((BadSignature, BadKeyBinding)):
            shown.verify_proof(holder, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW)
    assert len(shown.salts()) == 1 < len(held.salts())
