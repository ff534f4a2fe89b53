"""The commands of a wallet. They open the same folder as the pages do, also while the service runs."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from didkit_py.encoding import Json, rfc3339
from didkit_py.errors import Malformed
from didkit_py.localization import in_english
from didkit_py.reading import Reader
from didkit_py.service.setup.commands import (
    given_settings,
    print_result,
    read_passphrase,
)
from didkit_py.unicode.visible import is_visible, one_line
from wallet.composition import open_parts
from wallet.context import WalletContext
from wallet.folder import create_folder, load_settings
from wallet.giver import Giver, giver_of, title_of
from wallet.models import StoredCredential
from wallet.storage.ledger import KEPT, Entry
from wallet.storage.vault import open_key

T = TypeVar("T")


_HARMLESS: Final = ("vendor", "rel", "answer", "accepted")


def init(folder: Path, passphrase_file: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's own values
    """Make the folder of a new wallet, with a fresh key under a passphrase of at least 12 characters."""
    create_folder(folder, settings=given_settings(given), passphrase=_passphrase(passphrase_file, confirm=True))
    text = (
        f"Made {folder}: settings.toml, keys.sealed, ledger.head, rules.head.\n"
        f"Nobody can open it without the passphrase, and nobody can replace the passphrase.\n"
        f"Start it: didkit-py wallet serve {folder}"
    )
    print_result({"folder": str(folder), "name": given["name"], "url": given["base_url"]}, text, as_json=as_json)


def _passphrase(file: Path | None, *, confirm: bool = False) -> str:
    return read_passphrase(file, whose="this wallet", option="--passphrase-file", confirm=confirm)


def credentials(folder: Path, passphrase_file: Path | None, *, as_json: bool) -> None:
    """List the documents that are held, without what they say."""

    async def find(parts: WalletContext) -> list[tuple[dict[str, Json], str]]:
        lists = parts.known_lists()
        held = [
            (one, giver_of(one, lists, key_sources=parts.key_sources))
            for one in await parts.opened.store.load_credentials()
        ]
        return [(_credential(one, giver), in_english(giver.sentence)) for one, giver in held]

    held = _work(folder, passphrase_file, find)
    found = [row for row, _ in held]
    lines = (f"{row['title']} from {giver}: {row['copies_left']} of {row['copies']} copies left" for row, giver in held)
    print_result(found, "\n".join(lines) or "No documents yet.", as_json=as_json)


def _credential(stored: StoredCredential, giver: Giver) -> dict[str, Json]:
    return {
        "id": stored.id,
        "title": in_english(title_of(stored.vct, stored.title)),
        "type": stored.vct,
        "issuer_name": giver.name,
        "issuer_says": giver.says,
        "issuer": stored.issuer,
        "copies": stored.copies,
        "copies_left": stored.copies_left,
        "expires": None if stored.expires_at is None else rfc3339(stored.expires_at),
    }


def deny(folder: Path, who: str, passphrase_file: Path | None, *, as_json: bool) -> None:
    """Refuse every request of WHO from now on: a name, a dealer's number, an internet address."""
    if not who.strip() or not is_visible(who):
        raise Malformed("WHO: expected a name, a number or an address, of signs that can be seen")

    async def deny(parts: WalletContext) -> list[str]:
        return sorted((await parts.opened.store.change_policy(lambda policy: policy.denying(who))).deny)

    denied = _work(folder, passphrase_file, deny)
    print_result({"denied": denied}, f"{who} is on the list of those you do not deal with.", as_json=as_json)


def ledger_verify(folder: Path, passphrase_file: Path | None, *, as_json: bool) -> None:
    """Check that no entry was changed, moved or cut off, nor any row of the wallet; ends with 4 when one was."""
    entries = _work(folder, passphrase_file, lambda parts: parts.opened.store.verify())
    count = sum(one.kind != KEPT for one in entries)
    body = {"holds": True, "entries": count}
    print_result(body, f"The ledger holds: {count} entries, chained and sealed.", as_json=as_json)


def ledger_show(folder: Path, passphrase_file: Path | None, *, values: bool, as_json: bool) -> None:
    """List what was asked, answered and ended, oldest first; without --values no entry tells what a document says."""
    entries = _work(folder, passphrase_file, lambda parts: parts.opened.ledger.read())
    shown = [_entry(one, values=values) for one in entries if one.kind != KEPT]
    lines = (
        f"{row['seq']:4}  {row['at']}  {row['kind']:9} {one_line(str(row['vendor'] or ''))}  {', '.join(codes)}"
        for row, codes in ((row, Reader(row, at="ledger").texts("reason_codes")) for row in shown)
    )
    print_result({"entries": shown}, "\n".join(lines) or "Nothing yet.", as_json=as_json)


def _entry(entry: Entry, *, values: bool) -> dict[str, Json]:
    body = dict(entry.body)
    row: dict[str, Json] = {
        "seq": entry.seq,
        "kind": entry.kind,
        "at": rfc3339(entry.at),
        "request": entry.request_id,
        **{name: body.get(name) for name in _HARMLESS},
        "reason_codes": body.get("reason_codes", []),
        "record": body.get("record"),
    }
    return {**row, "body": body} if values else row


def _work(folder: Path, passphrase_file: Path | None, action: Callable[[WalletContext], Awaitable[T]]) -> T:
    """Open the wallet with its passphrase, let it work, close it."""
    settings = load_settings(folder)
    box = open_key(settings.key_file, _passphrase(passphrase_file))

    async def work() -> T:
        async with open_parts(folder, settings) as parts:
            parts.vault.hold(box)
            return await action(parts)

    return asyncio.run(work())
