"""A program for these tests: one process of a service, its real application on a port of its own, at the tests' time.

`python -m tests.concurrent.one_process issuer FOLDER PORT`
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import issuer.app
import issuer.folder
import verifier.app
import verifier.folder
from didkit_py.service.log import configure
from didkit_py.service.web import run, serve
from tests.conftest import watch
from tests.e2e.issuer.office import Clock

Parts = tuple[Callable[..., Any], Callable[[Path], Any]]
PROGRAMS: Final[dict[str, Parts]] = {
    "issuer": (issuer.app.create_app, issuer.folder.load_settings),
    "verifier": (verifier.app.create_app, verifier.folder.load_settings),
}


def main(program: str, folder: str, port: str) -> None:
    sys.addaudithook(watch)
    configure(service=program, level="error")
    create_app, load_settings = PROGRAMS[program]
    settings = replace(load_settings(Path(folder)), port=int(port))
    run(serve(create_app(Path(folder), settings, clock=Clock()), settings))


if __name__ == "__main__":
    main(*sys.argv[1:])
