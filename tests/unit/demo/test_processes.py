"""The demo ends what it started, however it ends itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.cast import CAST
from tests.needs import REPOSITORY

# Real processes of the demo's own code; what they run is a program that starts faster than ours.
STORY = """
import os, sys, time
from pathlib import Path
from demo.cast import CAST
from tools.driving import processes
from tools.driving.parties import Party
processes.COMMAND, processes._answers = sys.argv[1], lambda url: True
processes.end_on_signals()
company = processes.Company()
try:
    folder = Path(sys.argv[2])
    company.start(*(Party(role=role, port=1, folder=folder, passphrase_file=folder) for role in CAST))
    print(*(process.pid for process in company._running.values()), flush=True)
    time.sleep(60)
except processes.Interrupted as ended:
    sys.exit(ended.code)
finally:
    company.close()
"""


def is_gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"  # ended; whoever adopted it has not looked yet


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see whether a process is there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_all_eleven_processes_end_when_the_demo_is_ended_by_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    demo = subprocess.Popen(
        [sys.executable, "-c", STORY, str(program), str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    running = [int(word) for word in demo.stdout.readline().split()]
    assert len(running) == len(CAST) == 11
    try:
        demo.send_signal(number)
        demo.communicate(timeout=30)
        deadline = time.monotonic() + 30
        while not all(map(is_gone, running)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [process for process in running if not is_gone(process)] == []
        assert demo.returncode == (-number if number == signal.SIGKILL else 128 + number)
    finally:
        for process in running:
            if not is_gone(process):
                os.kill(process, signal.SIGKILL)
