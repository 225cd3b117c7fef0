"""A funnel drawn: its bars, its course by day, and the tables beside them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, ngettext, pgettext

from shuke.console import funnel_view, words
from shuke.console.funnel_view import FunnelPage, Line
from shuke.shops.page_request import PageRequest
from shuke.shops.tables import Column, build_table
from shuke.traffic.funnels import reads as traffic


def step_names(view: FunnelPage, found: traffic.FunnelAnswer) -> list[str]:
    """The steps in words; of a view that could not be read whole those that were asked."""
    read: list[Line] = [line for line in view.lines if line.step is not None]
    if [line.step for line in read] == list(found.funnel.steps):
        return [line.words for line in read]
    return [step.name or str(funnel_view.TYPE_WORDS[step.type]) for step in found.funnel.steps]


def _language() -> str:
    return "zh-CN" if words.locale().language == "zh" else "en"


def bars(view: FunnelPage, found: traffic.FunnelAnswer) -> dict[str, Any]:
    """The funnel as bars: each with its share of the first step."""
    named = [f"{n}. {name}" for n, name in enumerate(step_names(view, found), start=1)]
    reached = [int(one.reached.value or 0) for one in found.steps]
    return {
        "kind": "ranked",
        "unit": "count",
        "language": _language(),
        "currency": "",
        "digits": 0,
        "labels": named,
        "values": reached,
        "after": [
            words.percent(one / reached[0], 1) if n and reached[0] else "" for n, one in enumerate(reached)
        ],
        "paid": [True] * len(named),
    }


def course_of_days(found: traffic.FunnelAnswer) -> dict[str, Any] | None:
    """What share of each day's starters got through; a day whose window is open is left out. None: too few days."""
    shares = [
        None if day.is_unfinished or not day.reached[0] else day.reached[-1] / day.reached[0]
        for day in found.days
    ]
    if sum(share is not None for share in shares) < 2:
        return None
    return {
        "kind": "line",
        "unit": "ratio",
        "language": _language(),
        "currency": "",
        "digits": 0,
        "labels": [words.short_day(day.day) for day in found.days],
        "series": [{"name": pgettext("funnel", "got through"), "values": shares}],
        "is_past": True,
        "edge": None,
        "edge_name": "",
    }


def day_rows(found: traffic.FunnelAnswer) -> list[dict[str, Any]]:
    return [
        {
            "day": words.short_day(one.day),
            "counts": [words.count(n) for n in one.reached],
            "share": words.percent(one.reached[-1] / one.reached[0], 1) if one.reached[0] else words.UNKNOWN,
            "is_unfinished": one.is_unfinished,
        }
        for one in found.days
    ]


def split_table(request: PageRequest, view: FunnelPage, found: traffic.FunnelAnswer, channels: Any) -> Any:
    """A row a part: how many got to each step, and the share that got through."""
    named = step_names(view, found)

    def part_name(part: traffic.Part) -> str:
        if part.others:
            return ngettext("%(count)s other", "%(count)s others", part.others) % {
                "count": words.count(part.others)
            }
        return funnel_view.value_words(view.split, part.value, channels)

    def share(part: traffic.Part) -> float | None:
        return part.reached[-1] / part.reached[0] if part.reached[0] else None

    columns: list[Column[traffic.Part]] = [
        Column("part", view.split_words, part_name, is_first=True, is_searched=True)
    ]
    columns += [
        Column(f"step{n}", f"{n}. {name}", _reached(n), "count", is_number=True)
        for n, name in enumerate(named, start=1)
    ]
    columns.append(
        Column(
            "share",
            gettext("Got through"),
            share,
            "nowrap",
            is_number=True,
            shown=lambda part: words.percent(share(part) or 0, 1) if part.reached[0] else words.UNKNOWN,
        )
    )
    return build_table(request, "funnel-split", columns, found.parts)


def _reached(number: int) -> Any:
    return lambda part: part.reached[number - 1]
