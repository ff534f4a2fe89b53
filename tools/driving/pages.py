"""Pages as a browser without scripts sees them: their forms, links, words, and what they mark for programs.

The demo and the tests read pages by this; each has a browser of its own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

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


class StepFailed(Exception):  # noqa: N818 - it is what happened
    """A step did not come to its end: a page without the form, a program that does not start, another answer."""


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
        """The form that has a field or button of this name. Raises StepFailed."""
        for form in self.forms:
            if name in form.names or any(button == name for button, _ in form.buttons):
                return form
        raise StepFailed(f"{self.url} (status {self.status}) has no form with {name}: {self.text[:600]}")
