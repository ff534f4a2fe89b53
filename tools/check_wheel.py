"""Build the wheel, install it beside the locked packages into a new environment, and run its programs in a new folder.

It fails when a program needs a file that only the checkout has.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path
from typing import Final

from tools.install import SCRIPTS, install_locked, pip

ROOT: Final = Path(__file__).resolve().parent.parent
DIST: Final = ROOT / "dist"
PASSPHRASE: Final = "correct horse battery staple"  # noqa: S105 - it protects a folder that is gone in a minute
START_SECONDS: Final = 60
STYLES: Final = {"issuer": ("/static/issuer.css",), "verifier": ("/static/verifier.css",)}


class WheelError(Exception):
    """Something does not work from the wheel."""


def build() -> Path:
    """Write the wheel into `dist/`; its path."""
    for old in DIST.glob("*.whl"):
        old.unlink()
    path = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", os.defpath)])  # the build backend looks there
    build = ["-m", "pip", "wheel", "-qq", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(DIST), str(ROOT)]
    subprocess.run([SCRIPTS / "python", *build], check=True, env={**os.environ, "PATH": path})
    (wheel,) = DIST.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """Make an environment that has the wheel and the packages of `requirements/run.txt`; the path of its command."""
    venv.create(environment, with_pip=True)
    scripts = environment / SCRIPTS.name
    install_locked(scripts / "python", ("run.txt",))
    pip(scripts / "python", "--no-index", str(wheel))  # with its dependencies: the lock must hold all of them
    return scripts / "didkit-py"


class Folder:
    """An empty folder in which the installed programs are run."""

    def __init__(self, place: Path, command: Path) -> None:
        self.place = place
        self._command = command
        self._environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ
        }
        (place / "passphrase").write_text(PASSPHRASE)

    def run(self, *words: str, ends: int = 0) -> str:
        """What a command prints. Raises WheelError with what it says when it ends with another code."""
        made = subprocess.run(
            [self._command, *words], cwd=self.place, env=self._environment, capture_output=True, text=True, check=False
        )
        if made.returncode != ends:
            raise WheelError(f"didkit-py {' '.join(words)} ended with {made.returncode}: {made.stderr or made.stdout}")
        return made.stdout or made.stderr

    def serve(self, program: str, folder: str, port: int, *pages: str) -> None:
        """Start the service, ask for these pages, and end it. Raises WheelError when one is not answered with 200."""
        with (self.place / f"{folder}.log").open("w") as log:
            service = subprocess.Popen(
                [self._command, program, "serve", folder], cwd=self.place, env=self._environment, stdout=log, stderr=log
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(f"http://localhost:{port}/healthz"):
                if service.poll() is not None or time.monotonic() > deadline:
                    raise WheelError(f"{program} does not serve: {(self.place / f'{folder}.log').read_text()[-2000:]}")
                time.sleep(0.1)
            for page in pages:
                if not _answers(f"http://localhost:{port}{page}"):
                    raise WheelError(f"{program} does not answer {page}")
        finally:
            service.terminate()
            service.wait(START_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200 and answer.read())
    except (urllib.error.URLError, OSError):
        return False


def check(folder: Folder) -> None:
    """Make one party of each kind and let it work. Raises WheelError."""
    for program in ("issuer", "verifier", "wallet"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        secret = "--passphrase-file" if program == "wallet" else "--operator-passphrase-file"
        words = ["init", program, "--name", "A party", "--base-url", f"http://localhost:{port}", "--port", str(port)]
        types = ["--types", "affordability-range"] if program == "issuer" else []
        folder.run(program, *words, secret, "passphrase", *types)
        folder.serve(program, program, port, "/", *STYLES.get(program, ()))
        say(f"{program}: made, and served")
    folder.run("issuer", "offers", "issuer", "--json")
    requests = sorted(file.name for file in (folder.place / "verifier" / "requests").glob("*.json"))
    if not requests:
        raise WheelError("verifier init made no request templates")
    for name in requests:
        # A vendor without signed terms may not ask, and is told so: the templates are read and judged, not sent.
        asked = json.loads(folder.run("verifier", "ask", "verifier", f"verifier/requests/{name}", "--json", ends=4))
        if asked["error"] != "bad-terms":
            raise WheelError(f"{name}: {asked}")
    say(f"verifier: reads {', '.join(requests)}")
    folder.run("did", "resolve", "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")


def say(text: str) -> None:
    """One line of progress."""
    print(f"  {text}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Build the wheel, and check it unless told `build`; the exit status says whether everything held."""
    wheel = build()
    say(f"built dist/{wheel.name}")
    if arguments == ["build"]:
        return 0
    try:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "work").mkdir()
            check(Folder(Path(place) / "work", install(wheel, Path(place) / "environment")))
    except WheelError as failed:
        print(f"error: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
