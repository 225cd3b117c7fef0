"""What the watch asks of the warehouse, as expressions: by day entrances with their bounces, and steps by terminal.

Visits and channels stand in `channel_days`; orders and amounts are traffic's own questions. Portable (warehouse/portability.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations
from operator import or_

import ibis

from shuke.rulebook import reads as rulebook

MOST_ENTRANCES_A_DAY = 30  # read per day; which of them are watched is decided over weeks


def channel_counts(channel_days: ibis.Table) -> ibis.Table:
    """Day, channel ('' for all): visits, those with a view, those of one view."""
    named = channel_days.mutate(channel=channel_days.channel.coalesce(""))
    return named.filter((named.level == "day") | (named.channel != "")).select(
        "local_day", "channel", "visits", "viewed_visits", "one_view_visits"
    )


def entrance_counts(visits: ibis.Table, most: int = MOST_ENTRANCES_A_DAY) -> ibis.Table:
    """Day, entrance: visits that began there, those of one view; of each day the most visited entrances."""
    entered = visits.filter(visits.entry_path.notnull())
    added = entered.group_by("local_day", "entry_path").aggregate(
        visits=entered.count(), one_view=ibis.ifelse(entered.views == 1, 1, 0).sum()
    )
    place = ibis.row_number().over(group_by="local_day", order_by=[added.visits.desc(), added.entry_path])
    placed = added.mutate(place=place)
    return placed.filter(placed.place < most).select("local_day", "entry_path", "visits", "one_view")


def step_counts(events: ibis.Table, steps: Mapping[str, Sequence[str]]) -> ibis.Table:
    """Day, terminal ('' where none is known): per step `<step>`, the day's visitors who reached it, and per
    step and later step `<step>_<later>`, those of them who reached the later one on that day too: not every shop has every
    step, so that which is the next one shows only over weeks."""
    shown = {step: _shows(events, texts) for step, texts in steps.items()}
    marked = events.mutate(**{f"is_{step}": ibis.ifelse(is_it, 1, 0) for step, is_it in shown.items()})
    marked = marked.filter(reduce(or_, (marked[f"is_{step}"] == 1 for step in steps)))
    people = marked.group_by("local_day", "visitor_id").aggregate(
        terminal=marked.terminal.coalesce("").max(), **{step: marked[f"is_{step}"].max() for step in steps}
    )
    names = list(steps)
    sums = {step: people[step].sum() for step in names}
    for step, later in combinations(names, 2):
        sums[f"{step}_{later}"] = (people[step] * people[later]).sum()
    return people.group_by("local_day", "terminal").aggregate(**sums)


def text_counts(events: ibis.Table, texts: Sequence[str]) -> ibis.Table:
    """One row: `t0`, `t1`, …, how many events each of the texts shows."""
    shown = {f"t{place}": _shows(events, [text]) for place, text in enumerate(texts)}
    return events.aggregate(
        **{name: ibis.ifelse(is_it, 1, 0).sum().coalesce(0) for name, is_it in shown.items()}
    )


def _shows(events: ibis.Table, texts: Sequence[str]) -> ibis.BooleanValue:
    names = [text for text in texts if not text.startswith(("page:", "/", "*"))]
    types = [text.removeprefix("page:") for text in texts if text.startswith("page:")]
    paths = [text for text in texts if text.startswith(("/", "*")) and text.strip("*")]
    is_view = events.type.isin(["page", "screen"])
    found = [ibis.literal(False)]
    if names:
        found.append((events.type == "track") & events.name.coalesce("").isin(names))
    if types:
        found.append(is_view & events.page_type.coalesce("").isin(types))
    if paths:
        path = events.page_path.coalesce("").lower()
        patterns = rulebook.page_patterns([{"type": "step", "path": paths}])
        found.append(is_view & reduce(or_, (_fits(path, one) for one in patterns)))
    return reduce(or_, found)


def _fits(path: ibis.StringValue, pattern: rulebook.PagePattern) -> ibis.BooleanValue:
    if pattern.how == "exact":
        return path == pattern.text
    if pattern.how == "prefix":
        return path.startswith(pattern.text)
    return path.endswith(pattern.text) if pattern.how == "suffix" else path.contains(pattern.text)
