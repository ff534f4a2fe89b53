"""Token Status List against the draft's own vectors, and the ways a list can lie or grow."""

import json
import secrets
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import b64url, from_b64url, timestamp
from didkit_py.errors import (
    BadSignature,
    BadStatusList,
    DidkitError,
    Malformed,
    NotYetValid,
    Stale,
    TooLarge,
    UnsupportedAlgorithm,
    WrongType,
)
from didkit_py.jose import sign_compact
from didkit_py.keys.signer import SoftwareSigner
from didkit_py.status.states import Status
from didkit_py.status.token_list import (
    MAX_LIST_BYTES,
    StatusListAggregation,
    VerifiedStatusList,
    choose_index,
    create_status_list,
    pack,
    parse_aggregation,
    parse_status_list,
    unpack,
    verify_status_list,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URI = "https://insurer.example/status-lists/1"
ISSUER = "did:web:insurer.example"
SIGNER = SoftwareSigner.from_secret(bytes(31) + b"\x05", key_id=f"{ISSUER}#sign-1")


def list_of(packed: bytes, bits: int) -> VerifiedStatusList:
    return VerifiedStatusList(uri=URI, issuer="", bits=bits, packed=packed, issued_at=NOW, expires_at=None, ttl=None)


async def signed(typ: str = "statuslist+jwt", **changed: object) -> str:
    claims: dict[str, Any] = {
        "sub": URI,
        "iat": timestamp(NOW),
        "exp": timestamp(NOW + timedelta(days=7)),
        "ttl": 3600,
        "status_list": {"bits": 1, "lst": b64url(zlib.compress(b"\x04"))},
    } | changed
    return await sign_compact({k: v for k, v in claims.items() if v is not None}, typ=typ, signer=SIGNER)


def test_every_vector_of_the_draft_is_read_and_written(vectors: Path) -> None:
    cases = json.loads((vectors / "token-status-list" / "cases.json").read_text(encoding="utf-8"))
    assert {case["bits"] for case in cases} == {1, 2, 4, 8}
    small = [case for case in cases if "byte_array_hex" in case]
    assert [unpack(case["lst"]).hex() for case in small] == [case["byte_array_hex"] for case in small]
    for case in (case for case in cases if "statuses" in case):
        statuses = {int(index): status for index, status in case["statuses"].items()}
        packed = unpack(case["lst"])
        assert packed == pack(statuses, size=case["size"], bits=case["bits"])
        read = list_of(packed, case["bits"])
        assert {index: read.status(index) for index in statuses} == statuses
        assert sum(read.status(index) != 0 for index in range(0, case["size"], 97)) == sum(
            index % 97 == 0 and status != 0 for index, status in statuses.items()
        )


def test_the_first_example_of_the_draft_reads_lowest_bit_first() -> None:
    # Section 4.1: sixteen statuses in the bytes b9 a3.
    statuses = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    packed = pack(dict(enumerate(statuses)), size=16, bits=1)
    assert packed == bytes.fromhex("b9a3")
    assert unpack("eNrbuRgAAhcBXQ") == packed
    # Section 4.1, two bits: twelve statuses in the bytes c9 44 f9.
    two = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
    assert pack(dict(enumerate(two)), size=12, bits=2) == bytes.fromhex("c944f9")


def test_the_token_of_the_draft_has_the_shape_that_we_expect(vectors: Path) -> None:
    text = "".join((vectors / "token-status-list" / "status_list_jwt_raw.txt").read_text(encoding="utf-8").split())
    jws = parse_status_list(text)
    assert jws.kid == "12"
    assert jws.claims()["sub"] == "https://example.com/statuslists/1"


async def test_a_list_of_ours_is_read_back() -> None:
    statuses = {3: Status.INVALID, 70_000: Status.SUSPENDED}
    text = await create_status_list(
        statuses,
        size=131_072,
        bits=2,
        uri=URI,
        signer=SIGNER,
        now=NOW,
        ttl=timedelta(hours=1),
        lifetime=timedelta(days=7),
    )
    read = verify_status_list(text, uri=URI, issuer=ISSUER, key=SIGNER.public, now=NOW)
    assert [read.status(index) for index in (0, 3, 70_000, 131_071)] == [0, 1, 2, 0]
    assert read.issuer == ISSUER
    assert (read.ttl, read.expires_at) == (timedelta(hours=1), NOW + timedelta(days=7))


def test_an_index_outside_the_list_is_refused() -> None:
    read = list_of(b"\x00\x00", 4)
    assert read.status(3) == 0
    for index in (4, -1, 2**40):
        with pytest.raises(BadStatusList):
            read.status(index)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"sub": "https://insurer.example/status-lists/2"}, BadStatusList),
        ({"sub": None}, Malformed),
        ({"iat": None}, Malformed),
        ({"iat": timestamp(NOW) + 61}, NotYetValid),
        ({"exp": timestamp(NOW)}, Stale),
        ({"ttl": 0}, Malformed),
        ({"status_list": {"bits": 3, "lst": "eNrbuRgAAhcBXQ"}}, BadStatusList),
        ({"status_list": {"bits": True, "lst": "eNrbuRgAAhcBXQ"}}, Malformed),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ=="}}, Malformed),
        ({"status_list": {"bits": 1, "lst": b64url(b"\x1f\x8b\x08")}}, BadStatusList),  # gzip is not zlib
        ({"status_list": {"bits": 1, "lst": b64url(zlib.compress(b"ab")[:-2])}}, BadStatusList),
        ({"status_list": {"bits": 1, "lst": b64url(zlib.compress(b"ab") + b"!")}}, BadStatusList),
        ({"status_list": None}, Malformed),
    ],
)
async def test_a_list_that_breaks_a_rule_is_refused(changed: dict[str, Any], error: type[DidkitError]) -> None:
    verify_status_list(await signed(), uri=URI, issuer=ISSUER, key=SIGNER.public, now=NOW)
    with pytest.raises(error):
        verify_status_list(await signed(**changed), uri=URI, issuer=ISSUER, key=SIGNER.public, now=NOW)


async def test_a_small_token_cannot_unpack_into_a_large_list() -> None:
    bomb = b64url(zlib.compress(bytes(64 * MAX_LIST_BYTES), level=9))
    assert len(bomb) < 400_000
    with pytest.raises(BadStatusList):
        unpack(bomb)
    assert len(unpack(b64url(zlib.compress(bytes(MAX_LIST_BYTES))))) == MAX_LIST_BYTES
    with pytest.raises(BadStatusList):
        unpack(b64url(zlib.compress(bytes(MAX_LIST_BYTES + 1))))


async def test_a_list_signed_by_another_key_or_of_another_type_is_refused() -> None:
    other = SoftwareSigner.from_secret(bytes(31) + b"\x06").public
    with pytest.raises(BadSignature):
        verify_status_list(await signed(), uri=URI, issuer=ISSUER, key=other, now=NOW)
    with pytest.raises(WrongType):
        verify_status_list(await signed(typ="jwt"), uri=URI, issuer=ISSUER, key=SIGNER.public, now=NOW)
    unsigned = b64url(b'{"alg":"none","typ":"statuslist+jwt"}') + "." + (await signed()).split(".")[1] + "."
    with pytest.raises(UnsupportedAlgorithm):
        verify_status_list(unsigned, uri=URI, issuer=ISSUER, key=SIGNER.public, now=NOW)
    with pytest.raises(TooLarge):
        verify_status_list("a" * 2_097_153, uri=URI, issuer=ISSUER, key=SIGNER.public, now=NOW)


async def test_a_list_of_a_million_random_entries_passes_our_bounds() -> None:
    packed = secrets.token_bytes(262_144)
    text = await signed(status_list={"bits": 2, "lst": b64url(zlib.compress(packed))})
    assert verify_status_list(text, uri=URI, issuer=ISSUER, key=SIGNER.public, now=NOW).packed == packed


def test_an_index_is_chosen_at_random_among_the_free_ones() -> None:
    taken: set[int] = set()
    for _ in range(64):
        taken.add(choose_index(taken, size=64, random=secrets.token_bytes))
    assert taken == set(range(64))
    with pytest.raises(ValueError, match="full"):
        choose_index(taken, size=64, random=secrets.token_bytes)
    assert choose_index(taken - {41}, size=64, random=lambda _: bytes(8)) == 41
    assert choose_index((), size=64, random=lambda count: (1000).to_bytes(count, "big")) == 1000 % 64


def test_the_aggregation_names_lists_by_address_only() -> None:
    body = json.dumps(StatusListAggregation(status_lists=(URI,)).to_json()).encode()
    assert parse_aggregation(body) == (URI,)
    for bad in (b"[]", b"{}", b'{"status_lists": "x"}', b'{"status_lists": ["http://insurer.example/1"]}'):
        with pytest.raises(Malformed):
            parse_aggregation(bad)
    with pytest.raises(TooLarge):
        parse_aggregation(json.dumps({"status_lists": [URI] * 65}).encode())


def test_what_we_cannot_pack_is_our_own_mistake() -> None:
    for statuses, size, bits in (({0: 2}, 8, 1), ({8: 1}, 8, 1), ({}, 0, 1), ({}, 8, 3), ({}, 2**26, 1)):
        with pytest.raises(ValueError, match="list"):
            pack(statuses, size=size, bits=bits)
    assert from_b64url("") == b""
