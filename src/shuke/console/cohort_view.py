"""What the page of cohorts shows, read from its address: behaviours with a condition each, of whom, by what, which days.

Parameters: `start` and `back` (a kind of behaviour; `back` empty: the same), each with `_name` of an event and one
condition in `_field`, `_op`, `_value`; `who`, `grain`, `range` (last, all, custom with `from` and `to`, both included) and
`show` (share or people). What can not be read is replaced by the default and said in `problems`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy

from shuke.conditions.reads import Compare, Field, Kind, Op, fields_of, op_words, parse
from shuke.console import names, viewstate
from shuke.kernel.errors import ShukeError
from shuke.kernel.money import exponent
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic.reads import Behaviour
from shuke.traffic.reads.cohort_shapes import GRAINS, KINDS, SUBJECTS, WHO, Grain, Who

STARTS: dict[str, str | Promise] = {
    "order": pgettext_lazy("cohort starts", "First order"),
    "movement": pgettext_lazy("cohort starts", "First order or cancellation"),
    "visit": pgettext_lazy("cohort starts", "First visit"),
    "sign_up": pgettext_lazy("cohort starts", "Sign-up"),
    "event": pgettext_lazy("cohort starts", "First event of a name"),
}
RETURNS: dict[str, str | Promise] = {
    "": pgettext_lazy("cohort returns", "The same again"),
    "order": pgettext_lazy("cohort returns", "Order"),
    "movement": pgettext_lazy("cohort returns", "Order or cancellation"),
    "visit": pgettext_lazy("cohort returns", "Visit"),
    "sign_up": pgettext_lazy("cohort returns", "Sign-up"),
    "event": pgettext_lazy("cohort returns", "Event of a name"),
}
WHO_WORDS: dict[str, str | Promise] = {
    "person": pgettext_lazy("cohort of", "Buyers and known people"),
    "visitor": pgettext_lazy("cohort of", "Visitors (devices)"),
}
GRAIN_WORDS: dict[str, str | Promise] = {
    "week": pgettext_lazy("cohort by", "By week"),
    "month": pgettext_lazy("cohort by", "By month"),
}
RANGES: dict[str, str | Promise] = {
    "last": pgettext_lazy("cohort range", "The last 13"),
    "all": pgettext_lazy("cohort range", "From the beginning"),
    "custom": pgettext_lazy("cohort range", "Other days"),
}
SUBJECT_WORDS: dict[str, str | Promise] = {
    "order_movement": pgettext_lazy("cohort condition", "Of an order"),
    "visit": pgettext_lazy("cohort condition", "Of a visit"),
    "event": pgettext_lazy("cohort condition", "Of an event"),
}
OPS = (
    Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.CONTAINS, Op.STARTS_WITH, Op.GE, Op.GT, Op.LE, Op.LT, Op.IS_KNOWN, Op.IS_UNKNOWN,
)  # fmt: skip
BEGINNING, END = date(1990, 1, 1), date(2199, 12, 31)
_YES = {"yes", "true", "1", "是"}
_NO = {"no", "false", "0", "否"}


@dataclass(frozen=True)
class Side:
    """One of the two behaviours as the form shows it: what was typed, and all of it in words."""

    kind: str
    name: str
    field: str
    op: str
    value: str
    behaviour: Behaviour | None
    words: str


@dataclass(frozen=True)
class CohortView:
    """A view of cohorts. `period` None: the last thirteen."""

    starting: Side
    returning: Side
    who: Who
    grain: Grain
    range: str
    period: Period | None
    show: str
    problems: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether coming back is showing the starting behaviour again."""
        return self.returning.behaviour in (None, self.starting.behaviour)

    @property
    def question(self) -> dict[str, Any]:
        """What the reads of cohorts are asked."""
        return {
            "starting": self.starting.behaviour or Behaviour("order"),
            "returning": self.returning.behaviour,
            "who": self.who,
            "grain": self.grain,
        }

    @property
    def range_words(self) -> str:
        if self.range == "custom" and self.period is not None:
            return viewstate.period_words(self.period)
        return str(RANGES[self.range])


def read_cohort_view(request: HttpRequest, shop: ShopView) -> CohortView:
    """The view that an address names."""
    query, problems = request.GET, list[str]()
    starting = _side(query, "start", "order", STARTS, shop, problems)
    returning = _side(query, "back", "", RETURNS, shop, problems)
    name = _one_of(query, "range", tuple(RANGES), "last", problems)
    period = None
    if name == "all":
        period = Period.inclusive(BEGINNING, END)
    elif name == "custom":
        period = _days(query, problems)
        name = name if period else "last"
    return CohortView(
        starting=starting,
        returning=returning,
        who=cast(Who, _one_of(query, "who", WHO, "person", problems)),
        grain=cast(Grain, _one_of(query, "grain", GRAINS, "month", problems)),
        range=name,
        period=period,
        show=_one_of(query, "show", ("share", "people"), "share", problems),
        problems=tuple(problems),
    )


def _one_of(query: QueryDict, name: str, known: tuple[str, ...], default: str, problems: list[str]) -> str:
    asked = query.get(name) or default
    if asked in known:
        return asked
    problems.append(gettext("There is no choice “%(value)s”.") % {"value": asked[:40]})
    return default


def _days(query: QueryDict, problems: list[str]) -> Period | None:
    try:
        period = Period.inclusive(
            date.fromisoformat(query.get("from", "")), date.fromisoformat(query.get("to", ""))
        )
    except (ValueError, OverflowError):
        problems.append(gettext("Give a first and a last day, the first not after the last."))
        return None
    if period.start < BEGINNING or period.last > END:
        problems.append(gettext("Days lie between 1990 and 2199."))
        return None
    return period


def _side(
    query: QueryDict,
    name: str,
    default: str,
    titles: Mapping[str, str | Promise],
    shop: ShopView,
    problems: list[str],
) -> Side:
    kind = query.get(name) or default
    if kind not in titles:
        problems.append(gettext("There is no choice “%(value)s”.") % {"value": kind[:40]})
        kind = default
    event, field, op, value = (
        query.get(f"{name}_{part}", "").strip()[:500] for part in ("name", "field", "op", "value")
    )
    if kind not in KINDS:
        return Side(kind, event, "", "", "", None, str(titles[kind]))
    if kind == "event" and not event:
        problems.append(gettext("Say the name of the event."))
        return Side(kind, "", field, op, value, _fallback(default), str(titles[kind]))
    condition, words = None, ""
    if field:
        try:
            compare = _compare(field, op or "eq", value, SUBJECTS[kind], shop)
            condition, words = compare, _condition_words(compare, SUBJECTS[kind], value)
        except ShukeError as error:
            problems.append(str(error))
    try:
        behaviour = Behaviour(kind, event if kind == "event" else "", condition)
    except ShukeError as error:
        problems.append(str(error))
        return Side(kind, event, field, op, value, _fallback(default), str(titles[kind]))
    said = (
        gettext("%(kind)s: %(name)s") % {"kind": titles[kind], "name": names.event_words(event)}
        if kind == "event"
        else str(titles[kind])
    )
    return Side(kind, event, field, op, value, behaviour, " · ".join(filter(None, (said, words))))


def _fallback(kind: str) -> Behaviour | None:
    return Behaviour(kind) if kind else None


def _compare(name: str, op: str, value: str, subject: str, shop: ShopView) -> Compare:
    """A condition of one comparison, as typed. Raises what conditions raise: UnknownField, BadValue, …"""
    known = fields_of(subject)
    form: dict[str, Any] = {"field": name, "op": op}
    if op in (Op.IN, Op.NOT_IN):
        parts = [part.strip() for part in value.replace("，", ",").replace("、", ",").split(",")]
        form["value"] = [_typed(known.get(name), part, shop) for part in parts if part]
    elif op not in (Op.IS_KNOWN, Op.IS_UNKNOWN):
        form["value"] = _typed(known.get(name), value, shop)
    node = parse({"v": 1, "all": [form]}, subject)
    (compare,) = node.parts  # type: ignore[union-attr]  # what was given is one comparison
    return cast(Compare, compare)


def _typed(field: Field | None, text: str, shop: ShopView) -> Any:
    """What a person typed, as the stored form wants it; what does not fit is left for the validator to refuse."""
    if field is None:
        return text
    if field.kind is Kind.FLAG:
        return True if text.lower() in _YES else False if text.lower() in _NO else text
    if field.kind is Kind.MONEY:
        try:
            minor = Decimal(text.replace(",", "")).scaleb(exponent(shop.currency))
            return int(minor) if minor == minor.to_integral_value() else text
        except (ArithmeticError, ValueError):
            return text
    return text


def _condition_words(compare: Compare, subject: str, typed: str) -> str:
    """As typed: amounts in the major unit, unlike the condition's own words."""
    field = fields_of(subject)[compare.field]
    words = f"{field.label} {op_words(field, compare.op)}"
    if compare.value is None:
        return words
    return f"{words} {dict(field.choice_words()).get(typed, typed)}"


def field_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The fields that a condition may ask, by what they are of: (words, [(name, label)])."""
    return [
        (str(words), [(name, str(field.label)) for name, field in fields_of(subject).items()])
        for subject, words in SUBJECT_WORDS.items()
    ]


def op_choices() -> list[tuple[str, str]]:
    """Operators by name and words, as they read for an ordinary field."""
    field = Field("any", Kind.TEXT, "")
    return [(op.value, op_words(field, op)) for op in OPS]
