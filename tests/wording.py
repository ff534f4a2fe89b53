"""What phrases say in English, as most tests read them; and a language made up, in which no sentence is English."""

import dataclasses
import gettext
import io
import re
from functools import cache, lru_cache
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jinja2
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from didkit_py.consent.consent import ConsentView, consent_view
from didkit_py.consent.decision import Decision
from didkit_py.credentials.template import TEMPLATES
from didkit_py.localization import Catalogue, Phrase, in_english
from issuer.claim_templates import LAYOUTS


def english(value: Any) -> Any:
    """The same value with every phrase in it in English words."""
    if isinstance(value, Phrase):
        return in_english(value)
    if isinstance(value, list | tuple):
        return type(value)(english(one) for one in value)
    if isinstance(value, dict):
        return {name: english(one) for name, one in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.init}
        changed = {name: new for name, old in fields.items() if (new := english(old)) is not old and new != old}
        return dataclasses.replace(value, **changed)
    return value


def english_view(decision: Decision) -> ConsentView:
    """The consent page of a decision in English words."""
    view: ConsentView = english(consent_view(decision))
    return view


@cache
def made_up(catalogue: Catalogue) -> Catalogue:
    """The pseudo-locale: each text stands in ⟦brackets⟧ with accents on its letters; placeholders stay."""
    source = Path(str(files("didkit_py"))) / "locale" / catalogue.language / "LC_MESSAGES" / "didkit.po"
    with source.open("rb") as file:
        found = read_po(file, locale=catalogue.language)
    for message in found:
        if message.id:
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            changed = tuple(f"⟦{_accented(str(text))}⟧" for text in texts)
            message.string = changed if isinstance(message.string, tuple) else changed[0]
    out = io.BytesIO()
    write_mo(out, found)
    out.seek(0)
    return Catalogue(catalogue.language, gettext.GNUTranslations(out))


_ACCENTS: Final = str.maketrans("aceinouyACEINOUY", "áçéíñóúýÁÇÉÍÑÓÚÝ")


def _accented(text: str) -> str:
    return "".join(
        part if part.startswith("{") else part.translate(_ACCENTS) for part in re.split(r"(\{[^{}]*\})", text)
    )


class _Texts(HTMLParser):
    """The texts of a page that a person can read or hear, outside elements that hold data or another language."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, bool]] = []
        self.found: list[str] = [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [given[name] or "" for name in ("aria-label", "title", "placeholder", "alt") if name in given]
        if tag not in _INLINE:
            self.found.append("")
        if tag not in _VOID:
            data = tag in _DATA or given.get("translate") == "no" or (tag != "html" and "lang" in given)
            self.open.append((tag, data))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass
        if tag not in _INLINE:
            self.found.append("")

    def handle_data(self, data: str) -> None:
        if not any(is_data for _, is_data in self.open):
            self.found[-1] += data


_VOID: Final = frozenset({"meta", "link", "input", "br", "path"})
_INLINE: Final = frozenset({"a", "bdi", "code", "q", "span", "strong"})
_DATA: Final = frozenset({"bdi", "code", "pre", "textarea", "style"})


# What pages show as it is: the display texts of claim types, which each type has by itself, and what the tests type in.
DATA: Final = sorted(
    {
        *(text for one in TEMPLATES.values() for text in (one.title, one.description)),
        *(claim.label for one in TEMPLATES.values() for claim in one.claims),
        *(name for one in LAYOUTS.values() for column in one.columns for name in (column.name, *column.also)),
        *("Sally's wallet", "Sally Example", "Harbour Credit Union", "Harbour Town", "Riverside Chryota Ltd"),
        *("Riverside Chryota", "Ann's Chryota Ltd", "Fair Terms Board", "Clearsound", "Chryota", "Prim Hybrid"),
        *("CS-900", "Seven", "Dart", "Comet", "Nine", "good", "CH-0042", "ch-0042", "GB-ENG", "GBP", "branch"),
        *("vehicle-sale", "reviewed"),
        *("To register your sound system for service", "To know whether our offers suit your budget"),
        *("example-standard-terms-of-sharing", "members.csv", "<script>alert(1)</script>"),
    },
    key=len,
    reverse=True,
)


_IDENTIFIER: Final = re.compile(
    r"(?:did|ni|urn):\S+|sha-256;\S+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\S+@\S+\.example"
)


def untranslated(page: str) -> list[str]:
    """What a page in the pseudo-locale says outside of ⟦brackets⟧, with letters in it, and is no data of the tests."""
    reader = _Texts()
    reader.feed(page)
    return [rest for text in reader.found if (rest := _said_besides(text))]


@lru_cache(maxsize=50_000)  # most texts stand on many pages
def _said_besides(text: str) -> str:
    """What of one text is neither of the catalogue nor data; empty where that has no two letters."""
    while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = shorter  # from the innermost outwards
    text = _IDENTIFIER.sub("", " ".join(text.split()))
    for one in DATA:
        text = text.replace(one, "")
    return text.strip() if re.search(r"[^\W\d_]{2}", text) else ""


class Twice:
    """A template that is drawn in the pseudo-locale too; what it says there in English goes to `heard`."""

    def __init__(self, template: jinja2.Template, other: jinja2.Template, heard: list[tuple[str, str]]) -> None:
        self.template, self.other, self.heard = template, other, heard

    def __getattr__(self, name: str) -> Any:
        return getattr(self.template, name)

    def render(self, context: dict[str, Any]) -> str:
        notices = context["notices"]()  # they are taken once
        context = {**context, "notices": lambda: notices}
        said = untranslated(self.other.render(context))
        self.heard += [(str(self.template.name), text) for text in said]
        return self.template.render(context)


def watched(load: Any, heard: list[tuple[str, str]]) -> Any:
    """`load_templates` with templates that are drawn twice."""

    @cache
    def load_twice(folder: Path | None, catalogue: Catalogue) -> jinja2.Environment:
        environment: jinja2.Environment = load.__wrapped__(folder, catalogue)  # not the one that others keep
        other: jinja2.Environment = load.__wrapped__(folder, made_up(catalogue))
        get = environment.get_template

        def get_template(name: Any, *given: Any, **more: Any) -> Any:
            return Twice(get(name, *given, **more), other.get_template(name), heard)

        environment.get_template = get_template  # type: ignore[method-assign] # also for what a template extends
        return environment

    return load_twice
