"""The catalogue of texts: every key that the code uses is there, none is there in vain, and it says what errors say."""

import ast
import gettext
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import jinja2
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from didkit_py.consent.disclosure_case import REASON_CODES
from didkit_py.encoding import Json
from didkit_py.errors import DidkitError, Malformed, NotFound
from didkit_py.localization import (
    Catalogue,
    Phrase,
    catalogues,
    enumerated,
    hint_of,
    in_english,
    listed,
    phrase,
    preferred,
    text_json,
    text_of,
)
from didkit_py.service.http.pages import load_templates
from tests.wording import made_up, untranslated
from tools.messages import stale

ROOT: Final = Path(__file__).resolve().parents[2]
PROGRAMS: Final = ("didkit_py", "issuer", "verifier", "wallet")
KEY: Final = re.compile(r"\A[a-z][\w#-]*(?:\.[\w#-]+)+\Z|\Aproblem\Z")
CALLS: Final = re.compile(r"""_\(\s*"([^"]+)"(\s*~)?""")


def catalogue_of(language: str) -> Catalog:
    with (ROOT / "didkit_py" / "locale" / language / "LC_MESSAGES" / "didkit.po").open("rb") as file:
        return read_po(file, locale=language)


def keys() -> set[str]:
    return {str(one.id[0] if isinstance(one.id, tuple) else one.id) for one in catalogue_of("en") if one.id}


def texts(message: Message) -> list[str]:
    """A message in each of its forms."""
    return [str(one) for one in message.string] if isinstance(message.string, tuple) else [str(message.string)]


def called() -> Iterator[tuple[str, str]]:
    """Each key that is handed to `phrase` or `_`, as a pattern, and where."""
    for program in PROGRAMS:
        for file in (ROOT / program).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "phrase":
                    yield from ((one, file.name) for one in patterns(node.args[0]))
        for file in (ROOT / program).rglob("*.html"):
            for key, goes_on in CALLS.findall(file.read_text()):
                yield re.escape(key) + (".+" if goes_on else ""), file.name


def patterns(node: ast.expr) -> Iterator[str]:
    """A key, or what a formatted one begins and ends with."""
    if isinstance(node, ast.Constant):
        yield re.escape(str(node.value))
    elif isinstance(node, ast.JoinedStr):
        yield "".join(re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".+" for one in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*patterns(node.body), *patterns(node.orelse))


def strings() -> set[str]:
    """Every string of the code and of the templates: a key can be chosen in one place and said in another."""
    found: set[str] = set()
    for program in PROGRAMS:
        for file in (ROOT / program).rglob("*.py"):
            nodes = ast.walk(ast.parse(file.read_text()))
            found |= {one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)}
        for file in (ROOT / program).rglob("*.html"):
            found |= set(re.findall(r'"([^"]*)"', file.read_text()))
    return found


def test_every_key_that_is_used_is_in_the_catalogue() -> None:
    known = keys()
    missing = [(key, place) for key, place in called() if not any(re.fullmatch(key, one) for one in known)]
    assert missing == []
    chosen = {one for one in strings() if KEY.match(one) and one.startswith("wallet.take.")}
    assert len(chosen) > 10
    assert chosen <= known


def test_no_key_of_the_catalogue_is_unused() -> None:
    used = re.compile("|".join({pattern for pattern, _ in called()}))
    literal = strings()
    assert sorted(key for key in keys() if key not in literal and not used.fullmatch(key)) == []


def test_the_compiled_catalogue_is_that_of_its_source() -> None:
    assert stale() == []


def test_each_language_has_every_message_with_the_placeholders_of_the_english_one() -> None:
    english = {str(one.id): one for one in catalogue_of("en")}
    for language in catalogues():
        other = {str(one.id): one for one in catalogue_of(language)}
        assert other.keys() == english.keys()
        for key, message in english.items():
            wanted = set(re.findall(r"\{(\w+)", texts(message)[-1]))
            assert all(set(re.findall(r"\{(\w+)", one)) <= wanted for one in texts(other[key])), key
            assert all(texts(message)) or not message.id, key


@pytest.mark.parametrize("code", REASON_CODES)
def test_each_code_of_a_decision_has_a_sentence(code: str) -> None:
    assert in_english(phrase(f"reason.{code}")).endswith(".")


def test_the_hint_of_each_class_of_errors_stands_in_the_catalogue_as_in_the_code() -> None:
    for program in PROGRAMS:
        package = importlib.import_module(program)
        for module in pkgutil.walk_packages(package.__path__, f"{program}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    checked = 0
    for kind in kinds(DidkitError):
        if kind.__module__.partition(".")[0] in PROGRAMS and kind.hint:
            assert in_english(phrase(f"error.{kind.code}.hint")) == kind.hint
            checked += 1
    assert checked > 40


def kinds(kind: type[DidkitError]) -> Iterator[type[DidkitError]]:
    for one in kind.__subclasses__():
        yield one
        yield from kinds(one)


def test_an_error_with_a_hint_of_its_own_keeps_it() -> None:
    assert hint_of(NotFound("no")) == phrase("error.not-found.hint")
    assert hint_of(NotFound("no", hint="Look there.")) == "Look there."


def test_numbers_choose_the_form_and_names_are_filled_in() -> None:
    assert in_english(phrase("count.copies", count=1)) == "1 copy"
    assert in_english(phrase("count.copies", count=3)) == "3 copies"
    assert (
        in_english(phrase("wallet.deleted", title=phrase("document.unknown")))
        == "a document of another kind is deleted."
    )
    assert in_english(phrase("wallet.deleted", title="{0.__class__}")) == "{0.__class__} is deleted."


def test_a_key_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        in_english(phrase("nothing.of-this-name"))


def test_lists_are_read_as_they_were_written() -> None:
    assert in_english(listed(["a", "b", "c"])) == "a, b, c"
    assert in_english(enumerated(["a", "b", "c"])) == "a, b and c"
    assert listed([]) == ""
    long = listed([str(number) for number in range(500)])
    assert in_english(long) == ", ".join(map(str, range(500)))
    assert depth(long) < 12


def depth(said: object) -> int:
    return 1 + max(depth(one) for _, one in said.values) if isinstance(said, Phrase) else 0


def test_a_phrase_is_stored_and_read_again() -> None:
    said = phrase("value.range", low=phrase("value.money", sign="", amount=5), high="x")
    assert text_of(text_json(said), at="here") == said
    assert text_of("as it is", at="here") == "as it is"
    found: tuple[Json, ...] = (
        None,
        5,
        [],
        {"key": 5, "values": {}},
        {"key": "a.b"},
        {"key": "a", "values": {"x": None}},
    )
    for wrong in found:
        with pytest.raises(Malformed):
            text_of(wrong, at="here")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT, en;q=0.5", "de"),
        ("fr, en;q=0.3, de;q=0.8", "de"),
        ("de;q=0, en", "en"),
        ("de;q=x", "en"),
        ("de;q=nan", "en"),
        ("EN-us", "en"),
        ("*", "en"),
        (";;,,=", "en"),
    ],
)
def test_the_language_is_the_one_that_the_reader_likes_best(accepted: str, language: str) -> None:
    assert preferred(accepted, ("en", "de")) == language


def test_a_page_is_drawn_in_the_words_of_its_language_and_its_values_are_escaped() -> None:
    other = made_up(catalogues()["en"])
    drawn = load_templates(None, other).from_string('{{ _("wallet.deleted", title=title) }}').render(title="<b>\u202e")
    assert drawn.startswith("⟦")
    assert "&lt;b&gt;[U+202E]" in drawn
    assert untranslated(f"<p>{drawn}</p>") == []


@pytest.mark.parametrize(
    "planted",
    [
        "<p>Nobody translated this.</p>",
        '<p>{{ _("wallet.nothing-shared") }} Nobody translated this.</p>',
        '<button aria-label="Nobody translated this">{{ _("wallet.nothing-shared") }}</button>',
        "<p>{{ problem }}</p>",
    ],
)
def test_a_sentence_that_no_catalogue_has_is_heard(planted: str) -> None:
    templates: jinja2.Environment = load_templates(None, made_up(catalogues()["en"]))
    drawn = templates.from_string(planted).render(problem="Nobody translated this")
    assert [one.rstrip(".") for one in untranslated(drawn)] == ["Nobody translated this"]


def test_data_and_texts_for_developers_are_no_sentences_of_a_page() -> None:
    assert untranslated('<p lang="en">for developers</p><code>code</code><bdi>Name</bdi><p>What you can pay</p>') == []


def test_a_catalogue_without_a_message_does_not_fall_back_to_its_key() -> None:
    with pytest.raises(KeyError):
        Catalogue("xx", gettext.NullTranslations()).text(phrase("wallet.deleted", title="x"))
