"""Running services, called by schemathesis: whatever comes, the answer is one that the description names, and it comes.

Each route is called as a stranger and as who signed in, with what its description allows and with what it does not.
DIDKIT_EXAMPLES sets how often, such as `DIDKIT_EXAMPLES=250 .venv/bin/pytest tests/openapi`.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.needs import REPOSITORY
from tests.openapi.running import CALLS, SECONDS, Service, Visitor, running_town
from tools.driving.pages import placed, plain

EXAMPLES: Final = int(os.environ.get("DIDKIT_EXAMPLES", "4"))
DOCUMENTS: Final = {path.stem: json.loads(path.read_text()) for path in (REPOSITORY / "specs/openapi").glob("*.json")}
ROUTES: Final = [
    (service, path, method)
    for service, document in sorted(DOCUMENTS.items())
    for path, operations in document["paths"].items()
    for method in operations
]
CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CSRF: Final = "the token of this session"
WITHOUT_OWNER: Final = frozenset({"/sign-in", "/sign-out"})  # there an owner would lose the session
schemathesis.serializer.alias("application/oauth-authz-req+jwt", "text/plain")  # a token is sent as the text it is
LINK: Final = re.compile(r'(?:href|action)="(/[^"?#]*)')


@dataclass
class Caller:
    """Calls one service, as a stranger and as its owner."""

    service: Service
    schema: Any
    owner: Visitor
    calls: int = 0

    def call(self, case: Case[Any], visitor: Visitor) -> None:
        """Call a route, and compare the answer with the description."""
        is_page = "page" in (case.operation.tags or ())
        headers = {"Accept": "text/html" if is_page else "*/*", "Authorization": f"Bearer {visitor.token}"}
        if case.method == "POST":
            headers["Origin"] = self.service.url
        body = case.body
        if isinstance(body, dict) and body.get("csrf") == CSRF:
            case.body = {**body, "csrf": visitor.csrf}
        is_behind = any("session" in one for one in case.operation.definition.raw.get("security", ()))
        self.calls += 1
        answer = case.call(
            base_url=self.service.url + (visitor.home if is_behind else ""),
            headers=headers,
            cookies=dict(visitor.cookies),
            allow_redirects=False,
            timeout=SECONDS,
        )
        case.validate_response(answer, checks=CHECKS)
        case.body = body


@pytest.fixture(scope="module")
def callers(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Caller]]:
    with running_town(tmp_path_factory.mktemp("town")) as services:
        found = {name: caller_of(service, DOCUMENTS[name]) for name, service in services.items()}
        yield found
        pytestconfig.stash[CALLS] = {name: caller.calls for name, caller in found.items()}


def caller_of(service: Service, document: Mapping[str, Any]) -> Caller:
    owner = service.owner()
    known = {**service.known, "csrf": [CSRF]}
    for name, values in linked(service, document, owner).items():
        known[name] = [*known.get(name, ()), *values]
    return Caller(service, schemathesis.openapi.from_dict(grounded(document, known)), owner)


def linked(service: Service, document: Mapping[str, Any], owner: Visitor) -> Mapping[str, list[str]]:
    """What stands in the addresses that the pages lead to, by the name of the parameter."""
    found: dict[str, list[str]] = {}
    pages = [path for path, operations in document["paths"].items() if "get" in operations and "{" not in path]
    for page in pages:
        address = service.url + placed(page, [owner.home])
        answer = requests.get(address, cookies=dict(owner.cookies), timeout=SECONDS)
        for link in LINK.findall(plain(answer.text)):
            for path in document["paths"]:
                fitting = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path), link)
                for name, value in (fitting.groupdict() if fitting else {}).items():
                    found.setdefault(name, []).append(value)
    return {name: sorted(set(values)) for name, values in found.items()}


def grounded(document: Mapping[str, Any], known: Mapping[str, list[str]]) -> dict[str, Any]:
    """The description, where parameters and fields are likely to have a value that means something here."""
    copy: dict[str, Any] = unopened(document)
    for operations in copy["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = likely(parameter["schema"], known.get(parameter["name"], []))
            for content in operation.get("requestBody", {}).get("content", {}).values():
                fields = content["schema"].get("properties", {})
                fields |= {name: likely(schema, known.get(name, [])) for name, schema in fields.items()}
    return copy


def unopened(value: Any) -> Any:
    """The description without what is inside signed texts: schemathesis 4.32 misreads it, and makes none to send."""
    if isinstance(value, list):
        return [unopened(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: unopened(one) for name, one in value.items() if name != "contentSchema"}


def likely(schema: Any, values: list[str]) -> Any:
    return {"anyOf": [{"enum": values}, schema]} if values else schema


@pytest.mark.parametrize(("name", "path", "method"), ROUTES)
def test_every_call_of_a_route_gets_an_answer_that_is_described(
    callers: Mapping[str, Caller], name: str, path: str, method: str
) -> None:
    caller = callers[name]
    operation = caller.schema[path][method]
    visitors = [caller.service.stranger()] if path in WITHOUT_OWNER else [caller.service.stranger(), caller.owner]
    cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if operation.body or operation.path_parameters or operation.query:
        cases |= operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def explore(case: Case[Any]) -> None:
        for visitor in visitors:
            caller.call(case, visitor)

    explore()
