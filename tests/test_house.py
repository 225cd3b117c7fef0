"""The house: rooms import downwards only, and every room says what it owns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = sorted(
    p.name for p in (ROOT / "src" / "shuke").iterdir() if (p / "__init__.py").exists() and p.name != "rules"
)
LONGEST_FILE = 650  # a file that grows past it holds several nouns


def test_imports__of_all_rooms__keep_the_contract() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("room", ROOMS)
def test_room__its_readme__says_what_it_owns(room: str) -> None:
    readme = ROOT / "src" / "shuke" / room / "README.md"
    assert readme.exists(), f"{room} has no README.md: what it owns, its words, what it promises"
    assert len(readme.read_text().split()) > 40


def test_contract__names__every_room() -> None:
    contract = (ROOT / ".importlinter").read_text()
    for room in ROOMS:
        assert f"shuke.{room}" in contract, f"{room} stands in no layer"


def test_source_files__their_length__is_one_noun() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "src").rglob("*.py")
        if "/tests/" not in str(path)
        and "/migrations/" not in str(path)
        and (lines := path.read_text().count("\n")) > LONGEST_FILE
    }
    assert long == {}


def test_source_files__of_any_kind__name_no_machine_and_no_package_index() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    tracked = listed or [str(p.relative_to(ROOT)) for p in (ROOT / "src").rglob("*") if p.suffix != ".pyc"]
    forbidden = ("/root/", "/work/", "py" + "pi.org", "registry." + "npmjs", "files." + "pythonhosted")
    found = []
    for name in tracked:
        path = ROOT / name
        if not path.is_file() or name == "tests/test_house.py":
            continue
        text = path.read_bytes()
        found += [f"{name}: {word}" for word in forbidden if word.encode() in text]
    assert found == []
