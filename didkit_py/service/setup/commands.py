"""What the commands of all programs share: options, passphrases, and how a result is printed."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from didkit_py.errors import Malformed
from didkit_py.keys.names import DEFAULT_ALG
from didkit_py.service.setup.input_files import read_file
from didkit_py.unicode.visible import visible, visible_json

Command = TypeVar("Command", bound=Callable[..., Any])

Folder: Final = click.Path(path_type=Path, file_okay=False)
File: Final = click.Path(path_type=Path, dir_okay=False, exists=True)
Input: Final = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)  # `-`: the standard input
MAX_PASSPHRASE_FILE: Final = 4_096  # bytes

_FOUNDING: Final = (
    click.option("--name", required=True, help="The name of the party, as people see it."),
    click.option("--base-url", required=True, help="The origin under which everybody else reaches it."),
    click.option("--port", type=click.IntRange(0, 65_535), required=True, help="The port to listen on."),
    click.option(
        "--loopback-origin", "loopback_origins", multiple=True, help="An origin on this machine that may be fetched."
    ),
    click.option("--trust-list-url", help="Where the list of trusted issuers is published."),
    click.option("--trust-list-signer", help="Who must have signed that list."),
)
_FETCHING: Final = (
    click.option(
        "--loopback-origin", "loopback_origins", multiple=True, help="An origin on this machine that may be fetched."
    ),
)


def founding_options(command: Command) -> Command:
    """What `init` of every program can be told."""
    return _with(command, _FOUNDING)


def operating_options(algs: Sequence[str]) -> Callable[[Command], Command]:
    """What `init` of a program that an operator runs, and signs by one of these algorithms, can be told besides."""
    options = (
        click.option(
            "--alg",
            type=click.Choice(algs),
            default=DEFAULT_ALG,
            show_default=True,
            help="The algorithm of the signing key.",
        ),
        click.option(
            "--operator-passphrase-file", type=File, help="A file with the passphrase of the operator; asked otherwise."
        ),
    )
    return lambda command: _with(command, options)


def fetching_option(command: Command) -> Command:
    """For a command that fetches and belongs to no folder."""
    return _with(command, _FETCHING)


def _with(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


def given_settings(options: Mapping[str, Any]) -> Mapping[str, str | int | tuple[str, ...]]:
    """The settings among the options: those that were given."""
    return {name: value for name, value in options.items() if value not in (None, ())}


def read_passphrase(file: Path | None, *, whose: str, option: str, confirm: bool = False) -> str:
    """A passphrase from its file, or typed at a terminal. Raises Malformed, or UsageError without either."""
    if file is not None:
        octets = read_file(file, max_bytes=MAX_PASSPHRASE_FILE)
        try:
            return octets.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise Malformed(f"{file}: expected text in UTF-8") from error
    if not sys.stdin.isatty():
        raise click.UsageError(f"Without a terminal, give {option}.")
    entered: str = click.prompt(f"Passphrase of {whose}", hide_input=True, confirmation_prompt=confirm)
    return entered


def print_result(value: object, text: str, *, as_json: bool) -> None:
    """One JSON value for programs, or text for people; no sign of a stranger reaches the terminal unseen."""
    click.echo(visible_json(value) if as_json else visible(text))
