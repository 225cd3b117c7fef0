"""Mission rows and the tests that show them: `make rows`.

A row counts as shown when a test of each kind carries its mark: one through a browser (an operator can use it), one
over the API or the command line (a program can use it), and one of a law or of worked cases (it is right). The kind is
read from the test: the mark `browser`; a name or file that says `api`, `http`, `command` or `collect`; all others.
Ends with 1 when a row that must be whole lacks a kind.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WHOLE = ("T1", "T2", "T3", "E1", "E2", "E3", "E4")
KINDS = ("browser", "api", "law")
API_WORDS = ("api", "http", "command", "cli", "collect", "sdk", "end_to_end", "demo", "walk")


class Collector:
    """A pytest plugin that notes the marked tests instead of running them."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("row"):
                for row in mark.args:
                    name = item.nodeid.split("[")[0]
                    tests = self.found[row][kind_of(item)]
                    if name not in tests:
                        tests.append(name)


def kind_of(item: pytest.Item) -> str:
    """browser, api or law."""
    if item.get_closest_marker("browser"):
        return "browser"
    where = f"{Path(str(item.path)).stem} {item.name.split('[')[0]}"
    return "api" if any(word in where for word in API_WORDS) else "law"


def main() -> int:
    collector = Collector()
    code = pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", str(ROOT)], plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return int(code)
    print()
    missing = []
    for row in sorted({*WHOLE, *collector.found}, key=lambda r: (r[0], int(r[1:]))):
        kinds = collector.found.get(row, {})
        print(f"{row}  " + "  ".join(f"{kind}: {len(kinds.get(kind, []))}" for kind in KINDS))
        for kind in KINDS:
            for name in kinds.get(kind, []):
                print(f"      {kind:8}{name}")
        lacking = [kind for kind in KINDS if not kinds.get(kind)]
        if row in WHOLE and lacking:
            missing.append(f"{row} lacks {', '.join(lacking)}")
    for line in missing:
        print(f"rows: {line}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
