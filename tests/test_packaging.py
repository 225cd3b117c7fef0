"""What a build would install: every module, and every file that a room reads beside its modules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
# setuptools' own listing, from a process of its own: it works on the current folder and on global state.
LISTING = """
import json, sys
from setuptools import Distribution
from setuptools.config.pyprojecttoml import apply_configuration
found = apply_configuration(Distribution({"script_name": "setup.py"}), "pyproject.toml")
found.get_command_obj("egg_info").egg_base = sys.argv[1]
build = found.get_command_obj("build_py")
build.ensure_finalized()
files = [path for _package, _module, path in build.find_all_modules()]
files += [f"{folder}/{name}" for _package, folder, _build, names in build.data_files for name in names]
print(json.dumps(files))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> set[Path]:
    done = subprocess.run(
        [sys.executable, "-c", LISTING, str(tmp_path_factory.mktemp("egg"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return {(ROOT / path).resolve() for path in json.loads(done.stdout.splitlines()[-1])}


def files_of(pattern: str) -> set[Path]:
    return {
        path
        for path in SOURCE.glob(pattern)
        if path.is_file()
        and not any(part == "__pycache__" or part.startswith(".") for part in path.relative_to(SOURCE).parts)
        and path.suffix not in (".pyc", ".mo")
    }


@pytest.mark.parametrize(
    "pattern",
    [
        "shuke/rules/**/*.yaml",
        "shuke/intake/mappings/*.yaml",
        "shuke/**/templates/**/*.html",
        "shuke/*/static/**/*.css",
        "shuke/*/static/**/*.js",
        "shuke/*/static/**/*.svg",
        "shuke/**/locale/**/*.po",
        "shuke/**/migrations/*.py",
    ],
)
def test_build__of_the_project__has_the_files_that_rooms_read(installed, pattern) -> None:
    wanted = files_of(pattern)
    assert wanted, f"nothing is at {pattern}"
    missing = sorted(str(path.relative_to(SOURCE)) for path in wanted - installed)
    assert missing == []


def test_build__of_the_project__leaves_nothing_of_the_source_out(installed) -> None:
    missing = sorted(str(path.relative_to(SOURCE)) for path in files_of("**/*") - installed)
    assert missing == []


def test_build__of_the_project__has_compiled_words_when_they_are_compiled(installed) -> None:
    compiled = {path.resolve() for path in SOURCE.glob("shuke/**/locale/**/*.mo")}
    assert compiled <= installed
