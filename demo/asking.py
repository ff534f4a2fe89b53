"""How the vendors ask, and what they learn."""

import json
from typing import Any

from tools.driving.parties import Party
from tools.driving.processes import run

Json = Any


def ask(vendor: Party, request: Json, *, refused: bool = False) -> dict[str, str]:
    """The vendor's operator makes a request, if need be one that every wallet refuses: its id and its link."""
    sheet = vendor.folder / "ask.json"
    sheet.write_text(json.dumps(request))
    anyway = ["--even-if-refused"] if refused else []
    made: dict[str, str] = run("verifier", "ask", str(vendor.folder), str(sheet), *anyway)
    return made


def result(vendor: Party, request_id: str) -> dict[str, Any]:
    """What the vendor knows of a request."""
    known: dict[str, Any] = run("verifier", "results", str(vendor.folder), request_id)
    return known
