"""The command line of a vendor: options and help; what a command does is loaded when it is called."""

from pathlib import Path
from typing import Any

import click

from didkit_py.command import ProgramGroup, json_option
from didkit_py.keys.names import ALG_NAMES
from didkit_py.service.setup.commands import (
    File,
    Folder,
    founding_options,
    operating_options,
)


@click.group(cls=ProgramGroup)
def group() -> None:
    """Ask for claims and judge the answer; check a request before sending it."""


@group.command()
@click.argument("folder", type=Folder)
@founding_options
@operating_options(ALG_NAMES)
@click.option("--contact", help="Where people reach whoever answers for their information.")
@click.option("--authority", help="The address of the regulator to complain to.")
@json_option
def init(folder: Path, operator_passphrase_file: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's own values
    """Make the folder of a new vendor, with fresh keys."""
    from verifier import commands

    commands.init(folder, operator_passphrase_file, as_json=as_json, **given)


@group.command("serve")
@click.argument("folder", type=Folder)
def serve_command(folder: Path) -> None:
    """Serve wallets and the operator's pages until told to stop."""
    from verifier.app import serve_folder

    serve_folder(folder)


@group.command()
@click.argument("folder", type=Folder)
@click.argument("link")
@click.option("--tx-code", help="The transaction code, which came by another way.")
@json_option
def receive(folder: Path, link: str, tx_code: str | None, *, as_json: bool) -> None:
    """Receive a document about this vendor from an offer's link; the service must be running, to show its key."""
    from verifier import commands

    commands.receive(folder, link, tx_code, as_json=as_json)


@group.command()
@click.argument("folder", type=Folder)
@json_option
def credentials(folder: Path, *, as_json: bool) -> None:
    """List the documents about this vendor, and how each stands by the lists at hand."""
    from verifier import commands

    commands.credentials(folder, as_json=as_json)


@group.command("sign-terms")
@click.argument("folder", type=Folder)
@click.argument("terms_id")
@json_option
def sign_terms(folder: Path, terms_id: str, *, as_json: bool) -> None:
    """Sign terms by their identifier; give the signature to the body that confirms it."""
    from verifier import commands

    commands.sign_terms(folder, terms_id, as_json=as_json)


@group.command()
@click.argument("folder", type=Folder)
@click.argument("sheet", metavar="FILE", type=File)
@click.option("--even-if-refused", is_flag=True, help="Make it although every wallet would refuse it.")
@json_option
@click.pass_context
def ask(context: click.Context, folder: Path, sheet: Path, *, even_if_refused: bool, as_json: bool) -> None:
    """Make a request from a JSON file and print the link for a wallet.

    Ends with 4 and without a link when every wallet would refuse the request; what they would say is printed.
    """
    from verifier import commands

    commands.ask(context, folder, sheet, even_if_refused=even_if_refused, as_json=as_json)


@group.command()
@click.argument("folder", type=Folder)
@click.argument("request_id", metavar="[ID]", required=False)
@json_option
def results(folder: Path, request_id: str | None, *, as_json: bool) -> None:
    """List the requests, the newest first; or everything that is known of one."""
    from verifier import commands

    commands.results(folder, request_id, as_json=as_json)


@group.command()
@click.argument("folder", type=Folder)
@json_option
def refresh(folder: Path, *, as_json: bool) -> None:
    """Fetch the trust list and all that it names now, instead of at the next appointed time."""
    from verifier import commands

    commands.refresh(folder, as_json=as_json)


@group.command("check-request")
@click.argument("file", type=File)
@click.option("--folder", type=Folder, help="A vendor's folder: its lists are used, and a template is signed by it.")
@json_option
@click.pass_context
def check_request_command(context: click.Context, file: Path, folder: Path | None, *, as_json: bool) -> None:
    """Say what a wallet would say to FILE: a request object, or a request as `ask` takes it (then with --folder).

    Ends with 0 when a wallet would release or ask the person, with 4 when it would refuse.
    """
    from verifier import commands

    commands.check_request(context, file, folder, as_json=as_json)


@group.command("verify-presentation")
@click.argument("file", type=File)
@click.option("--folder", type=Folder, required=True, help="The vendor's folder, whose lists are used.")
@click.option("--nonce", required=True, help="The nonce of the request that was answered.")
@click.option("--audience", required=True, help="The client_id of the request that was answered.")
@click.option("--format", "format_id", default="dc+sd-jwt", show_default=True, help="The presentation's format.")
@json_option
@click.pass_context
def verify_presentation_command(
    context: click.Context, file: Path, folder: Path, nonce: str, audience: str, *, format_id: str, as_json: bool
) -> None:
    """Judge one presentation in FILE by every check, and print each."""
    from verifier import commands

    commands.verify_presentation(context, file, folder, nonce, audience, format_id=format_id, as_json=as_json)
