"""Whether what a service really says is what its interface description says.

Stricter than the description for others: a member of an answer that it does not name is a fault, and signed texts are
opened. Requests that were accepted may have more members, as the protocols ask.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import jsonschema_rs
from aiohttp import web

from didkit_py.encoding import from_b64url
from didkit_py.service.http import request_body as bodies
from didkit_py.service.http.openapi import describe_interface
from didkit_py.service.http.routing import FACTS

NOWHERE: Final = {404, 405, 421}  # of requests that belong to no route, or to no service of ours
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Exchange:
    """One request with its answer, as far as a description speaks of them."""

    method: str
    path: str  # as the description spells it
    status: int
    query: frozenset[str] = frozenset()
    taken_type: str = ""
    taken: bytes = b""
    given_type: str = ""
    given: bytes = b""
    headers: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


class Interface:
    """A description, ready to be compared with."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._components = document["components"]
        self._validator = lru_cache(maxsize=None)(self._make_validator)

    def faults(self, one: Exchange) -> Iterator[str]:
        """What the description does not say, or says otherwise."""
        operation = self._document["paths"].get(one.path, {}).get(one.method.lower())
        if operation is None:
            yield f"{one}: there is no such route"
        elif str(one.status) not in operation["responses"]:
            yield f"{one}: this status is not described"
        else:
            yield from self._answer_faults(one, operation["responses"][str(one.status)])
            yield from self._request_faults(one, operation) if one.status < 300 else ()

    def _answer_faults(self, one: Exchange, response: Mapping[str, Any]) -> Iterator[str]:
        if "$ref" in response:
            response = self._components["responses"][response["$ref"].rpartition("/")[2]]
        lacking = {name.lower() for name in response.get("headers", {})} - one.headers
        yield from (f"{one}: the header {name} is missing" for name in sorted(lacking))
        yield from self._content_faults(one, response.get("content", {}), one.given_type, one.given)

    def _request_faults(self, one: Exchange, operation: Mapping[str, Any]) -> Iterator[str]:
        described = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        yield from (f"{one}: the parameter {name} is not described" for name in sorted(one.query - described))
        if "requestBody" in operation and one.taken_type in {"application/json", FORM}:
            content = operation["requestBody"]["content"]
            yield from self._content_faults(one, content, one.taken_type, one.taken, strict=False)

    def _content_faults(
        self, one: Exchange, content: Mapping[str, Any], kind: str, body: bytes, *, strict: bool = True
    ) -> Iterator[str]:
        if not content:
            yield from [f"{one}: a body is not described"] if body else []
            return
        known = next((each for each in (kind, f"{kind.partition('/')[0]}/*", "*/*") if each in content), None)
        if known is None:
            yield f"{one}: {kind or 'no content type'} instead of {' or '.join(content)}"
            return
        validator = self._validator(json.dumps(content[known]["schema"]), strict=strict)
        value = value_of(kind, body)
        if kind == FORM:  # a field that may stand several times is an array, also where it stands once
            named = content[known]["schema"].get("properties", {})
            repeated = {name for name, each in named.items() if each.get("type") == "array"}
            value |= {name: [text for key, text in _pairs(body) if key == name] for name in repeated & value.keys()}
        yield from (f"{one}: {error.message}"[:300] for error in validator.iter_errors(value))

    def _make_validator(self, schema: str, *, strict: bool) -> Any:
        whole = {**json.loads(schema), "components": self._components}
        return validator_of(closed(whole) if strict else whole)


def value_of(kind: str, body: bytes) -> Any:
    """A body as its description's schema sees it."""
    if kind == "application/json":
        return json.loads(body)
    return dict(_pairs(body)) if kind == FORM else body.decode("utf-8", "replace")


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def closed(schema: Any) -> Any:
    """The schema, in which no object has a member that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {name: closed(one) for name, one in schema.items()}
    return {"additionalProperties": False, **inside} if isinstance(schema.get("properties"), dict) else inside


def validator_of(schema: Mapping[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator(
        dict(schema), validate_formats=True, keywords={"contentSchema": opening(schema["components"])}
    )


def opening(components: Mapping[str, Any]) -> Any:
    """The keyword contentSchema, which opens what stands in a text and looks inside."""

    class Opening:
        def __init__(self, parent: Mapping[str, Any], value: Any, _: Any) -> None:
            self._is_jwt = parent["contentMediaType"] == "application/jwt"
            self._inside = validator_of({**value, "components": components})

        def validate(self, text: str) -> None:
            parts = [json.loads(from_b64url(one)) for one in (text.split(".")[:2] if self._is_jwt else [text])]
            for error in self._inside.iter_errors(parts if self._is_jwt else parts[0]):
                raise ValueError(f"inside: {error.message}"[:200])

    return Opening


@dataclass
class Listener:
    """Compares every answer of the services that it listens to with their descriptions."""

    faults: list[str] = field(default_factory=list)
    _interfaces: dict[str, Interface] = field(default_factory=dict)

    def listen(self, service: str, app: web.Application) -> web.Application:
        """The same application, listened to from now on."""

        async def compare(request: web.Request, response: web.StreamResponse) -> None:
            if service not in self._interfaces:
                self._interfaces[service] = Interface(describe_interface(app))
            one = exchange_of(request, response)
            if one is None:
                return
            self.faults += (f"{service}: {fault}" for fault in self._interfaces[service].faults(one))

        app.on_response_prepare.append(compare)
        return app


def exchange_of(request: web.Request, response: web.StreamResponse) -> Exchange | None:
    """What was asked and answered; None where no route was meant, which only certain statuses may say."""
    route = request.match_info.route
    if route not in request.app[FACTS] or route.resource is None:
        path = "" if response.status in NOWHERE else "nowhere"
        return None if not path else Exchange(method=request.method, path=path, status=response.status)
    return Exchange(
        method="GET" if request.method == "HEAD" else request.method,
        path=route.resource.canonical,
        status=response.status,
        query=frozenset(request.query),
        taken_type=request.content_type,
        taken=request.get(bodies._BODY, b""),
        given_type=response.content_type if response.headers.get("Content-Type") else "",
        given=response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b"",
        headers=frozenset(name.lower() for name in response.headers),
    )
