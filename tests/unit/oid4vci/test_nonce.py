"""Nonces that are recognised and not remembered (OpenID4VCI 1.0, 7 and 8.3.1.2)."""

from datetime import UTC, datetime, timedelta

import pytest

from didkit_py.encoding import b64url, from_b64url
from didkit_py.errors import Malformed
from didkit_py.oauth import InvalidNonce
from didkit_py.oid4vci.nonce import NonceResponse, create_nonce, verify_nonce
from didkit_py.structs import read_as

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
KEY = bytes(range(32))


def nonce(octet: int = 7) -> str:
    return create_nonce(key=KEY, now=NOW, random=lambda size: bytes([octet]) * size)


def test_our_nonce_is_recognised_and_has_an_id_to_be_spent() -> None:
    assert verify_nonce(nonce(), key=KEY, now=NOW) == bytes([7]) * 16
    assert verify_nonce(nonce(8), key=KEY, now=NOW) == bytes([8]) * 16


def test_a_nonce_holds_for_ten_minutes() -> None:
    verify_nonce(nonce(), key=KEY, now=NOW + timedelta(minutes=10))
    with pytest.raises(InvalidNonce, match="old"):
        verify_nonce(nonce(), key=KEY, now=NOW + timedelta(minutes=10, seconds=1))


def test_a_nonce_does_not_hold_before_it_was_made() -> None:
    verify_nonce(nonce(), key=KEY, now=NOW - timedelta(minutes=1))
    with pytest.raises(InvalidNonce, match="future"):
        verify_nonce(nonce(), key=KEY, now=NOW - timedelta(minutes=1, seconds=1))


def test_a_nonce_of_another_issuer_is_refused() -> None:
    with pytest.raises(InvalidNonce):
        verify_nonce(nonce(), key=bytes(32), now=NOW)


@pytest.mark.parametrize("place", [0, 15, 16, 23, 24, 39])
def test_a_nonce_with_a_flipped_bit_is_refused(place: int) -> None:
    octets = bytearray(from_b64url(nonce()))
    octets[place] ^= 1
    with pytest.raises(InvalidNonce):
        verify_nonce(b64url(bytes(octets)), key=KEY, now=NOW)


@pytest.mark.parametrize("text", ["", "wKI4LT17ac15ES9bw8ac4", "A" * 54, "ü", "A" * 100_000, "a b"])
def test_what_was_never_ours_is_refused(text: str) -> None:
    with pytest.raises(InvalidNonce):
        verify_nonce(text, key=KEY, now=NOW)


def test_a_nonce_key_of_another_length_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="32"):
        create_nonce(key=b"", now=NOW, random=bytes)


def test_the_nonce_response_of_the_standard_is_read() -> None:
    body = {"c_nonce": "wKI4LT17ac15ES9bw8ac4"}

    assert read_as(NonceResponse, {**body, "c_nonce_expires_in": 60}, at="nonce_response").to_json() == body


@pytest.mark.parametrize("body", [None, {}, {"c_nonce": ""}, {"c_nonce": 1}, {"c_nonce": "a" * 1025}])
def test_a_nonce_response_without_nonce_is_malformed(body: object) -> None:
    with pytest.raises(Malformed):
        read_as(NonceResponse, body, at="nonce_response")  # type: ignore[arg-type] # wrong on purpose
