"""Day after day: what the watch knows of a shop, and the next day judged with it. Pure; what stores it is actions.py.

`Memory` is all that a day's judgement needs of the days before it, so that nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from shuke.kernel.periods import ONE_DAY
from shuke.traffic.alerts.decisions import judge_day
from shuke.traffic.alerts.incidents import Incident, fold
from shuke.traffic.alerts.shapes import Counts, Judgement, Values

SCORES_KEPT = 56
_FAR_BACK = 450  # days: more than any baseline looks back


@dataclass(frozen=True)
class Memory:
    """`history`: counts per day; `scores`: by series, of its last days without an incident; `incidents`: all that may still
    matter, open and over; `unknown`: by series the days on which it could not be computed, also those still to be judged."""

    history: dict[date, Counts] = field(default_factory=dict)
    scores: dict[str, list[Mapping[int, float]]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    unknown: Mapping[str, Collection[date]] = field(default_factory=dict)


def next_day(
    memory: Memory,
    day: date,
    counts: Counts,
    values: Values,
    directions: Mapping[str, int] | None = None,
    late: Mapping[str, date | None] | None = None,
) -> tuple[Memory, dict[str, Judgement]]:
    """Judge the day after those that the memory holds; returns the memory with it. `directions`, `late`: as `judge_day`."""
    history = {**memory.history, day: counts}
    left_out, closed = shadows(memory.incidents, day)
    for text, days in memory.unknown.items():
        left_out.setdefault(text, set()).update(days)
        closed.setdefault(text, set()).update(days)
    judged = judge_day(
        day,
        history,
        values,
        left_out=left_out,
        closed=closed,
        past=memory.scores,
        directions=directions,
        late=late,
    )
    open_ones = [one for one in memory.incidents if one.state == "open"]
    over = [one for one in memory.incidents if one.state != "open"]
    lowest = min((one.id for one in memory.incidents), default=0)
    folded = []
    heard = {text: one for text, one in judged.items() if one.verdict != "waiting"}
    for one in fold(day, heard, open_ones, values):
        if one.id == 0:
            lowest = min(lowest, 0) - 1
            one = replace(one, id=lowest)  # those that no row holds yet have ids below 0
        folded.append(one)
    busy = {text for one in folded for text in one.members}
    scores = {**memory.scores}
    for text, found in judged.items():
        if text not in busy and found.scores:
            scores[text] = [*scores.get(text, ()), found.scores][-SCORES_KEPT:]
    return Memory(history, scores, [*over, *folded], memory.unknown), judged


def shadows(incidents: list[Incident], day: date) -> tuple[dict[str, set[date]], dict[str, set[date]]]:
    """Per series the days that teach nothing, and those that no run may reach back to.

    After a level that lasts, the days before it teach nothing.
    """
    left_out: dict[str, set[date]] = {}
    closed: dict[str, set[date]] = {}
    for one in incidents:
        for text, since in one.members.items():
            first = min(since, one.since)
            if one.state == "lasting":
                before = {first - ONE_DAY * n for n in range(1, _FAR_BACK)}
                left_out.setdefault(text, set()).update(before)
                closed.setdefault(text, set()).update(before)
                continue
            days = {first + ONE_DAY * n for n in range((one.last_day - first).days + 1)}
            left_out.setdefault(text, set()).update(days)
            if one.state != "open":
                closed.setdefault(text, set()).update(days)
    return left_out, closed


def replay(history: Mapping[date, Counts], values: Values, *, start: date | None = None) -> Memory:
    """Judge every day of a history in its order (from `start` on; those before it only teach)."""
    days = sorted(history)
    memory = Memory()
    day = days[0]
    while day <= days[-1]:
        counts = history.get(day, {})
        if start is not None and day < start:
            memory.history[day] = counts
        else:
            memory, _judged = next_day(memory, day, counts, values)
        day += ONE_DAY
    return memory
