"""Run the tests in which the databases differ on a PostgreSQL server that is started for them and thrown away.

    python tools/on_postgresql.py [pytest's own options]

What differs: locks, transactions, JSON, counters, and what two processes may do at once. These rooms hold all of it. Left
out of them is what asks no database (`tests/needs.py`), and what says the same again with much more data.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIFFERING = (
    "src/shuke/records",
    "src/shuke/shops",
    "src/shuke/rulebook",
    "src/shuke/warehouse",
    "src/shuke/intake",
    "src/shuke/audience/identities",
    "tests/test_walk.py",
    "tests/test_walk_objects.py",
)
# Laws of what is computed from files; how the ledger changes on PostgreSQL is shown by the tests beside them.
THE_SAME = ("src/shuke/warehouse/tests/test_laws.py", "src/shuke/warehouse/tests/test_stretches.py")
# What is killed at many lines shows how files and the ledger follow one another, whatever database keeps the ledger.
SHOWN = (
    "src/shuke/warehouse/tests/test_tiers.py::test_seal__killed_at_many_lines__resumes_to_the_same_answers",
    "src/shuke/warehouse/tests/test_erasure.py::test_erase__killed_at_many_lines__loses_nobody_else_and_is_finished",
)


def main() -> int:
    if "PGHOST" in os.environ and os.environ.get("SHUKE_INSIDE_PG") == "1":
        who = f"{os.environ['PGUSER']}:{os.environ['PGPASSWORD']}"
        where = f"{os.environ['PGHOST']}:{os.environ['PGPORT']}/{os.environ.get('PGDATABASE', 'postgres')}"
        os.environ["DATABASE_URL"] = f"postgres://{who}@{where}"
        os.environ["SHUKE_TESTS_ONLY_DATABASE"] = "1"
        words = [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            "not soak and not node and not browser and not data",
            *sys.argv[1:],
        ]
        if not any(Path(word).exists() for word in sys.argv[1:]):
            words += [*DIFFERING, *(f"--ignore={file}" for file in THE_SAME)]
            words += [f"--deselect={test}" for test in SHOWN]
        return subprocess.run(words, cwd=ROOT).returncode
    starter = shutil.which("pg_virtualenv")
    if starter is None:
        print("pg_virtualenv is missing: `make setup-tests` installs it", file=sys.stderr)
        return 1
    os.environ["SHUKE_INSIDE_PG"] = "1"
    return subprocess.run([starter, "-t", sys.executable, __file__, *sys.argv[1:]], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
