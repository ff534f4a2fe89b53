"""A program for these tests: one process of a service, its real application on a port of its own, at a standing time.

`python -m tests.concurrent.one_process issuer FOLDER PORT 2026-11-21T10:00:00Z`
"""

import sys
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path

from didkit_py.service.http.web import run, serve
from didkit_py.service.observability.log import configure
from tests.conftest import watch


def main(program: str, folder: str, port: str, time: str) -> None:
    sys.addaudithook(watch)
    configure(service=program, level="error")
    settings = replace(import_module(f"{program}.folder").load_settings(Path(folder)), port=int(port))
    now = datetime.fromisoformat(time)
    run(serve(import_module(f"{program}.app").create_app(Path(folder), settings, clock=lambda: now), settings))


if __name__ == "__main__":
    main(*sys.argv[1:])
