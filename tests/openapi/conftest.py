"""Says how many calls of running services were made."""

import pytest

from tests.openapi.running import CALLS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line, such as `2,136 calls: issuer 912, verifier 552, wallet 672`."""
    calls = config.stash.get(CALLS, {})
    if calls:
        each = ", ".join(f"{name} {count:,}" for name, count in sorted(calls.items()))
        terminalreporter.write_line(f"{sum(calls.values()):,} calls: {each}")
