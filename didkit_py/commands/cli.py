"""The command line of `credential`, `did`, `doctor` and `key`; what a command does is loaded when it is called."""

from pathlib import Path

import click

from didkit_py.command import ProgramCommand, ProgramGroup, json_option
from didkit_py.service.setup.commands import File, Folder, Input, fetching_option


@click.group(cls=ProgramGroup)
def credential() -> None:
    """Look into credentials, status lists and requests."""


@credential.command("inspect")
@click.argument("file", type=Input)
@click.option("--verify", is_flag=True, help="Check the signature, the dates and the key binding too.")
@click.option("--issuer-key", type=File, help="A file with the signer's public JWK; fetched by its DID otherwise.")
@fetching_option
@json_option
def credential_inspect(
    file: Path, issuer_key: Path | None, loopback_origins: tuple[str, ...], *, verify: bool, as_json: bool
) -> None:
    """Lay open the credential, status list or request in FILE (- reads the standard input), without trusting it."""
    from didkit_py.commands.credential import inspect_file

    inspect_file(file, issuer_key, loopback_origins, verify=verify, as_json=as_json)


@click.group(cls=ProgramGroup)
def did() -> None:
    """Resolve identifiers (DIDs), and say which one an address or a key has."""


@did.command("resolve")
@click.argument("did")
@fetching_option
@json_option
def did_resolve(did: str, loopback_origins: tuple[str, ...], *, as_json: bool) -> None:
    """Print the document of DID: did:web as it is published, did:key and did:jwk as they stand for it."""
    from didkit_py.commands.did import print_document

    print_document(did, loopback_origins, as_json=as_json)


@did.command("web")
@click.argument("url")
@json_option
def did_web(url: str, *, as_json: bool) -> None:
    """Print the did:web that speaks for URL, and where its document must stand."""
    from didkit_py.commands.did import print_web

    print_web(url, as_json=as_json)


@did.command("key")
@click.argument("file", type=Input)
@json_option
def did_key(file: Path, *, as_json: bool) -> None:
    """Print the did:key and did:jwk of the public key in FILE (a JWK; - reads the standard input)."""
    from didkit_py.commands.did import print_key

    print_key(file, as_json=as_json)


@click.command(cls=ProgramCommand)
@click.argument("folder", type=Folder, default=".")
@json_option
@click.pass_context
def doctor(context: click.Context, folder: Path, *, as_json: bool) -> None:
    """Look for faults in the set-up of the issuer, vendor or wallet in FOLDER, and name a remedy for each.

    Nothing is changed, and no secret is shown. Ends with 4 when there is a fault.
    """
    from didkit_py.commands.doctor import examine_and_print

    examine_and_print(context, folder, as_json=as_json)


@click.group(cls=ProgramGroup)
def key() -> None:
    """Make a signing key, and show what of it others may know."""


@key.command("new")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--alg", type=click.Choice(["ES256", "EdDSA"]), default="ES256", show_default=True, help="Its algorithm.")
@click.option("--unlock-file", type=File, help="Seal the keys with this file, as the programs read them.")
@json_option
def key_new(file: Path, alg: str, unlock_file: Path | None, *, as_json: bool) -> None:
    """Make a key in FILE, which only you can read: a private JWK, or sealed keys with --unlock-file."""
    from didkit_py.commands.key import make_key

    make_key(file, alg, unlock_file, as_json=as_json)


@key.command("show")
@click.argument("file", type=Input)
@click.option("--unlock-file", type=File, help="The file that opens sealed keys.")
@click.option(
    "--private", "with_private", is_flag=True, help="Print the private JWK too: who reads it can sign as you."
)
@json_option
def key_show(file: Path, unlock_file: Path | None, *, with_private: bool, as_json: bool) -> None:
    """Print the public JWK, thumbprint and did:key of the key in FILE: a JWK, or sealed keys with --unlock-file."""
    from didkit_py.commands.key import show_key

    show_key(file, unlock_file, with_private=with_private, as_json=as_json)
