"""Processes are kept running, and nothing that was started stays, however the supervisor ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

CHILD = """
import subprocess, sys, time
from pathlib import Path
from shuke.project import lifeline
lifeline.GRACE_SECONDS = 0.3
lifeline.watch()
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1], "a") as file:
    file.write(f"{__import__('os').getpid()} {grandchild.pid}\\n")
time.sleep(600)
"""
PARENT = """
import sys
from shuke.project.supervisor import Program, Supervisor
Supervisor([Program("child", [sys.executable, sys.argv[1], sys.argv[2]])]).run()
"""


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def started(notes: Path) -> list[tuple[int, int]]:
    """(child, grandchild) of every start so far."""
    if not notes.exists():
        return []
    return [
        tuple(map(int, line.split())) for line in notes.read_text().splitlines() if len(line.split()) == 2
    ]


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def parent(tmp_path: Path):
    """A supervisor in a process of its own, whose child has a child: (process, notes of who was started)."""
    (tmp_path / "child.py").write_text(CHILD)
    (tmp_path / "parent.py").write_text(PARENT)
    notes = tmp_path / "notes"
    source = str(Path(__file__).resolve().parents[3])
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(tmp_path / "child.py"), str(notes)],
        env={**os.environ, "PYTHONPATH": source},
    )
    wait_for(lambda: len(started(notes)) == 1)
    yield process, notes
    process.kill()
    process.wait()
    for pids in started(notes):
        for pid in pids:
            wait_for(lambda pid=pid: is_gone(pid))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_supervisor__asked_to_end__leaves_nothing(parent, number) -> None:
    process, notes = parent
    process.send_signal(number)
    assert process.wait(timeout=15) == 0
    assert all(is_gone(pid) for pid in started(notes)[0])


def test_supervisor__killed__its_children_end_by_themselves(parent) -> None:
    process, notes = parent
    process.kill()
    process.wait()
    for pid in started(notes)[0]:
        wait_for(lambda pid=pid: is_gone(pid))


def test_child__killed__is_started_again_without_its_grandchild(parent) -> None:
    _, notes = parent
    child, grandchild = started(notes)[0]
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: len(started(notes)) == 2)
    wait_for(lambda: is_gone(grandchild))
    assert started(notes)[1][0] != child
