"""The `didkit-py` command: one door to the programs, which register their commands as entry points.

The library imports no program: a program's commands are loaded when one of them is called, so help is instant.
A program builds its commands from `ProgramGroup` and needs no error handling of its own: the three answers of
`didkit_py.errors` become one exit code and one short text each, as the help below says.
"""

import errno
import os
import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar

import click

from didkit_py.errors import DidkitError, Malformed, Rejected, Unavailable
from didkit_py.unicode.visible import one_line, visible, visible_json

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)

ENTRY_POINTS: Final = "didkit_py.commands"

UNEXPECTED: Final = 1
MALFORMED: Final = 3
REJECTED: Final = 4
UNAVAILABLE: Final = 5

SHORT_HELP: Final = {
    "credential": "Look into a credential, a status list or a request, and verify who signed it.",
    "did": "Resolve identifiers (DIDs), and say which one an address or a key has.",
    "doctor": "Look for faults in the set-up of a program's folder, and name a remedy for each.",
    "issuer": "Issue claims: import, offer, revoke, serve.",
    "key": "Make a signing key, and show what of it others may know.",
    "verifier": "Ask for claims and judge the answer; check a request before sending it.",
    "wallet": "Hold claims: receive, decide, look back, serve.",
}

_ALLOW: Final = "Let the user that runs this command write there, or name another place."
_NAME: Final = "Name another place: a part of this path is no folder, or is one where a file is wanted."
_ROOM: Final = "Make room on the disk, or name another place."
# What a person can mend when the system refuses a file; any other OSError is a fault in the program.
FILE_REMEDIES: Final[Mapping[int, str]] = MappingProxyType(
    {
        **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _ALLOW),
        **dict.fromkeys(
            (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP), _NAME
        ),
        **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _ROOM),
        errno.EIO: "Look after the disk: it failed.",
    }
)

EXIT_CODES: Final = """\b
Exit codes:
  0  done
  1  unexpected: a fault in the program, or nobody reads the output any more
  2  usage: the command line is wrong
  3  malformed: an input could not be read
  4  rejected: it was read, and a check did not hold
  5  unavailable: it could not be found out now; try again
"""


def json_option(command: Command) -> Command:
    """Give a command the `--json` flag, as the parameter `as_json`; its errors are then JSON as well."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value instead of text.")(command)


class FileUnusable(Unavailable):
    """The system refuses to read or write a file."""

    code = "file-unusable"
    hint = _ALLOW


class ProgramCommand(click.Command):
    """A command whose errors become an exit code and a text or JSON object."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        try:
            return super().invoke(ctx)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever it is, the caller gets a code
            _end(ctx, error)


class ProgramGroup(click.Group):
    """A group of such commands; a program's own groups are built from it."""

    command_class = ProgramCommand
    group_class = type

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        try:
            return super().invoke(ctx)
        except Exception as error:  # noqa: BLE001 - the group's own part failed, not one of its commands
            _end(ctx, error)


class InstalledPrograms(ProgramGroup):
    """The programs that are installed, each loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click has it
        return sorted(_installed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = _installed().get(cmd_name)
        if found is None:
            return None
        command = found.load()
        if not isinstance(command, click.Command):
            message = f"the entry point {found.name} = {found.value} is no command"
            raise TypeError(message)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, SHORT_HELP.get(name, f"Commands of {name}.")) for name in self.list_commands(ctx)]
        with formatter.section("Programs and tools"):
            formatter.write_dl(rows)


def _installed() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=ENTRY_POINTS)}


def _end(ctx: click.Context, error: Exception) -> NoReturn:
    """End the command with the code of `error`; click's own exceptions pass, they have theirs."""
    if isinstance(error, click.ClickException):
        error.message = visible(error.message)  # type: ignore[misc] # final only to those who raise it; it quotes arguments
    if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort | BrokenPipeError):
        raise error  # of a broken pipe, click ends with 1 and says nothing: nobody reads
    remedy = FILE_REMEDIES.get(error.errno or 0) if isinstance(error, OSError) else None
    if isinstance(error, OSError) and remedy is not None:
        place = f"{error.filename}: " if isinstance(error.filename, str | os.PathLike) else ""
        error = FileUnusable(f"{place}{error.strerror}", hint=remedy)
    if not isinstance(error, DidkitError):
        # Which lines were run helps to find the fault; the message is left out because it may hold someone's values.
        click.echo("".join(traceback.format_tb(error.__traceback__)), err=True, nl=False)
    body = describe(error)
    json_flags = [parameter.name for parameter in ctx.command.params if "--json" in parameter.opts]
    if any(ctx.params.get(flag) for flag in json_flags):
        click.echo(visible_json(body))
    else:
        click.echo(f"error {one_line(body['error'])}: {one_line(body['message'])}", err=True)
        click.echo(visible(body["hint"]), err=True)
    ctx.exit(exit_code(error))


def exit_code(error: Exception) -> int:
    """The process's exit code for an error."""
    match error:
        case Malformed():
            return MALFORMED
        case Rejected():
            return REJECTED
        case Unavailable():
            return UNAVAILABLE
        case _:
            return UNEXPECTED


def describe(error: Exception) -> dict[str, str]:
    """What is shown of an error: its code, what was expected, what can be done, and the section if there is one."""
    if not isinstance(error, DidkitError):
        hint = "This is a fault in the program, not in your input: please report the lines above."
        return {"error": "unexpected", "message": type(error).__name__, "hint": hint}
    shown = {"error": error.reason or error.code, "message": str(error), "hint": error.advice}
    return shown | ({"spec": error.spec} if error.spec else {})


@click.group(cls=InstalledPrograms, epilog=EXIT_CODES)
@click.version_option(package_name="didkit-py", prog_name="didkit-py")
def didkit() -> None:
    """Issue, hold, show and check digital claims."""


def main() -> None:
    """Run the command with the process's arguments."""
    didkit(prog_name="didkit-py")
