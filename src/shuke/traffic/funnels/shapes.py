"""What a funnel is made of: ordered steps, a window and whose steps they are; and its stored form, versioned JSON.

A visitor counts at step k when there is a start (an event of the first step, on a day of the period) from which k events,
the start included, fit the steps in order, each strictly later than the one before by (at, ord, event_id) and earlier than
the start's moment plus the window (half-open). So one event serves at most one step, and a step that stands twice needs
two events. Of several starts the one counts that gets furthest, of those the one that gets there first, and of
these the last; from it each further step is taken at the earliest event that fits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from shuke.conditions.reads import Node, dump, parse
from shuke.kernel.errors import Invalid

VERSION = 1
SUBJECT = "event"
# What an event may be; `view` is a page or a screen.
TYPES: dict[str, tuple[str, ...]] = {
    "track": ("track",),
    "view": ("page", "screen"),
    "page": ("page",),
    "screen": ("screen",),
    "identify": ("identify",),
    "group": ("group",),
    "alias": ("alias",),
}
WHO = ("visitor",)
Who = Literal["visitor"]
FEWEST_STEPS, MOST_STEPS = 2, 10
LONGEST_NAME = 200
LONGEST_WINDOW = timedelta(days=90)
USUAL_WINDOW = timedelta(days=7)


class BadFunnel(Invalid):
    code = "bad_funnel"
    words = _("The funnel can not be read at %(field)s: “%(value)s”.")
    remedy = "%(expected)s"


@dataclass(frozen=True)
class Step:
    """One step: events of a type (TYPES), of a name ('' means any), under a condition on the fields of an event.

    Raises BadFunnel for an unknown type, an unnamed deed (track) or a name that is too long or no plain text.
    """

    type: str
    name: str = ""
    condition: Node | None = None

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise BadFunnel(field="type", value=self.type, expected=", ".join(TYPES))
        is_text = not any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in self.name)
        if not is_text or len(self.name) > LONGEST_NAME or self.name != self.name.strip():
            raise BadFunnel(field="name", value=self.name, expected=_("A name as the events have it."))
        if self.type == "track" and not self.name:
            raise BadFunnel(field="name", value="", expected=_("Say the name of the event."))


@dataclass(frozen=True)
class Funnel:
    """Ordered steps within a window that begins with the first of them. Raises BadFunnel."""

    steps: tuple[Step, ...]
    window: timedelta = USUAL_WINDOW
    who: Who = "visitor"

    def __post_init__(self) -> None:
        if not FEWEST_STEPS <= len(self.steps) <= MOST_STEPS:
            expected = _("From %(fewest)s to %(most)s steps.") % {"fewest": FEWEST_STEPS, "most": MOST_STEPS}
            raise BadFunnel(field="steps", value=len(self.steps), expected=expected)
        if not timedelta(seconds=1) <= self.window <= LONGEST_WINDOW or self.window.microseconds:
            expected = _("Whole seconds, from 1 to %(most)s.") % {"most": int(LONGEST_WINDOW.total_seconds())}
            raise BadFunnel(field="window", value=int(self.window.total_seconds()), expected=expected)
        if self.who not in WHO:
            raise BadFunnel(field="who", value=self.who, expected=", ".join(WHO))


def dump_funnel(funnel: Funnel) -> dict[str, Any]:
    """The stored form: {"v": 1, "steps": [{"type", "name", "condition"}], "window": seconds, "who": …}."""
    steps = []
    for step in funnel.steps:
        form: dict[str, Any] = {"type": step.type}
        if step.name:
            form["name"] = step.name
        if step.condition is not None:
            form["condition"] = dump(step.condition)
        steps.append(form)
    seconds = int(funnel.window.total_seconds())
    return {"v": VERSION, "steps": steps, "window": seconds, "who": funnel.who}


def parse_funnel(data: Any) -> Funnel:
    """A funnel from its stored form, as text or decoded. Raises BadFunnel, and what conditions raise."""
    if isinstance(data, (str, bytes)):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            raise BadFunnel(field="funnel", value=data, expected=_("One JSON object.")) from None
    if not isinstance(data, Mapping):
        raise BadFunnel(field="funnel", value=data, expected=_("One JSON object."))
    _require_keys(data, {"v", "steps"}, {"window", "who"}, "funnel")
    if isinstance(data["v"], bool) or data["v"] != VERSION:
        raise BadFunnel(field="v", value=data["v"], expected=str(VERSION))
    steps = data["steps"]
    if not isinstance(steps, list | tuple):
        raise BadFunnel(field="steps", value=steps, expected=_("A list of steps."))
    if len(steps) > MOST_STEPS:
        expected = _("From %(fewest)s to %(most)s steps.") % {"fewest": FEWEST_STEPS, "most": MOST_STEPS}
        raise BadFunnel(field="steps", value=len(steps), expected=expected)
    window = data.get("window", int(USUAL_WINDOW.total_seconds()))
    if isinstance(window, bool) or not isinstance(window, int) or abs(window) > 10**9:
        expected = _("Whole seconds, from 1 to %(most)s.") % {"most": int(LONGEST_WINDOW.total_seconds())}
        raise BadFunnel(field="window", value=window, expected=expected)
    who = data.get("who", "visitor")
    if who not in WHO:
        raise BadFunnel(field="who", value=who, expected=", ".join(WHO))
    read = tuple(_step(step, f"steps[{place}]") for place, step in enumerate(steps))
    return Funnel(read, timedelta(seconds=window), who)


def _step(data: Any, place: str) -> Step:
    if not isinstance(data, Mapping):
        raise BadFunnel(field=place, value=data, expected=_("An object with type and name."))
    _require_keys(data, {"type"}, {"name", "condition"}, place)
    for key in ("type", "name"):
        if not isinstance(data.get(key, ""), str):
            raise BadFunnel(field=f"{place}.{key}", value=data[key], expected=_("A text."))
    condition = data.get("condition")
    try:
        return Step(
            data["type"],
            data.get("name", ""),
            parse(condition, SUBJECT) if condition is not None else None,
        )
    except BadFunnel as error:
        expected = error.params["expected"]
        raise BadFunnel(field=f"{place}.{error.field}", value=error.value, expected=expected) from None


def _require_keys(data: Mapping[str, Any], needed: set[str], allowed: set[str], place: str) -> None:
    missing, unknown = needed - set(data), set(data) - needed - allowed
    if missing or unknown:
        expected = _("Exactly these parts: %(parts)s.") % {"parts": ", ".join(sorted(needed | allowed))}
        raise BadFunnel(
            field=place, value=", ".join(map(str, sorted(missing or unknown, key=str))), expected=expected
        )
