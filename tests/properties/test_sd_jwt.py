"""Whatever the claims are: they come back as they went in, nothing survives a change, nothing unasked is shown."""

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didkit_py.credentials.credential import Credential
from didkit_py.encoding import Json
from didkit_py.errors import DidkitError
from didkit_py.formats.sd_jwt import parse_sd_jwt
from didkit_py.formats.sd_jwt_vc import bind, secure, select, verify_issuer, verify_key_binding
from didkit_py.keys.public import PublicKey
from didkit_py.keys.signer import SoftwareSigner

NOW = datetime(2026, 11, 21, 10, 2, 11, tzinfo=UTC)
NONCE, AUDIENCE = "n-0S6_WzA2Mj", "decentralized_identifier:did:web:dealer.example"
ISSUER = SoftwareSigner.from_secret(bytes(31) + b"\x07", alg="EdDSA", key_id="did:web:issuer.example#1")
HOLDER = SoftwareSigner.from_secret(bytes(31) + b"\x08", alg="EdDSA")
REGISTERED = ("vct", "vct#integrity", "iss", "iat", "exp", "cnf")

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(lambda name: f"claim {name}")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
claim_sets = st.dictionaries(names, values, min_size=1, max_size=6)


def paths_of(claims: dict[str, Any]) -> list[tuple[str, ...]]:
    """Every claim at the top, and for objects every member of theirs instead."""
    return [
        path
        for name, value in claims.items()
        for path in ([(name, member) for member in value] if isinstance(value, dict) and value else [(name,)])
    ]


def credential(claims: dict[str, Json], disclosable: list[tuple[str, ...]]) -> Credential:
    return Credential(
        vct="urn:didkit-py:vct:test:1",
        vct_integrity="sha256-AAAA",
        issuer="did:web:issuer.example",
        subject=None,
        claims=claims,
        disclosable=tuple(disclosable),
        issued_at=NOW,
        expires_at=NOW,
        status=None,
    )


def issue(claims: dict[str, Json], disclosable: list[tuple[str, ...]]) -> str:
    numbers = itertools.count(1)
    secured = secure(
        credential(claims, disclosable),
        holder_key=HOLDER.public,
        salts=lambda: next(numbers).to_bytes(16, "big"),
        signer=ISSUER,
    )
    return asyncio.run(secured).text


def present(text: str, paths: list[tuple[str, ...]]) -> str:
    return asyncio.run(bind(select(text, paths), nonce=NONCE, audience=AUDIENCE, now=NOW, signer=HOLDER))


def judge(text: str) -> dict[str, Json]:
    """The claims of a presentation that holds, without the registered ones."""
    sd_jwt = parse_sd_jwt(text)
    read = verify_issuer(sd_jwt, ISSUER.public)
    assert isinstance(read.holder, PublicKey)
    verify_key_binding(sd_jwt, holder=read.holder, expected_nonce=NONCE, expected_audience=AUDIENCE, now=NOW)
    return {name: value for name, value in read.claims.items() if name not in REGISTERED}


def leaves(claims: Json, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    if isinstance(claims, dict) and len(at) < 2:
        for name, value in claims.items():
            yield from leaves(value, (*at, name))
    else:
        yield at, claims


@given(claims=claim_sets, drawn=st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_hidden_and_shown_whole_comes_back_as_it_was(claims: dict[str, Json], drawn: st.DataObject) -> None:
    every = paths_of(claims)
    hidden = drawn.draw(st.lists(st.sampled_from(every), unique=True))
    assert judge(present(issue(claims, hidden), hidden)) == claims


@given(claims=claim_sets, drawn=st.data())
@settings(max_examples=60, deadline=None)
def test_a_selection_shows_what_was_asked_and_never_more(claims: dict[str, Json], drawn: st.DataObject) -> None:
    every = paths_of(claims)
    asked = drawn.draw(st.lists(st.sampled_from(every), unique=True))
    shown = judge(present(issue(claims, every), asked))
    given_leaves = dict(leaves(claims))
    for path, value in leaves(shown):
        if value != {}:  # what is left of an object none of whose members is shown
            assert any(path[: len(one)] == one for one in asked), path
            assert given_leaves[path] == value
    for path in asked:
        node: Any = shown
        for name in path:
            node = node[name]


SHOWN = present(
    issue({"email": "sally@mail.example", "car": {"model": "Hybrid"}, "open": 1}, [("email",), ("car", "model")]),
    [("email",), ("car", "model")],
)


@given(place=st.integers(0, len(SHOWN) - 1), sign=st.characters(exclude_categories=["Cs"]) | st.sampled_from("~.AQgw="))
@settings(max_examples=400, deadline=None)
def test_a_presentation_with_one_character_changed_is_refused(place: int, sign: str) -> None:
    if SHOWN[place] == sign:
        return
    with pytest.raises(DidkitError):
        judge(SHOWN[:place] + sign + SHOWN[place + 1 :])


@given(place=st.integers(0, len(SHOWN)), length=st.integers(1, 40), sign=st.sampled_from(["", "~", "A", "=", "~A~"]))
@settings(max_examples=200, deadline=None)
def test_a_presentation_with_a_piece_cut_out_or_put_in_is_refused(place: int, length: int, sign: str) -> None:
    for changed in (SHOWN[:place] + sign + SHOWN[place + length :], SHOWN[:place] + (sign or "~") + SHOWN[place:]):
        if changed != SHOWN:
            with pytest.raises(DidkitError):
                judge(changed)


def test_the_presentation_that_is_changed_above_holds_unchanged() -> None:
    assert judge(SHOWN) == {"email": "sally@mail.example", "car": {"model": "Hybrid"}, "open": 1}
