import re
from collections.abc import AsyncIterator
from pathlib import Path

import jinja2
import pytest
from markupsafe import Markup

from didkit_py.errors import TooLarge
from didkit_py.localization import catalogues
from didkit_py.service.http.pages import load_templates, qr_svg
from tests.unit.service.small_app import Client, running, sign_in

MACROS = '{% from "macros.html" import button, choice_pair, copy_text, empty_state, error_summary, field, table, tag %}'


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as client:
        yield client


def draw(template: str, **context: object) -> str:
    return load_templates(None, catalogues()["en"]).from_string(MACROS + template).render(**context)


def test_what_a_template_shows_is_escaped() -> None:
    drawn = draw(
        "{{ field('a', x, hint=x, error=x, value=x) }}{{ table(x, [x], [[x]]) }}{{ tag('new', text=x) }}"
        "{{ copy_text(x, x) }}{{ empty_state(x, x) }}{{ error_summary([{'field': 'a', 'text': x}]) }}{{ button(x) }}",
        x='"><script>',
    )
    assert "<script>" not in drawn
    assert '"">' not in drawn


def test_a_name_that_the_page_was_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        draw("{{ nobody }}")


def test_a_programs_own_template_wins(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "error.html").write_text("own")
    assert load_templates(tmp_path, catalogues()["en"]).get_template("error.html").render() == "own"


def test_an_input_is_tied_to_its_label_hint_and_error() -> None:
    drawn = draw("{{ field('code', 'Code', hint='Six digits', error='Enter the code') }}")
    assert '<label for="code">' in drawn
    assert 'aria-describedby="code-hint code-error"' in drawn
    assert 'aria-invalid="true"' in drawn


def test_yes_and_no_look_the_same() -> None:
    yes, no = re.findall(r'<button class="([^"]*)"', draw("{{ choice_pair('Share these 2 things', 'Do not share') }}"))
    assert yes == no


async def test_no_page_has_a_script_or_an_inline_style(client: Client) -> None:
    await sign_in(client)
    for path in ("/inside", "/page/fail/missing", "/page/fail/unexpected"):
        page = await (await client.get(path)).text()
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", page)
        assert page.count("<h1>") == 1
        assert '<html lang="en">' in page


async def test_the_frame_names_the_party_and_marks_where_one_is(client: Client) -> None:
    assert "Inside</a>" not in await (await client.get("/sign-in")).text()
    await sign_in(client)
    page = await (await client.get("/inside")).text()
    assert "Sally &amp; co" in page
    assert f'<a href="{client.home}/inside" aria-current="page">Inside</a>' in page
    assert '<body class="wallet">' in page


def test_a_qr_code_is_named_and_has_nothing_that_the_policy_blocks() -> None:
    drawn = qr_svg("https://a.example/?x=<script>", title='Offer "1"')
    assert isinstance(drawn, Markup)
    assert 'role="img" aria-label="Offer &#34;1&#34;"' in drawn
    assert "style" not in drawn
    assert "<script" not in drawn
    with pytest.raises(TooLarge):
        qr_svg("x" * 3_000, title="")
