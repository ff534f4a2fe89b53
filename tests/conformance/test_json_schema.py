"""The JSON Schemas that we publish mean the same to a second implementation (JSON Schema 2020-12)."""

import json
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final

import jsonschema
import jsonschema_rs
import pytest

from didkit_py.credentials.ladder import ladder_claims
from didkit_py.credentials.template import template_named

TYPES: Final[dict[str, Any]] = {
    file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
    for file in files("didkit_py.credentials").joinpath("types").iterdir()
    if file.name.endswith(".json")
}
LADDER: Final = template_named("affordability-range")
WRONG: Final[tuple[Any, ...]] = (None, 5, "x", [], {}, {"20000": "yes"})
AFFORDABLE: Final[dict[str, Any]] = {
    "scheme": "urn:didkit-py:scheme:affordability:gbp-ladder:1",
    "currency": "GBP",
    "basis": "savings",
    **ladder_claims(Decimal(23_456), LADDER),
}


@pytest.mark.parametrize("name", TYPES)
def test_the_schema_of_a_claim_type_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(TYPES[name]["schema"])


def spoilt(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The value with each member left out, of another type, or beside one more."""
    yield {**value, "member": "4711"}
    for name in value:
        yield {key: member for key, member in value.items() if key != name}
        yield from ({**value, name: other} for other in WRONG)


def test_both_implementations_judge_values_alike() -> None:
    schema = TYPES["affordability-range"]["schema"]
    ours, other = jsonschema_rs.Draft202012Validator(schema), jsonschema.Draft202012Validator(schema)
    assert ours.is_valid(AFFORDABLE)
    assert other.is_valid(AFFORDABLE)
    verdicts = [(ours.is_valid(value), other.is_valid(value)) for value in spoilt(AFFORDABLE)]
    assert [pair for pair in verdicts if pair[0] != pair[1]] == []
    assert len([pair for pair in verdicts if pair == (False, False)]) > len(AFFORDABLE)
