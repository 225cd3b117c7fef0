"""The counts of days, from the warehouse in the form that the watch reads: a few questions for any number of days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import combinations

import pyarrow as pa

from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic import reads as traffic
from shuke.traffic.alerts import questions
from shuke.traffic.alerts.shapes import Cell, Name, step_series
from shuke.warehouse import reads as warehouse

MONEY = (("orders", "orders"), ("amount", "amount_paid"))


def counts_by_day(
    shop: ShopView, period: Period, steps: Mapping[str, Sequence[str]], at: datetime
) -> dict[date, dict[str, Cell]]:
    """Every day of the period, also those without facts; each series by its name."""

    def question(snapshot: warehouse.Snapshot) -> tuple[pa.Table, pa.Table, pa.Table]:
        return (
            warehouse.run(questions.channel_counts(snapshot.derived("channel_days"))),
            warehouse.run(questions.entrance_counts(snapshot.derived("visits"))),
            warehouse.run(questions.step_counts(snapshot.raw("events"), steps)),
        )

    channels, entrances, people = warehouse.ask(shop, period, question)
    found: dict[date, dict[str, Cell]] = {day: {} for day in period.days()}
    for row in channels.to_pylist():
        day = found[row["local_day"]]
        if row["channel"]:
            day[str(Name("visits", "channel", row["channel"]))] = (row["visits"], None)
        else:
            day["visits"] = (row["visits"], None)
            day["bounce"] = (row["one_view_visits"], row["viewed_visits"])
    for row in entrances.to_pylist():
        name = str(Name("bounce", "entry_path", row["entry_path"]))
        found[row["local_day"]][name] = (row["one_view"], row["visits"])
    _add_steps(found, people.to_pylist(), list(steps))
    for name, metric in MONEY:
        series = traffic.series(shop=shop, period=period, metric_id=metric, at=at)
        for point in series.points:
            if point.value:
                found[point.moment][name] = (int(point.value), None)
    return found


def most_seen(shop: ShopView, day: date, steps: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By step, which of the texts that show it was seen most on a day; the first where none was. Steps without texts are left out."""
    texts = list(dict.fromkeys(text for found in steps.values() for text in found))

    def question(snapshot: warehouse.Snapshot) -> dict:
        return warehouse.run(questions.text_counts(snapshot.raw("events"), texts)).to_pylist()[0]

    row = warehouse.ask(shop, Period.of_day(day), question) if texts else {}
    seen = {text: row[f"t{place}"] for place, text in enumerate(texts)}
    return {step: max(found, key=lambda text: seen[text]) for step, found in steps.items() if found}


def _add_steps(found: dict[date, dict[str, Cell]], rows: list[dict], steps: Sequence[str]) -> None:
    whole: dict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        for step, later in combinations(steps, 2):
            of, on, what = row[step], row[f"{step}_{later}"], step_series(step, later)
            if not of:
                continue
            if row["terminal"]:
                name = str(Name(what, "terminal", row["terminal"]))
                found[row["local_day"]][name] = (on, of)
            both = whole[row["local_day"], what]
            both[0] += on
            both[1] += of
    for (day, what), (on, of) in whole.items():
        found[day][what] = (on, of)
