"""The published clickstream as day counts: read once from the file, with nothing of the watch's own counting."""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
FILE = (
    Path(os.environ.get("SHUKE_DATA", ROOT.parent / "shared" / "data")) / "clickstream_ecom" / "ecom.csv.gz"
)
PAGES = {
    "home", "promo_page", "catalog", "filter_results", "search", "product_view", "compare", "cart",
    "shipping_details", "payment_details", "account_page", "review_page", "error_page",
}  # fmt: skip
REACHED = {
    "item": {"product_view"},
    "cart": {"add_to_cart"},
    "checkout": {"shipping_details", "payment_details"},
    "payment": {"payment_details"},
    "order": {"purchase"},
}


@lru_cache(maxsize=1)
def day_counts() -> dict[date, dict[str, tuple[int, int | None]]]:
    """Per day: visits and visits by channel, orders, bounces by entrance, steps by terminal; a visit is a session."""
    sessions: dict[tuple[date, str], list[dict[str, str]]] = defaultdict(list)
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            sessions[date.fromisoformat(row["timestamp"][:10]), row["session_id"]].append(row)
    found: dict[date, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for (day, _session), rows in sessions.items():
        cells = found[day]
        names = [row["event"] for row in rows]
        seen = [name for name in names if name in PAGES]
        for series in ("visits", f"visits|channel={rows[0]['acquisition_channel']}"):
            cells[series][0] += 1
        cells["orders"][0] += names.count("purchase")
        for series in ("bounce", f"bounce|entry_path=/{seen[0]}") if seen else ():
            cells[series][0] += len(seen) == 1
            cells[series][1] += 1
        steps = list(REACHED)
        for step, following in pairwise(steps):
            if REACHED[step] & set(names):
                for series in (f"step.{following}", f"step.{following}|terminal={rows[0]['platform']}"):
                    cells[series][0] += bool(REACHED[following] & set(names))
                    cells[series][1] += 1
    rates = ("step", "bounce")
    return {
        day: {
            name: (part, whole if name.startswith(rates) else None) for name, (part, whole) in cells.items()
        }
        for day, cells in found.items()
    }
