"""Install what the project needs into `.venv` of this checkout, from the hash-checked locks.

Needs nothing but Python 3.11+ with its venv module. `python tools/install.py run` installs what the programs need,
`dev` what the tests and checks need as well. A second run with nothing changed does nothing.

pip fetches uv, uv fetches the rest. uv does not read pip's configuration, so the index and the certificates that pip is
set to use on this machine are handed on; should uv still fail, pip installs the same hashes, only slower.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / "python"
LOCKS = {"run": ("run.txt",), "dev": ("dev.txt",)}
OLDEST = (3, 11)


def main(arguments: list[str]) -> int:
    """Install one set; the exit status says whether it is there now."""
    if sys.version_info < OLDEST:
        return fail("didkit-py needs Python 3.11 or newer; this is " + sys.version.split()[0])
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        return fail("usage: python tools/install.py run|dev")
    wanted = arguments[0]
    if is_current(wanted):
        return 0
    started = time.monotonic()
    try:
        create_environment()
        install_locked("uv.txt", "the installer", with_uv=False)
        for lock in LOCKS[wanted]:
            install_locked(lock, f"{count_packages(lock)} packages of requirements/{lock}", with_uv=True)
        install_project()
    except subprocess.CalledProcessError as error:
        return fail(f"installing failed: {Path(error.cmd[0]).name} ended with status {error.returncode}")
    stamp(wanted).write_text(fingerprint(wanted), encoding="utf-8")
    say(f"installed into .venv in {time.monotonic() - started:.0f} s")
    return 0


def is_current(wanted: str) -> bool:
    """Whether the set, or the larger one that holds it, is installed as the locks say."""
    return any(
        stamp(name).is_file() and stamp(name).read_text(encoding="utf-8") == fingerprint(name)
        for name in {wanted, "dev"}
    )


def stamp(name: str) -> Path:
    """Where the fingerprint of what was installed is kept; it goes when the environment goes."""
    return VENV / f".installed-{name}"


def fingerprint(name: str) -> str:
    """Changes when a lock, the project's metadata, this file or the place of the checkout changes."""
    files = [
        ROOT / "pyproject.toml",
        Path(__file__),
        *(ROOT / "requirements" / lock for lock in ("uv.txt", *LOCKS[name])),
    ]
    digest = hashlib.sha256(str(ROOT).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def create_environment() -> None:
    """Make `.venv`, or make it anew when it came from another place or its Python is gone."""
    place = VENV / ".place"
    if PYTHON.exists() and place.is_file() and place.read_text(encoding="utf-8") == str(ROOT):
        return
    say(f"creating .venv with Python {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run([sys.executable, "-m", "venv", str(VENV)], quiet=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(VENV, ignore_errors=True)
        say("this Python cannot make virtual environments; on Debian: apt-get install python3-venv")
        raise
    place.write_text(str(ROOT), encoding="utf-8")


def install_locked(lock: str, what: str, *, with_uv: bool) -> None:
    """Install the exact files that a lock names, wheels only."""
    say(f"installing {what}")
    choice = ["--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / "requirements" / lock)]
    if with_uv:
        try:
            return run([*uv_install(), "--compile-bytecode", *choice], environment=uv_environment())
        except subprocess.CalledProcessError:
            say("uv could not install them; trying again with pip, which takes longer")
    return run([*pip_install(), *choice])


def install_project() -> None:
    """Make the project importable and its command callable, editable and without any download."""
    choice = ["--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)]
    try:
        run([*uv_install(), *choice], environment=uv_environment())
    except subprocess.CalledProcessError:
        # The build backend looks for its program on the path.
        path = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", os.defpath)])
        run([*pip_install(), *choice], environment={**os.environ, "PATH": path})


def uv_install() -> list[str]:
    """The start of each uv call; its progress bars appear on a terminal only."""
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    return [str(SCRIPTS / "uv"), "pip", "install", *quiet, "--python", str(PYTHON)]


def pip_install() -> list[str]:
    """The start of each pip call; only its errors are shown."""
    return [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]


def uv_environment() -> Mapping[str, str]:
    """Our environment, a cache inside `.venv`, and what pip is set to here, where uv is not told otherwise."""
    pip = read_pip_settings()
    ours = {
        "UV_CACHE_DIR": str(VENV / ".uv-cache"),
        "UV_DEFAULT_INDEX": pip.get("index-url"),
        "SSL_CERT_FILE": pip.get("cert"),
    }
    return {name: value for name, value in ours.items() if value} | os.environ


def read_pip_settings() -> dict[str, str]:
    """What pip is set to, by name; the environment wins over `[install]`, which wins over `[global]`."""
    listing = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    settings: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in listing.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                settings[name.removeprefix(section)] = value.strip("'\"")
    return settings


def run(command: list[str], *, environment: Mapping[str, str] | None = None, quiet: bool = False) -> None:
    """Run one command to its end; CalledProcessError says that it failed."""
    subprocess.run(command, check=True, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL if quiet else None)


def count_packages(lock: str) -> int:
    """How many packages a lock names."""
    lines = (ROOT / "requirements" / lock).read_text(encoding="utf-8").splitlines()
    return sum("==" in line and not line.startswith(("#", " ")) for line in lines)


def say(text: str) -> None:
    """One line of progress."""
    print(f"  {text}", file=sys.stderr, flush=True)


def fail(text: str) -> int:
    """Say what went wrong; gives the exit status."""
    print(f"error: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
