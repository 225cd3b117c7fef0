"""One question on one engine in a fresh process: `python -m bench.questions.one TASK.json`, which says all of it.

The task is {engine, question, folder, shop, runs, clock}; the result goes to standard output as JSON: {seconds, peak_mb, answer}.
The first run warms up and does not count; the peak is what the system reports for the whole process.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.questions import data
from bench.questions.asked import BY_NAME, Answer, canonical, statements

PATIENCE_SECONDS = 60.0  # no further run is begun after so long


def files_of(folder: Path, shop: str) -> str:
    return str(folder / "raw" / shop / "*.parquet")


def duckdb_peer(folder: Path, shop: str, question: str) -> Callable[[], Answer]:
    """DuckDB over the raw Parquet."""
    import duckdb

    connection = duckdb.connect(":memory:")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"CREATE VIEW raw AS SELECT * FROM read_parquet('{files_of(folder, shop)}')")
    asked = statements(BY_NAME[question], "duckdb", "raw")
    return lambda: {name: connection.execute(sql).fetchall() for name, sql in asked.items()}


def bare_scan(folder: Path, shop: str, question: str) -> Callable[[], Answer]:
    """What it takes to read the question's columns and add them up."""
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect(":memory:")
    connection.execute(f"CREATE VIEW raw AS SELECT * FROM read_parquet('{files_of(folder, shop)}')")
    sums = []
    for name in BY_NAME[question].columns:
        kind = data.RAW.field(name).type
        if pa.types.is_string(kind):
            sums.append(f"sum(strlen({name}))")
        elif pa.types.is_boolean(kind):
            sums.append(f"count(*) FILTER (WHERE {name})")
        elif pa.types.is_integer(kind):
            sums.append(f"sum({name})")
        else:
            sums.append(f"sum(epoch({name}))")
    return lambda: {"sums": connection.execute(f"SELECT {', '.join(sums)} FROM raw").fetchall()}


def chdb_peer(folder: Path, shop: str, question: str) -> Callable[[], Answer]:
    """ClickHouse in the process, over MergeTree. This process was spawned and never forks."""
    session = chdb_session(folder)
    asked = statements(BY_NAME[question], "chdb", f"bench.{table_of(shop)}")
    quick = "SETTINGS output_format_json_quote_64bit_integers = 0, optimize_aggregation_in_order = 0"

    def answer() -> Answer:
        told = {name: session.query(f"{sql} {quick}", "JSONCompact").bytes() for name, sql in asked.items()}
        return {name: json.loads(text)["data"] for name, text in told.items()}

    return answer


def chdb_session(folder: Path):
    from chdb import session

    return session.Session(str(folder / "chdb"))


def table_of(shop: str) -> str:
    return f"raw_{shop.replace('-', '_')}"


def postgres_peer(_folder: Path, shop: str, question: str) -> Callable[[], Answer]:
    """PostgreSQL, whose server the bench has started (`postgres.py`)."""
    import psycopg

    connection = psycopg.connect(os.environ["BENCH_POSTGRES"], autocommit=True)
    for setting in ("work_mem = '512MB'", "hash_mem_multiplier = 2", "max_parallel_workers_per_gather = 2"):
        connection.execute(f"SET {setting}")
    asked = statements(BY_NAME[question], "postgres", table_of(shop))
    return lambda: {name: connection.execute(sql).fetchall() for name, sql in asked.items()}


def product(_folder: Path, shop: str, question: str) -> Callable[[], Answer]:
    """Shuke itself, over its sealed days: the next question on the same facts may be answered from what it remembers."""
    import django

    django.setup()
    from bench.questions import ours

    return ours.make(shop)[question]


def forget() -> None:
    """What Shuke remembers of answers, so that the next one is computed."""
    from shuke.warehouse import remembering

    remembering.forget()


ENGINES = {
    "scan": bare_scan,
    "product": product,
    "again": product,
    "duckdb": duckdb_peer,
    "chdb": chdb_peer,
    "postgres": postgres_peer,
}


def asked(task: dict[str, Any]) -> dict[str, Any]:
    """Do a task in this process."""
    ask = ENGINES[task["engine"]](Path(task["folder"]), task["shop"], task["question"])
    seconds = []
    # Of a machine that others use as well, elapsed time says little; all threads of this process count then.
    tick = time.process_time if task.get("clock") == "cpu" else time.perf_counter
    began = time.perf_counter()
    answer = ask()
    for _ in range(task["runs"]):
        if task["engine"] == "product":
            forget()
        start = tick()
        answer = ask()
        seconds.append(tick() - start)
        if time.perf_counter() - began > PATIENCE_SECONDS:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mb": peak, "answer": canonical(answer)}


def main(text: str) -> None:
    """One task, or several of one engine where neither time nor memory matters (`questions` instead of `question`)."""
    task = json.loads(text)
    if "questions" in task:
        print(json.dumps({name: asked({**task, "question": name}) for name in task["questions"]}))
    else:
        print(json.dumps(asked(task)))


if __name__ == "__main__":
    main(sys.argv[1])
