"""Many rows in quarantine: their groups, a page, a preview, and a mend of all; processor time at a tenth and at the whole.

    python bench/bench_mending.py                 100,000 rows
    python bench/bench_mending.py --rows 20000

Every row has a time that its mapping can not read; every second one has an order that lost its digits too, so it takes a
new place behind all rows of that order. Linear: the time of a row at the whole is that at a tenth.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")
os.environ.setdefault("SHUKE_LOG", "ERROR")
MAPPING = {
    "v": 1,
    "name": "book",
    "kind": "orders",
    "columns": {
        "order_ref": "order",
        "at": "at",
        "buyer_ref": "buyer",
        "quantity": "n",
        "unit_price": "price",
    },
}
RULES = [
    {"rule": "time_format", "column": "at", "format": "%d.%m.%Y"},
    {"rule": "replace", "column": "order", "old": "2.1E+07", "new": "21000000"},
]


def timed(what: Callable[[], Any]) -> tuple[Any, float]:
    """The answer, and seconds of this process's processor time: the machine may be busy."""
    begun = time.process_time()
    return what(), time.process_time() - begun


def measure(slug: str, rows: int) -> None:
    from shuke.intake import actions, reads
    from shuke.kernel import clock
    from shuke.records import jobs
    from shuke.records.actor import Actor
    from shuke.shops import actions as shops
    from shuke.shops import reads as shop_reads

    actor = Actor.system("bench")
    shops.create_shop(
        slug=slug,
        name=slug,
        platforms=["own"],
        category="x",
        currency="CNY",
        zone="Asia/Shanghai",
        actor=actor,
        at=clock.now(),
    )
    shop = shop_reads.get_shop(slug)
    actions.save_mapping(shop=shop, spec=MAPPING, actor=actor, at=clock.now())
    lines = (
        f"{'2.1E+07' if i % 2 else f'o{i // 3}'},{i % 28 + 1:02}.03.2026,p{i},1,2.50\n" for i in range(rows)
    )
    content = io.BytesIO(("order,at,buyer,n,price\n" + "".join(lines)).encode())
    file = actions.upload_file(shop=shop, content=content, name="book.csv", actor=actor, at=clock.now())
    started = actions.start_import(
        shop=shop, files={"": file.sha256}, mapping="book", actor=actor, at=clock.now()
    )
    _job, seconds = timed(lambda: jobs.run_to_end(started.job_id or 0))
    print(f"{rows:>9,} rows set aside in {seconds:.1f} s")
    groups, seconds = timed(lambda: reads.waiting_groups(shop))
    print(f"          groups {1000 * seconds:.0f} ms", end="")
    newest = groups[0]
    _page, seconds = timed(
        lambda: reads.list_quarantined(shop, group=newest.group, before=newest.newest // 2)
    )
    print(f", a page in their midst {1000 * seconds:.0f} ms", end="")
    asked: dict[str, Any] = {"shop": shop, "rules": RULES, "actor": actor}
    _seen, seconds = timed(lambda: actions.preview_mend(**asked, group=newest.group, at=clock.now()))
    print(f", a preview {1000 * seconds:.0f} ms")
    for one in groups:
        mend = actions.start_mend(**asked, group=one.group, at=clock.now())
        _job, seconds = timed(lambda mend=mend: jobs.run_to_end(mend.job_id or 0))
        done = reads.get_mend(shop, mend.pk)
        assert done.replayed == one.count, done
        kind = "new places" if one.group.column == "order" else "own places"
        print(
            f"          {done.replayed:,} mended, {kind}: {seconds:.1f} s, {seconds / one.count * 1e6:.0f} µs a row"
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    home = tempfile.mkdtemp(prefix="shuke-bench-mending-")
    os.environ["SHUKE_HOME"] = home
    import django

    django.setup()
    from django.core.management import call_command

    from shuke.intake.files import load

    # A file that is wrong throughout is refused; here it is what is wanted.
    load.FITTING = load.MOST_BAD = 1 << 40
    logging.disable(logging.CRITICAL)
    try:
        call_command("migrate", verbosity=0)
        measure("a-tenth", rows // 10)
        measure("whole", rows)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
