"""Pure decisions about routes: what a step may be, and whether what it keeps is what was planned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid
from shuke.traffic.decisions import wilson
from shuke.traffic.routes.shapes import STEP_KINDS, Step, Verdict

LONGEST_NAME, LONGEST_PATH, FEWEST_STEPS, MOST_STEPS = 80, 500, 2, 12
PAGE_TYPES = ("home", "item", "list", "search", "cart", "checkout", "campaign", "content", "other")
PLACES = Decimal("0.000001")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Engines read these apart within a pattern; a path may hold them, a pattern may not.
_UNSAFE = re.compile(r"[\[\]\\^]")


class BadRoute(Invalid):
    code = "bad_route"


class BadName(BadRoute):
    words = _("The name can not be “%(value)s”.")
    remedy = _("Give it 1 to 80 characters.")


class BadStepCount(BadRoute):
    words = _("A route can not have %(value)s steps.")
    remedy = _("Write down 2 to 12 steps.")


class BadStepKind(BadRoute):
    words = _("%(field)s: “%(value)s” is no kind of step.")
    remedy = _("A step is a page, a pattern, a type of page, or the order.")


class BadPath(BadRoute):
    words = _("%(field)s: a path can not be “%(value)s”.")
    remedy = _("Write the path of a page without its address and query, beginning with /, such as /cart.")


class BadPattern(BadRoute):
    words = _("%(field)s: a pattern can not be “%(value)s”.")
    remedy = _(
        "Write a path beginning with / in which * stands for any characters, such as /item/*; without [ ] \\ ^."
    )


class BadPageType(BadRoute):
    words = _("%(field)s: “%(value)s” is no type of page.")
    remedy = _("Choose one of: %(types)s.")


class BadShare(BadRoute):
    words = _("%(field)s: the planned share can not be “%(value)s”.")
    remedy = _("Give a share above 0 and up to 100 %%; only the first step may have none.")


def read_name(text: Any) -> str:
    """A route's name. Raises BadName."""
    name = " ".join(text.split()) if isinstance(text, str) else ""
    if not name or len(name) > LONGEST_NAME or _CONTROL.search(name):
        raise BadName(field="name", value=text)
    return name


def read_steps(given: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps as kept or sent ({kind, value, share}). Raises BadRoute, naming the step (`steps.2.value`)."""
    if not FEWEST_STEPS <= len(given) <= MOST_STEPS:
        raise BadStepCount(field="steps", value=len(given))
    return tuple(_step(number, one) for number, one in enumerate(given, start=1))


def _step(number: int, given: Mapping[str, Any]) -> Step:
    kind = given.get("kind")
    if kind not in STEP_KINDS:
        raise BadStepKind(field=f"steps.{number}.kind", value=kind)
    value, field = given.get("value") or "", f"steps.{number}.value"
    if not isinstance(value, str):
        raise BadPath(field=field, value=value)
    value = value.strip()
    if kind == "type" and value not in PAGE_TYPES:
        raise BadPageType(field=field, value=value, types=", ".join(PAGE_TYPES))
    if kind == "page" and not _is_path(value):
        raise BadPath(field=field, value=value)
    if kind == "pattern" and (not _is_path(value) or "*" not in value or _UNSAFE.search(value)):
        raise BadPattern(field=field, value=value)
    return Step(kind, "" if kind == "order" else value, _share(number, given.get("share")))


def _is_path(text: str) -> bool:
    is_whole = text.startswith("/") and len(text) <= LONGEST_PATH
    return is_whole and not _CONTROL.search(text) and not any(c in text for c in "?# ")


def _share(number: int, given: Any) -> Decimal | None:
    if given is None or given == "":
        if number == 1:
            return None
        raise BadShare(field=f"steps.{number}.share", value="")
    try:
        share = Decimal(str(given))
    except InvalidOperation:
        raise BadShare(field=f"steps.{number}.share", value=given) from None
    if isinstance(given, bool) or not share.is_finite() or not 0 < share <= 1:
        raise BadShare(field=f"steps.{number}.share", value=given)
    rounded = share.quantize(PLACES)
    if not rounded:
        raise BadShare(field=f"steps.{number}.share", value=given)
    return rounded.normalize()


def kept(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Steps as the database and the API hold them."""
    return [
        {
            "kind": one.kind,
            "value": one.value,
            "share": None if one.share is None else f"{one.share:f}",
        }
        for one in steps
    ]


def of_kept(rows: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps as the database holds them. Not checked again: what was once kept stays readable, so that it can be mended."""
    return tuple(
        Step(one["kind"], one["value"], None if one["share"] is None else Decimal(one["share"]))
        for one in rows
    )


def interval(part: int, whole: int) -> tuple[Decimal, Decimal] | None:
    """Wilson's interval at 95 % of a share; None of nothing."""
    if whole <= 0:
        return None
    low, high = wilson(part, whole)
    return Decimal(low).quantize(PLACES), Decimal(high).quantize(PLACES)


def judged(part: int, whole: int, planned: Decimal | None, few: int) -> Verdict:
    """Whether a share is below or above its plan beyond what chance explains; `few`: fewer cases are not judged."""
    if planned is None:
        return "unplanned"
    found = interval(part, whole)
    if found is None or whole < few:
        return "few"
    low, high = found
    return "below" if high < planned else "above" if low > planned else "within"


def missing(part: int, whole: int, planned: Decimal | None) -> int | None:
    """Visits that the plan would have brought and that did not come, rounded; below 0: more came."""
    return None if planned is None else round(planned * whole - part)
