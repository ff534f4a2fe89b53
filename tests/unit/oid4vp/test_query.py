"""DCQL queries are read strictly; the official examples are read as they stand."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import Json
from didkit_py.errors import Malformed, TooLarge
from didkit_py.formats.table import FORMATS
from didkit_py.oauth import VpFormatsNotSupported
from didkit_py.oid4vp.dcql import ClaimQuery, DcqlQuery

# OpenID4VP 1.0, 6.4.1: claim sets prefer a postal code and fall back to a locality
QUERY: dict[str, Any] = {
    "credentials": [
        {
            "id": "pid",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": ["https://credentials.example.com/identity_credential"]},
            "claims": [
                {"id": "a", "path": ["last_name"]},
                {"id": "b", "path": ["postal_code"], "values": ["90210", 90211, True]},
                {"id": "c", "path": ["degrees", None, "type"]},
            ],
            "claim_sets": [["a", "b"], ["c"]],
        },
        {"id": "other", "format": "dc+sd-jwt", "meta": {"vct_values": ["urn:x"]}},
    ],
    "credential_sets": [{"options": [["pid"], ["other"]]}, {"options": [["other"]], "required": False}],
}


def changed(path: list[str | int], value: object) -> Json:
    """The query with one member replaced, or removed when `value` is `...`."""
    body = copy.deepcopy(QUERY)
    at: Any = body
    for part in path[:-1]:
        at = at[part]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return body


def test_a_query_is_read_with_every_member() -> None:
    query = DcqlQuery.from_json(QUERY, formats=FORMATS)
    pid, other = query.credentials
    assert pid.vct_values == ("https://credentials.example.com/identity_credential",)
    assert pid.claims[1] == ClaimQuery(id="b", path=("postal_code",), values=("90210", 90211, True))
    assert pid.claims[2].path == ("degrees", None, "type")
    assert pid.claim_sets == (("a", "b"), ("c",))
    assert other.claims == ()
    assert [one.required for one in query.credential_sets] == [True, False]
    assert query.credential_sets[0].options == (("pid",), ("other",))


def test_what_is_left_out_has_the_defaults_of_the_standard() -> None:
    other = DcqlQuery.from_json(QUERY, formats=FORMATS).credentials[1]
    assert other.multiple is False
    assert other.holder_binding is True
    assert other.trusted_authorities == ()


def test_a_query_that_does_without_the_holders_proof_says_so() -> None:
    body = changed(["credentials", 1, "require_cryptographic_holder_binding"], value=False)
    assert DcqlQuery.from_json(body, formats=FORMATS).credentials[1].holder_binding is False


def test_a_query_is_written_as_it_was_read() -> None:
    body: Json = {**QUERY, "unknown": {"kept": 1.5}}
    assert DcqlQuery.from_json(body, formats=FORMATS).to_json() == body


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["credentials"], []),
        (["credentials"], ...),
        (["credentials"], {}),
        (["credentials", 0, "id"], ...),
        (["credentials", 0, "id"], ""),
        (["credentials", 0, "id"], "a b"),
        (["credentials", 0, "id"], "a\n"),
        (["credentials", 0, "id"], "ü"),
        (["credentials", 0, "id"], "a" * 129),
        (["credentials", 0, "id"], 1),
        (["credentials", 0, "id"], "other"),
        (["credentials", 0, "format"], ...),
        (["credentials", 0, "meta"], ...),
        (["credentials", 0, "meta"], {}),
        (["credentials", 0, "meta", "vct_values"], []),
        (["credentials", 0, "meta", "vct_values"], "urn:x"),
        (["credentials", 0, "meta", "vct_values"], [1]),
        (["credentials", 0, "multiple"], "true"),
        (["credentials", 0, "require_cryptographic_holder_binding"], 0),
        (["credentials", 0, "trusted_authorities"], []),
        (["credentials", 0, "trusted_authorities"], [{"type": "aki"}]),
        (["credentials", 0, "trusted_authorities"], [{"type": "aki", "values": []}]),
        (["credentials", 0, "claims"], []),
        (["credentials", 0, "claims"], ...),  # leaves claim_sets without claims
        (["credentials", 0, "claims", 0, "path"], ...),
        (["credentials", 0, "claims", 0, "path"], []),
        (["credentials", 0, "claims", 0, "path"], [True]),
        (["credentials", 0, "claims", 0, "id"], "b"),
        (["credentials", 0, "claims", 0, "id"], "b.c"),
        (["credentials", 0, "claims", 0, "id"], ...),  # claim_sets need every id
        (["credentials", 0, "claims", 0, "values"], []),
        (["credentials", 0, "claims", 0, "values"], "a"),
        (["credentials", 0, "claims", 0, "values"], [None]),
        (["credentials", 0, "claims", 0, "values"], [1.5]),
        (["credentials", 0, "claims", 0, "values"], [["a"]]),
        (["credentials", 0, "claim_sets"], []),
        (["credentials", 0, "claim_sets"], [[]]),
        (["credentials", 0, "claim_sets"], [["z"]]),
        (["credentials", 0, "claim_sets"], ["a"]),
        (["credential_sets"], []),
        (["credential_sets", 0, "options"], ...),
        (["credential_sets", 0, "options"], []),
        (["credential_sets", 0, "options"], [[]]),
        (["credential_sets", 0, "options"], [["pid", "third"]]),
        (["credential_sets", 0, "required"], "yes"),
    ],
)
def test_a_query_that_breaks_a_rule_is_malformed(path: list[str | int], value: object) -> None:
    with pytest.raises(Malformed, match="dcql_query"):
        DcqlQuery.from_json(changed(path, value), formats=FORMATS)


@pytest.mark.parametrize("body", [None, [], "{}", 1])
def test_a_query_is_an_object(body: Json) -> None:
    with pytest.raises(Malformed, match="dcql_query"):
        DcqlQuery.from_json(body, formats=FORMATS)


def test_queries_and_claims_have_bounds() -> None:
    one = QUERY["credentials"][1]
    many: Json = {"credentials": [{**one, "id": f"q{number}"} for number in range(21)]}
    with pytest.raises(TooLarge):
        DcqlQuery.from_json(many, formats=FORMATS)
    claims: Json = [{"path": [f"c{number}"]} for number in range(101)]
    with pytest.raises(TooLarge):
        DcqlQuery.from_json({"credentials": [{**one, "claims": claims}]}, formats=FORMATS)


@pytest.mark.needs("vectors")
@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("credentials_alternatives", ["pid", "other_pid", "pid_reduced_cred_1", "pid_reduced_cred_2", "nice_to_have"]),
        ("multi_credentials", ["pid", "mdl"]),
        ("value_matching_simple", ["my_credential"]),
    ],
)
def test_official_queries_for_our_format_are_read(vectors: Path, name: str, ids: list[str]) -> None:
    text = (vectors / "openid4vp" / "query_lang" / f"{name}.json").read_text()
    assert [one.id for one in DcqlQuery.from_json(json.loads(text), formats=FORMATS).credentials] == ids


@pytest.mark.needs("vectors")
@pytest.mark.parametrize("name", ["query_lang/simple_mdoc", "request/dcql_jwt_vc", "request/dcql_ldp_vc"])
def test_official_queries_for_other_formats_only_are_refused_by_name(vectors: Path, name: str) -> None:
    text = (vectors / "openid4vp" / f"{name}.json").read_text()
    with pytest.raises(VpFormatsNotSupported) as caught:
        DcqlQuery.from_json(json.loads(text), formats=FORMATS)
    assert caught.value.code == "vp_formats_not_supported"
