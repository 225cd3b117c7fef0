"""Between rows and what the judging speaks about: a shop's memory from its rows, a day's judgement into them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from shuke.kernel.periods import ONE_DAY
from shuke.traffic.alerts.incidents import STATES, Incident, segments_of
from shuke.traffic.alerts.models import OPEN, Alert, AlertRule, DayJudged
from shuke.traffic.alerts.shapes import Cell, Judgement, Name, Values
from shuke.traffic.alerts.watching import SCORES_KEPT, Memory

_SPARE_DAYS = 14
_SEGMENTS_KEPT = 20


def cells_as_json(cells: Mapping[str, Cell | None]) -> dict[str, list[int | None] | None]:
    """None: it was asked, and could not be computed."""
    return {name: None if cell is None else list(cell) for name, cell in cells.items()}


def cells_of(stored: Mapping[str, list[Any] | None]) -> dict[str, Cell]:
    return {name: (cell[0], cell[1]) for name, cell in stored.items() if cell is not None}


def unknown_of(rows: Iterable[DayJudged]) -> dict[str, set[date]]:
    """By series the days on which it could not be computed."""
    found: dict[str, set[date]] = {}
    for row in rows:
        for name, cell in row.counts.items():
            if cell is None:
                found.setdefault(name, set()).add(row.day)
    return found


def watched(cells: Mapping[str, Cell], own: Collection[str]) -> dict[str, Cell]:
    """Without the series of rules that are off or gone: days that did not count them would read as days of nothing."""
    return {text: cell for text, cell in cells.items() if not is_of_rule(text) or text in own}


def is_of_rule(text: str) -> bool:
    """Whether it is the series of a shop's own rule."""
    return Name.read(text).family in ("count", "rate")


def memory_days(values: Values) -> int:
    """What a day's judgement looks back at: twice the baseline, the longest run, and some."""
    return 2 * values.baseline_days + max(*values.windows, *values.slow_windows) + _SPARE_DAYS


def memory_of(shop_id: int, first: date, day: date, own: Collection[str]) -> Memory:
    """What is known of the days from `first` until before `day`; `own`: the series of the rules that are on. Rows of earlier
    days say nothing: they may lie before the shop's life. Within the shop's scope."""
    rows = list(DayJudged.objects.filter(day__gte=first, day__lt=day).order_by("day"))
    incidents = [
        incident_of(row)
        for row in Alert.objects.filter(rule__kind__in=["watch", "unusual"], last_day__gte=first).order_by(
            "id"
        )
    ]
    busy: dict[str, set[date]] = {}
    for one in incidents:
        for text, since in one.members.items():
            length = (one.last_day - since).days + 1
            busy.setdefault(text, set()).update(since + ONE_DAY * n for n in range(length))
    scores: dict[str, list[Mapping[int, float]]] = {}
    for row in rows:
        for text, found in row.scores.items():
            if row.day not in busy.get(text, ()):
                scores.setdefault(text, []).append({int(w): s for w, s in found.items()})
    return Memory(
        {row.day: watched(cells_of(row.counts), own) for row in rows},
        {text: found[-SCORES_KEPT:] for text, found in scores.items()},
        incidents,
        unknown_of(rows),
    )


def incident_of(row: Alert) -> Incident:
    return Incident(
        row.pk,
        row.lead,
        row.since,
        row.raised_on,
        row.last_day,
        {text: date.fromisoformat(since) for text, since in row.members.items()},
        STATES[row.state],
        row.ended_on,
        row.change,
        row.loudest,
    )


def judged_as_json(judged: Mapping[str, Judgement]) -> dict[str, list[Any]]:
    """By series: verdict, actual, cases, expected, low, high, z, window, days to see."""
    return {
        text: [
            one.verdict,
            _short(one.actual),
            one.cases,
            _short(one.expected),
            _short(one.low),
            _short(one.high),
            one.z,
            one.window,
            one.days_to_see,
        ]
        for text, one in judged.items()
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def scores_as_json(judged: Mapping[str, Judgement]) -> dict[str, dict[str, float]]:
    return {text: {str(w): s for w, s in one.scores.items()} for text, one in judged.items() if one.scores}


def store_late(day: date, judged: Mapping[str, Judgement]) -> None:
    """What was judged on `day` as of an earlier one, into that day's row. Within the shop's scope."""
    late: dict[date, dict[str, Judgement]] = {}
    for text, one in judged.items():
        if one.day != day:
            late.setdefault(one.day, {})[text] = one
    for row in DayJudged.objects.filter(day__in=late):
        row.scores = {**row.scores, **scores_as_json(late[row.day])}
        row.judged = {**row.judged, **judged_as_json(late[row.day])}
        row.save(update_fields=["scores", "judged"])


def store(row: Alert, one: Incident, judged: Mapping[str, Judgement], definitions: Mapping[str, str]) -> None:
    """The incident into its row (not yet saved). While it is open its evidence is that of the loudest day so far."""
    lead = judged.get(one.lead)
    if lead is not None and lead.window and one.state == OPEN:
        is_new = not row.evidence or row.lead != one.lead or lead.z >= row.evidence.get("z", 0)
        if is_new:
            run = lead.runs[lead.window]
            since = lead.since or one.since
            days = max((lead.day - since).days + 1, 1)
            run = lead.runs.get(days, run)
            row.evidence = {
                "day": lead.day.isoformat(),
                "days": days if days in lead.runs else lead.window,
                "part": run.part,
                "whole": run.whole,
                "usual": round(run.usual, 6),
                "z": lead.z,
                "needed": lead.needed,
            }
            row.segments = [
                {
                    "name": found.name,
                    "part": found.part,
                    "whole": found.whole,
                    "expected": round(found.expected, 3),
                    "loss": round(found.loss, 3),
                    "share": round(found.share, 4),
                    "z": found.z,
                }
                for found in segments_of(str(Name.read(one.lead).whole), judged, row.evidence["days"])
            ][:_SEGMENTS_KEPT]
    row.lead, row.since, row.raised_on, row.last_day = one.lead, one.since, one.raised_on, one.last_day
    row.members = {text: since.isoformat() for text, since in one.members.items()}
    row.state, row.ended_on = one.state, one.ended_on
    row.change, row.loudest = one.change, one.loudest
    row.definitions = {**row.definitions, **definitions}


def watch_rule(shop_id: int, at: Any) -> AlertRule:
    """The rule of everything watched as shipped; made when it is first needed. Within the shop's scope."""
    rule, _made = AlertRule.objects.get_or_create(
        shop_id=shop_id, kind="watch", defaults={"created_at": at, "created_by": "Shuke"}
    )
    return rule
