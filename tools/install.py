"""Install what the project needs into `.venv` of this checkout, from the hash-checked locks.

Needs nothing but Python 3.11+ with its venv module: pip comes with it, and fetches from the index that it is set to use
on this machine. `python tools/install.py run` installs what the programs need, `dev` what the tests and checks need as
well. A second run with nothing changed does nothing.
"""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
LOCKS = {"run": ("build.txt", "run.txt"), "dev": ("build.txt", "dev.txt")}  # the latter of each has all of the other
OLDEST = (3, 11)


def main(arguments: list[str]) -> int:
    """Install one set; the exit status says whether it is there now."""
    if sys.version_info < OLDEST:
        return fail("didkit-py needs Python 3.11 or newer; this is " + sys.version.split()[0])
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        return fail("usage: python tools/install.py run|dev")
    # What only running needs would take the place of the tools for testing and checking.
    wanted = "dev" if stamp("dev").is_file() else arguments[0]
    if any(stamp(name).is_file() and stamp(name).read_text() == fingerprint(name) for name in (wanted, "dev")):
        return 0
    started = time.monotonic()
    say(f"installing requirements/{LOCKS[wanted][-1]} into .venv, with Python {sys.version.split()[0]}")
    try:
        # --clear: an environment that was moved, or whose Python is gone, cannot be mended.
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True, stdout=subprocess.DEVNULL)
    except subprocess.CalledProcessError:
        return fail("this Python cannot make virtual environments; on Debian: apt-get install python3-venv")
    try:
        install_locked(SCRIPTS / "python", LOCKS[wanted])
        pip(SCRIPTS / "python", "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(ROOT))
    except subprocess.CalledProcessError as error:
        return fail(f"pip ended with status {error.returncode}")
    stamp(wanted).write_text(fingerprint(wanted))
    say(f"installed in {time.monotonic() - started:.0f} s")
    return 0


def stamp(name: str) -> Path:
    """Where the fingerprint of what was installed is kept; it goes when the environment goes."""
    return VENV / f".installed-{name}"


def fingerprint(name: str) -> str:
    """Changes when a lock, the project's metadata, this file or the place of the checkout changes."""
    files = [ROOT / "pyproject.toml", Path(__file__), *(ROOT / "requirements" / lock for lock in LOCKS[name])]
    digest = hashlib.sha256(str(ROOT).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def install_locked(python: Path, locks: tuple[str, ...]) -> None:
    """Install the exact files that these locks name, wheels only, for that Python. Raises CalledProcessError."""
    named = [word for lock in locks for word in ("-r", str(ROOT / "requirements" / lock))]
    pip(python, "--require-hashes", "--only-binary", ":all:", *named)


def pip(python: Path, *arguments: str) -> None:
    """Let the pip of that Python install; only its errors are shown. Raises CalledProcessError."""
    quiet = ["-qq", "--disable-pip-version-check", "--no-input"]
    # The build backend looks for its program on the path.
    path = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
    subprocess.run(
        [python, "-m", "pip", "install", *quiet, *arguments], check=True, cwd=ROOT, env={**os.environ, "PATH": path}
    )


def say(text: str) -> None:
    """One line of progress."""
    print(f"  {text}", file=sys.stderr, flush=True)


def fail(text: str) -> int:
    """Say what went wrong; gives the exit status."""
    print(f"error: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
