"""Every question against DuckDB and ClickHouse over raw events, and PostgreSQL over a tenth: time, memory, equal answers.

    python bench/bench_questions.py               2 million events of one shop, and of 20
    SIZE=full python bench/bench_questions.py     50 million events, 1 million visitors, 28 days; needs some 12 GB of disk
    python bench/bench_questions.py --events 50000 --shops 1 --no-page

Each question runs in a process of its own; the first run warms up, the median of the others counts. A time counts only
when all engines gave the same answer, and a peer's only when it stands to the bare scan of its columns no worse than 1.25
times what is known of it (`asked.py`). The tables go into docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.questions import report  # noqa: E402
from bench.questions.asked import FEWEST_EVENTS  # noqa: E402
from bench.questions.run import run  # noqa: E402

SIZES = {"small": 2_000_000, "full": 50_000_000}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    size = os.environ.get("SIZE") or "small"
    if size not in SIZES:
        parser.error(f"SIZE: {size} is none of {', '.join(SIZES)}")
    parser.add_argument("--events", type=int, default=SIZES[size])
    parser.add_argument(
        "--shops", type=int, nargs="+", default=[1, 20], help="one table for each number of shops"
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, help="kept, and a bench that was killed goes on there (one number of shops)"
    )
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md as it is")
    parser.add_argument("--no-postgres", action="store_true")
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="processor time, for a machine that others use (then without PostgreSQL)",
    )
    asked = parser.parse_args()
    if asked.events // max(asked.shops) < FEWEST_EVENTS:
        parser.error(f"--events: each shop needs {FEWEST_EVENTS:,} of them")
    if asked.folder and len(asked.shops) > 1:
        parser.error("--folder: holds one number of shops")
    for shops in asked.shops:
        load = os.getloadavg()[0]
        folder = asked.folder or Path(tempfile.mkdtemp(prefix="shuke-bench-"))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            results = run(
                events=asked.events,
                shops=shops,
                runs=asked.runs,
                folder=folder,
                say=lambda words: print(words, flush=True),
                has_postgres=not asked.no_postgres and not asked.cpu and shops == 1,
                clock="cpu" if asked.cpu else "wall",
            )
        finally:
            if asked.folder is None:
                shutil.rmtree(folder, ignore_errors=True)
        body = report.section(results, load=load)
        print(f"\n{body}\n", flush=True)
        if not asked.no_page:
            report.write(ROOT / "docs" / "performance.md", [(f"{asked.events}x{shops}", body)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
