"""What the page of funnels shows, read from its address: steps, window, split, days; a link is a view.

Parameters, per step n from 1: `t` (a type of event), `n` (a name), and one condition: `f` (a field of the event, or
`property` with its key in `k`), `o` (how it is compared), `v` (with what), and `c` (a condition of several comparisons in its
stored form, which the form keeps or drops as a whole; with `f` both hold); then `w` and `u` (the window: a number of days,
hours, minutes or seconds), `split` (with `key` when it is a property), `funnel` (a saved one, where no step is given) and the
range. What can not be read is said in `problems`. Days and split that can not are replaced by the default; a step or a window
that can not leaves the view without a funnel: another funnel than the one that was meant is neither answered nor saved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy

from shuke.conditions.reads import All, Compare, Kind, Node, dump, fields_of, get_field, parse
from shuke.conditions.reads import words as condition_words
from shuke.console import names, viewstate, words
from shuke.console.cohort_view import _compare, _condition_words, op_choices
from shuke.kernel.errors import ShukeError
from shuke.kernel.money import exponent
from shuke.kernel.periods import Period
from shuke.shops.page_request import PageRequest
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.traffic.funnels import reads as funnels
from shuke.traffic.funnels.shapes import MOST_STEPS, SUBJECT
from shuke.traffic.funnels.splits import EVENT_FIELDS, FIELDS, VISIT_FIELDS, check, title

__all__ = ["FunnelPage", "Line", "op_choices", "read_page"]
PROPERTY = "property"
TYPE_WORDS: dict[str, str | Promise] = {
    "track": pgettext_lazy("funnel step", "Event of a name"),
    "view": pgettext_lazy("funnel step", "Page view"),
    "identify": pgettext_lazy("funnel step", "Becomes known"),
    "page": pgettext_lazy("funnel step", "Page view (web)"),
    "screen": pgettext_lazy("funnel step", "Screen (app)"),
    "group": pgettext_lazy("funnel step", "Joins a group"),
    "alias": pgettext_lazy("funnel step", "Gets another id"),
}
UNITS: dict[str, tuple[str | Promise, int]] = {
    "d": (pgettext_lazy("window", "days"), 86_400),
    "h": (pgettext_lazy("window", "hours"), 3_600),
    "m": (pgettext_lazy("window", "minutes"), 60),
    "s": (pgettext_lazy("window", "seconds"), 1),
}
PARTS = ("t", "n", "f", "k", "o", "v", "c")
LONGEST_PART, LONGEST_CONDITION = 500, 6_000
USUAL = (("view", ""), ("track", "Product Added"), ("track", "Order Completed"))


@dataclass(frozen=True)
class Line:
    """One step as the form shows it, and in words; `step` None: it can not be read. `kept`: a condition that is more than one
    comparison, in its stored form."""

    number: int
    type: str
    name: str
    field: str = ""
    key: str = ""
    op: str = ""
    value: str = ""
    kept: str = ""
    kept_words: str = ""
    step: funnels.Step | None = None
    words: str = ""


@dataclass(frozen=True)
class FunnelPage:
    """A view of a funnel. `funnel` None: its steps or its window can not be read. `saved`: the one that the address names.
    `is_as_saved`: nothing of it was changed here."""

    lines: tuple[Line, ...]
    funnel: funnels.Funnel | None
    amount: int
    unit: str
    split: str
    range: str
    range_words: str
    period: Period
    saved: funnels.FunnelView | None
    is_as_saved: bool
    problems: tuple[str, ...]

    @property
    def window_words(self) -> str:
        return window_words(timedelta(seconds=self.amount * UNITS[self.unit][1]))

    @property
    def split_words(self) -> str:
        return title(self.split) if self.split else gettext("not split")

    @property
    def split_key(self) -> str:
        """The name of the property that is split by, if one is."""
        return self.split.removeprefix("properties.") if self.split.startswith("properties.") else ""


def window_words(window: timedelta) -> str:
    """A window as a number of its largest whole unit."""
    seconds = int(window.total_seconds())
    if seconds % 86_400 == 0:
        return ngettext("%(count)s day", "%(count)s days", seconds // 86_400) % {"count": seconds // 86_400}
    if seconds % 3_600 == 0:
        return ngettext("%(count)s hour", "%(count)s hours", seconds // 3_600) % {"count": seconds // 3_600}
    if seconds % 60 == 0:
        return ngettext("%(count)s minute", "%(count)s minutes", seconds // 60) % {"count": seconds // 60}
    return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}


def step_words(step: funnels.Step, shop: ShopView, typed: str = "") -> str:
    """A step as it stands in a sentence."""
    if step.type == "track":
        said = names.event_words(step.name)
    else:
        said = str(TYPE_WORDS[step.type])
        if step.name:
            said = gettext("%(kind)s: %(name)s") % {"kind": said, "name": step.name}
    if step.condition is None:
        return said
    node = _only_compare(step.condition)
    if node is None:
        where = condition_words(step.condition)
    elif node.field == "page_type" and node.op == "eq" and step.type in ("view", "page"):
        named = str(viewstate.PAGE_TYPES.get(str(node.value), node.value))
        return named if not step.name else f"{said} · {named}"
    elif node.field in fields_of(SUBJECT):
        where = _condition_words(node, SUBJECT, typed or _shown(node, shop))
    else:
        where = condition_words(node)
    return f"{said} · {where}"


def _only_compare(node: Node) -> Compare | None:
    """The one comparison that a condition is, if it is one."""
    if isinstance(node, All) and len(node.parts) == 1:
        node = node.parts[0]
    return node if isinstance(node, Compare) else None


def _shown(node: Compare, shop: ShopView) -> str:
    """A comparison's value as a person types it."""
    given = node.value if isinstance(node.value, tuple) else (node.value,)
    if get_field(node.field).kind is Kind.MONEY:
        digits = exponent(shop.currency)
        amounts = [int(one) for one in given if isinstance(one, (int, str, Decimal))]
        return ", ".join(f"{minor / 10**digits:.{digits}f}" for minor in amounts)
    return ", ".join(str(one) for one in given if one is not None)


def read_page(request: PageRequest, shop: ShopView, today: date) -> FunnelPage:
    """The view that an address names. Raises NotFound for a saved funnel that there is not."""
    query, wrong = request.GET, list[str]()
    state = viewstate.read_view(request, shop, today, default="last30")
    saved = _saved(query, shop)
    lines = _lines(query, shop, wrong)
    if not lines:
        lines = lines_of(saved.funnel, shop) if saved is not None else _usual(shop)
    amount, unit = _window(query, saved, wrong)
    funnel = None if wrong else _funnel(lines, timedelta(seconds=amount * UNITS[unit][1]), wrong)
    problems = [*state.problems, *wrong]
    return FunnelPage(
        lines=lines,
        funnel=funnel,
        amount=amount,
        unit=unit,
        split=_split(query, request.access.may(Deed.VIEW_CUSTOMERS), problems),
        range=state.range,
        range_words=state.range_words,
        period=state.period,
        saved=saved,
        is_as_saved=saved is not None and saved.funnel == funnel,
        problems=tuple(problems),
    )


def _saved(query: QueryDict, shop: ShopView) -> funnels.FunnelView | None:
    text = query.get("funnel", "")
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        return None
    return funnels.saved_funnel(shop, int(text))


def _usual(shop: ShopView) -> tuple[Line, ...]:
    return tuple(
        _line(number, {"t": kind, "n": name}, shop, []) for number, (kind, name) in enumerate(USUAL, start=1)
    )


def _funnel(lines: tuple[Line, ...], window: timedelta, wrong: list[str]) -> funnels.Funnel | None:
    """Of lines that can all be read."""
    try:
        return funnels.Funnel(tuple(line.step for line in lines if line.step is not None), window)
    except ShukeError as error:
        wrong.append(str(error))
        return None


def _lines(query: QueryDict, shop: ShopView, problems: list[str]) -> tuple[Line, ...]:
    """The steps that the address gives, numbered anew; one more than there may be, so that it is refused and not dropped."""
    found: list[Line] = []
    for number in range(1, MOST_STEPS + 2):
        given = {
            part: query.get(f"{part}{number}", "").strip()[
                : LONGEST_CONDITION if part == "c" else LONGEST_PART
            ]
            for part in PARTS
        }
        if any(given.values()):
            found.append(_line(len(found) + 1, given, shop, problems))
    return tuple(found)


def _line(number: int, given: Mapping[str, str], shop: ShopView, problems: list[str]) -> Line:
    kind, name = given["t"], given.get("n", "")
    field, key, op, value, kept = (given.get(part, "") for part in ("f", "k", "o", "v", "c"))
    line = Line(number, kind, name, field, key, op, value, kept)
    try:
        condition: Node | None = None
        if kept:
            condition = parse(kept, SUBJECT)
            line = replace(line, kept_words=condition_words(condition))
        if field:
            asked = f"properties.{key}" if field == PROPERTY else field
            compare = _compare(asked, op or "eq", value, SUBJECT, shop)
            condition = compare if condition is None else All((compare, condition))
        # A name does not say what is viewed or done where it may stay empty.
        step = funnels.Step(kind, name, condition)
    except ShukeError as error:
        said = gettext("Step %(number)s: %(problem)s") % {"number": number, "problem": error}
        problems.append(said)
        return replace(line, words=name or str(TYPE_WORDS.get(kind, kind)))
    return replace(line, step=step, words=step_words(step, shop, value))


def lines_of(funnel: funnels.Funnel, shop: ShopView) -> tuple[Line, ...]:
    """A funnel as lines of the form; a condition of several comparisons is kept as it is stored."""
    found = []
    for number, step in enumerate(funnel.steps, start=1):
        line = Line(number, step.type, step.name, step=step, words=step_words(step, shop))
        node = _only_compare(step.condition) if step.condition is not None else None
        if node is not None:
            is_property = node.field.startswith("properties.")
            line = replace(
                line,
                field=PROPERTY if is_property else node.field,
                key=node.field.removeprefix("properties.") if is_property else "",
                op=node.op.value,
                value=_shown(node, shop),
            )
        elif step.condition is not None:
            kept = json.dumps(dump(step.condition), ensure_ascii=False)
            line = replace(line, kept=kept, kept_words=condition_words(step.condition))
        found.append(line)
    return tuple(found)


def _window(query: QueryDict, saved: funnels.FunnelView | None, problems: list[str]) -> tuple[int, str]:
    usual = _split_window(saved.funnel.window) if saved is not None else (7, "d")
    text, unit = query.get("w", ""), query.get("u", "d")
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text)) or unit not in UNITS:
        problems.append(gettext("The window has to be a whole number of days, hours, minutes or seconds."))
        return usual
    return int(text), unit


def _split_window(window: timedelta) -> tuple[int, str]:
    seconds = int(window.total_seconds())
    for unit, (_words, size) in UNITS.items():
        if seconds % size == 0:
            return seconds // size, unit
    return seconds, "s"


def _split(query: QueryDict, with_customers: bool, problems: list[str]) -> str:
    asked = query.get("split", "")[:100]
    if asked == PROPERTY:
        asked = f"properties.{query.get('key', '').strip()[:80]}"
    try:
        return check(asked, with_customers=with_customers)
    except ShukeError as error:
        problems.append(str(error))
        return ""


def query_of(page: FunnelPage, lines: tuple[Line, ...]) -> dict[str, str]:
    """The parameters of a view with these lines as its steps; days and split stay the address's."""
    given = {"w": str(page.amount), "u": page.unit}
    for number, line in enumerate(lines, start=1):
        values = (line.type, line.name, line.field, line.key, line.op, line.value, line.kept)
        given |= {f"{part}{number}": value for part, value in zip(PARTS, values, strict=True) if value}
    return given


def field_choices() -> list[tuple[str, str]]:
    """What a condition may ask of an event."""
    known = [(name, str(field.label)) for name, field in fields_of(SUBJECT).items()]
    return [*known, (PROPERTY, gettext("a property, by its name"))]


def split_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """What a funnel may be split by, by what it is of."""
    return [
        (gettext("Of the visit in which it began"), [(n, str(FIELDS[n])) for n in VISIT_FIELDS]),
        (gettext("Of the first step"), [(n, str(FIELDS[n])) for n in EVENT_FIELDS]),
    ]


def value_words(split: str, value: str | None, channels: Mapping[str, object]) -> str:
    """A value of a split as people read it."""
    if value is None:
        return gettext("not stated")
    named: Mapping[str, object] = {
        "terminal": viewstate.TERMINALS,
        "page_type": viewstate.PAGE_TYPES,
        "entry_type": viewstate.PAGE_TYPES,
        "channel": channels,
    }.get(split, {})
    return str(named.get(value, value))


def day_words(days: int) -> str:
    return ngettext("the last day", "the last %(count)s days", days) % {"count": words.count(days)}
