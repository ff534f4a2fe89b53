"""A small application of the shared parts, as the tests of this folder run it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer, unused_port
from aiohttp.typedefs import StrOrURL
from yarl import URL

from didkit_py.errors import NotFound, Refused, Replayed, TooLarge, Unreachable
from didkit_py.service.http.media_types import ANY, TEXT, form_of, json_of
from didkit_py.service.http.sessions import csrf_token
from didkit_py.service.http.web import (
    Routes,
    WireErrors,
    create_base_app,
    install_health,
    install_sign_in,
    json_answer,
    notify,
    read_form,
    read_json_body,
    read_upload,
    render,
)
from didkit_py.service.setup.settings import ServiceSettings

PASSPHRASE: Final = "correct horse"
JSON: Final = json_of(ANY)
OAUTH: Final[WireErrors] = {Replayed: (400, "invalid_grant"), Refused: (401, "invalid_token")}
KINDS: Final = {
    "replayed": Replayed("the code was used before"),
    "refused": Refused("no"),
    "missing": NotFound("nothing here"),
    "large": TooLarge('longer than "10" bytes'),
    "away": Unreachable("the issuer does not answer"),
}
tried: list[str] = []  # what reached the check of the application now running
slept: list[float] = []  # how long tries were made to wait
BEHIND: Final = frozenset({"/inside", "/only-post", "/sign-out", "/own-token"})


class Client(TestClient[web.Request, web.Application]):
    """A browser: what is behind the sign-in it has below the path of its session."""

    @property
    def home(self) -> str:
        """The path of its newest session, or an empty text."""
        paths = [cookie["path"].rstrip("/") for cookie in self.session.cookie_jar if cookie["path"].startswith("/s/")]
        return paths[-1] if paths else ""

    def make_url(self, path: StrOrURL) -> URL:
        """The address of a plain path."""
        is_behind = str(path).partition("?")[0] in BEHIND
        return super().make_url(self.home + str(path) if is_behind else path)


async def fail(request: web.Request) -> web.Response:
    """Fail in the way that the address names."""
    kind = request.match_info["kind"]
    if kind in KINDS:
        raise KINDS[kind]
    raise ValueError("canary-4711")


async def echo_json(request: web.Request) -> web.Response:
    """The same JSON again."""
    return json_answer(await read_json_body(request, max_bytes=1_000))


async def echo_form(request: web.Request) -> web.Response:
    """The same fields again."""
    return json_answer(dict(await read_form(request)))


async def take_file(request: web.Request) -> web.Response:
    """What is in a file."""
    upload = await read_upload(request, "file", 2_000_000)
    return json_answer({"name": upload.file_name, "size": len(upload.body), "text": upload.body.decode()[:100]})


async def token(request: web.Request) -> web.Response:
    """The token of this session."""
    return web.Response(text=csrf_token(request))


async def save(request: web.Request) -> web.Response:
    """Say that it was saved."""
    notify(request, "Saved <b>it</b>")
    return web.Response(status=303, headers={"Location": "/inside"})


async def inside(request: web.Request) -> web.Response:
    """A page for who signed in."""
    return render(request, "sign_in.html", title="Inside", prompt="?", hint="", button_label="?", next="/", problem="")


async def check(passphrase: str) -> object | None:
    tried.append(passphrase)
    await asyncio.sleep(0.01)  # as a real one lets others run while it computes
    return "the owner" if passphrase == PASSPHRASE else None


def small_app(
    settings: ServiceSettings, *, secret_file: Path = Path(__file__), folder: Path | None = None
) -> web.Application:
    app = create_base_app(settings, service="wallet", folder=folder, navigation=[("Inside", "/inside")])
    routes = Routes(app)
    for method in ("GET", "POST"):
        routes.wire(method, "/wire/fail/{kind}", fail, gives=JSON, errors=OAUTH)
    routes.page("GET", "/page/fail/{kind}", fail, signed_in=False)
    routes.wire("POST", "/wire/json", echo_json, takes=JSON, gives=JSON)
    routes.wire("POST", "/wire/form", echo_form, takes=form_of({}, {"a": TEXT, "b": TEXT}), gives=JSON)
    routes.page("GET", "/token", token, signed_in=False)
    routes.page("GET", "/own-token", token)
    routes.page("POST", "/page/form", echo_form, fields=("a", "b"), signed_in=False)
    routes.page("POST", "/upload", take_file, files=("file",), signed_in=False, max_bytes=3_000_000)
    routes.page("GET", "/inside", inside)
    routes.page("POST", "/inside", save)
    routes.page("POST", "/only-post", save)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(min(seconds, 0.01))

    install_sign_in(
        app,
        check,
        secret_file=secret_file,
        title="Unlock",
        prompt="Passphrase of this wallet",
        button="Sign in",
        sleep=sleep,
    )

    async def ready() -> Mapping[str, str]:
        return {"database": "ok"}

    install_health(app, ready)
    return app


@asynccontextmanager
async def running(*, secret_file: Path = Path(__file__), port: int = 0) -> AsyncIterator[Client]:
    """The small application on a port of its own, and a client without redirects of its own."""
    port = port or unused_port()
    tried.clear()
    slept.clear()
    settings = ServiceSettings(base_url=f"http://127.0.0.1:{port}", name="Sally & co", port=port)
    server = TestServer(small_app(settings, secret_file=secret_file), host="127.0.0.1", port=port)
    async with Client(server) as client:
        yield client


def own_origin(client: Client) -> str:
    return str(client.make_url("/")).rstrip("/")


async def post_form(client: Client, path: str, form: Mapping[str, str], **headers: str) -> ClientResponse:
    """A form as our own page would send it: with the session's token and our origin."""
    own = client.home and path in BEHIND
    csrf = await (await client.get("/own-token" if own else "/token")).text()
    sent = {"Origin": own_origin(client)} | {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(path, data={**form, "csrf": csrf}, headers=sent, allow_redirects=False)


async def sign_in(client: Client, passphrase: str = PASSPHRASE, next_path: str = "/inside") -> ClientResponse:
    return await post_form(client, "/sign-in", {"passphrase": passphrase, "next": next_path})
