"""A browser as small as will do: cookies, forms and the marks on a page. No JavaScript, as the pages need none."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from demo.telling import DemoFailed

TIMEOUT: Final = 60
_SESSION_PATH: Final = re.compile(r"/s/[A-Za-z0-9_-]{43}(?=/)")
_PUBLIC: Final = re.compile(  # what is there without a session
    r"/(s/|sign-in|static/|healthz|readyz|done|\.well-known/|credential-offers/|token$|nonce$|credential$|status-lists"
    r"|types/|terms/|trust-list|oid4vp/|agreements|check-request)"
)


def plain(text: str) -> str:
    """`text` with the plain addresses of pages: without the path below which a session has them."""
    return _SESSION_PATH.sub("", text)


def placed(path: str, cookie_paths: Iterable[str]) -> str:
    """`path` as a browser has it that holds cookies of these paths: below that of its newest session."""
    homes = [each.rstrip("/") for each in cookie_paths if each.startswith("/s/")]
    return path if not homes or _PUBLIC.match(path) else homes[-1] + path


_VOID: Final = frozenset({"input", "br", "img", "hr", "meta", "link", "path", "rect", "use", "wbr", "source", "col"})


@dataclass(slots=True)
class Form:
    """A form with the fields it would send, and its buttons."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)  # unticked boxes
    names: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """One page that was read."""

    def __init__(self, url: str, status: int, text: str) -> None:
        super().__init__()
        self.url, self.status, self.html = url, status, text
        self.forms: list[Form] = []
        self.codes: list[str] = []
        self.items: dict[str, str] = {}
        self.outcome = ""
        self.links: list[str] = []
        self.words: list[str] = []
        self._open: list[tuple[str, str | None, bool]] = []
        self._form: Form | None = None
        self.feed(text)

    @property
    def text(self) -> str:
        """All visible words."""
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read forms, links and marks."""
        named = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append((tag, named.get("data-item"), tag == "code" and "reason" in named.get("class", "")))
        if "data-item" in named:
            self.items.setdefault(named["data-item"], "")
        if tag == "main":
            self.outcome = named.get("data-outcome", "")
        if tag == "a":
            self.links.append(named.get("href", ""))
        if tag == "form":
            self._form = Form(named.get("action") or self.url, named.get("method", "get").lower())
            self.forms.append(self._form)
        if self._form is not None:
            self._read_control(self._form, tag, named)

    @staticmethod
    def _read_control(form: Form, tag: str, named: dict[str, str]) -> None:
        name, value = named.get("name", ""), named.get("value", "")
        if tag in {"input", "textarea", "select"} and name:
            form.names.add(name)
        if tag == "button":
            form.buttons.append((name, value))
        elif tag == "input" and named.get("type") in {"checkbox", "radio"}:
            (form.fields if "checked" in named else form.choices).append((name, value))
        elif tag == "input" and name and named.get("type") not in {"submit", "file"}:
            form.fields.append((name, value))
        elif tag == "textarea" and name:
            form.fields.append((name, ""))

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened."""
        if tag == "form":
            self._form = None
        while self._open and any(entry[0] == tag for entry in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        """Keep the words, and whose they are."""
        self.words.append(data)
        for _, item, is_reason in self._open:
            if item is not None:
                self.items[item] += data
            if is_reason:
                self.codes.append(data.strip())

    def form(self, name: str) -> Form:
        """The form that has a field or button of this name. Raises DemoFailed."""
        for form in self.forms:
            if name in form.names or any(button == name for button, _ in form.buttons):
                return form
        raise DemoFailed(f"{self.url} (status {self.status}) has no form with {name}: {self.text[:600]}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by hand, so that a POST never becomes a surprise."""

    def redirect_request(self, *_: object) -> None:
        return None


class Browser:
    """One person's browser at one site."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(_NoRedirect(), urllib.request.HTTPCookieProcessor(self._jar))

    def get(self, path: str) -> Page:
        """The page at `path`, redirects followed."""
        return self._send(urllib.request.Request(self._place(path)))  # noqa: S310 - loopback

    def submit(self, page: Page, form: Form, given: dict[str, str], ticked: tuple[tuple[str, str], ...] = ()) -> Page:
        """Send a form of `page` with these fields filled and these boxes ticked or buttons pressed."""
        kept = [(name, value) for name, value in form.fields if name not in given]
        body = urllib.parse.urlencode([*kept, *given.items(), *ticked]).encode()
        url = self._place(urllib.parse.urljoin(page.url, form.action))
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        return self._send(urllib.request.Request(url, data=body, headers=headers))  # noqa: S310 - loopback

    def fill(self, path: str, **given: str) -> Page:
        """Open `path` and send its form with these fields."""
        page = self.get(path)
        return self.submit(page, page.form(next(iter(given))), given)

    def _place(self, path: str) -> str:
        return urllib.parse.urljoin(
            self.origin, placed(path.removeprefix(self.origin), (one.path for one in self._jar))
        )

    def _send(self, request: urllib.request.Request, hops: int = 5) -> Page:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return Page(plain(answer.url), answer.status, plain(answer.read().decode()))
        except urllib.error.HTTPError as answer:
            if answer.code in {302, 303} and hops:
                place = urllib.parse.urljoin(request.full_url, answer.headers["Location"])
                return self._send(urllib.request.Request(place), hops - 1)  # noqa: S310 - loopback
            return Page(plain(request.full_url), answer.code, plain(answer.read().decode(errors="replace")))
