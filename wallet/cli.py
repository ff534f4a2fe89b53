"""The command line of a wallet: options and help; what a command does is loaded when it is called."""

from pathlib import Path
from typing import Any

import click

from didkit_py.command import ProgramGroup, json_option
from didkit_py.service.setup.commands import (
    File,
    Folder,
    founding_options,
)

passphrase_option = click.option("--passphrase-file", type=File, help="A file with the passphrase; asked otherwise.")


@click.group(cls=ProgramGroup)
def group() -> None:
    """Hold claims: receive, decide, look back, serve."""


@group.command()
@click.argument("folder", type=Folder)
@founding_options
@passphrase_option
@json_option
def init(folder: Path, passphrase_file: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's own values
    """Make the folder of a new wallet, with a fresh key under a passphrase of at least 12 characters."""
    from wallet import commands

    commands.init(folder, passphrase_file, as_json=as_json, **given)


@group.command("serve")
@click.argument("folder", type=Folder)
def serve_command(folder: Path) -> None:
    """Serve the wallet's pages to its owner's browser until told to stop; it starts locked."""
    from wallet.app import serve_folder

    serve_folder(folder)


@group.command("credentials")
@click.argument("folder", type=Folder)
@passphrase_option
@json_option
def credentials_command(folder: Path, passphrase_file: Path | None, *, as_json: bool) -> None:
    """List the documents that are held, without what they say."""
    from wallet import commands

    commands.credentials(folder, passphrase_file, as_json=as_json)


@group.command("deny")
@click.argument("folder", type=Folder)
@click.argument("who")
@passphrase_option
@json_option
def deny_command(folder: Path, who: str, passphrase_file: Path | None, *, as_json: bool) -> None:
    """Refuse every request of WHO from now on: a name, a dealer's number, an internet address."""
    from wallet import commands

    commands.deny(folder, who, passphrase_file, as_json=as_json)


@group.group("ledger")
def ledger_group() -> None:
    """What was asked, shared and agreed."""


@ledger_group.command("verify")
@click.argument("folder", type=Folder)
@passphrase_option
@json_option
def ledger_verify(folder: Path, passphrase_file: Path | None, *, as_json: bool) -> None:
    """Check that no entry was changed, moved or cut off, nor the rules; ends with 4 when one was."""
    from wallet import commands

    commands.ledger_verify(folder, passphrase_file, as_json=as_json)


@ledger_group.command("show")
@click.argument("folder", type=Folder)
@click.option("--values", is_flag=True, help="Also show what was asked and shown, with the values.")
@passphrase_option
@json_option
def ledger_show(folder: Path, passphrase_file: Path | None, *, values: bool, as_json: bool) -> None:
    """List the entries, oldest first; without --values no entry tells what a document says."""
    from wallet import commands

    commands.ledger_show(folder, passphrase_file, values=values, as_json=as_json)
