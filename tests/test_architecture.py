"""The tree's rules hold: imports point one way, the core is pure, the demo stands outside, everything is shipped."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.needs import REPOSITORY

SHIPPED = ("didkit_py", "issuer", "verifier", "wallet")
# What each folder beside the programs may import of the tree's own; who tests the demo may import that too.
BESIDE = {
    "demo": {"demo", "tools"},
    "tools/driving": {"tools"},
    "bench": {*SHIPPED, "bench", "tools"},
    "tests": {*SHIPPED, "tests", "tools"},
    "tests/unit/demo": {"demo", "tests", "tools"},
}
BIN = Path(sys.executable).parent


def lint_imports(root: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    options = [option for contract in contracts for option in ("--contract", contract)]
    command = [str(BIN / "lint-imports"), "--no-logo", "--no-cache", *options]
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "COLUMNS": "500"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=120)


def copy_tree(target: Path) -> Path:
    """A copy of the shipped packages and the contracts, for planting faults."""
    for name in SHIPPED:
        shutil.copytree(REPOSITORY / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", target)
    return target


def plant(root: Path, module: str, line: str) -> None:
    """Put one more line at the end of a module, which may be a new one."""
    path = root / module
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def test_imports_point_one_way_and_the_core_does_no_io() -> None:
    result = lint_imports(REPOSITORY)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("layers", "didkit_py/errors.py", "import didkit_py.service"),
        ("layers", "didkit_py/keys/signer.py", "import didkit_py.jose"),
        ("layers", "didkit_py/new_package.py", "import json"),
        ("programs-apart", "issuer/planted.py", "import wallet"),
        ("library-below-programs", "didkit_py/errors.py", "import issuer"),
        ("pure-core", "didkit_py/errors.py", "import os"),
        ("pure-core", "didkit_py/keys/planted.py", "import sqlite3"),
        ("pure-core", "didkit_py/new_package.py", "def later():\n    import aiohttp.web"),
        ("program-layers", "issuer/store.py", "import issuer.context"),
        ("program-layers", "verifier/context.py", "import verifier.web_context"),
        ("program-layers", "wallet/new_package.py", "import json"),
        ("service-layers", "didkit_py/service/setup/folders.py", "import didkit_py.service.storage"),
        ("service-layers", "didkit_py/service/http/web.py", "import didkit_py.service.doctor.checkup"),
        ("service-layers", "didkit_py/service/new_package.py", "import json"),
        ("command-alone", "didkit_py/command.py", "import didkit_py.encoding"),
        ("key-sources-handed-on", "didkit_py/roles/asking.py", "import didkit_py.parties.table"),
        ("dids-behind-key-sources", "didkit_py/trust.py", "import didkit_py.dids.document"),
        ("dids-behind-key-sources", "wallet/giver.py", "import didkit_py.dids.web"),
    ],
)
def test_a_planted_import_breaks_its_contract(tmp_path: Path, contract: str, module: str, line: str) -> None:
    root = copy_tree(tmp_path)
    plant(root, module, line)
    result = lint_imports(root, contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout or "new_package" in result.stdout


@pytest.mark.parametrize(
    "line",
    [
        "import datetime\n\nNOW = datetime.datetime.now(tz=datetime.UTC)",
        "import time\n\nNOW = time.time()",
        "import secrets\n\nSALT = secrets.token_bytes(16)",
        "from random import random\n\nSALT = random()",
        "import os\n\nHOME = os.environ['HOME']",
        "import uuid\n\nID = uuid.uuid4()",
    ],
)
@pytest.mark.parametrize(("folder", "banned"), [("didkit_py", True), ("didkit_py/service", False), ("wallet", False)])
def test_the_core_alone_may_not_ask_for_time_chance_or_settings(line: str, folder: str, *, banned: bool) -> None:
    command = [
        str(BIN / "ruff"),
        "check",
        "--no-cache",
        "--select",
        "TID251",
        "--stdin-filename",
        f"{folder}/planted.py",
        "-",
    ]
    result = subprocess.run(command, cwd=REPOSITORY, input=f"{line}\n", capture_output=True, text=True, check=False)
    assert (result.returncode == 1) == banned, result.stdout
    assert ("TID251" in result.stdout) == banned


def own_imports(source: str) -> set[str]:
    """The packages of this tree that a source text imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names} & {*SHIPPED, "bench", "demo", "tests", "tools"}


@pytest.mark.parametrize("folder", BESIDE)
def test_the_demo_tests_and_benchmarks_import_nothing_of_each_other(folder: str) -> None:
    """The demo, and what drives programs for all three, use the programs only as their users can."""
    inner = [REPOSITORY / other for other in BESIDE if other.startswith(f"{folder}/")]
    files = [file for file in (REPOSITORY / folder).rglob("*.py") if not any(file.is_relative_to(one) for one in inner)]
    assert files
    found = {str(file): own_imports(file.read_text(encoding="utf-8")) - BESIDE[folder] for file in files}
    assert {file: names for file, names in found.items() if names} == {}


def test_an_import_of_a_program_would_be_seen() -> None:
    assert own_imports("def start():\n    from wallet.app import create_app") == {"wallet"}
    assert own_imports("import didkit_py.errors as errors, json") == {"didkit_py"}
    assert own_imports("import json") == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The file names in a wheel built from the checkout, without any download."""
    target = tmp_path_factory.mktemp("wheel")
    source = "import sys, uv_build; print(uv_build.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", source, str(target)]
    subprocess.run(command, cwd=REPOSITORY, env={"PATH": str(BIN)}, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return frozenset(archive.namelist())


def test_the_wheel_holds_every_file_of_the_packages(wheel: frozenset[str]) -> None:
    suffixes = {".py", ".typed", ".json", ".sql", ".html", ".css", ".svg", ".txt"}
    files = [file for name in SHIPPED for file in (REPOSITORY / name).rglob("*") if file.suffix in suffixes]
    expected = {file.relative_to(REPOSITORY).as_posix() for file in files}
    assert "didkit_py/py.typed" in expected
    assert expected <= wheel
    assert {name.partition("/")[0] for name in wheel} == {*SHIPPED, "didkit_py-0.1.0.dist-info"}


@pytest.mark.parametrize("lock", ["run", "dev", "build"])
def test_a_lock_pins_every_package_by_hash_and_names_no_host(lock: str) -> None:
    text = (REPOSITORY / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    packages = [block for block in text.replace("\\\n", " ").splitlines() if block and not block.startswith("#")]
    assert packages
    assert all("==" in block and "--hash=sha256:" in block for block in packages)
    assert "://" not in text
    assert "--index" not in text


def test_the_locks_agree_and_cover_what_the_project_declares() -> None:
    def pins(lock: str) -> set[str]:
        lines = (REPOSITORY / "requirements" / f"{lock}.txt").read_text(encoding="utf-8").splitlines()
        return {line.removesuffix("\\").partition(";")[0].strip() for line in lines if "==" in line}

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {line.partition(">")[0] for line in project["dependencies"]}
    named = (REPOSITORY / "requirements" / "run.in").read_text(encoding="utf-8").splitlines()
    assert pins("run") <= pins("dev")
    assert declared <= {pin.partition("==")[0] for pin in pins("run")}
    assert declared == {line.partition(";")[0].partition(">")[0] for line in named if line and not line.startswith("#")}
