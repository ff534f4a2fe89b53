"""Write what comes from the code into specs/: errors, metrics and settings, and an OpenAPI document of each program.

`python -m tools.documents` writes them anew, `python -m tools.documents --check` ends with status 1 when one is stale.
Every module of the library and of the programs is imported, so that no error class and no setting is missed.
"""

import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final, TypeVar

from aiohttp import web

from didkit_py.command import EXIT_CODES
from didkit_py.consent.decision import RULES
from didkit_py.consent.disclosure_case import REASON_CODES
from didkit_py.errors import DidkitError, Malformed, Rejected, Unavailable
from didkit_py.localization import in_english, phrase
from didkit_py.service.http.error_responses import STATUS
from didkit_py.service.http.openapi import describe_interface
from didkit_py.service.observability.metrics import COMMON, PROCESS, Metric
from didkit_py.service.setup.settings import Row, ServiceSettings, describe
from didkit_py.verification import CHECKS
from issuer.app import create_app as create_issuer
from issuer.metrics import METRICS as ISSUER_METRICS
from issuer.settings import IssuerSettings
from verifier.app import create_app as create_verifier
from verifier.metrics import METRICS as VERIFIER_METRICS
from verifier.settings import VerifierSettings
from wallet.app import create_app as create_wallet
from wallet.settings import WalletSettings

Kind = TypeVar("Kind")

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("didkit_py", "issuer", "verifier", "wallet")
FAMILIES: Final = (Malformed, Rejected, Unavailable)
GENERATED: Final = "This page is made from the code by `make docs`; change the code, not the page."
ABOUT_ERRORS: Final = (
    "Every error belongs to one of three families and has a stable code. Programs, pages and logs show the code; a"
    " message never holds a claim value, a key or a secret. An endpoint of a protocol answers with the name that its"
    " table gives the error, or the nearest error above it; all others answer with the code."
)
ABOUT_DECISIONS: Final = (
    "The wallet keeps every code and shows its sentence to the person. The vendor sees none of them: to it a refusal"
    " by a rule, a refusal by the person and a wallet that holds nothing look alike. `didkit-py verifier check-request`"
    " shows a vendor beforehand what a wallet would say."
)
ABOUT_SETTINGS: Final = (
    "A program reads `settings.toml` in its folder; a variable of the environment wins over the file. A secret is"
    " never a setting: settings name the files that hold secrets."
)
ABOUT_METRICS: Final = (
    "An issuer or a vendor that sets `metrics_port` shows these at `http://127.0.0.1:PORT/metrics`, in Prometheus's"
    " text format. They have a port of their own, on loopback only and closed unless set: behind a web server every"
    " request comes from this machine, so at the public address nothing would tell a monitor from a stranger. Counters"
    " begin at zero when the program starts. No label holds an id, a person, a tenant or a secret. A wallet shows none:"
    " its numbers would be what its person did."
)
ABOUT_OUTCOMES: Final = (
    "An `outcome` is `ok`, or a code of [errors.md](errors.md); `unexpected` is a fault in the program."
)


def main(arguments: Sequence[str]) -> int:
    """Write what is stale, or only name it; the exit status says whether there is something left to do."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m tools.documents [--check]", file=sys.stderr)
        return 2
    stale = stale_pages()
    for name in stale:
        print(f"  {name} {'is stale: run `make docs`' if arguments else 'written'}", file=sys.stderr)
        if not arguments:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
    return int(bool(stale and arguments))


def stale_pages() -> list[str]:
    """The pages whose file differs from what the code says now."""
    return [name for name, make in PAGES.items() if _text(ROOT / name) != make()]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def modules() -> list[ModuleType]:
    """Every module that is shipped, except those that run a program when they are imported."""
    found = []
    for package in map(importlib.import_module, PACKAGES):
        names = (one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
        found += [package, *(importlib.import_module(name) for name in names if not name.endswith(".__main__"))]
    return found


def error_classes() -> list[type[DidkitError]]:
    """Every class of error below the three families, the common ones first, then by the file that defines it."""
    order = {name: place for place, name in enumerate(sorted(one.__name__ for one in modules()))}
    found = [each for each in _below(DidkitError) if each.__module__ in order and each not in FAMILIES]
    return sorted(found, key=lambda each: (each.__module__ != DidkitError.__module__, order[each.__module__]))


def _below(parent: type[Kind]) -> list[type[Kind]]:
    """All classes below `parent`, in the order in which they were defined, each once."""
    children = [child for each in parent.__subclasses__() for child in (each, *_below(each))]
    return list(dict.fromkeys(children))


def faults(classes: Iterable[type[DidkitError]]) -> list[str]:
    """What is wrong with classes of errors: no code, sentence or advice of their own, or a code that another has."""
    found, owners = [], dict[str, str]()
    for each in classes:
        own = vars(each)
        found += [f"{each.__name__} has no {name} of its own" for name in ("code", "hint") if not own.get(name)]
        if not own.get("__doc__"):
            found.append(f"{each.__name__} has no docstring")
        if each.code in owners:
            found.append(f"{each.__name__} has the code of {owners[each.code]}, {each.code}")
        owners.setdefault(each.code, each.__name__)
    return found


def wire_tables() -> dict[str, Mapping[type[DidkitError], tuple[int, str]]]:
    """The tables that turn errors into names on the wire, by endpoint: every `…_STATUS` of every module, once."""
    return {
        name.removesuffix("_STATUS").lower().replace("_", " "): value
        for module in modules()
        for name, value in vars(module).items()
        if name.endswith("_STATUS") and isinstance(value, Mapping)
    }


def errors_page() -> str:
    """The text of specs/errors.md."""
    classes, tables = error_classes(), wire_tables()
    parts = [
        "# Errors",
        GENERATED,
        ABOUT_ERRORS,
        "\n".join(f"- [{each.__name__}](#{each.__name__.lower()}): {sentence(each)}" for each in FAMILIES),
    ]
    for family in FAMILIES:
        rows = [error_row(each, tables) for each in (family, *classes) if issubclass(each, family)]
        parts += [f"## {family.__name__}", f"{sentence(family)} {code_of_exit(family)}"]
        parts.append(table(("code", "what it means", "what to do", "HTTP", "name on the wire"), rows))
    parts += [decision_part(), checks_part()]
    return "\n\n".join(parts) + "\n"


def error_row(each: type[DidkitError], tables: Mapping[str, Mapping[type[DidkitError], tuple[int, str]]]) -> list[str]:
    """Code, meaning, advice, HTTP status, and the names that the tables give it."""
    wire = [f"{place}: {rows[each][0]} `{rows[each][1]}`" for place, rows in tables.items() if each in rows]
    status = next(STATUS[kind] for kind in each.__mro__ if kind in STATUS)
    return [f"`{each.code}`", sentence(each), each.hint, str(status), "; ".join(wire)]


def sentence(each: type) -> str:
    """The first line of a class's docstring."""
    return (inspect.getdoc(each) or "").partition("\n")[0]


def code_of_exit(family: type[DidkitError]) -> str:
    """With which code a command ends after an error of this family."""
    code = next(number for number, text in exit_codes() if text.startswith(family.code))
    return f"A command ends with exit code {code}."


def decision_part() -> str:
    """The codes of the wallet's decision and the table of rules that give them."""
    codes = [[f"`{code}`", in_english(phrase(f"reason.{code}"))] for code in REASON_CODES]
    rules = [[rule.id, rule.question, "yes" if rule.stop else ""] for rule in RULES]
    return "\n\n".join(
        [
            "## Codes of the wallet's decision",
            ABOUT_DECISIONS,
            table(("code", "sentence"), codes),
            "The rules are asked in this order; the worst outcome wins. A refusal by a rule that stops ends the walk.",
            table(("rule", "question", "stops"), rules),
        ]
    )


def checks_part() -> str:
    """The checks of a credential, which results and errors name."""
    rows = [[f"`{row.name}`", row.spec] for row in CHECKS]
    return "\n\n".join(["## Checks of a credential, in order", table(("check", "rule"), rows)])


def settings_page() -> str:
    """The text of specs/settings.md."""
    modules()
    common = describe(ServiceSettings)
    programs = {each.__module__.partition(".")[0]: describe(each) for each in _below(ServiceSettings)}
    parts = [
        "# Settings",
        GENERATED,
        ABOUT_SETTINGS,
        "## Every program",
        settings_table(common),
    ]
    for name in (name for name in PACKAGES if name in programs):
        own = [row for row in programs[name] if row not in common]
        parts += [f"## {name}", settings_table(own) if own else "Only the settings of every program."]
    parts += ["## Exit codes of every command", table(("code", "meaning"), [list(row) for row in exit_codes()])]
    return "\n\n".join(parts) + "\n"


def settings_table(rows: Iterable[Row]) -> str:
    """Settings as a table; a setting without a default must be given."""
    cells = [
        [f"`{row.name}`", f"`{row.variable}`", row.expected, row.unit, row.default and f"`{row.default}`", row.help]
        for row in rows
    ]
    return table(("setting", "variable", "expected", "unit", "default", "meaning"), cells)


def metrics_page() -> str:
    """The text of specs/metrics.md."""
    parts = ["# Metrics", GENERATED, ABOUT_METRICS, ABOUT_OUTCOMES, "## Every program that shows them"]
    parts += [metrics_table((*COMMON, *PROCESS)), "The last six are there on Linux."]
    for name, rows in (("issuer", ISSUER_METRICS), ("verifier", VERIFIER_METRICS)):
        parts += [f"## {name}", metrics_table(rows)]
    return "\n\n".join(parts) + "\n"


def metrics_table(rows: Iterable[Metric]) -> str:
    """Metrics as a table."""
    cells = [
        [f"`{row.name}`", row.kind, row.unit, ", ".join(f"`{one}`" for one in row.labels), row.help] for row in rows
    ]
    return table(("name", "type", "unit", "labels", "meaning"), cells)


def exit_codes() -> list[tuple[str, str]]:
    """The exit codes that the command's help lists, with their meanings."""
    lines = (line.split(maxsplit=1) for line in EXIT_CODES.splitlines())
    return [(words[0], words[1]) for words in lines if words and words[0].isdigit()]


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def interface(app: web.Application) -> str:
    """The OpenAPI document of a program."""
    return json.dumps(describe_interface(app), indent=1, ensure_ascii=False) + "\n"


def issuer() -> web.Application:
    """An issuer at an address of its own; what it issues does not change its routes."""
    return create_issuer(Path(), IssuerSettings(base_url="https://issuer.example", name="An issuer", types=()))


def verifier() -> web.Application:
    """A vendor at an address of its own."""
    return create_verifier(Path(), VerifierSettings(base_url="https://verifier.example", name="A vendor"))


def wallet() -> web.Application:
    """A wallet at an address of its own."""
    return create_wallet(Path(), WalletSettings(base_url="https://wallet.example", name="A wallet"))


PAGES: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        "specs/errors.md": errors_page,
        "specs/metrics.md": metrics_page,
        "specs/settings.md": settings_page,
        "specs/openapi/issuer.json": lambda: interface(issuer()),
        "specs/openapi/verifier.json": lambda: interface(verifier()),
        "specs/openapi/wallet.json": lambda: interface(wallet()),
    }
)

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
