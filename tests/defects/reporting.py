"""A pytest plugin for `run`: what became of each test, and which copy of the code it ran against, as one JSON file."""

import json
import os
from pathlib import Path
from typing import Final

import pytest

import didkit_py
import issuer
import verifier
import wallet

REPORT: Final = "DIDKIT_DEFECTS_REPORT"
PACKAGES: Final = (didkit_py, issuer, verifier, wallet)

outcomes: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the test's own outcome; what breaks around a test is an error and no failure of it."""
    if report.when == "call" or not report.passed:
        ended = report.outcome if report.when == "call" or report.skipped else "error"
        outcomes[report.nodeid] = "error" if outcomes.get(report.nodeid) == "error" else ended


def pytest_sessionfinish() -> None:
    """Write the report."""
    code = [str(Path(str(package.__file__)).resolve()) for package in PACKAGES]
    Path(os.environ[REPORT]).write_text(json.dumps({"code": code, "outcomes": outcomes}))
