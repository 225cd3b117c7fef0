"""Events into the product and to its peers: `python -m bench.questions.place TASK.json`, each part in a process of its own.

The product gets days as its committer would append them and seals them itself, derived tables included; what that took is
printed. A peer gets the narrow form: Parquet for DuckDB, MergeTree and a PostgreSQL table filled from that Parquet.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path

from bench.questions import data
from bench.questions.one import chdb_session, files_of, table_of

APPENDED = 500_000  # rows of one append
SEALED_AT_ONCE = 1_500_000


def raw(folder: Path, shop: str, events: int, seed: int) -> dict[str, float]:
    """The narrow form as Parquet, a file a day."""
    import pyarrow.parquet as pq

    size, began, rows = data.Size(events, seed), time.perf_counter(), 0
    place = folder / "raw" / shop
    place.mkdir(parents=True, exist_ok=True)
    for number in range(data.DAYS):
        table = data.as_raw(data.draw_day(size, number), size)
        rows += table.num_rows
        file = place / f"{number:02d}.parquet"
        packing = {"compression": "zstd", "compression_level": 3, "row_group_size": 262_144}
        plain = [
            name
            for name in data.RAW.names
            if name not in ("moment", "visitor", "visit", "order_id", "person")
        ]
        pq.write_table(
            table, file, **packing, use_dictionary=plain, column_encoding={"moment": "DELTA_BINARY_PACKED"}
        )
    return {"rows": rows, "seconds": time.perf_counter() - began, "mb": _size(place)}


def product(_folder: Path, shop: str, events: int, seed: int) -> dict[str, float]:
    """Append and seal a shop's days; the seconds are those of sealing."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from shuke.kernel import clock
    from shuke.kernel.errors import NotFound
    from shuke.records.actor import Actor
    from shuke.shops import actions as shops
    from shuke.shops.reads import get_shop
    from shuke.warehouse import actions, open_tier, schemas
    from shuke.warehouse.processes import unlist_sealed

    call_command("migrate", verbosity=0)
    try:
        view = get_shop(shop)
    except NotFound:
        shops.create_shop(
            slug=shop, name=shop, platforms=["own"], category="apparel", currency="CNY", zone="Asia/Shanghai",
            actor=Actor.system("bench"), at=clock.now(),
        )  # fmt: skip
        view = get_shop(shop)
    size, drawn, appended, sealed, waiting = data.Size(events, seed), 0.0, 0.0, 0.0, 0
    for number in range(data.DAYS):
        mark = time.perf_counter()
        table = data.as_facts(data.draw_day(size, number), size, view.id, schemas.EVENTS)
        drawn += time.perf_counter() - mark
        mark = time.perf_counter()
        for first in range(0, table.num_rows, APPENDED):
            actions.append(facts={"events": table.slice(first, APPENDED)})
        appended += time.perf_counter() - mark
        waiting += table.num_rows
        if waiting >= SEALED_AT_ONCE or number == data.DAYS - 1:
            mark, waiting = time.perf_counter(), 0
            actions.seal(view)
            sealed += time.perf_counter() - mark
            unlist_sealed(grace=timedelta())
            open_tier.clean(grace=timedelta())
            if sys.stderr.isatty() or "BENCH_TALK" in os.environ:
                print(f"  {shop}: day {number + 1} of {data.DAYS}, {sealed:.0f} s sealing", file=sys.stderr)
    return {
        "seconds": sealed,
        "append": appended,
        "draw": drawn,
        "mb": _size(Path(settings.LAKE) / str(view.id)),
    }


def chdb(folder: Path, shop: str, _events: int, _seed: int) -> dict[str, float]:
    """MergeTree from the Parquet, in the order that was quickest: by day and visitor."""
    began = time.perf_counter()
    session, table = chdb_session(folder), table_of(shop)
    session.query("CREATE DATABASE IF NOT EXISTS bench")
    session.query(
        f"CREATE TABLE bench.{table} (day Date, visitor Int64, visit Int64, moment DateTime64(6, 'UTC'), is_view Bool, "
        "name LowCardinality(String), path LowCardinality(String), channel LowCardinality(String), "
        "person Nullable(Int64), order_id Nullable(Int64), amount Nullable(Int64)) "
        "ENGINE = MergeTree ORDER BY (day, visitor, moment)"
    )
    session.query(
        f"INSERT INTO bench.{table} SELECT * FROM file('{files_of(folder, shop)}', Parquet) "
        "SETTINGS max_insert_threads = 1, max_memory_usage = 4000000000"
    )
    session.query(f"OPTIMIZE TABLE bench.{table} FINAL SETTINGS max_memory_usage = 4000000000")
    return {"seconds": time.perf_counter() - began, "mb": _size(folder / "chdb")}


def postgres(folder: Path, shop: str, _events: int, _seed: int) -> dict[str, float]:
    """The same Parquet as a table of PostgreSQL."""
    import duckdb
    import psycopg

    began, table = time.perf_counter(), table_of(shop)
    passed = folder / "postgres.csv"
    duckdb.connect(":memory:").execute(
        f"COPY (SELECT * FROM read_parquet('{files_of(folder, shop)}')) TO '{passed}' (FORMAT csv, HEADER false)"
    )
    with psycopg.connect(os.environ["BENCH_POSTGRES"], autocommit=True) as connection:
        connection.execute(
            f"CREATE UNLOGGED TABLE {table} (day date, visitor bigint, visit bigint, moment timestamp, is_view boolean, "
            "name text, path text, channel text, person bigint, order_id bigint, amount bigint)"
        )
        copying = connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv)")
        with passed.open("rb") as file, copying as copy:
            while chunk := file.read(1 << 20):
                copy.write(chunk)
        # Orders are few of many rows: questions about them need not read the others.
        connection.execute(f"CREATE INDEX ON {table} (person, day, amount) WHERE order_id IS NOT NULL")
        connection.execute(f"CREATE INDEX ON {table} (day) WHERE day = '{data.days()[-1]}'")
        connection.execute(f"VACUUM ANALYZE {table}")
    passed.unlink()
    return {"seconds": time.perf_counter() - began}


def _size(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


PARTS = {"raw": raw, "product": product, "chdb": chdb, "postgres": postgres}

if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    done = PARTS[task["part"]](Path(task["folder"]), task["shop"], task["events"], task["seed"])
    done["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(done))
