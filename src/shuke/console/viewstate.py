"""What a traffic page shows, read from its address: range, comparisons, filters. A link is a view.

Parameters: `range` (today, yesterday, last7, last30, month, custom with `from` and `to`, both included), `against`
(any of before, yesterday, last_week, custom with `vs_from` and `vs_to`), and one per filter (`channel`, `is_paid`, …).
What can not be read is replaced by the default and said in `problems`; nothing typed is an error page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from shuke.conditions.reads import All, Compare, Field, Node, Op, fields_of
from shuke.console import words
from shuke.kernel.periods import Period
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView

RANGES: dict[str, str | Promise] = {
    "today": pgettext_lazy("range", "Today"),
    "yesterday": pgettext_lazy("range", "Yesterday"),
    "last7": pgettext_lazy("range", "Last 7 days"),
    "last30": pgettext_lazy("range", "Last 30 days"),
    "month": pgettext_lazy("range", "This month"),
    "custom": pgettext_lazy("range", "Other days"),
}
AGAINST = ("yesterday", "before", "last_week", "custom")
FILTERS = ("channel", "is_paid", "terminal", "entry_type", "entry_path", "source", "medium", "campaign")
LONGEST_DAYS = 3 * 366


@dataclass(frozen=True)
class Filter:
    """A filter that is set: its field, the value as written, and both in words."""

    name: str
    value: str
    label: str
    words: str


@dataclass(frozen=True)
class ViewState:
    """A page's range, comparisons and filters, with the condition that the filters make."""

    range: str
    period: Period
    today: date
    against: tuple[str, ...]
    custom: Period | None
    filters: tuple[Filter, ...]
    condition: Node | None
    problems: tuple[str, ...]

    @property
    def is_today(self) -> bool:
        return self.period == Period.of_day(self.today)

    @property
    def has_today(self) -> bool:
        return self.today in self.period

    @property
    def range_words(self) -> str:
        """The range's name, or its days."""
        return str(RANGES[self.range]) if self.range != "custom" else period_words(self.period)

    @property
    def against_words(self) -> str:
        return (
            gettext("%(first)s and %(second)s")
            % {
                "first": against_words(self, self.against[0]),
                "second": against_words(self, self.against[1]),
            }
            if len(self.against) == 2
            else ", ".join(against_words(self, name) for name in self.against)
        )


def period_words(period: Period) -> str:
    """A period as its first and last day."""
    if period.length == 1:
        return words.day(period.start)
    return f"{words.day(period.start)} – {words.day(period.last)}"


def against_words(state: ViewState, name: str) -> str:
    """What a comparison is called on this page: today so far is compared with yesterday at the same hour."""
    if name == "yesterday":
        return gettext("yesterday at this time") if state.is_today else gettext("the day before")
    if name == "last_week":
        return (
            gettext("the same day last week")
            if state.period.length == 1
            else gettext("the same weekdays before")
        )
    if name == "before":
        if state.period.length == 1:
            return gettext("the day before")
        return gettext("the %(days)s days before") % {"days": words.count(state.period.length)}
    return period_words(state.custom) if state.custom else gettext("other days")


def read_view(
    request: HttpRequest, shop: ShopView | None, today: date, *, default: str = "today"
) -> ViewState:
    """The view that this address names. `today` is the shop's day."""
    query = request.GET
    problems: list[str] = []
    name = query.get("range", default)
    if name not in RANGES:
        problems.append(gettext("There is no range “%(value)s”.") % {"value": name[:40]})
        name = default
    period = _named_period(name, today)
    if period is None:
        period = _days(query, "from", "to", problems)
        if period is None:
            name, period = default, _named_period(default, today)
    custom = _days(query, "vs_from", "vs_to", problems) if "custom" in query.getlist("against") else None
    assert period is not None
    filters, condition = _filters(query, today, shop, problems)
    against = _against(query, period, today, custom)
    return ViewState(
        range=name,
        period=period,
        today=today,
        against=against,
        custom=custom if "custom" in against else None,
        filters=filters,
        condition=condition,
        problems=tuple(problems),
    )


def _named_period(name: str, today: date) -> Period | None:
    one = timedelta(days=1)
    return {
        "today": Period.of_day(today),
        "yesterday": Period.of_day(today - one),
        "last7": Period(today - 7 * one, today),
        "last30": Period(today - 30 * one, today),
        "month": Period.inclusive(today.replace(day=1), today),
    }.get(name)


def _days(query: QueryDict, first: str, last: str, problems: list[str]) -> Period | None:
    try:
        start, end = date.fromisoformat(query.get(first, "")), date.fromisoformat(query.get(last, ""))
        period = Period.inclusive(start, end)
    except (ValueError, OverflowError):
        problems.append(gettext("Give a first and a last day, the first not after the last."))
        return None
    if period.length > LONGEST_DAYS or start.year < 1990:
        problems.append(gettext("A range holds at most three years, from 1990 on."))
        return None
    return period


def _against(query: QueryDict, period: Period, today: date, custom: Period | None) -> tuple[str, ...]:
    if "against" in query:
        asked = query.getlist("against")
        chosen = [name for name in AGAINST if name in asked and (name != "custom" or custom is not None)]
        return tuple(chosen[:2])
    if period.length == 1:
        return ("yesterday", "last_week") if period.start == today else ("before", "last_week")
    return ("before",)


def _filters(
    query: QueryDict, today: date, shop: ShopView | None, problems: list[str]
) -> tuple[tuple[Filter, ...], Node | None]:
    known = visit_fields()
    found, nodes = [], []
    for name in FILTERS:
        value = query.get(name, "")
        if not value or name not in known:
            continue
        field = known[name]
        choices = dict(choices_of(field, today, shop))
        if choices and value not in choices:
            problems.append(
                gettext("“%(value)s” is no %(field)s.") % {"value": value[:40], "field": field.label}
            )
            continue
        typed: bool | str = value == "yes" if field.kind == "flag" else value
        nodes.append(Compare(name, Op.IS_UNKNOWN, None) if value == "-" else Compare(name, Op.EQ, typed))
        shown = choices.get(value, gettext("unknown") if value == "-" else value)
        found.append(Filter(name, value, str(field.label), str(shown)))
    if not nodes:
        return (), None
    return tuple(found), nodes[0] if len(nodes) == 1 else All(tuple(nodes))


def visit_fields() -> dict[str, Field]:
    """The fields by which visits can be filtered; empty before any room registered some."""
    try:
        return dict(fields_of("visit"))
    except KeyError:
        return {}


TERMINALS: dict[str, str | Promise] = {
    "pc": pgettext_lazy("terminal", "Computer"),
    "mobile": pgettext_lazy("terminal", "Mobile phone"),
    "tablet": pgettext_lazy("terminal", "Tablet"),
    "app": pgettext_lazy("terminal", "App"),
}
PAGE_TYPES: dict[str, str | Promise] = {
    "home": pgettext_lazy("page type", "Home page"),
    "item": pgettext_lazy("page type", "Item page"),
    "list": pgettext_lazy("page type", "List"),
    "search": pgettext_lazy("page type", "Search page"),
    "cart": pgettext_lazy("page type", "Cart"),
    "checkout": pgettext_lazy("page type", "Checkout"),
    "campaign": pgettext_lazy("page type", "Campaign page"),
    "content": pgettext_lazy("page type", "Article"),
    "other": pgettext_lazy("page type", "Other page"),
}


def choices_of(field: Field, today: date, shop: ShopView | None) -> tuple[tuple[str, str], ...]:
    """What a filter offers: (value in the address, words); empty where anything can be typed."""
    if field.kind == "flag":
        return (("yes", gettext("Yes")), ("no", gettext("No")))
    if field.name == "channel":
        return tuple((name, str(title)) for name, title in rulebook.channel_titles(today, shop).items())
    named = {"terminal": TERMINALS, "entry_type": PAGE_TYPES}.get(field.name, field.choice_words())
    return tuple((value, str(label)) for value, label in named.items())


@dataclass(frozen=True)
class FilterField:
    """A filter as the bar offers it."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...]
    value: str


@dataclass(frozen=True)
class Bar:
    """The one bar of a traffic page: what can be chosen, and what is."""

    ranges: tuple[tuple[str, str], ...]
    comparisons: tuple[tuple[str, str, bool], ...]
    fields: tuple[FilterField, ...]


def bar(state: ViewState, shop: ShopView) -> Bar:
    """The choices of the bar for this view."""
    names = ("yesterday", "last_week") if state.is_today else ("before", "last_week")
    comparisons = [(name, against_words(state, name), name in state.against) for name in names]
    known = visit_fields()
    values = {one.name: one.value for one in state.filters}
    return Bar(
        ranges=tuple((name, str(label)) for name, label in RANGES.items() if name != "custom"),
        comparisons=tuple(comparisons),
        fields=tuple(
            FilterField(
                name, str(known[name].label), choices_of(known[name], state.today, shop), values.get(name, "")
            )
            for name in FILTERS
            if name in known
        ),
    )


FILTER_HELP = _("Order metrics under a filter count the orders placed during those visits.")
