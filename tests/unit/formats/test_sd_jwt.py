"""RFC 9901: the official outputs, and every rule of section 7.1 broken once."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from didkit_py.encoding import Json, b64url, sha256, write_json
from didkit_py.errors import BadDisclosure, DidkitError, Malformed, TooLarge, WrongType
from didkit_py.formats.sd_jwt import Disclosure, digest_of, hide, parse_disclosure, parse_sd_jwt, process
from didkit_py.keys.public import PublicKey

TYPES: Any = ("dc+sd-jwt", "example+sd-jwt", "vc+sd-jwt", None)  # the outputs use several; the first tests use none
# The issuer of all outputs (settings.yml beside them)
ISSUER_KEY = PublicKey.from_jwk(
    {
        "kty": "EC",
        "crv": "P-256",
        "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
        "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
    }
)
COMPACT = [
    *(("examples", name) for name in ("address_only_flat", "address_only_structured", "arf-pid", "jsonld", "simple")),
    *(
        ("examples", name)
        for name in ("address_only_structured_one_open", "simple_structured", "w3c-vc_for_slide_deck")
    ),
    *(("testcases", name) for name in ("array_data_types", "array_in_sd", "array_nested_in_plain", "header_mod")),
    *(("testcases", name) for name in ("array_none_disclosed", "array_of_objects", "key_binding", "no_sd")),
    *(("testcases", name) for name in ("array_recursive_sd_some_disclosed", "object_data_types")),
]


def output(vectors: Path, group: str, name: str, file: str) -> str:
    return (vectors / "sd-jwt" / "outputs" / group / name / file).read_text(encoding="utf-8").strip()


@pytest.mark.needs("vectors")
def test_every_output_with_a_compact_form_is_walked(vectors: Path) -> None:
    found = (vectors / "sd-jwt" / "outputs").glob("*/*/sd_jwt_issuance.txt")
    assert sorted((path.parts[-3], path.parts[-2]) for path in found) == sorted(COMPACT)


@pytest.mark.needs("vectors")
@pytest.mark.parametrize(("group", "name"), COMPACT)
def test_the_official_outputs_verify_and_process_to_the_printed_claims(vectors: Path, group: str, name: str) -> None:
    for file in ("sd_jwt_issuance.txt", "sd_jwt_presentation.txt"):
        sd_jwt = parse_sd_jwt(output(vectors, group, name, file), typ=TYPES)
        ISSUER_KEY.verify(sd_jwt.jws.signature, sd_jwt.jws.signing_input, alg=sd_jwt.jws.alg)
        assert sd_jwt.payload == json.loads(output(vectors, group, name, "sd_jwt_payload.json"))
    assert sd_jwt.processed.claims == json.loads(output(vectors, group, name, "verified_contents.json"))
    assert len(sd_jwt.processed.paths) == len(sd_jwt.disclosures)


@pytest.mark.needs("vectors")
@pytest.mark.parametrize("name", ["simple", "arf-pid"])
def test_key_binding_of_the_official_outputs_covers_what_is_presented(vectors: Path, name: str) -> None:
    sd_jwt = parse_sd_jwt(output(vectors, "examples", name, "sd_jwt_presentation.txt"), typ=TYPES)
    expected = json.loads(output(vectors, "examples", name, "kb_jwt_payload.json"))["sd_hash"]
    assert digest_of(sd_jwt.presented) == expected
    assert sd_jwt.kb_jwt == output(vectors, "examples", name, "kb_jwt_serialized.txt")


@pytest.mark.needs("vectors")
def test_the_digests_are_those_printed_in_rfc_9901(vectors: Path) -> None:
    # RFC 9901, 5.1: the disclosure of given_name and its digest
    disclosure = parse_disclosure("WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd")
    assert disclosure.digest == "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4"
    assert (disclosure.salt, disclosure.name, disclosure.value) == ("2GLC42sKQveCfGfryNRN9w", "given_name", "John")
    assert disclosure.digest in str(output(vectors, "examples", "simple", "sd_jwt_payload.json"))


@pytest.mark.needs("vectors")
@pytest.mark.parametrize(("group", "name"), COMPACT)
def test_an_official_output_with_one_disclosure_doubled_or_foreign_is_refused(
    vectors: Path, group: str, name: str
) -> None:
    text = output(vectors, group, name, "sd_jwt_issuance.txt")
    issuer_signed, *disclosures = text.split("~")[:-1]
    foreign = shown("nobody", 1)
    changed = [[*disclosures, foreign.text], *([*disclosures, one] for one in disclosures[:1])]
    for texts in changed:
        with pytest.raises(BadDisclosure):
            _ = parse_sd_jwt("~".join((issuer_signed, *texts, "")), typ=TYPES).processed


counter = itertools.count()


def shown(*parts: Json) -> Disclosure:
    """A disclosure with a salt of its own."""
    return parse_disclosure(b64url(write_json([f"salt{next(counter)}", *parts])))


def test_disclosed_claims_take_their_places() -> None:
    street, item, inner = shown("street", "High Street 1"), shown("DE"), shown("deep", True)
    address = shown("address", {"_sd": [street.digest, "decoy-1"], "country": "GB"})
    nested = shown({"_sd": [inner.digest]})
    payload: dict[str, Json] = {
        "_sd_alg": "sha-256",
        "_sd": [address.digest, "decoy-2"],
        "list": ["GB", {"...": "decoy-3"}, {"...": item.digest}, {"...": nested.digest}],
        "plain": {"_sd": []},
    }
    before = json.dumps(payload)
    result = process(payload, [inner, street, item, address, nested])
    assert result.claims == {
        "list": ["GB", "DE", {"deep": True}],
        "plain": {},
        "address": {"country": "GB", "street": "High Street 1"},
    }
    assert set(result.paths) == {("list", 1), ("list", 2), ("list", 2, "deep"), ("address",), ("address", "street")}
    assert json.dumps(payload) == before


def broken() -> Iterator[tuple[str, dict[str, Json], list[Disclosure]]]:
    """Each rule of RFC 9901, 4.1, 4.2 and 7.1 that a processor must insist on, broken alone."""
    a, item = shown("a", 1), shown("item")
    yield "a disclosure without digest", {"_sd": []}, [a]
    yield "a disclosure twice", {"_sd": [a.digest]}, [a, a]
    yield "a digest twice in one array", {"_sd": [a.digest, a.digest]}, [a]
    yield "a decoy twice", {"_sd": ["x", "x"]}, []
    yield "a digest twice at different levels", {"_sd": [a.digest], "b": {"_sd": [a.digest]}}, [a]
    yield "a digest in an object and in an array", {"_sd": ["x"], "b": [{"...": "x"}]}, []
    holder = shown("holder", {"_sd": [a.digest]})
    yield "a digest again inside a disclosure", {"_sd": [a.digest, holder.digest]}, [a, holder]
    yield "the name of a plain claim", {"_sd": [a.digest], "a": 2}, [a]
    again = shown("a", 2)
    yield "the name of another disclosure", {"_sd": [a.digest, again.digest]}, [a, again]
    yield "an array's disclosure in an object", {"_sd": [item.digest]}, [item]
    yield "an object's disclosure in an array", {"b": [{"...": a.digest}]}, [a]
    yield "_sd is no array", {"_sd": {"a": 1}}, []
    yield "_sd is a text", {"_sd": a.digest}, [a]
    yield "_sd is null", {"_sd": None}, []
    yield "a digest is a number", {"_sd": [1]}, []
    yield "a digest is an object", {"_sd": [{}]}, []
    yield "an array's digest is a number", {"b": [{"...": 1}]}, []
    yield "dots beside another member", {"b": [{"...": "x", "c": 1}]}, []
    yield "dots in an object", {"b": {"...": "x"}}, []
    yield "dots at the top", {"...": "x"}, []
    yield "another hash", {"_sd_alg": "sha-512", "_sd": []}, []
    yield "a hash that is no text", {"_sd_alg": None, "_sd": []}, []
    yield "_sd_alg below the top", {"b": {"_sd_alg": "sha-256"}}, []
    inner = shown("b", {"_sd_alg": "sha-256"})
    yield "_sd_alg inside a disclosure", {"_sd": [inner.digest]}, [inner]
    bad = shown("b", {"_sd": 5})
    yield "_sd is no array inside a disclosure", {"_sd": [bad.digest]}, [bad]


@pytest.mark.parametrize(("payload", "disclosures"), [pytest.param(p, d, id=name) for name, p, d in broken()])
def test_a_payload_that_breaks_a_rule_is_refused(payload: dict[str, Json], disclosures: list[Disclosure]) -> None:
    with pytest.raises(BadDisclosure):
        process(payload, disclosures)


@pytest.mark.parametrize(
    "value",
    [
        [],
        ["salt"],
        ["salt", "a", 1, 2],
        [1, "a", 2],
        ["salt", 1, 2],
        ["salt", None, 2],
        ["salt", "_sd", []],
        ["salt", "...", "x"],
        {"salt": 1},
        "text",
        None,
    ],
    ids=str,
)
def test_a_misshapen_disclosure_is_refused(value: Json) -> None:
    with pytest.raises(BadDisclosure):
        parse_disclosure(b64url(write_json(value)))


@pytest.mark.parametrize("text", ["", "!", "W10=", "WyJh", b64url(b'["s","a",{"b":1,"b":2}]'), b64url(b"\xff")])
def test_a_disclosure_that_is_no_json_in_base64url_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_disclosure(text)


def test_disclosures_nested_in_disclosures_are_bounded() -> None:
    chain = [shown("a", 1)]
    for _ in range(150):
        chain.append(shown("a", {"_sd": [chain[-1].digest]}))
    with pytest.raises(TooLarge):
        process({"_sd": [chain[-1].digest]}, chain)
    chain = [shown("item")]
    for _ in range(150):
        chain.append(shown([{"...": chain[-1].digest}]))
    with pytest.raises(TooLarge):
        process({"a": [{"...": chain[-1].digest}]}, chain)


def test_a_credential_nests_as_deep_as_any_json_text_with_its_disclosures_in_place() -> None:
    """32 levels, the payload itself being the first one."""
    objects, items = [shown("a", 1)], [shown("item")]
    for _ in range(31):
        objects.append(shown("a", {"_sd": [objects[-1].digest]}))
    for _ in range(30):
        items.append(shown([{"...": items[-1].digest}]))
    assert len(process({"_sd": [objects[-1].digest]}, objects).paths) == 32
    assert len(process({"a": [{"...": items[-1].digest}]}, items).paths) == 31
    objects.append(shown("a", {"_sd": [objects[-1].digest]}))
    items.append(shown([{"...": items[-1].digest}]))
    with pytest.raises(TooLarge):
        process({"_sd": [objects[-1].digest]}, objects)
    with pytest.raises(TooLarge):
        process({"a": [{"...": items[-1].digest}]}, items)


def signed(typ: str = "dc+sd-jwt") -> str:
    return f"{b64url(write_json({'alg': 'ES256', 'typ': typ}))}.{b64url(b'{}')}.{b64url(bytes(64))}"


def test_the_parts_are_told_apart_by_tildes() -> None:
    sd_jwt = parse_sd_jwt(f"{signed()}~{shown('a', 1).text}~kb")
    assert sd_jwt.issuer_signed == signed()
    assert sd_jwt.presented.endswith("~")
    assert sd_jwt.kb_jwt == "kb"
    assert parse_sd_jwt(f"{signed()}~").kb_jwt is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (signed, Malformed),  # no tilde: a plain JWT is no SD-JWT
        (lambda: f"{signed()}~~", Malformed),
        (lambda: f"~{signed()}~", Malformed),
        (lambda: "~", Malformed),
        (lambda: "", Malformed),
        (lambda: f"{signed('kb+jwt')}~", WrongType),
        (lambda: f"{signed('JWT')}~", WrongType),
        (lambda: f"{signed()}~é~", Malformed),
        (lambda: f"{signed()}~" + "".join(f"{shown('a', 1).text}~" for _ in range(201)), TooLarge),
        (lambda: f"{signed()}~" + "a" * 131_072 + "~", TooLarge),
    ],
)
def test_a_text_of_another_form_is_refused(text: Callable[[], str], error: type[DidkitError]) -> None:
    with pytest.raises(error):
        parse_sd_jwt(text())


def test_hiding_leaves_sorted_digests_and_no_value() -> None:
    salts = itertools.count(1)
    claims: dict[str, Json] = {"a": 1, "b": {"c": "secret", "d": 2}, "e": "open"}
    payload, disclosures = hide(claims, [("a",), ("b", "c")], salts=lambda: bytes([next(salts)]) * 16)
    digests = [b64url(sha256(text.encode())) for text in disclosures]
    assert payload == {"e": "open", "b": {"d": 2, "_sd": [digests[1]]}, "_sd": [digests[0]]}
    assert claims == {"a": 1, "b": {"c": "secret", "d": 2}, "e": "open"}
    assert process(payload, map(parse_disclosure, disclosures)).claims == claims


def test_a_claim_that_is_not_there_leaves_a_decoy() -> None:
    salts = itertools.count(1)
    paths = [("a",), ("b", "c"), ("b", "d")]
    full, _ = hide({"a": 1, "b": {"c": 2, "d": 3}}, paths, salts=lambda: next(salts).to_bytes(16, "big"))
    none, disclosures = hide({}, paths, salts=lambda: next(salts).to_bytes(16, "big"))
    assert disclosures == []
    assert shape(full) == shape(none)
    assert process(none, []).claims == {"b": {}}


def shape(value: Json) -> object:
    """Names, and the number and lengths of digests; not what they are."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [len(str(item)) for item in value] if isinstance(value, list) else type(value)
