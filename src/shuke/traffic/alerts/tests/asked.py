"""The watch's questions with slow, plain answers: (name, kinds, build, expected) for the corpus, for any engine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from shuke.traffic.alerts import questions

Row = dict[str, Any]
Facts = Mapping[str, Sequence[Row]]
# As shipped, but for the two that the drawn shop reaches by other ways.
STEPS = {
    "item": ("Product Viewed", "page:item"),
    "cart": ("Product Added", "/CART*"),
    "checkout": ("Checkout Started", "*/item/2", "/checkout"),
    "order": ("Order Completed",),
}
MOST = 2


def channels(facts: Facts) -> list[Row]:
    return [
        {
            "local_day": row["local_day"],
            "channel": row["channel"] or "",
            **{name: row[name] for name in ("visits", "viewed_visits", "one_view_visits")},
        }
        for row in facts["channel_days"]
        if row["level"] == "day" or row["channel"]
    ]


def entrances(facts: Facts, most: int = MOST) -> list[Row]:
    came: Counter[tuple[Any, str]] = Counter()
    left: Counter[tuple[Any, str]] = Counter()
    for visit in facts["visits"]:
        if visit["entry_path"] is not None:
            key = (visit["local_day"], visit["entry_path"])
            came[key] += 1
            left[key] += visit["views"] == 1
    found = []
    for day in {day for day, _path in came}:
        ranked = sorted((-number, path) for (one, path), number in came.items() if one == day)[:most]
        found += [
            {"local_day": day, "entry_path": path, "visits": -number, "one_view": left[day, path]}
            for number, path in ranked
        ]
    return found


def steps(facts: Facts, given: Mapping[str, Sequence[str]] = STEPS) -> list[Row]:
    reached: dict[tuple[Any, Any], set[str]] = defaultdict(set)
    terminals: dict[tuple[Any, Any], str] = defaultdict(str)
    for event in facts["events"]:
        shown = {step for step, texts in given.items() if any(_shows(event, text) for text in texts)}
        if shown:
            key = (event["local_day"], event["visitor_id"])
            reached[key] |= shown
            terminals[key] = max(terminals[key], event["terminal"] or "")
    names = list(given)
    found: dict[tuple[Any, str], Row] = {}
    for (day, visitor), done in reached.items():
        empty = {**dict.fromkeys(names, 0), **{f"{a}_{b}": 0 for a, b in combinations(names, 2)}}
        group = (day, terminals[day, visitor])
        row = found.setdefault(group, {"local_day": day, "terminal": group[1], **empty})
        for step in done:
            row[step] += 1
        for step, later in combinations(names, 2):
            row[f"{step}_{later}"] += step in done and later in done
    return list(found.values())


TEXTS = [text for found in STEPS.values() for text in found]


def texts(facts: Facts) -> list[Row]:
    return [{f"t{i}": sum(_shows(event, text) for event in facts["events"]) for i, text in enumerate(TEXTS)}]


def _shows(event: Row, text: str) -> bool:
    is_view = event["type"] in ("page", "screen")
    if text.startswith("page:"):
        return is_view and event["page_type"] == text[5:]
    if text.startswith(("/", "*")):
        path, plain = (event["page_path"] or "").lower(), text.strip("*").lower()
        starts, ends = text.startswith("*"), text.endswith("*")
        if starts and ends:
            return is_view and plain in path
        return is_view and (
            path.endswith(plain) if starts else path.startswith(plain) if ends else path == plain
        )
    return event["type"] == "track" and event["name"] == text


ASKED = (
    (
        "alert_channels",
        ("channel_days",),
        lambda tables: questions.channel_counts(tables["channel_days"]),
        channels,
    ),
    (
        "alert_entrances",
        ("visits",),
        lambda tables: questions.entrance_counts(tables["visits"], MOST),
        entrances,
    ),
    (
        "alert_texts",
        ("events",),
        lambda tables: questions.text_counts(tables["events"], TEXTS),
        texts,
    ),
    ("alert_steps", ("events",), lambda tables: questions.step_counts(tables["events"], STEPS), steps),
)
