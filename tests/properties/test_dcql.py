"""Whatever is held and asked: matching shows no more than asked, always the same, and the vendor accepts it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from didkit_py.encoding import Json
from didkit_py.errors import QueryNotAnswered
from didkit_py.formats.sd_jwt_vc import REGISTERED
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.claims_path import asked_for, select_places, visible
from didkit_py.oid4vp.dcql import DcqlQuery, Held, Path_, QueryAnswer, match, require_answered, unasked

VCT = "urn:x"
NAMES = st.sampled_from(["a", "b", "c"])  # few names, so that paths and credentials often meet
SCALARS = st.sampled_from([True, False, 0, 1, 1.0, "1", "x", None])
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
PATHS = st.lists(NAMES | st.integers(0, 2) | st.none(), min_size=0, max_size=2).flatmap(
    lambda rest: NAMES.map(lambda first: [first, *rest])
)
EXPECTED = st.lists(st.sampled_from([True, False, 0, 1, "1", "x"]), min_size=1, max_size=3)


class Shown(NamedTuple):
    """A credential that was presented."""

    claims: Mapping[str, Json]
    vct: str
    format: str = "dc+sd-jwt"


def require(query: DcqlQuery, presented: Mapping[str, Sequence[Mapping[str, Json]]]) -> None:
    """`require_answered` for the claims of SD-JWT VCs."""
    require_answered(
        query, {name: [Shown(one, str(one.get("vct"))) for one in some] for name, some in presented.items()}
    )


def places(value: Json, at: Path_ = ()) -> list[Path_]:
    """Every place below a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for part, below in inside for one in ((*at, part), *places(below, (*at, part)))]


@st.composite
def credentials(draw: st.DrawFn) -> Held:
    claims: dict[str, Json] = draw(st.dictionaries(NAMES, VALUES, max_size=3))
    found = places(claims)
    chosen = draw(st.lists(st.sampled_from(found), unique=True, max_size=len(found))) if found else []
    return Held(
        id=draw(st.uuids()).hex,
        format="dc+sd-jwt",
        vct=VCT,
        issuer="did:web:issuer.example",
        claims={**claims, "vct": VCT},
        disclosable=tuple(sorted(chosen, key=repr)),
        protocol=REGISTERED,
    )


@st.composite
def queries(draw: st.DrawFn) -> DcqlQuery:
    count = draw(st.integers(0, 3))
    claims: list[dict[str, Any]] = [{"id": f"c{number}", "path": draw(PATHS)} for number in range(count)]
    for claim in claims:
        if draw(st.integers(0, 3)) == 0:
            claim["values"] = draw(EXPECTED)
    body: dict[str, Any] = {"id": "q", "format": "dc+sd-jwt", "meta": {"vct_values": [VCT]}}
    if claims:
        body["claims"] = claims
        if draw(st.booleans()):
            ids = st.sampled_from([claim["id"] for claim in claims])
            body["claim_sets"] = draw(st.lists(st.lists(ids, min_size=1, unique=True), min_size=1, max_size=3))
    return DcqlQuery.from_json({"credentials": [body]}, formats=FORMATS)


def presented(answer: QueryAnswer, held: Held) -> dict[str, Json]:
    """What the vendor reads when exactly the answer's disclosures are sent."""
    return visible(held.claims, set(held.disclosable) - set(answer.paths))


def answer_of(query: DcqlQuery, held: Held) -> QueryAnswer | None:
    found = next(iter(match(query, [held]).answers["q"]), None)
    event("answered" if found else "not answered")
    return found


@settings(max_examples=300, deadline=None)
@given(query=queries(), held=credentials())
def test_no_disclosure_goes_beyond_what_is_asked(query: DcqlQuery, held: Held) -> None:
    answer = answer_of(query, held)
    if answer is None:
        return
    asked = [claim.path for claim in query.credentials[0].claims]
    assert set(answer.paths) <= set(held.disclosable)
    assert all(asked_for(place, asked) for place in answer.paths)
    assert unasked(query.credentials[0], answer.paths) == ()


@settings(max_examples=300, deadline=None)
@given(query=queries(), held=credentials())
def test_the_vendor_accepts_exactly_what_was_selected(query: DcqlQuery, held: Held) -> None:
    answer = answer_of(query, held)
    if answer is not None:
        require(query, {"q": [presented(answer, held)]})


@settings(max_examples=300, deadline=None)
@given(query=queries(), held=credentials())
def test_every_disclosure_is_on_the_way_to_a_shown_place_or_inside_it(query: DcqlQuery, held: Held) -> None:
    answer = answer_of(query, held)
    if answer is None:
        return
    shown = [place for place, _ in answer.shown]
    for path in answer.paths:
        assert any(place[: len(path)] == path or path[: len(place)] == place for place in shown)


@settings(max_examples=300, deadline=None)
@given(query=queries(), held=credentials())
def test_what_is_shown_is_what_is_held(query: DcqlQuery, held: Held) -> None:
    answer = answer_of(query, held)
    if answer is None:
        return
    for place, value in answer.shown:
        assert select_places(held.claims, place) == ((place, value),)
        assert type(select_places(held.claims, place)[0][1]) is type(value)


@settings(max_examples=100, deadline=None)
@given(query=queries(), held=st.lists(credentials(), max_size=4, unique_by=lambda one: one.id), seed=st.randoms())
def test_matching_depends_on_nothing_but_its_arguments_and_not_on_their_order(
    query: DcqlQuery,
    held: list[Held],
    seed: Any,
) -> None:
    first = match(query, held)
    shuffled = list(held)
    seed.shuffle(shuffled)
    assert match(query, shuffled) == first
    counts = [(len(answer.paths), answer.held_id) for answer in first.answers["q"]]
    assert counts == sorted(counts)


@settings(max_examples=200, deadline=None)
@given(held=credentials(), name=NAMES, wrong=st.sampled_from(["other", 7]))
def test_a_value_that_is_not_the_one_asked_for_is_never_released(held: Held, name: str, wrong: Json) -> None:
    body: Json = {"id": "q", "format": "dc+sd-jwt", "meta": {"vct_values": [VCT]}}
    assert isinstance(body, dict)
    query = DcqlQuery.from_json(
        {"credentials": [{**body, "claims": [{"path": [name], "values": [wrong]}]}]}, formats=FORMATS
    )
    assert match(query, [held]).answers["q"] == ()
    with pytest.raises(QueryNotAnswered):
        require(query, {"q": [held.claims]})
