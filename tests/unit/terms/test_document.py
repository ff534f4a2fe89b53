"""Terms documents: named by their content, complete, signed by their publisher; and who signed them."""

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from didkit_py.encoding import Json, digest, read_json, write_json
from didkit_py.errors import BadSignature, BadTerms, DidkitError, Malformed, TooLarge
from didkit_py.formats.sd_jwt_vc import SD_JWT_VC
from didkit_py.terms.document import (
    create_delegation,
    create_terms,
    parse_terms,
    verify_delegation,
    verify_signatory,
    verify_terms,
)
from didkit_py.verification import KeyBinding, VerifiedCredential, verify_credential
from tests.cast import (
    BOB,
    DEALER,
    LAYERS,
    NOW,
    SOUND,
    TERMS_BODY,
    evidence,
    signer_of,
    terms,
    terms_draft,
    terms_signatory,
)

BY_DIGEST = {digest(octets): octets for octets in LAYERS.values()}


async def published(**changes: object) -> bytes:
    return write_json(await create_terms(terms_draft(**changes), signer=TERMS_BODY.signer))


async def test_terms_are_named_by_their_content_and_verified_with_all_their_texts() -> None:
    document = parse_terms(await published())
    verified = verify_terms(document, layers=BY_DIGEST, publisher=TERMS_BODY.document)
    assert verified.layers == BY_DIGEST
    assert document.id.startswith("ni:///sha-256;")
    assert [label.text for label in document.labels][1] == "We do not sell your data"
    assert document.duty("erasure") is not None


async def test_one_changed_word_is_another_document() -> None:
    assert (await terms(version="1.0")).id != (await terms(version="1.1")).id


def edited(value: Json) -> Json:
    """The same kind of value, differing in one place."""
    if isinstance(value, str):
        return f"{value[:-1]}{'x' if value[-1:] != 'x' else 'y'}"
    if isinstance(value, list):
        return [*value[:-1], edited(value[-1])] if value else [{}]
    if isinstance(value, dict):
        name = next(reversed(value))
        return {**value, name: edited(value[name])}
    return not value if isinstance(value, bool) else "x"


@pytest.mark.parametrize("name", sorted(terms_draft()))
async def test_a_document_that_was_edited_in_any_member_is_refused(name: str) -> None:
    body = read_json(await published())
    assert isinstance(body, dict)
    parse_terms(write_json(body))
    body[name] = edited(body[name])
    with pytest.raises((Malformed, BadTerms)):
        parse_terms(write_json(body))


@pytest.mark.parametrize("change", [{"jurisdiction": "IE"}, {"precedence": "lawyer"}, {"family": "x"}], ids=str)
async def test_a_document_that_is_in_order_but_edited_no_longer_has_its_id(change: dict[str, Json]) -> None:
    body = read_json(await published())
    assert isinstance(body, dict)
    with pytest.raises(BadTerms, match="content address"):
        parse_terms(write_json(body | change))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("place", [0, 20, -1])
async def test_one_changed_byte_in_any_text_is_refused(layer: str, place: int) -> None:
    document = parse_terms(await published())
    verify_terms(document, layers=BY_DIGEST, publisher=TERMS_BODY.document)
    changed = bytearray(LAYERS[layer])
    changed[place] ^= 1
    texts = BY_DIGEST | {digest(LAYERS[layer]): bytes(changed)}
    with pytest.raises(BadTerms, match="changed"):
        verify_terms(document, layers=texts, publisher=TERMS_BODY.document)


async def test_a_missing_or_too_long_text_is_refused() -> None:
    document = parse_terms(await published())
    with pytest.raises(BadTerms, match="missing"):
        verify_terms(document, layers={}, publisher=TERMS_BODY.document)
    with pytest.raises(TooLarge):
        verify_terms(document, layers=dict.fromkeys(BY_DIGEST, b"x" * 1_048_577), publisher=TERMS_BODY.document)


async def test_terms_that_another_signed_are_refused() -> None:
    document = parse_terms(
        write_json(await create_terms(terms_draft(), signer=signer_of("thief", key_id=TERMS_BODY.signer.key_id)))
    )
    with pytest.raises(BadSignature):
        verify_terms(document, layers=BY_DIGEST, publisher=TERMS_BODY.document)
    with pytest.raises(BadTerms):
        verify_terms(document, layers=BY_DIGEST, publisher=BOB.document)


async def test_a_signature_moved_from_other_terms_is_refused() -> None:
    body, other = read_json(await published()), read_json(await published(version="1.1"))
    assert isinstance(body, dict)
    assert isinstance(other, dict)
    moved = parse_terms(write_json(body | {"proof": other["proof"]}))
    with pytest.raises(BadTerms, match="other terms"):
        verify_terms(moved, layers=BY_DIGEST, publisher=TERMS_BODY.document)


def without_rule(rule: str) -> Callable[[dict[str, Any]], None]:
    def change(draft: dict[str, Any]) -> None:
        draft["clauseMap"] = [clause for clause in draft["clauseMap"] if clause["rule"] != rule]

    return change


def set_label(place: int, rule: str) -> Callable[[dict[str, Any]], None]:
    def change(draft: dict[str, Any]) -> None:
        draft["layers"]["human"]["label"][place]["rule"] = rule

    return change


FAULTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a ceiling's promise without clause": without_rule("g1.retention"),
    "a whole grant without clause": without_rule("g2"),
    "a duty without clause": without_rule("d1"),
    "a label whose rule is gone": without_rule("d2"),
    "a label of another rule": set_label(0, "g1.not"),
    "a label of no rule": set_label(0, "g9"),
    "a clause for no rule": lambda draft: draft["clauseMap"].append({"rule": "g7", "clause": "1", "label": None}),
    "a clause twice": lambda draft: draft["clauseMap"].append(dict(draft["clauseMap"][0])),
    "a clause for a missing label": lambda draft: draft["clauseMap"][2].update(label=7),
    "two governing texts": lambda draft: draft["layers"]["lawyer"].append(dict(draft["layers"]["lawyer"][0])),
    "no governing text": lambda draft: draft["layers"]["lawyer"][0].update(governing=False),
    "thirteen labels": lambda draft: draft["layers"]["human"].update(
        label=[{"icon": "i", "text": "t", "rule": "d1"}] * 13
    ),
    "thirteen texts": lambda draft: draft["layers"]["human"]["documents"].extend(
        [draft["layers"]["human"]["documents"][0]] * 12
    ),
    "an unknown member": lambda draft: draft.update(small_print="x"),
    "a bad digest": lambda draft: draft["layers"]["lawyer"][0].update(digest="sha-256;abc"),
    "an insecure address": lambda draft: draft["layers"]["lawyer"][0].update(href="http://terms.example/a"),
    "two grants of one name": lambda draft: draft["layers"]["machine"]["ceiling"][1].update(gid="g1"),
    "too many bytes": lambda draft: draft.update(exceptions=[{"id": f"x{n}", "text": "t" * 300} for n in range(250)]),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_incomplete_or_misshapen_terms_are_not_published(fault: str) -> None:
    draft = copy.deepcopy(terms_draft())
    FAULTS[fault](draft)
    with pytest.raises(DidkitError):
        await create_terms(draft, signer=TERMS_BODY.signer)


async def test_terms_over_64_kilobytes_are_not_read() -> None:
    with pytest.raises(TooLarge):
        parse_terms(b" " * 65_536 + await published())


async def signatory(**changes: object) -> VerifiedCredential:
    text = await terms_signatory(SOUND, await terms(), **changes)
    return verify_credential(
        text, evidence=await evidence(), now=NOW, key_binding=KeyBinding.NOT_REQUIRED, in_format=SD_JWT_VC
    )


async def test_a_signatory_is_attested_and_signed_by_itself() -> None:
    found = verify_signatory(await signatory(), vendor=SOUND.document, now=NOW)
    assert (found.subject, found.issuer_name, found.level) == (SOUND.did, TERMS_BODY.name, "reviewed")
    assert found.terms_id == (await terms()).id


@pytest.mark.parametrize(
    "change",
    [
        {"signer": BOB.signer},
        {"signer": signer_of("thief", key_id=SOUND.signer.key_id)},
        {"signed_id": "ni:///sha-256;" + "A" * 43},
        {"signedAt": "2026-02-12T09:00:00Z"},
        {"subject": DEALER.did},
    ],
    ids=["another business signed", "a thief signed", "other terms", "another day", "about another business"],
)
async def test_a_statement_that_the_vendor_did_not_sign_like_this_is_refused(change: dict[str, Any]) -> None:
    credential = await signatory(**change)
    with pytest.raises((BadTerms, BadSignature)):
        verify_signatory(credential, vendor=SOUND.document, now=NOW)


async def test_an_accreditor_needs_the_publishers_permission() -> None:
    permission = await create_delegation("did:web:accreditor.example", signer=TERMS_BODY.signer)
    found = verify_signatory(await signatory(delegation=permission), vendor=SOUND.document, now=NOW)
    with pytest.raises(BadTerms, match="somebody else"):
        verify_delegation(found, publisher=TERMS_BODY.document)
    with pytest.raises(BadTerms, match="permission"):
        verify_delegation(
            verify_signatory(await signatory(), vendor=SOUND.document, now=NOW), publisher=TERMS_BODY.document
        )
    own = await create_delegation(TERMS_BODY.did, signer=TERMS_BODY.signer)
    verify_delegation(
        verify_signatory(await signatory(delegation=own), vendor=SOUND.document, now=NOW),
        publisher=TERMS_BODY.document,
    )


async def test_a_signature_of_the_future_is_refused() -> None:
    credential = await signatory()
    with pytest.raises(BadTerms, match="future"):
        verify_signatory(credential, vendor=SOUND.document, now=NOW - timedelta(days=365))


def test_what_is_no_document_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_terms(b'{"type": "TermsDocument"}')


def put(*path: str | int) -> Callable[[dict[str, Any], str], None]:
    """Write a text at this place of a draft."""

    def change(draft: dict[str, Any], text: str) -> None:
        at: Any = draft
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = text

    return change


def name_rule(draft: dict[str, Any], text: str) -> None:
    """Call a duty by this name wherever it is named."""
    draft["duties"][1]["rule"] = draft["clauseMap"][7]["rule"] = draft["layers"]["human"]["label"][2]["rule"] = text


LIMITS: dict[str, tuple[int, Callable[[dict[str, Any], str], None]]] = {
    "family": (120, put("family")),
    "version": (20, put("version")),
    "publisher": (512, put("publisher")),
    "jurisdiction": (10, put("jurisdiction")),
    "rule": (80, name_rule),
    "icon of a label": (40, put("layers", "human", "label", 0, "icon")),
    "text of a label": (300, put("layers", "human", "label", 0, "text")),
    "language of a text": (35, put("layers", "lawyer", 0, "lang")),
    "media type of a text": (100, put("layers", "lawyer", 0, "mediaType")),
    "clause": (40, put("clauseMap", 0, "clause")),
    "id of an exception": (80, put("exceptions", 0, "id")),
    "text of an exception": (300, put("exceptions", 0, "text")),
    "name of the authority": (200, put("authority", "name")),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_each_text_of_terms_is_as_long_as_it_may_be_and_no_longer(name: str) -> None:
    longest, change = LIMITS[name]
    draft = copy.deepcopy(terms_draft())
    change(draft, "x" * longest)
    parse_terms(write_json(await create_terms(draft, signer=TERMS_BODY.signer)))
    change(draft, "x" * (longest + 1))
    with pytest.raises(TooLarge, match=f"longer than {longest} characters"):
        await create_terms(draft, signer=TERMS_BODY.signer)


@pytest.mark.parametrize(("path", "most"), [(("layers", "human", "label"), 12), (("layers", "lawyer"), 11)], ids=str)
async def test_as_many_labels_and_texts_as_may_be_are_read(path: tuple[str, ...], most: int) -> None:
    """Twelve labels, and twelve texts with the plain one."""
    draft = copy.deepcopy(terms_draft())
    if path[-1] == "label":
        draft["duties"] += [{"rule": f"e{number}", "duty": "audit"} for number in range(most - 3)]
        for place, duty in enumerate(draft["duties"][2:], start=3):
            draft["layers"]["human"]["label"].append({"icon": "i", "text": "t", "rule": duty["rule"]})
            draft["clauseMap"].append({"rule": duty["rule"], "clause": "1", "label": place})
    else:
        draft["layers"]["lawyer"] += [{**draft["layers"]["lawyer"][0], "governing": False}] * (most - 1)
    document = parse_terms(write_json(await create_terms(draft, signer=TERMS_BODY.signer)))
    assert len(document.labels if path[-1] == "label" else document.layers) == 12
