"""Asking: the form with the request, what a wallet would say to it, and making it."""

import json
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from didkit_py.consent.decision import Decision
from didkit_py.errors import DidkitError
from didkit_py.localization import Text, phrase
from didkit_py.roles.asking_store import RequestTemplate
from didkit_py.service.http.web import Routes, read_form, render
from verifier.folder import read_template, saved_requests
from verifier.views import problem_of, verdict_in_words
from verifier.web_context import parts_of

MAX_NAME: Final = 100


def install(routes: Routes) -> None:
    """Add the pages of asking."""
    routes.page("GET", "/ask", ask, query=("saved", "again"))
    routes.page("POST", "/ask", make, fields=("request", "action"), statuses=(200, 303))


async def ask(request: web.Request) -> web.Response:
    """The form, filled with a saved request, with one that was made before, or empty."""
    parts = parts_of(request)
    name, again = request.query.get("saved", "")[:MAX_NAME], request.query.get("again", "")[:MAX_NAME]
    text = ""
    if again:
        asked = (await parts.store.load_request(again, now=parts.clock())).asked
        text = "" if asked.erased else in_full(asked.template)
    for one in saved_requests(parts.settings.requests_folder, formats=parts.formats):
        text = one.text if one.name == name else text
    return _form(request, text, chosen=name)


def in_full(template: RequestTemplate) -> str:
    """The request as people edit it."""
    return json.dumps(template.to_json(), indent=2, ensure_ascii=False)


async def make(request: web.Request) -> web.Response:
    """Make the request, or say what a wallet would say to it; one that every wallet would refuse is not made."""
    parts = parts_of(request)
    given = await read_form(request)
    text = given.get("request", "")
    if not text.strip():
        return _form(request, text, phrase("verifier.ask.choose"), status=400)
    try:
        template = read_template(text, formats=parts.formats)
        if given.get("action") == "check":
            drafted = await parts.asking.draft(template, now=parts.clock())
            return _form(request, text, verdict=verdict_in_words(await parts.judge_draft(drafted)))
        made = await parts.ask(template)
    except DidkitError as error:
        return _form(request, text, problem_of(error), status=400)
    if isinstance(made, Decision):
        refused = phrase("verifier.ask.refused")
        return _form(request, text, refused, verdict=verdict_in_words(made), status=400)
    return web.Response(status=303, headers={"Location": f"/requests/{made.id}"})


def _form(
    request: web.Request,
    text: str,
    problem: Text = "",
    *,
    chosen: str = "",
    verdict: Mapping[str, object] | None = None,
    status: int = 200,
) -> web.Response:
    parts = parts_of(request)
    return render(
        request,
        "ask.html",
        status=status,
        saved=saved_requests(parts.settings.requests_folder, formats=parts.formats),
        chosen=chosen,
        text=text,
        problem=problem,
        verdict=verdict,
    )
