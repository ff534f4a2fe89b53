"""Every kind of text shown to every function that reads one: each is taken in its own place and in no other.

All are signed by one key that everybody believes, so what keeps them apart is the kind alone (RFC 8725, 3.11).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from didkit_py.encoding import Json, b64url, from_b64url, read_json, write_json
from didkit_py.errors import DidkitError, WrongType
from didkit_py.formats.table import FORMATS
from didkit_py.jose import encrypt
from didkit_py.oid4vp.response import open_response, public_encryption_key
from didkit_py.verification import verify_presentation
from tests.attacks import presentations
from tests.attacks.forging import FORGER, NOW, Token, header, signed_by
from tests.attacks.genuine import ENCRYPTION, JUDGES, JWK_KINDS, NAMED, TYPED, genuine, genuine_response
from tests.attacks.token_places import LEFT_OUT, PLACES, readers, texts

# Header members that bring a key, an address or a rule of their own, and algorithms that need no secret.
HEADERS: Final[tuple[dict[str, Any], ...]] = (
    {"jwk": NAMED.public.to_jwk()},
    {"x5c": ["MIIB"]},
    {"x5u": "https://forger.example/"},
    {"jku": "https://forger.example/"},
    {"crit": ["exp"]},
    {"crit": []},
    {"zip": "DEF"},
    {"b64": False},
    {"enc": "A128GCM"},
    {"alg": "none"},
    {"alg": "HS256"},  # keyed with the public key, as forging.py signs it
    {"alg": "PBES2-HS256+A128KW", "p2c": 10**9, "p2s": "AAAA"},
)
JWE_HEADERS: Final[tuple[dict[str, Any], ...]] = (
    {"alg": "PBES2-HS256+A128KW", "p2c": 10**9, "p2s": "AAAA"},
    {"p2c": 10**9},
    {"alg": "dir"},
    {"alg": "RSA-OAEP"},
    {"alg": "none"},
    {"zip": "DEF"},
    {"crit": ["exp"]},
    {"jku": "https://forger.example/"},
    {"x5u": "https://forger.example/"},
)


def takes(read: Callable[[str], object], text: str) -> bool:
    """Whether a function takes a text; anything but an error of ours is a failure of the test."""
    try:
        return bool(read(text))
    except DidkitError:
        return False
    except ValueError:  # a record is split in its parts by the test itself
        assert text.count(".") != 2
        return False


def test_every_function_that_reads_what_others_send_stands_in_the_table() -> None:
    assert not PLACES.keys() & LEFT_OUT.keys()
    assert readers() == PLACES.keys() | LEFT_OUT.keys()
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize("name", PLACES)
def test_a_text_is_taken_in_its_own_place_only(name: str) -> None:
    place = PLACES[name]
    assert place.takes or takes(place.read, place.own)
    assert {kind for kind, text in texts().items() if takes(place.read, text)} == place.takes


def nested() -> Iterator[str]:
    """Each text inside of a token of each type (RFC 7519, 5.2), signed as it should be."""
    for typ in (*TYPED.values(), "JWT"):
        for text in (one for one in texts().values() if not one.startswith("{")):
            head: dict[str, Json] = {"alg": "ES256", "typ": typ, "cty": "JWT", "kid": NAMED.key_id}
            yield Token(header=head, payload=text.encode(), by=NAMED).text()


def encrypted() -> Iterator[str]:
    """Each text inside of an encrypted one for the right reader."""
    for text in texts().values():
        yield encrypt(text.encode(), jwk=public_encryption_key(ENCRYPTION), enc="A128GCM", header={"cty": "JWT"})


def with_headers() -> Iterator[str]:
    """Each token with a header that must not decide anything, signed anew."""
    for kind in TYPED:
        for members in HEADERS:
            if not (kind in JWK_KINDS and "jwk" in members):
                yield header(**members)(genuine(kind)).text()
        if kind not in JWK_KINDS:
            yield header(jwk=FORGER.public.to_jwk())(signed_by(FORGER)(genuine(kind))).text()


def with_encryption_headers() -> Iterator[str]:
    head, _, rest = genuine_response().partition(".")
    known = read_json(from_b64url(head))
    assert isinstance(known, dict)
    for members in JWE_HEADERS:
        yield f"{b64url(write_json({**known, **members}))}.{rest}"


@pytest.mark.parametrize("make", [nested, encrypted, with_headers, with_encryption_headers])
def test_a_wrapped_or_mislabelled_text_is_taken_nowhere(
    make: Callable[[], Iterator[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def derive(*_: object, **__: object) -> object:
        pytest.fail("a count of rounds that somebody else names was begun")

    monkeypatch.setattr("jwcrypto.jwa.PBKDF2HMAC", derive)
    for text in make():
        for name, place in PLACES.items():
            assert (make is nested and place.only_header) or not takes(place.read, text), name


def test_a_token_of_another_kind_inside_of_an_answer_is_no_presentation() -> None:
    expected: Any = {"expected_nonce": presentations.NONCE, "expected_audience": presentations.AUDIENCE}
    known = {"query": presentations.QUERY, "evidence": presentations.status_list(), "now": NOW, **expected}
    accepted = set()
    for kind, text in texts().items():
        body = write_json({"vp_token": {"afford": [text]}})
        answer = encrypt(body, jwk=public_encryption_key(ENCRYPTION), enc="A128GCM")
        opened = open_response(answer, private_jwk=ENCRYPTION)
        if takes(lambda _, opened=opened: verify_presentation(opened.vp_token, **known, formats=FORMATS), text):  # type: ignore[misc] # mypy knows no lambda with a default
            accepted.add(kind)
    assert accepted == {"answer to a query"}


@pytest.mark.parametrize("typ", TYPED.values())
@pytest.mark.parametrize("place", TYPED)
def test_what_is_right_but_for_its_type_is_refused(place: str, typ: str) -> None:
    token = genuine(place)
    if token.header["typ"] == typ:
        assert JUDGES[place](token.text())
        return
    with pytest.raises(DidkitError) as caught:
        JUDGES[place](header(typ=typ)(token).text())
    assert isinstance(caught.value, WrongType) or caught.value.reason == WrongType.code


@pytest.mark.parametrize("typ", ["JWT", "", None, 7, ["kb+jwt"], "application/jwt"])
@pytest.mark.parametrize("place", TYPED)
def test_a_token_of_no_kind_is_refused_everywhere(place: str, typ: str | int | list[str] | None) -> None:
    with pytest.raises(DidkitError):
        JUDGES[place](header(typ=typ)(genuine(place)).text())  # type: ignore[arg-type] # a list of texts is Json


def test_a_nested_token_is_refused_for_what_is_inside_and_not_for_its_signature() -> None:
    """The wrapper of `nested` holds: the same one around the claims themselves is taken."""
    token = genuine("trust list")
    assert JUDGES["trust list"](replace(token, header={**token.header, "cty": "JWT"}).text())
