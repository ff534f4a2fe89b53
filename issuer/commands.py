"""The commands of an issuer. They call what the pages call, on the same folder, also while the service runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from didkit_py.credentials.template import template_named
from didkit_py.dids.web import web_did
from didkit_py.encoding import Json, read_json, rfc3339
from didkit_py.errors import BadImport
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.reading import Reader
from didkit_py.roles.issuing_store import WantedCredential
from didkit_py.service.setup.commands import (
    given_settings,
    print_result,
    read_passphrase,
)
from didkit_py.service.setup.input_files import read_file
from didkit_py.trust import TrustedIssuer
from issuer.composition import open_parts
from issuer.context import IssuerContext
from issuer.folder import create_folder, load_settings
from issuer.importing.batches import codes_writer, import_list, preview_list
from issuer.importing.rows import MAX_FILE_BYTES
from issuer.publishing.documents import terms_json
from issuer.publishing.states import WORDS, word
from issuer.store import KeptOffer

T = TypeVar("T")


MAX_VALUES_BYTES: Final = 65_536


def init(folder: Path, operator_passphrase_file: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's own values
    """Make the folder of a new issuer, with fresh keys."""
    types = tuple(template_named(name.strip()).name for name in given["types"].split(","))
    settings = {**given_settings(given), "types": types}
    passphrase = read_passphrase(
        operator_passphrase_file, whose="the operator", option="--operator-passphrase-file", confirm=True
    )
    create_folder(folder, settings=settings, alg=given["alg"], passphrase=passphrase)
    made = {"folder": str(folder), "name": given["name"], "did": web_did(given["base_url"]), "types": list(types)}
    print_result(
        made,
        f"Made {folder}: settings.toml, keys.sealed, unlock.key (keep it apart from backups), operator.hash.\n"
        f"Identifier: {made['did']}\nStart it: didkit-py issuer serve {folder}",
        as_json=as_json,
    )


def import_claims(folder: Path, list_file: Path, codes_out: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Make an offer of every good row of a list; name line, column and reason of every other row."""
    if list_file.stat().st_size > MAX_FILE_BYTES:
        raise BadImport(f"{list_file}: longer than {MAX_FILE_BYTES:,} bytes", hint="Import it in parts.")
    done = _work(folder, lambda parts: _import(parts, list_file.read_bytes(), codes_out, dry_run=dry_run))
    print_result(done, _import_text(done, codes_out), as_json=as_json)


async def _import(parts: IssuerContext, body: bytes, codes_out: Path | None, *, dry_run: bool) -> dict[str, Json]:
    preview = await preview_list(parts, body)
    more: dict[str, Json] = {
        "blank": preview.read.blank,
        "unused_columns": list(preview.read.unused),
        "dry_run": dry_run,
    }
    if dry_run:
        rejected: list[Json] = [row.to_json() for row in preview.read.bad]
        return {"batch": None, "created": preview.new, "unchanged": preview.unchanged, "rejected": rejected, **more}
    imported = await import_list(parts, preview, before_saving=codes_writer(codes_out))
    return {**imported.to_json(), **more}


def _import_text(done: Mapping[str, Any], codes_out: Path | None) -> str:
    rows = [f"line {row['line']}, {row['column']}: {row['reason']}" for row in done["rejected"]]
    verb = "would be made" if done["dry_run"] else "made"
    lines = [*rows, f"{done['created']} offers {verb}, {done['unchanged']} known already, {len(rows)} rows refused."]
    if done["created"] and not done["dry_run"]:
        lines.append(f"The transaction codes are in {codes_out}; send each apart from its letter.")
    return "\n".join(lines)


def offer(folder: Path, type_name: str, values_file: Path, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401
    """Offer one claim, and print its link and transaction code."""
    values = Reader(read_json(read_file(values_file, max_bytes=MAX_VALUES_BYTES)), at=values_file.name).members
    made = _work(folder, lambda parts: _offer(parts, type_name, values, **given))
    print_result(
        made,
        f"Offer {made['offer_id']}\nLink: {made['link']}\nTransaction code: {made['tx_code']} (send it by another way)",
        as_json=as_json,
    )


async def _offer(
    parts: IssuerContext,
    type_name: str,
    values: Mapping[str, Json],
    *,
    subject: str | None,
    reference: str | None,
    addressee: str,
) -> dict[str, Json]:
    wanted = WantedCredential(
        type_name=type_name,
        values=values,
        reference=reference or f"{subject or 'by hand'} #{parts.store.random(4).hex()}",
        subject=subject,
        addressee=addressee,
    )
    made = await parts.issuing.make_offer(wanted, now=parts.clock())
    return {**_links(parts, made.offer.id), "tx_code": made.tx_code}


def _links(parts: IssuerContext, offer_id: str) -> dict[str, Json]:
    return {
        "offer_id": offer_id,
        "link": parts.issuing.offer_link(offer_id),
        "offer_uri": parts.issuing.offer_uri(offer_id),
    }


def offers(folder: Path, state: str | None, *, as_json: bool) -> None:
    """List the offers, the newest first."""

    async def find(parts: IssuerContext) -> list[dict[str, Json]]:
        found = await parts.store.find(
            now=parts.clock(), state=IssuanceState(state) if state else None, limit=1_000_000
        )
        return [{**_links(parts, each.offer.id), **_about(each), "state": each.state.value} for each in found]

    found = _work(folder, find)
    lines = (f"{row['offer_id']}  {row['state']:9}  {row['type']}  {row['reference']}" for row in found)
    print_result(found, "\n".join(lines) or "No offers yet.", as_json=as_json)


def _about(kept: KeptOffer) -> dict[str, Json]:
    return {
        "type": kept.offer.wanted.type_name,
        "reference": kept.offer.wanted.reference,
        "subject": kept.offer.wanted.subject,
    }


def issued(folder: Path, *, as_json: bool) -> None:
    """List what was issued, the newest first."""

    async def find(parts: IssuerContext) -> list[dict[str, Json]]:
        found = await parts.store.find(now=parts.clock(), state=IssuanceState.ISSUED, limit=1_000_000)
        return [
            {
                "id": each.offer.id,
                **_about(each),
                "status": word(each.status),
                "issued_at": None if each.issued_at is None else rfc3339(each.issued_at),
            }
            for each in found
        ]

    found = _work(folder, find)
    lines = (f"{row['id']}  {row['status']:9}  {row['type']}  {row['reference']}" for row in found)
    print_result(found, "\n".join(lines) or "Nothing issued yet.", as_json=as_json)


def revoke(folder: Path, issued_id: str, state: str, *, as_json: bool) -> None:
    """Revoke or suspend what was issued under ID, or make it valid again; all its copies together."""

    async def change(parts: IssuerContext) -> dict[str, Json]:
        await parts.status_lists.change(issued_id, WORDS[state])
        return {"id": issued_id, "status": state}

    print_result(_work(folder, change), f"{issued_id} is {state} now.", as_json=as_json)


def terms_publish(folder: Path, draft: Path, *, as_json: bool) -> None:
    """Publish the terms in a folder: terms.json and the texts beside it."""
    published = _work(folder, lambda parts: parts.publications.publish_terms(draft, now=parts.clock()))
    print_result(
        published.to_json(), f"Published {published.family} {published.version}\n{published.id}", as_json=as_json
    )


def terms_list(folder: Path, *, as_json: bool) -> None:
    """List the terms that are published here."""
    found = _work(folder, lambda parts: parts.publications.terms())
    lines = (f"{each.family} {each.version}  {each.id}" for each in found)
    print_result(terms_json(found), "\n".join(lines) or "No terms yet.", as_json=as_json)


def trust_add(
    folder: Path, did: str, name: str, vcts: tuple[str, ...], status_lists: str | None, *, as_json: bool
) -> None:
    """Add an issuer, or replace what the list says of it."""
    entry = TrustedIssuer(id=did, name=name, vcts=frozenset(vcts), status_lists=status_lists)
    _work(folder, lambda parts: parts.publications.trust(entry))
    print_result(_trusted(entry), f"{name} is trusted for {len(vcts)} type(s) of claim.", as_json=as_json)


def trust_remove(folder: Path, did: str, *, as_json: bool) -> None:
    """Take an issuer off the list. Wallets and vendors believe it no longer once they fetch the list again."""
    _work(folder, lambda parts: parts.publications.distrust(did))
    print_result({"id": did}, f"{did} is not trusted any more.", as_json=as_json)


def trust_list(folder: Path, *, as_json: bool) -> None:
    """List the trusted issuers."""
    found = [_trusted(each) for each in _work(folder, lambda parts: parts.publications.trusted())]
    print_result(found, "\n".join(f"{row['name']}  {row['id']}" for row in found) or "Nobody yet.", as_json=as_json)


def _trusted(issuer: TrustedIssuer) -> dict[str, Json]:
    return {
        "id": issuer.id,
        "name": issuer.name,
        "vcts": [*sorted(issuer.vcts)],
        "status_lists": issuer.status_lists,
    }


def _work(folder: Path, action: Callable[[IssuerContext], Awaitable[T]]) -> T:
    """Open the issuer, let it work, close it."""

    async def work() -> T:
        async with open_parts(folder, load_settings(folder)) as parts:
            return await action(parts)

    return asyncio.run(work())
