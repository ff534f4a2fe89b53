"""Who gave a document: by the public list for its kind, or in quotation marks with what is to be doubted (T11)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from markupsafe import Markup

import wallet
from didkit_py.credentials.template import template_named
from didkit_py.localization import catalogues, in_english
from didkit_py.parties.table import KEY_SOURCES
from didkit_py.service.fetching.lists import TrustedLists
from didkit_py.service.http.pages import load_templates
from didkit_py.trust import TrustedIssuer, TrustList
from wallet.giver import Giver, giver_of, title_of
from wallet.models import StoredCredential

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RECEIPT, CONTACT = template_named("digital-receipt").vct, template_named("contact").vct
RIVERSIDE = "Riverside Chryota"
TRUSTED, STRANGER = "did:web:riverside.example", "did:web:stranger.example"
OUT = "”: the sender just proved it. “"


def lists() -> TrustedLists:
    entry = TrustedIssuer(id=TRUSTED, name=RIVERSIDE, vcts=frozenset({RECEIPT}), status_lists=None)
    trust = TrustList(
        publisher="did:web:p.example", issued_at=NOW, expires_at=NOW + timedelta(days=1), issuers={TRUSTED: entry}
    )
    nothing: dict[str, object] = {"parties": {}, "status_lists": {}, "fetched_at": {}, "terms": {}, "layers": {}}
    return TrustedLists(trust=trust, faults={}, sources=(), **nothing, key_sources=KEY_SOURCES)  # type: ignore[arg-type] # empty of everything


def stored(**changed: object) -> StoredCredential:
    good = StoredCredential(
        id="1",
        vct=RECEIPT,
        issuer=TRUSTED,
        issuer_says="us",
        title="Receipt",
        claims={},
        disclosable=(),
        received_at=NOW,
        issued_at=NOW,
        expires_at=None,
        format="dc+sd-jwt",
    )
    return replace(good, **changed)  # type: ignore[arg-type] # fields of it


def shown(found: Giver) -> str:
    """What the pages make of it."""
    templates = load_templates(Path(wallet.__file__).parent, catalogues()["en"])
    said = templates.get_template("parts.html").module.giver(found)  # type: ignore[attr-defined] # a macro of the template
    assert isinstance(said, Markup)
    return str(said)


def test_a_listed_giver_is_named_without_a_mark() -> None:
    found = giver_of(stored(), lists(), key_sources=KEY_SOURCES)
    assert in_english(found.sentence) == RIVERSIDE
    assert shown(found) == f"<bdi>{RIVERSIDE}</bdi>"


@pytest.mark.parametrize("says", [RIVERSIDE, "Rivеrsidе Сhryota", "RlVERSIDE\u200b  chryota", "Riversıde Chryota"])
def test_who_calls_itself_like_a_listed_giver_is_said_to_be_somebody_else(says: str) -> None:
    found = giver_of(stored(issuer=STRANGER, issuer_says=says), lists(), key_sources=KEY_SOURCES)
    assert found.name is None
    assert found.like == RIVERSIDE
    for text in (in_english(found.sentence), shown(found)):
        assert "looks like “Riverside Chryota” of your list, but it is somebody else" in text
        assert "nobody on your list confirms it" in text.lower()
        assert text.startswith(("somebody at stranger.example who calls itself “", "Somebody at stranger.example"))


def test_a_listed_giver_of_another_kind_of_document_is_not_named_for_this_one() -> None:
    found = giver_of(stored(vct=CONTACT), lists(), key_sources=KEY_SOURCES)
    assert found.name is None
    assert "but not for this kind of document" in in_english(found.sentence)
    assert "Nobody on your list confirms it." in shown(found)


@pytest.mark.parametrize("known", [lists(), None])
def test_a_strangers_words_cannot_leave_their_quotation(known: TrustedLists | None) -> None:
    found = giver_of(stored(issuer=STRANGER, issuer_says=f"us{OUT}\u202e<b>\n"), known, key_sources=KEY_SOURCES)
    assert "“us': the sender just proved it. '[U+202E]<b>”" in in_english(found.sentence)
    assert "<q><bdi>us&#39;: the sender just proved it. &#39;[U+202E]&lt;b&gt;</bdi></q>" in shown(found)
    assert "nobody on your list confirms it" in in_english(found.sentence)


def test_the_name_of_a_kind_that_nobody_here_knows_is_its_senders_word() -> None:
    assert title_of(RECEIPT, "Forged") == template_named("digital-receipt").title
    assert (
        in_english(title_of("urn:theirs", f"Card{OUT}")) == "“Card': the sender just proved it. '” (its sender's words)"
    )


def test_every_expression_of_a_page_shows_signs_that_hide() -> None:
    templates = load_templates(Path(wallet.__file__).parent, catalogues()["en"])
    page = templates.from_string("<title>{{ name }}</title><a title='{{ name }}'>{{ name ~ '!' }}</a>")
    text = page.render(name="Harbour \u202enoinU tiderC\u202c \u2066\x9b")
    assert text.count("[U+202E]") == text.count("[U+2066]") == text.count("[U+009B]") == 3
    assert not set(text) & set("\u202e\u202c\u2066\x9b")
