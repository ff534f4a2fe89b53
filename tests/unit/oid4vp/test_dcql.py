"""Matching: which credential answers, with which disclosures; and the vendor's check of the same."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from didkit_py.encoding import Json
from didkit_py.errors import BadResponse, QueryNotAnswered
from didkit_py.formats.sd_jwt_vc import REGISTERED
from didkit_py.formats.table import FORMATS
from didkit_py.oid4vp.dcql import DcqlQuery, Held, Path_, QueryAnswer, match, require_answered, unasked

AFFORD = "urn:didkit-py:vct:affordability-range:1"
STEPS = {"10000": True, "20000": True, "25000": False}
LADDER: dict[str, Json] = {
    "iss": "did:web:creditunion.example",
    "vct": AFFORD,
    "currency": "GBP",
    "at_least": {**STEPS},
    "range": {"min": 20000, "max": 25000},
}


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


def held(claims: dict[str, Json], *disclosable: Path_, name: str = "c1", vct: str = AFFORD) -> Held:
    return Held(
        id=name,
        format="dc+sd-jwt",
        vct=vct,
        issuer="did:web:creditunion.example",
        claims={**claims, "vct": vct},
        disclosable=disclosable,
        protocol=REGISTERED,
    )


def ladder(name: str = "c1") -> Held:
    return held(LADDER, *(("at_least", step) for step in STEPS), ("range",), name=name)


def one_query(*claims: dict[str, Any], vct: str = AFFORD, **more: Any) -> DcqlQuery:
    body: dict[str, Any] = {"id": "q", "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}, **more}
    return DcqlQuery.from_json({"credentials": [body | ({"claims": list(claims)} if claims else {})]}, formats=FORMATS)


def best(query: DcqlQuery, *credentials: Held) -> QueryAnswer | None:
    return next(iter(match(query, credentials).answers["q"]), None)


CURRENCY: dict[str, Any] = {"path": ["currency"], "values": ["GBP"]}


def test_twenty_thousand_or_more_is_answered_by_one_disclosure() -> None:
    answer = best(one_query(CURRENCY, {"path": ["at_least", "20000"], "values": [True]}), ladder())
    assert answer is not None
    assert answer.paths == (("at_least", "20000"),)
    assert dict(answer.shown) == {("currency",): "GBP", ("at_least", "20000"): True}


def test_a_step_that_is_false_is_answered_like_a_step_that_is_not_there() -> None:
    for step in ("25000", "99999"):
        found = match(one_query(CURRENCY, {"path": ["at_least", step], "values": [True]}), [ladder()])
        assert found.answers == {"q": ()}
        assert not found.satisfiable


@pytest.mark.parametrize(
    ("value", "wanted", "answers"),
    [
        (True, [True], True),
        (True, [1], False),
        (1, [True], False),
        (1, [1], True),
        (1.0, [1], False),
        ("1", [1], False),
        (0, [False], False),
        ("GBP", ["EUR", "GBP"], True),
        ("gbp", ["GBP"], False),
        (None, ["null"], False),
    ],
)
def test_values_match_in_type_and_value(value: Json, wanted: list[Json], answers: bool) -> None:  # noqa: FBT001
    query = one_query({"path": ["x"], "values": wanted})
    assert (best(query, held({"x": value}, ("x",))) is not None) is answers
    presented = {"q": [{"vct": AFFORD, "x": value}]}
    if answers:
        require(query, presented)
    else:
        with pytest.raises(QueryNotAnswered):
            require(query, presented)


def test_a_query_without_claims_needs_no_disclosure() -> None:
    answer = best(one_query(), ladder())
    assert answer is not None
    assert answer.paths == ()
    assert answer.shown == ()


def test_what_a_credential_never_holds_back_is_told_beside_the_answer() -> None:
    answer = best(one_query({"path": ["at_least", "20000"]}), ladder())
    assert answer is not None
    assert answer.also_shown == ((("currency",), "GBP"),)


def test_a_claim_that_is_always_shown_counts_as_answered() -> None:
    answer = best(one_query({"path": ["iss"]}, {"path": ["vct"]}, CURRENCY), ladder())
    assert answer is not None
    assert answer.paths == ()


def test_a_parent_path_needs_everything_below_it() -> None:
    answer = best(one_query({"path": ["at_least"]}), ladder())
    assert answer is not None
    assert answer.paths == (("at_least", "10000"), ("at_least", "20000"), ("at_least", "25000"))
    assert answer.shown == ((("at_least",), {"10000": True, "20000": True, "25000": False}),)


def test_a_nested_claim_needs_its_parent_and_not_its_sisters() -> None:
    address = held({"address": {"street": "s", "town": "t"}}, ("address",), ("address", "street"), ("address", "town"))
    answer = best(one_query({"path": ["address", "town"]}), address)
    assert answer is not None
    assert answer.paths == (("address",), ("address", "town"))


def test_a_wildcard_needs_every_element() -> None:
    two = held({"n": ["GB", "US"]}, ("n", 0), ("n", 1))
    answer = best(one_query({"path": ["n", None]}), two)
    assert answer is not None
    assert answer.paths == (("n", 0), ("n", 1))


def test_a_wildcard_with_values_needs_the_matching_elements_only() -> None:
    two = held({"n": ["GB", "US"]}, ("n", 0), ("n", 1))
    query = one_query({"path": ["n", None], "values": ["US"]})
    answer = best(query, two)
    assert answer is not None
    assert answer.paths == (("n", 1),)
    assert answer.shown == ((("n", 1), "US"),)
    require(query, {"q": [{"vct": AFFORD, "n": ["US"]}]})


def test_an_index_that_would_move_when_others_are_held_back_is_not_answered() -> None:
    both = held({"n": ["GB", "US"]}, ("n", 0), ("n", 1))
    assert best(one_query({"path": ["n", 1]}), both) is None
    last = held({"n": ["GB", "US"]}, ("n", 1))
    answer = best(one_query({"path": ["n", 1]}), last)
    assert answer is not None
    assert answer.paths == (("n", 1),)


def test_an_index_never_shows_another_element_than_the_one_selected() -> None:
    mixed = held({"n": ["a", "b", "c", "d"]}, ("n", 1), ("n", 2))
    assert best(one_query({"path": ["n", 2]}), mixed) is None


@pytest.mark.parametrize("name", ["format", "vct"])
def test_a_credential_of_another_kind_does_not_answer(name: str) -> None:
    other = ladder()
    changed = replace(other, **{name: "mso_mdoc"})  # type: ignore[arg-type]
    assert best(one_query(CURRENCY), changed) is None


def test_a_query_for_a_trusted_authority_has_no_answer_yet() -> None:
    authorities = [{"type": "aki", "values": ["s9tIpPmhxdiuNkHMEWNpYim8S8Y"]}]
    assert best(one_query(CURRENCY, trusted_authorities=authorities), ladder()) is None


def test_the_first_claim_set_that_can_be_shown_is_taken() -> None:
    claims = [{"id": "a", "path": ["absent"]}, {"id": "r", "path": ["range"]}, {"id": "c", "path": ["currency"]}]
    query = one_query(*claims, claim_sets=[["a", "c"], ["r"], ["c"]])
    answer = best(query, ladder())
    assert answer is not None
    assert answer.paths == (("range",),)
    require(query, {"q": [{"vct": AFFORD, "currency": "GBP"}]})
    with pytest.raises(QueryNotAnswered):
        require(query, {"q": [{"vct": AFFORD}]})


def test_no_claim_set_that_can_be_shown_is_no_answer() -> None:
    claims = [{"id": "a", "path": ["absent"]}, {"id": "c", "path": ["currency"]}]
    assert best(one_query(*claims, claim_sets=[["a", "c"], ["a"]]), ladder()) is None


def test_the_credential_with_the_fewest_disclosures_comes_first() -> None:
    open_one = held(LADDER, name="z")
    found = match(one_query({"path": ["range"]}), [ladder("b"), open_one, ladder("a")])
    assert [answer.held_id for answer in found.answers["q"]] == ["z", "a", "b"]


def test_a_claim_asked_for_twice_is_disclosed_once_and_must_fit_both() -> None:
    range_: dict[str, Any] = {"path": ["range"]}
    same: dict[str, Any] = {"path": ["range", "min"], "values": [20000]}
    answer = best(one_query(range_, range_, same), ladder())
    assert answer is not None
    assert answer.paths == (("range",),)
    assert best(one_query(range_, {"path": ["range", "min"], "values": [1]}), ladder()) is None


# Sets of credentials


def query_of(*ids: str, sets: list[dict[str, Any]] | None = None) -> DcqlQuery:
    body: dict[str, Any] = {
        "credentials": [{"id": one, "format": "dc+sd-jwt", "meta": {"vct_values": [f"urn:{one}"]}} for one in ids]
    }
    return DcqlQuery.from_json(body | ({"credential_sets": sets} if sets else {}), formats=FORMATS)


def owned(*names: str) -> list[Held]:
    return [held({}, name=name, vct=f"urn:{name}") for name in names]


def test_without_sets_every_query_is_required() -> None:
    found = match(query_of("a", "b"), owned("a", "b"))
    assert (found.required, found.optional, found.satisfiable) == (("a", "b"), (), True)
    assert not match(query_of("a", "b"), owned("a")).satisfiable


def test_the_first_option_that_can_be_answered_is_required() -> None:
    query = query_of("a", "b", "c", sets=[{"options": [["a"], ["b", "c"]]}])
    assert match(query, owned("a", "b", "c")).required == ("a",)
    assert match(query, owned("b", "c")).required == ("b", "c")


def test_a_required_set_without_an_answer_makes_the_whole_unanswerable() -> None:
    query = query_of("a", "b", "c", sets=[{"options": [["a", "b"]]}, {"options": [["c"]]}])
    found = match(query, owned("a", "c"))
    assert (found.required, found.satisfiable) == (("a", "b", "c"), False)


def test_an_optional_set_is_offered_whole_or_not_at_all() -> None:
    sets: list[dict[str, Any]] = [{"options": [["a"]]}, {"options": [["b", "c"]], "required": False}]
    query = query_of("a", "b", "c", sets=sets)
    both = match(query, owned("a", "b", "c"))
    assert (both.required, both.optional, both.optional_sets) == (("a",), ("b", "c"), (("b", "c"),))
    assert match(query, owned("a", "b")).optional == ()
    assert match(query, owned("a", "b")).satisfiable


def test_nothing_to_show_satisfies_nothing() -> None:
    query = query_of("a", sets=[{"options": [["a"]], "required": False}])
    assert not match(query, owned("b")).satisfiable
    assert match(query, owned("a")).satisfiable


def test_a_query_that_no_set_names_is_neither_required_nor_optional() -> None:
    found = match(query_of("a", "b", sets=[{"options": [["a"]]}]), owned("a", "b"))
    assert (found.required, found.optional) == (("a",), ())


# The vendor's side


def body(name: str) -> dict[str, Json]:
    return {"vct": f"urn:{name}"}


def test_the_vendor_accepts_an_option_and_no_half_of_one() -> None:
    query = query_of("a", "b", "c", sets=[{"options": [["a"], ["b", "c"]]}])
    require(query, {"b": [body("b")], "c": [body("c")]})
    with pytest.raises(QueryNotAnswered, match=r"credential_sets\[0\]"):
        require(query, {"b": [body("b")]})


def test_the_vendor_misses_a_query_without_sets() -> None:
    with pytest.raises(QueryNotAnswered, match="no answer to b"):
        require(query_of("a", "b"), {"a": [body("a")]})


def test_the_vendor_refuses_an_id_that_it_did_not_ask_for() -> None:
    with pytest.raises(BadResponse):
        require(query_of("a"), {"a": [body("a")], "z": [body("z")]})


def test_the_vendor_refuses_another_type_under_a_known_id() -> None:
    with pytest.raises(QueryNotAnswered, match="another type"):
        require(query_of("a"), {"a": [body("b")]})


def test_one_presentation_for_each_query_unless_several_were_asked_for() -> None:
    two = {"q": [{"vct": AFFORD}, {"vct": AFFORD}]}
    with pytest.raises(BadResponse, match="exactly one"):
        require(one_query(), two)
    require(one_query(multiple=True), two)
    with pytest.raises(BadResponse, match="at least one"):
        require(one_query(multiple=True), {"q": []})


def test_every_one_of_several_presentations_must_answer() -> None:
    query = one_query(CURRENCY, multiple=True)
    with pytest.raises(QueryNotAnswered):
        require(query, {"q": [{"vct": AFFORD, "currency": "GBP"}, {"vct": AFFORD, "currency": "EUR"}]})


def test_a_message_names_no_claim_value() -> None:
    with pytest.raises(QueryNotAnswered) as caught:
        require(one_query(CURRENCY), {"q": [{"vct": AFFORD, "currency": "secret-value"}]})
    assert "secret-value" not in str(caught.value)


def test_a_disclosure_that_no_claim_asks_for_is_named() -> None:
    query = one_query({"path": ["at_least", "20000"]}).credentials[0]
    assert unasked(query, [("at_least", "20000"), ("range",), ("at_least", "10000")]) == (
        ("range",),
        ("at_least", "10000"),
    )
    assert unasked(one_query().credentials[0], [("range",)]) == (("range",),)


# Official examples


def official(vectors: Path, name: str) -> Any:
    return json.loads((vectors / "openid4vp" / f"{name}.json").read_text())


@pytest.mark.needs("vectors")
def test_the_official_identity_credential_does_not_answer_a_query_for_an_address(vectors: Path) -> None:
    claims = official(vectors, "credentials/sd_jwt_vc_unsecured")
    john = held(claims, ("given_name",), ("family_name",), ("birthdate",), vct=claims["vct"])
    query = DcqlQuery.from_json(official(vectors, "query_lang/value_matching_simple"), formats=FORMATS)
    assert match(query, [john]).answers == {"my_credential": ()}
    more = {**claims, "address": {"street_address": "1 Main St"}, "postal_code": "90211"}
    john = held(more, *((name,) for name in more if name != "vct"), vct=claims["vct"])
    (answer,) = match(query, [john]).answers["my_credential"]
    assert set(answer.paths) == {("family_name",), ("given_name",), ("address",), ("postal_code",)}


@pytest.mark.needs("vectors")
def test_the_official_alternatives_are_taken_in_order(vectors: Path) -> None:
    query = DcqlQuery.from_json(official(vectors, "query_lang/credentials_alternatives"), formats=FORMATS)
    reduced = held(
        {"given_name": "Max", "family_name": "M"},
        name="r1",
        vct="https://credentials.example.com/reduced_identity_credential",
    )
    residence = held(
        {"postal_code": "1", "locality": "x", "region": "y"}, name="r2", vct="https://cred.example/residence_credential"
    )
    rewards = held({"rewards_number": "7"}, name="n", vct="https://company.example/company_rewards")
    found = match(query, [reduced, residence, rewards])
    assert found.required == ("pid_reduced_cred_1", "pid_reduced_cred_2")
    assert found.optional == ("nice_to_have",)
    assert not match(query, [reduced, rewards]).satisfiable


@pytest.mark.needs("vectors")
def test_the_official_query_that_also_wants_an_mdoc_is_not_satisfiable_here(vectors: Path) -> None:
    query = DcqlQuery.from_json(official(vectors, "query_lang/multi_credentials"), formats=FORMATS)
    claims: dict[str, Json] = {"given_name": "J", "family_name": "D", "address": {"street_address": "1 Main St"}}
    found = match(query, [held(claims, vct="https://credentials.example.com/identity_credential")])
    assert len(found.answers["pid"]) == 1
    assert found.answers["mdl"] == ()
    assert not found.satisfiable


def test_a_listed_issuer_answers_before_one_that_shows_less() -> None:
    listed = ladder("b-listed")
    unlisted = replace(held({"currency": "GBP", "at_least": {"20000": True}}, name="a-open"), listed=False)
    query = one_query({"path": ["at_least", "20000"], "values": [True]})
    assert [one.held_id for one in match(query, [unlisted, listed]).answers["q"]] == ["b-listed", "a-open"]
    assert [one.held_id for one in match(query, [unlisted]).answers["q"]] == ["a-open"]
