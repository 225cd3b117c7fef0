"""Which events there are, and how often: counted from prepared days, where what an event is stands as a code, else asked."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import ibis
import numpy as np

from shuke.traffic.funnels.asking import settled_files
from shuke.traffic.funnels.prepared import TOLD, prepared, prepared_before
from shuke.traffic.sessions import VIEWS
from shuke.warehouse import reads as warehouse

Kind = tuple[str, str]
_TYPE, _NAME = TOLD.index("type"), TOLD.index("name")


def kinds_of(snapshot: warehouse.Snapshot) -> dict[Kind, int]:
    """How often each (type, name) came; views count under no name. No day is prepared for this alone."""
    if not snapshot.engine.is_in_process:
        return dict(_asked(snapshot, None))
    shop = snapshot.shop.id
    settled, others = settled_files(snapshot)
    counted: Counter[Kind] = Counter()
    files: list[tuple[str, str]] = []
    for day, sources in settled:
        if all(prepared_before(shop, day.isoformat(), source) for source in sources):
            files += [(day.isoformat(), source) for source in sources]
        else:
            others.add(day)
    with ThreadPoolExecutor(2) as pool:
        for told in pool.map(lambda one: _of_file(shop, *one), files):
            counted.update(told)
    if others:
        counted.update(_asked(snapshot, sorted(others)))
    return dict(counted)


def _of_file(shop_id: int, day: str, source: str) -> Counter[Kind]:
    from shuke.traffic.funnels import loops

    file = prepared(shop_id, day, source)
    counts = np.zeros(max(1, len(file.meanings)), np.int64)
    for group in file.groups:
        for part in group:
            loops.count(part.code, counts)
    told: Counter[Kind] = Counter()
    for meaning, count in zip(file.meanings, counts.tolist(), strict=False):
        kind = meaning[_TYPE] or ""
        if count:
            told[kind, "" if kind in VIEWS else meaning[_NAME] or ""] += count
    return told


def _asked(snapshot: warehouse.Snapshot, days: list[date] | None) -> Counter[Kind]:
    """The same of the engine; `days` None: of all."""
    if days is not None:
        snapshot = snapshot.narrowed(days, "kinds")
    events = snapshot.raw("events")
    if days is not None:
        events = events.filter(events.local_day.isin([ibis.date(day) for day in days]))
    name = ibis.ifelse(events["type"].isin(list(VIEWS)), "", events["name"].fill_null(""))
    counted = events.group_by(kind=events["type"], called=name).aggregate(n=events.count())
    rows = snapshot.engine.run(counted).to_pylist()
    return Counter({(row["kind"], row["called"]): row["n"] for row in rows})
