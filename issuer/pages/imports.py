"""Pages for importing a list: choose the file, check what would happen, do it, take the codes once."""

from typing import Final

from aiohttp import web

from didkit_py.errors import BadImport, Malformed, NotFound, TooLarge
from didkit_py.service.http.media_types import text_of
from didkit_py.service.http.web import LoginSession, Routes, notify, read_form, read_upload, render, session_of
from issuer.importing.batches import Imported, Preview, codes_csv, import_list, preview_list
from issuer.importing.rows import MAX_FILE_BYTES
from issuer.web_context import parts_of

CSV: Final = text_of("text/csv")
STEPS: Final = ("Choose the file", "Check", "Codes and letters")
MAX_SHOWN: Final = 500  # rows of a report on one page; the command line shows all
_PREVIEW: Final = "import-preview"
_IMPORTED: Final = "imported"
_CODES: Final = "import-codes"
_FORM_BYTES: Final = 65_536  # of the form around the file


def install(routes: Routes) -> None:
    """Add these pages."""
    routes.page("GET", "/import", choose)
    routes.page("POST", "/import", check, files=("file",), statuses=(200,), max_bytes=MAX_FILE_BYTES + _FORM_BYTES)
    routes.page("POST", "/import/confirm", confirm)
    routes.page("GET", "/import/done", done, statuses=(200, 303))
    routes.page("POST", "/import/codes", codes, statuses=(200,), gives=CSV)
    routes.page("GET", "/import/sample.csv", sample, gives=CSV)


async def choose(request: web.Request) -> web.Response:
    """The form for the file."""
    return _choose(request)


def _choose(request: web.Request, problem: str = "", *, status: int = 200) -> web.Response:
    layout = parts_of(request).layout
    return render(request, "import.html", status=status, layout=layout, steps=STEPS, problem=problem)


async def check(request: web.Request) -> web.Response:
    """What the import would do, before it does anything; nothing of the file is stored."""
    await read_form(request)
    try:
        upload = await read_upload(request, "file", MAX_FILE_BYTES)
        preview = await preview_list(parts_of(request), upload.body)
    except (Malformed, BadImport, TooLarge) as error:
        sentence = str(error)
        return _choose(request, f"{sentence[:1].upper()}{sentence[1:]}. {error.advice}", status=400)
    _session(request)[_PREVIEW] = preview
    return render(
        request,
        "import_check.html",
        steps=STEPS,
        file_name=upload.file_name,
        new=preview.new,
        unchanged=preview.unchanged,
        bad=preview.read.bad[:MAX_SHOWN],
        bad_count=len(preview.read.bad),
        unused=preview.read.unused,
        blank=preview.read.blank,
    )


async def confirm(request: web.Request) -> web.Response:
    """Make the offers."""
    await read_form(request)
    preview = _session(request).pop(_PREVIEW, None)
    if not isinstance(preview, Preview):
        notify(request, "The list is no longer here. Choose the file again; nothing was made twice.", kind="warning")
        return _go("/import")
    imported = await import_list(parts_of(request), preview)
    _session(request)[_IMPORTED] = imported
    _session(request)[_CODES] = codes_csv(imported.made) if imported.made else b""
    return _go("/import/done")


async def done(request: web.Request) -> web.Response:
    """What the import did, and the codes for who has not taken them yet."""
    imported = _session(request).get(_IMPORTED)
    if not isinstance(imported, Imported):
        return _go("/import")
    return render(
        request,
        "import_done.html",
        steps=STEPS,
        made=len(imported.made),
        unchanged=imported.unchanged,
        bad=imported.rejected[:MAX_SHOWN],
        bad_count=len(imported.rejected),
        codes_waiting=bool(_session(request).get(_CODES)),
        batch=imported.batch,
    )


async def codes(request: web.Request) -> web.Response:
    """The transaction codes as a file, once."""
    await read_form(request)
    waiting = _session(request).pop(_CODES, b"")
    if not isinstance(waiting, bytes) or not waiting:
        raise NotFound("the codes were taken already", hint="Each offer's page can make a new code.")
    headers = {"Content-Disposition": 'attachment; filename="codes.csv"', "Cache-Control": "no-store"}
    return web.Response(body=waiting, content_type="text/csv", charset="utf-8", headers=headers)


async def sample(request: web.Request) -> web.Response:
    """A list as it should look, with one member."""
    layout = parts_of(request).layout
    if layout is None:
        raise NotFound("this issuer imports no lists")
    rows = ",".join(column.name for column in layout.columns), ",".join(column.example for column in layout.columns)
    headers = {"Content-Disposition": 'attachment; filename="sample.csv"'}
    return web.Response(
        body="\r\n".join((*rows, "")).encode(), content_type="text/csv", charset="utf-8", headers=headers
    )


def _session(request: web.Request) -> LoginSession:
    session = session_of(request)
    if session is None:  # the route lets only signed-in people pass
        raise NotFound("the session has ended", hint="Sign in again.")
    return session


def _go(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
