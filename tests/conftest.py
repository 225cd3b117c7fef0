"""Fixtures of the tests that cross rooms: a real installation in processes of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path) -> dict[str, str]:
    """What a command of this installation needs; nothing of the test run's own home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SHUKE_", "DJANGO_", "DATABASE_URL"))}
    return {**kept, "SHUKE_HOME": str(home), "PYTHONPATH": str(ROOT / "src"), "LANG": "en_US.UTF-8"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def shuke(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one command of the installation in `home`."""

    def run(*words: object, expect: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "shuke", *map(str, words)],
            env=environment(home),
            cwd=cwd or home.parent,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def started(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a long-running command; it is asked to end after the test, and nothing of it may stay."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: object, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "shuke", *map(str, words)],
            env=environment(home) | variables,
            cwd=home.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()
