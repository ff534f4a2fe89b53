"""The interface descriptions: complete, valid by the standard, and able to catch an answer that they do not describe.

That the committed documents are current is checked with the other generated pages, in tests/test_docs.py.
"""

from typing import Any, Final

import pytest
from aiohttp import web
from schemathesis.specs.openapi import definitions

from didkit_py.encoding import b64url
from didkit_py.service.http.media_types import TEXT, URL, MediaType, form_of, json_of, jwt_of, members, one_of, text_of
from didkit_py.service.http.openapi import describe_interface
from didkit_py.service.http.routing import Routes
from didkit_py.service.http.web import create_base_app
from didkit_py.service.setup.settings import ServiceSettings
from tests.openapi.conforming import Exchange, Interface
from tools import documents

APPS: Final = {"issuer": documents.issuer, "verifier": documents.verifier, "wallet": documents.wallet}
every = pytest.mark.parametrize("name", APPS)
HEADER: Final = '{"alg":"ES256","typ":"thing+jwt"}'


def described(name: str) -> dict[str, Any]:
    return describe_interface(APPS[name]())


async def handler(_: web.Request) -> web.Response:
    """Nothing in particular."""
    return web.Response()


async def silent(_: web.Request) -> web.Response:
    return web.Response()


def an_app() -> web.Application:
    return create_base_app(ServiceSettings(base_url="https://shop.example", name="Shop"), service="shop")


def operation(app: web.Application, path: str, method: str = "get") -> Any:
    document: Any = describe_interface(app)
    return document["paths"][path][method]


# What is described


@every
def test_a_document_is_openapi_by_the_schema_of_the_standard(name: str) -> None:
    assert list(definitions.OPENAPI_31_VALIDATOR.iter_errors(described(name))) == []


def test_the_schema_of_the_standard_would_see_a_fault() -> None:
    document = described("issuer")
    del document["paths"]["/token"]["post"]["responses"]["200"]["description"]
    assert not definitions.OPENAPI_31_VALIDATOR.is_valid(document)


@every
def test_every_route_is_described(name: str) -> None:
    app = APPS[name]()
    routes = {
        (route.resource.canonical, route.method.lower())
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    found = {(path, method) for path, operations in described(name)["paths"].items() for method in operations}
    assert found == routes
    assert {("/healthz", "get"), ("/readyz", "get"), ("/static/{name}", "get"), ("/sign-in", "post")} <= found


@every
def test_every_operation_has_a_summary_and_a_name_of_its_own(name: str) -> None:
    operations = [one for operations in described(name)["paths"].values() for one in operations.values()]
    assert all(one["summary"] for one in operations)
    assert len({one["operationId"] for one in operations}) == len(operations)


@every
def test_nothing_may_fail_with_a_500(name: str) -> None:
    statuses = {
        status
        for operations in described(name)["paths"].values()
        for one in operations.values()
        for status in one["responses"]
    }
    assert {status for status in statuses if status >= "500"} == {"503"}


@every
def test_every_reference_leads_somewhere(name: str) -> None:
    document = described(name)

    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [found for one in value for found in references(one)]
        if not isinstance(value, dict):
            return []
        inside = [found for one in value.values() for found in references(one)]
        return [*inside, value["$ref"]] if isinstance(value.get("$ref"), str) else inside

    found = set(references(document))
    assert found
    for reference in found:
        _, components, kind, last = reference.split("/")
        assert last in document[components][kind]


def test_a_route_without_a_description_cannot_be_added() -> None:
    with pytest.raises(ValueError, match="GET /silent has no description"):
        Routes(an_app()).page("GET", "/silent", silent)


def test_a_form_is_read_by_the_fields_that_are_described() -> None:
    app = an_app()
    Routes(app).page("POST", "/form", handler, fields=("a",), repeatable=("b",), files=("c",))
    schema = operation(app, "/form", "post")["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(schema["properties"]) == {"a", "b", "c", "csrf"}
    assert schema["required"] == ["csrf", "c"]


def test_a_page_behind_the_sign_in_says_so_and_where_it_leads() -> None:
    app = an_app()
    Routes(app).page("GET", "/inside", handler)
    Routes(app).page("GET", "/outside", handler, signed_in=False)
    assert operation(app, "/inside")["security"] == [{"session": []}]
    assert set(operation(app, "/inside")["responses"]) == {"200", "303", "404", "421", "503"}
    assert set(operation(app, "/outside")["responses"]) == {"200", "404", "421", "503"}
    assert "security" not in operation(app, "/outside")


def test_a_wire_route_says_what_its_own_table_of_errors_makes_of_them() -> None:
    app, given = an_app(), json_of(TEXT)
    Routes(app).wire("POST", "/plain", handler, takes=given, gives=given)
    Routes(app).wire("POST", "/own", handler, takes=given, gives=given, errors=documents.wire_tables()["token"])
    assert set(operation(app, "/plain", "post")["responses"]) == {"200", "400", "404", "413", "415", "421", "503"}
    assert set(operation(app, "/own", "post")["responses"]) == {"200", "400", "401", "421", "503"}


# What a description catches


def small_interface(gives: MediaType, takes: MediaType | None = None) -> Interface:
    app = an_app()
    Routes(app).wire("POST", "/thing", handler, takes=takes, gives=gives)
    return Interface(describe_interface(app))


def faults(gives: MediaType, **answer: Any) -> list[str]:
    answered: dict[str, Any] = {"status": 200, "given_type": gives.media_type} | answer
    return list(small_interface(gives).faults(Exchange("POST", "/thing", **answered)))


THING: Final = json_of(members({"size": {"type": "integer"}}, {"at": URL}, title="Thing"))


def test_an_answer_as_described_has_no_fault() -> None:
    assert faults(THING, given=b'{"size": 1}') == []
    assert faults(THING, given=b'{"size": 1, "at": "https://a.example"}') == []
    assert faults(THING, status=404, given=b'{"error": "not-found", "error_description": "nothing here"}') == []


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"status": 500}, "POST /thing 500: this status is not described"),
        ({"given_type": "text/html", "given": b"1"}, "POST /thing 200: text/html instead of application/json"),
        ({"given_type": "", "given": b""}, "POST /thing 200: no content type instead of application/json"),
        ({"given": b"{}"}, 'POST /thing 200: "size" is a required property'),
        ({"given": b'{"size": "1"}'}, 'POST /thing 200: "1" is not of type "integer"'),
        ({"given": b'{"size": 1, "at": "here"}'}, 'POST /thing 200: "here" is not a "uri"'),
        ({"given": b'{"size": 1, "age": 2}'}, "POST /thing 200: Additional properties are not allowed"),
        ({"status": 404, "given": b'{"error": "?"}'}, "POST /thing 404: "),
    ],
)
def test_an_answer_that_is_not_described_is_seen(answer: dict[str, Any], fault: str) -> None:
    assert [one[: len(fault)] for one in faults(THING, **answer)][:1] == [fault]


def signed(header: str, claims: str) -> bytes:
    return ".".join(map(b64url, (header.encode(), claims.encode(), b"signature"))).encode()


def test_signed_texts_are_looked_into() -> None:
    given = text_of("application/thing+jwt", jwt_of("thing+jwt", members({"size": one_of(1)}, title="Claims")))
    assert faults(given, given=signed(HEADER, '{"size":1}')) == []
    assert len(faults(given, given=signed(HEADER, '{"size":2}'))) == 1
    assert len(faults(given, given=signed(HEADER, '{"size":1,"age":2}'))) == 1
    assert len(faults(given, given=signed(HEADER.replace("ES256", "none"), '{"size":1}'))) == 1
    assert faults(given, given=b"not signed") != []


def test_a_request_that_was_accepted_must_be_one_that_is_described() -> None:
    interface = small_interface(THING, takes=form_of({"a": TEXT}))

    def taken(form: bytes, status: int) -> list[str]:
        kind = "application/x-www-form-urlencoded"
        error = b'{"error": "malformed", "error_description": "a: missing"}'
        given = b'{"size": 1}' if status == 200 else error
        one = Exchange("POST", "/thing", status, frozenset(), kind, form, "application/json", given)
        return list(interface.faults(one))

    assert taken(b"a=1", 200) == []
    assert taken(b"b=1", 400) == []
    assert taken(b"", 200) == ['POST /thing 200: "a" is a required property']


def test_a_route_that_is_not_described_is_seen() -> None:
    assert list(small_interface(THING).faults(Exchange("GET", "/other", 200))) == [
        "GET /other 200: there is no such route"
    ]


def test_the_committed_documents_are_those_of_the_three_programs() -> None:
    assert {path.stem for path in (documents.ROOT / "specs" / "openapi").iterdir()} == set(APPS)
