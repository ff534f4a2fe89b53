"""The operator's pages: who gets in, what they show in each state, what they do."""

import csv
import io
import re
from pathlib import Path

import pytest

from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.service.http.routing import FACTS
from issuer.app import create_app
from issuer.folder import load_settings
from tests.e2e.issuer.office import NOW, STANDING, Clock, Office, keys, open_office
from tools.make_members import make_file, make_rows

STANDING_TYPE = "insurer-good-standing"
OPEN_PAGES = {"/sign-in", "/sign-out", "/static/{name}"}


@pytest.fixture
async def signed_in(office: Office) -> Office:
    answer = await office.sign_in()
    assert answer.status == 303
    return office


async def test_every_page_wants_a_sign_in(office: Office, folder: Path) -> None:
    app = create_app(folder, load_settings(folder))
    pages = [
        (route.method, route.resource.canonical)
        for route, facts in app[FACTS].items()
        if facts.kind == "page" and route.resource is not None and route.resource.canonical not in OPEN_PAGES
    ]
    assert len(pages) > 15
    for method, path in pages:
        address = path.replace("{id}", "AAAAAAAAAAAAAAAAAAAAAA")
        answer = await (office.post(address) if method == "POST" else office.get(address))
        assert (answer.status, answer.headers["Location"].split("?")[0]) == (303, "/sign-in"), (method, path)


async def test_a_wrong_passphrase_opens_nothing(office: Office) -> None:
    assert (await office.sign_in("not the passphrase")).status == 403
    assert (await office.get("/")).status == 303


async def test_a_locked_offer_is_pointed_out_and_says_what_to_do(signed_in: Office) -> None:
    offer = await signed_in.offer(STANDING_TYPE, STANDING)
    for _ in range(5):
        await signed_in.token(offer.code, f"{(int(offer.tx_code) + 1) % 1_000_000:06}")

    assert "Five wrong codes were given for one offer" in (await signed_in.get("/")).text
    page = (await signed_in.get(f"/offers-made/{offer.id}")).text
    assert "Withdraw it, then make a new offer" in page
    assert f"/offers-made/{offer.id}/withdraw" in page
    assert "<svg" not in page


async def test_a_form_from_elsewhere_changes_nothing(signed_in: Office) -> None:
    offer = await signed_in.offer(STANDING_TYPE, STANDING)
    page = f"/offers-made/{offer.id}/withdraw"

    without_token = await signed_in.post(page, data={}, headers=signed_in.same_origin())
    elsewhere = await signed_in.post(page, data={"csrf": "x"}, headers={"Origin": "http://localhost:1"})

    assert (without_token.status, elsewhere.status) == (403, 403)
    assert (await signed_in.parts.store.load(offer.id, now=NOW)).state is IssuanceState.OFFERED


async def test_an_empty_issuer_says_how_to_begin(signed_in: Office) -> None:
    for page in ("/", "/offers-made"):
        assert "Import a list" in (await signed_in.get(page)).text
    assert "Nothing issued yet" in (await signed_in.get("/issued")).text
    assert "No offer waits for a letter" in (await signed_in.get("/letters")).text


async def test_a_list_is_checked_then_imported_and_its_codes_are_handed_out_once(signed_in: Office) -> None:
    good = sum(not row.mistake and row.octets != b"" for row in make_rows())
    bad = sum(bool(row.mistake) for row in make_rows())

    checked = await signed_in.upload(make_file())
    assert f"Make {good} offers" in checked.text
    assert checked.text.count('<tr role="row">') == bad + 1
    assert (await signed_in.parts.store.counts(now=NOW)).total == 0

    done = await signed_in.submit("/import", "/import/confirm")
    assert done.headers["Location"] == "/import/done"
    assert f"{good} offers made" in (await signed_in.get("/import/done")).text

    codes = await signed_in.submit("/import/done", "/import/codes")
    assert "attachment" in codes.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(codes.text)))
    assert len(rows) == good
    first = await signed_in.parts.store.load(rows[0]["offer_id"], now=NOW)
    assert first.offer.wanted.reference == rows[0]["member"]
    assert (await signed_in.token(first.offer.code, rows[0]["tx_code"])).status == 200
    assert (await signed_in.submit("/import/done", "/import/codes")).status == 404
    assert "no longer kept" in (await signed_in.get("/import/done")).text


async def test_a_list_is_confirmed_once(signed_in: Office) -> None:
    await signed_in.upload(make_file())
    await signed_in.submit("/import", "/import/confirm")

    again = await signed_in.submit("/import", "/import/confirm")

    assert again.headers["Location"] == "/import"
    assert "Choose the file again" in (await signed_in.get("/import")).text


@pytest.mark.parametrize("body", [b"", b"no,list\n1,2\n", b"\xff\xfea\x00"])
async def test_a_file_that_is_no_list_is_refused_on_the_form_with_advice(signed_in: Office, body: bytes) -> None:
    answer = await signed_in.upload(body)
    assert answer.status == 400
    assert "This list cannot be read" in answer.text
    assert 'aria-invalid="true"' in answer.text


async def test_offers_are_found_by_state_and_by_exact_number(signed_in: Office) -> None:
    for number in ("100042", "100043"):
        await signed_in.offer(STANDING_TYPE, STANDING, reference=number)

    assert "100043" in (await signed_in.get("/offers-made?state=offered")).text
    found = (await signed_in.get("/offers-made?member=100042")).text
    assert ("100042" in found, "100043" in found) == (True, False)
    assert "No offer fits" in (await signed_in.get("/offers-made?state=locked")).text
    assert "100042" in (await signed_in.get("/offers-made?state=nonsense&page=x")).text


async def test_a_long_list_has_further_pages(signed_in: Office) -> None:
    for number in range(51):
        await signed_in.offer(STANDING_TYPE, STANDING, reference=str(number))

    first, second = (await signed_in.get("/offers-made")).text, (await signed_in.get("/offers-made?page=2")).text
    assert (first.count("/offers-made/"), second.count("/offers-made/")) == (50, 1)
    assert ("Older" in first, "Newer" in second) == (True, True)


async def test_an_open_offer_shows_link_and_code_and_its_letter_has_no_transaction_code(signed_in: Office) -> None:
    offer = await signed_in.offer(STANDING_TYPE, STANDING)
    page = (await signed_in.get(f"/offers-made/{offer.id}")).text
    letter = (await signed_in.get(f"/offers-made/{offer.id}/letter")).text

    for text in (page, letter):
        assert offer.link in text
        assert "<svg" in text
        assert offer.tx_code not in re.sub(r"<svg.*?</svg>|<link[^>]*>", "", text, flags=re.DOTALL)
    assert "Sally Example" in letter


async def test_the_letters_of_an_import_are_printed_together_and_hold_no_transaction_code(signed_in: Office) -> None:
    await signed_in.offer(STANDING_TYPE, STANDING, reference="by hand")
    rows = "".join(f"M{number},9000,GBP\n" for number in range(51))
    await signed_in.upload(f"member,amount,currency\n{rows}".encode())
    await signed_in.submit("/import", "/import/confirm")
    codes = (await signed_in.submit("/import/done", "/import/codes")).text
    batch = next(one.batch for one in await signed_in.parts.store.find(now=NOW, limit=52) if one.batch)

    pages = [(await signed_in.get(f"/letters?batch={batch}&page={page}")).text for page in (1, 2)]
    everything = (await signed_in.get("/letters?page=2")).text

    assert [page.count('<article class="letter">') for page in pages] == [50, 1]
    assert everything.count('<article class="letter">') == 2
    words = re.sub(r"<svg.*?</svg>|<link[^>]*>", "", "".join(pages), flags=re.DOTALL)
    tx_codes = {row["tx_code"] for row in csv.DictReader(io.StringIO(codes))}
    assert len(tx_codes) > 45
    assert tx_codes.isdisjoint(re.findall(r"(?<!\w)\d{6}(?!\w)", words))  # inside of an identifier it is chance


async def test_a_new_transaction_code_is_shown_once_and_replaces_the_old_one(signed_in: Office) -> None:
    offer = await signed_in.offer(STANDING_TYPE, STANDING)
    page = f"/offers-made/{offer.id}"
    await signed_in.submit(page, f"{page}/code")

    shown = re.search(r'new-code number">(\d{6})<', (await signed_in.get(page)).text)
    assert shown is not None
    assert "new-code" not in (await signed_in.get(page)).text
    if shown[1] != offer.tx_code:
        assert (await signed_in.token(offer.code, offer.tx_code)).status == 400
    assert (await signed_in.token(offer.code, shown[1])).status == 200


async def test_withdrawing_is_asked_first_and_then_final(signed_in: Office) -> None:
    offer = await signed_in.offer(STANDING_TYPE, STANDING)
    page = f"/offers-made/{offer.id}"
    assert "Withdraw this offer?" in (await signed_in.get(f"{page}/withdraw")).text
    await signed_in.submit(f"{page}/withdraw", f"{page}/withdraw")

    shown = (await signed_in.get(page)).text
    assert "Its link and its codes no longer work" in shown
    assert "<svg" not in shown
    assert (await signed_in.get(f"{page}/letter")).status == 409
    assert (await signed_in.get(f"{page}/withdraw")).status == 303


async def test_what_was_issued_is_suspended_made_valid_and_revoked_behind_a_question(signed_in: Office) -> None:
    offer = await signed_in.offer(STANDING_TYPE, STANDING)
    token = await signed_in.access_token(offer)
    await signed_in.credential(token, await signed_in.request(STANDING_TYPE, keys(2)))
    page = f"/issued/{offer.id}"
    assert offer.id in (await signed_in.get("/issued")).text

    for to, words in (("suspended", "suspended"), ("valid", "It is valid"), ("revoked", "nobody accepts it any more")):
        question = f"{page}/change?to={to}"
        assert "concerns all copies" in (await signed_in.get(question)).text
        await signed_in.submit(question, f"{page}/change", {"to": to})
        assert words in (await signed_in.get(page)).text
    assert (await signed_in.get(f"{page}/change?to=nonsense")).status == 400


async def test_a_claim_without_status_says_that_it_ends_by_itself(signed_in: Office) -> None:
    await signed_in.upload(b"member,amount,currency\n100042,23000,GBP\n")
    await signed_in.submit("/import", "/import/confirm")
    rows = list(csv.DictReader(io.StringIO((await signed_in.submit("/import/done", "/import/codes")).text)))
    kept = await signed_in.parts.store.load(rows[0]["offer_id"], now=NOW)
    token = (await signed_in.token(kept.offer.code, rows[0]["tx_code"])).json()["access_token"]
    await signed_in.credential(token, await signed_in.request("affordability-range", keys(10)))

    shown = (await signed_in.get(f"/issued/{kept.offer.id}")).text
    assert "It ends by itself" in shown
    assert "/change" not in shown
    refused = await signed_in.submit("/import", f"/issued/{kept.offer.id}/change", {"to": "revoked"})
    assert refused.status == 409


async def test_an_offer_that_never_was_is_not_found(signed_in: Office) -> None:
    for path in ("/offers-made/nothing", "/offers-made/nothing/letter", "/issued/nothing", "/offers-made/%C3%A9"):
        assert (await signed_in.get(path)).status == 404


async def test_a_value_from_a_list_cannot_become_a_page(signed_in: Office) -> None:
    await signed_in.upload(b'member,name,amount,currency\n1,"<script>alert(1)</script>",9000,GBP\n')
    await signed_in.submit("/import", "/import/confirm")

    shown = await signed_in.get("/offers-made")
    assert "<script" not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert "script-src" not in shown.headers["Content-Security-Policy"]
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


async def test_signing_out_ends_the_session_and_a_restart_does_too(folder: Path, clock: Clock) -> None:
    async with open_office(folder, clock) as office:
        await office.sign_in()
        assert (await office.get("/types")).status == 200
        await office.submit("/types", "/sign-out")
        assert (await office.get("/types")).status == 303


async def test_a_restart_keeps_every_offer(folder: Path, clock: Clock) -> None:
    async with open_office(folder, clock) as office:
        offer = await office.offer(STANDING_TYPE, STANDING)
    async with open_office(folder, clock) as office:
        kept = await office.parts.store.load(offer.id, now=NOW)
        assert (kept.state, kept.offer.code, kept.offer.wanted.reference) == (
            IssuanceState.OFFERED,
            offer.code,
            "100042",
        )
        assert (await office.token(offer.code, offer.tx_code)).status == 200
