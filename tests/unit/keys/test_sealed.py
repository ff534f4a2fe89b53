"""Secrets at rest: they open with their key, context and text alone, and cost is bounded before it is paid."""

import json

import pytest

from didkit_py.errors import CannotOpen, Malformed
from didkit_py.keys.sealed import open_sealed, open_with_passphrase, seal, seal_with_passphrase

KEY, NONCE, SALT = bytes(range(32)), bytes(range(24)), bytes(range(16))


def test_the_cipher_is_that_of_the_xchacha_draft() -> None:
    # draft-irtf-cfrg-xchacha-03, A.3.1
    sealed = seal(
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it.",
        key=bytes(range(0x80, 0xA0)),
        nonce=bytes(range(0x40, 0x58)),
        context=bytes.fromhex("50515253c0c1c2c3c4c5c6c7"),
    )
    assert sealed[24:].startswith(bytes.fromhex("bd6d179d3e83d43b9576579493c0e939"))
    assert sealed[-16:] == bytes.fromhex("c0875924c1c7987947deafd8780acf49")


def test_sealed_bytes_open_with_key_and_context_alone() -> None:
    sealed = seal(b"secret", key=KEY, nonce=NONCE, context=b"here")
    assert open_sealed(sealed, key=KEY, context=b"here") == b"secret"
    for text, key, context in (
        (sealed, bytes(32), b"here"),
        (sealed, KEY, b"there"),
        (sealed[:-1], KEY, b"here"),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), KEY, b"here"),
        (b"", KEY, b"here"),
    ):
        with pytest.raises(CannotOpen):
            open_sealed(text, key=key, context=context)


def test_a_passphrase_opens_what_it_sealed_and_another_does_not() -> None:
    sealed = seal_with_passphrase(b"secret", b"correct horse", salt=SALT, nonce=NONCE)
    assert b"secret" not in sealed
    assert open_with_passphrase(sealed, b"correct horse") == b"secret"
    with pytest.raises(CannotOpen):
        open_with_passphrase(sealed, b"incorrect horse")


@pytest.mark.parametrize(
    "change",
    [
        {"memory_bytes": 2**40},
        {"passes": 1_000_000},
        {"passes": 0},
        {"format": "other"},
        {"salt": "AAAA"},
        {"sealed": 5},
    ],
    ids=str,
)
def test_a_text_that_would_cost_too_much_or_is_misshapen_is_refused(change: dict[str, object]) -> None:
    header = {"format": "didkit-sealed-1", "salt": "A" * 22, "passes": 1, "memory_bytes": 8_192, "sealed": "AAAA"}
    with pytest.raises(Malformed):
        open_with_passphrase(json.dumps({**header, **change}).encode(), b"any")


def test_a_lowered_cost_does_not_open() -> None:
    """The header is authenticated: nobody makes guessing cheaper by editing it."""
    body = json.loads(seal_with_passphrase(b"secret", b"correct horse", salt=SALT, nonce=NONCE))
    with pytest.raises(CannotOpen):
        open_with_passphrase(json.dumps({**body, "passes": 1, "memory_bytes": 8_192}).encode(), b"correct horse")
