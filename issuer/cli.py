"""The command line of an issuer: options and help; what a command does is loaded when it is called."""

from pathlib import Path
from typing import Any

import click

from didkit_py.command import ProgramGroup, json_option
from didkit_py.keys.names import ALL_ALG_NAMES
from didkit_py.oid4vci.issuance import IssuanceState
from didkit_py.service.setup.commands import (
    File,
    Folder,
    founding_options,
    operating_options,
)
from issuer.publishing.states import WORDS


@click.group(cls=ProgramGroup)
def group() -> None:
    """Issue claims: import, offer, revoke, serve."""


@group.command()
@click.argument("folder", type=Folder)
@founding_options
@operating_options(ALL_ALG_NAMES)
@click.option("--types", required=True, help="The claim types to offer, separated by commas.")
@json_option
def init(folder: Path, operator_passphrase_file: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's own values
    """Make the folder of a new issuer, with fresh keys."""
    from issuer import commands

    commands.init(folder, operator_passphrase_file, as_json=as_json, **given)


@group.command("serve")
@click.argument("folder", type=Folder)
def serve_command(folder: Path) -> None:
    """Serve wallets and the operator's pages until told to stop."""
    from issuer.app import serve_folder

    serve_folder(folder)


@group.command("import")
@click.argument("folder", type=Folder)
@click.argument("list_file", metavar="CSV", type=File)
@click.option(
    "--codes-out", type=click.Path(path_type=Path, dir_okay=False), help="A new file for the transaction codes."
)
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@json_option
def import_command(folder: Path, list_file: Path, codes_out: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Make an offer of every good row of a list; name line, column and reason of every other row."""
    from issuer import commands

    commands.import_claims(folder, list_file, codes_out, dry_run=dry_run, as_json=as_json)


@group.command("offer")
@click.argument("folder", type=Folder)
@click.argument("type_name", metavar="TYPE")
@click.option("--values", "values_file", type=File, required=True, help="A JSON file with the values of the claim.")
@click.option("--subject", help="The DID of the business that the claim is about.")
@click.option("--reference", help="Your own word for the receiver; the same claim for the same one is offered once.")
@click.option("--addressee", default="", help="How the letter greets the receiver.")
@json_option
def offer_command(folder: Path, type_name: str, values_file: Path, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401
    """Offer one claim, and print its link and transaction code."""
    from issuer import commands

    commands.offer(folder, type_name, values_file, as_json=as_json, **given)


@group.command("offers")
@click.argument("folder", type=Folder)
@click.option("--state", type=click.Choice([each.value for each in IssuanceState]), help="Only those in this state.")
@json_option
def offers_command(folder: Path, state: str | None, *, as_json: bool) -> None:
    """List the offers, the newest first."""
    from issuer import commands

    commands.offers(folder, state, as_json=as_json)


@group.command("issued")
@click.argument("folder", type=Folder)
@json_option
def issued_command(folder: Path, *, as_json: bool) -> None:
    """List what was issued, the newest first."""
    from issuer import commands

    commands.issued(folder, as_json=as_json)


@group.command("revoke")
@click.argument("folder", type=Folder)
@click.argument("issued_id", metavar="ID")
@click.option("--state", type=click.Choice(list(WORDS)), default="revoked", show_default=True, help="What it becomes.")
@json_option
def revoke_command(folder: Path, issued_id: str, state: str, *, as_json: bool) -> None:
    """Revoke or suspend what was issued under ID, or make it valid again; all its copies together."""
    from issuer import commands

    commands.revoke(folder, issued_id, state, as_json=as_json)


@group.group("terms")
def terms_group() -> None:
    """Terms documents."""


@terms_group.command("publish")
@click.argument("folder", type=Folder)
@click.argument("draft", type=click.Path(path_type=Path, file_okay=False, exists=True))
@json_option
def terms_publish(folder: Path, draft: Path, *, as_json: bool) -> None:
    """Publish the terms in a folder: terms.json and the texts beside it."""
    from issuer import commands

    commands.terms_publish(folder, draft, as_json=as_json)


@terms_group.command("list")
@click.argument("folder", type=Folder)
@json_option
def terms_list(folder: Path, *, as_json: bool) -> None:
    """List the terms that are published here."""
    from issuer import commands

    commands.terms_list(folder, as_json=as_json)


@group.group("trust")
def trust_group() -> None:
    """The list of trusted issuers that is published here."""


@trust_group.command("add")
@click.argument("folder", type=Folder)
@click.option("--id", "did", required=True, help="The DID of the issuer.")
@click.option("--name", required=True, help="Its name, as people are shown it.")
@click.option("--vct", "vcts", multiple=True, required=True, help="A type of claim that is believed from it.")
@click.option("--status-lists", help="The address that names all its status lists.")
@json_option
def trust_add(
    folder: Path, did: str, name: str, vcts: tuple[str, ...], status_lists: str | None, *, as_json: bool
) -> None:
    """Add an issuer, or replace what the list says of it."""
    from issuer import commands

    commands.trust_add(folder, did, name, vcts, status_lists, as_json=as_json)


@trust_group.command("remove")
@click.argument("folder", type=Folder)
@click.option("--id", "did", required=True, help="The DID of the issuer.")
@json_option
def trust_remove(folder: Path, did: str, *, as_json: bool) -> None:
    """Take an issuer off the list. Wallets and vendors believe it no longer once they fetch the list again."""
    from issuer import commands

    commands.trust_remove(folder, did, as_json=as_json)


@trust_group.command("list")
@click.argument("folder", type=Folder)
@json_option
def trust_list(folder: Path, *, as_json: bool) -> None:
    """List the trusted issuers."""
    from issuer import commands

    commands.trust_list(folder, as_json=as_json)
