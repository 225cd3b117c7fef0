"""Planned routes in words: a step, its verdict, and the sentence that says where most visits are lost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext, pgettext_lazy

from shuke.console import words
from shuke.console.viewstate import PAGE_TYPES
from shuke.traffic.figures import Number
from shuke.traffic.routes import reads as routes

VERDICTS: dict[str, tuple[str | Promise, str]] = {
    "below": (pgettext_lazy("planned route", "below plan"), "bad"),
    "above": (pgettext_lazy("planned route", "above plan"), "good"),
    "within": (pgettext_lazy("planned route", "as planned"), ""),
    "few": (pgettext_lazy("planned route", "too few to judge"), "warn"),
    "unplanned": (pgettext_lazy("planned route", "nothing planned"), ""),
}


def step_words(step: routes.Step) -> str:
    """A step by its name."""
    if step.kind == "order":
        return pgettext("planned route", "Order")
    if step.kind == "type":
        return str(PAGE_TYPES.get(step.value, step.value))
    return step.value


def page_words(path: str | None, kind: str = "") -> str:
    """A page by its path; a page that states none; nowhere."""
    if path is None:
        return pgettext("planned route", "left the shop")
    return path or pgettext("page", "page without a path")


def between(part: Decimal | None, other: Decimal | None) -> str:
    """An interval of shares."""
    if part is None or other is None:
        return ""
    return f"{words.percent(part, 1)}–{words.percent(other, 1)}"


def share(value: Number | None) -> str:
    """A share (0 to 1), as a figure or a plan gives it."""
    return words.UNKNOWN if value is None else words.percent(value, 1)


def sentence(found: routes.RouteReport) -> str:
    """What the route says: where most visits are missing against the plan and where they went instead."""
    first, last = found.steps[0], found.steps[-1]
    if not first.entered.value:
        return gettext("No visit entered the route at “%(step)s”.") % {"step": step_words(first.step)}
    said = [
        gettext("Of %(entered)s visits that entered the route, %(through)s came through (%(share)s).")
        % {
            "entered": words.count(first.entered.value),
            "through": words.count(last.entered.value or 0),
            "share": share(found.through.value),
        }
    ]
    number = found.worst or found.most_left
    if number is not None:
        said.append(_leak(found, number))
    if found.worst is None and all(one.verdict in ("within", "above") for one in found.steps[1:]):
        said.append(gettext("Every step keeps what was planned."))
    return ("" if words.locale().language == "zh" else " ").join(said)


def _leak(found: routes.RouteReport, number: int) -> str:
    step, after = found.steps[number - 1], found.steps[number]
    given: dict[str, Any] = {"step": step_words(step.step), "after": step_words(after.step)}
    if found.worst is not None:
        text = gettext(
            "Most is lost after “%(step)s”: %(kept)s went on to “%(after)s”, %(planned)s were planned, %(missing)s visits are missing."
        )
        given |= {
            "kept": share(after.kept.value),
            "planned": share(after.step.share),
            "missing": words.count(after.missing or 0),
        }
    else:
        text = gettext("Most left after “%(step)s”: %(left)s visits.")
        given["left"] = words.count(step.left or 0)
    said = text % given
    if step.leaks:
        most = step.leaks[0]
        where = (
            gettext("Most of them left the shop (%(share)s).")
            if most.path is None
            else gettext("Most of them went to %(page)s (%(share)s).")
        )
        said += "" if words.locale().language == "zh" else " "
        said += where % {"page": page_words(most.path), "share": share(most.share)}
    return said
