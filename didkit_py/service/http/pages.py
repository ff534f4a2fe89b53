"""Pages: templates, the files they need, and QR codes. Everything a page shows is escaped, and nothing is inline."""

import hashlib
import io
import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote

import jinja2
import segno
from aiohttp import web
from markupsafe import Markup, escape

from didkit_py.consent.value_words import plain
from didkit_py.errors import NotFound, TooLarge
from didkit_py.localization import (
    Catalogue,
    Phrase,
    Text,
    clock_time,
    day,
    phrase,
    preferred,
)
from didkit_py.service.http.routing import CSRF_FIELD, SERVICE, SETTINGS
from didkit_py.service.http.sessions import below_session, csrf_token, plain_path, principal_of, session_of
from didkit_py.unicode.visible import one_line, quoted, visible

_HERE: Final = Path(__file__).parent
_NOTICES: Final = "notices"
_ADDRESS: Final = re.compile(r'(\s(?:href|action|src)=")(/[^"]*)')

Navigation = Sequence[tuple[Text, str]]  # label and path, in the order shown
NoticeKind = Literal["success", "info", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """A file that pages refer to, kept in memory; its address names its version."""

    body: bytes = field(repr=False)
    content_type: str
    version: str


TEMPLATES: Final = web.AppKey("templates", dict[str, jinja2.Environment])  # by language
STATIC: Final = web.AppKey("static", dict[str, StaticFile])
NAVIGATION: Final = web.AppKey("navigation", Sequence[tuple[Text, str]])


@lru_cache(maxsize=8)  # compiled once for all applications of a process: it takes 25 ms
def load_templates(folder: Path | None, catalogue: Catalogue) -> jinja2.Environment:
    """The program's own templates, and below them those that all programs share, in the words of one language.

    A template writes `_("key", name=value)` for a message; a `Phrase` among its values is put into words where it is
    shown. Values are escaped, but for markup of a macro.
    """

    def show(value: object) -> object:
        """What every expression passes through: no page shows a sign that hides, reorders or controls."""
        if isinstance(value, Phrase):
            return Markup(escape(catalogue.pattern(value))).format(**{name: show(each) for name, each in value.values})  # noqa: S704 - escaped
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def words(said: Text, **values: Text | int) -> object:
        return show(phrase(said, **values) if isinstance(said, str) else said)

    places = [place / "templates" for place in (folder, _HERE) if place is not None]
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(place) for place in places]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "quoted": quoted,
        "one_line": one_line,
        "plain": plain,
        "day": day,
        "clock_time": clock_time,
    }
    environment.globals |= {"_": words, "language": catalogue.language}
    return environment


def load_static(folder: Path | None) -> dict[str, StaticFile]:
    """The files of `static` folders by name; the program's own win."""
    found = [
        file
        for place in (_HERE, folder)
        if place is not None
        for file in sorted((place / "static").glob("*"))
        if file.is_file()
    ]
    bodies = [(file.name, file.read_bytes()) for file in found]
    return {
        name: StaticFile(
            body=body,
            content_type=mimetypes.guess_type(name, strict=True)[0] or "application/octet-stream",
            version=hashlib.sha256(body).hexdigest()[:12],
        )
        for name, body in bodies
    }


async def send_static(request: web.Request) -> web.Response:
    """A file that pages refer to; `v` names its version."""
    file = request.app[STATIC].get(request.match_info["name"])
    if file is None:
        raise NotFound("there is no such file")
    kept = "public, max-age=31536000, immutable" if request.query.get("v") == file.version else "no-cache"
    charset = "utf-8" if file.content_type.startswith("text/") else None
    return web.Response(
        body=file.body, content_type=file.content_type, charset=charset, headers={"Cache-Control": kept}
    )


def render(request: web.Request, template: str, *, status: int = 200, **context: object) -> web.Response:
    """A page from a template. The template knows, beside `context`: csrf_field(), service, party, signed_in, path,
    navigation, notices(), static(name) and qr_svg(text). It names plain addresses: those of pages behind the sign-in
    are put below the session's path here.
    """  # noqa: D205 - the list belongs to the sentence

    def csrf_field() -> Markup:
        return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, csrf_token(request))

    def static(name: str) -> str:
        return f"/static/{name}?v={request.app[STATIC][name].version}"

    shared = {
        "csrf_field": csrf_field,
        "service": request.app[SERVICE],
        "party": request.app[SETTINGS].name,
        "signed_in": principal_of(request) is not None,
        "path": unquote(plain_path(request)),
        "navigation": request.app[NAVIGATION],
        "notices": lambda: _take_notices(request),
        "static": static,
        "qr_svg": qr_svg,
    }
    environments = request.app[TEMPLATES]
    language = preferred(request.headers.get("Accept-Language", ""), environments)
    page = environments[language].get_template(template).render(shared | context)
    # Templates and macros name plain addresses. No other text can look like one of these attributes: autoescape turns
    # each quotation mark of a value into an entity.
    page = _ADDRESS.sub(lambda found: found[1] + below_session(request, found[2]), page)
    return web.Response(text=page, status=status, content_type="text/html", headers={"Content-Language": language})


def notify(request: web.Request, text: Text, *, kind: NoticeKind = "success") -> None:
    """Say `text` at the top of the next page that this person sees."""
    session = session_of(request)
    if session is None:
        raise ValueError("only a session can keep a notice")
    waiting = session.setdefault(_NOTICES, [])
    if isinstance(waiting, list):
        waiting.append({"text": text, "kind": kind})


def _take_notices(request: web.Request) -> list[object]:
    session = session_of(request)
    taken = session.pop(_NOTICES, []) if session is not None else []
    return taken if isinstance(taken, list) else []


def qr_svg(text: str, *, title: str) -> Markup:
    """A QR code (ISO/IEC 18004) as inline SVG, named for those who do not see it. Raises TooLarge."""
    try:
        code = segno.make(text, error="m", micro=False, boost_error=False)
    except segno.DataOverflowError as error:
        raise TooLarge("the text is longer than a QR code can be") from error
    drawn = io.BytesIO()
    code.save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=False,
        omitsize=True,
        light="#fff",
        nl=False,
        svgclass=None,
        lineclass=None,
    )
    drawing = Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by segno from modules alone; the text is not in it
    return Markup('<span class="qr" role="img" aria-label="{}">{}</span>').format(title, drawing)
