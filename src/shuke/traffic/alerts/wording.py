"""Alerts in words: what moved, by how much, against what, since when; in the reader's language.

A number never stands alone: each sentence says the cases, the usual, and the days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext, pgettext, pgettext_lazy

from shuke.conditions.reads import All, Compare, Op, parse, words
from shuke.kernel import clock
from shuke.kernel.money import exponent
from shuke.kernel.periods import local_day
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic import reads as traffic
from shuke.traffic.alerts.answers import AlertView, RuleView
from shuke.traffic.alerts.shapes import Name

TERMINALS: dict[str, str | Promise] = {
    "pc": pgettext_lazy("terminal", "Computer"),
    "mobile": pgettext_lazy("terminal", "Mobile phone"),
    "tablet": pgettext_lazy("terminal", "Tablet"),
    "app": pgettext_lazy("terminal", "App"),
}
STEPS: dict[str, str | Promise] = {
    "item": pgettext_lazy("step", "item page"),
    "cart": pgettext_lazy("step", "cart"),
    "checkout": pgettext_lazy("step", "checkout"),
    "payment": pgettext_lazy("step", "payment"),
    "order": pgettext_lazy("step", "order"),
}
FAMILIES = ("visits", "step", "bounce", "orders", "amount")
STATES: dict[str, str | Promise] = {
    "open": pgettext_lazy("alert state", "open"),
    "back": pgettext_lazy("alert state", "back to usual"),
    "lasting": pgettext_lazy("alert state", "the new level"),
}
DIRECTIONS: dict[str, str | Promise] = {
    "below": pgettext_lazy("alert direction", "below"),
    "above": pgettext_lazy("alert direction", "above"),
    "fall": pgettext_lazy("alert direction", "an unusual fall"),
    "rise": pgettext_lazy("alert direction", "an unusual rise"),
}


def _locale() -> Locale:
    return Locale("zh", "CN", script="Hans") if (get_language() or "").startswith("zh") else Locale("en")


def count(value: float | Decimal) -> str:
    return format_decimal(round(value), "#,##0", _locale()).replace("-", "−")


def percent(value: float | Decimal, digits: int = 0) -> str:
    return format_percent(value, f"#,##0{'.' + '0' * digits if digits else ''}%", _locale()).replace("-", "−")


def money(minor: float | Decimal, currency: str) -> str:
    amount = Decimal(round(minor)).scaleb(-exponent(currency))
    return (
        format_currency(amount, currency, "¤#,##0;-¤#,##0", _locale(), currency_digits=False)
        .replace("CN¥", "¥")
        .replace("-", "−")
    )


def short_day(value: date) -> str:
    return format_date(value, "M月d日" if _locale().language == "zh" else "MMM d", _locale())


def days_words(first: date, last: date) -> str:
    """From the first to the last day, both included."""
    return short_day(first) if first == last else f"{short_day(first)} – {short_day(last)}"


# --- names


def metric_title(name: str, version: int | None = None) -> str:
    """A metric's title in the reader's language."""
    title = traffic.metric(name, version).definition.title
    return title.zh if _locale().language == "zh" else title.en


def step_words(step: str) -> str:
    """One step of the way to an order."""
    return str(STEPS.get(step, step))


def segment_words(name: Name, shop: ShopView, day: date) -> str:
    """The segment alone; empty for a whole."""
    if name.dimension == "channel":
        return str(rulebook.channel_titles(day, shop).get(name.value, name.value))
    if name.dimension == "terminal":
        return str(TERMINALS.get(name.value, name.value))
    return name.value


def what_words(name: Name, rule: RuleView | None = None) -> str:
    """What a series counts: Visits, Bounce rate, a step, a rule's metric."""
    if name.family == "step":
        return gettext("Step “%(step)s”") % {"step": f"{step_words(name.before)} → {step_words(name.step)}"}
    known = {"visits": "visits", "orders": "orders", "amount": "amount_paid", "bounce": "bounce_entrance"}
    if name.family in known:
        return metric_title(known[name.family])
    return metric_title(rule.metric, rule.version) if rule else name.what


def series_words(name: Name, shop: ShopView, day: date, rule: RuleView | None = None) -> str:
    """A series with its segment; that of a rule with the visits of which it speaks."""
    what, segment = what_words(name, rule), segment_words(name, shop, day)
    if rule is not None and not segment:
        segment = condition_words(rule, shop, day)
    return gettext("%(what)s, %(segment)s") % {"what": what, "segment": segment} if segment else what


def condition_words(rule: RuleView, shop: ShopView, day: date) -> str:
    """Of which visits a rule speaks: channels and terminals by their titles, else the condition as a sentence; empty: of all."""
    if not rule.condition:
        return ""
    node = parse(rule.condition, "visit")
    parts = node.parts if isinstance(node, All) else (node,)
    named = [
        segment_words(Name(rule.metric, part.field, str(part.value)), shop, day)
        for part in parts
        if isinstance(part, Compare) and part.op is Op.EQ and part.field in ("channel", "terminal")
    ]
    return listed(named) if len(named) == len(parts) else words(node)


def rule_words(rule: RuleView, shop: ShopView) -> str:
    """A rule as a sentence."""
    if rule.kind == "watch":
        return gettext("Unusual falls of visits, steps, orders and amount, and unusual rises of bounces")
    given = {
        "metric": metric_title(rule.metric, rule.version),
        "direction": DIRECTIONS[rule.direction],
        "limit": rule_value(rule, rule.limit, shop),
    }
    if rule.kind == "limit":
        told = gettext("%(metric)s of a day %(direction)s %(limit)s") % given
    else:
        told = gettext("%(metric)s: %(direction)s") % given
    only = condition_words(rule, shop, local_day(clock.now(), shop.zone))
    return gettext("%(rule)s (only %(condition)s)") % {"rule": told, "condition": only} if only else told


def rule_value(rule: RuleView, value: Decimal | None, shop: ShopView) -> str:
    """A value of a rule's metric in its unit."""
    if value is None:
        return "—"
    unit = traffic.metric(rule.metric, rule.version).unit
    if unit == "money":
        return money(value, shop.currency)
    if unit == "ratio":
        return percent(value, 1)
    return format_decimal(value, "#,##0.##", _locale())


def listed(parts: Sequence[str]) -> str:
    """Several names in one line."""
    return pgettext("list", ", ").join(parts)


# --- sentences


def sentence(alert: AlertView, shop: ShopView) -> str:
    """What moved and by how much: the first line of a letter, of the page, of Today."""
    title = series_words(alert.lead, shop, alert.raised_on, alert.rule)
    return gettext("%(what)s: %(numbers)s") % {"what": title, "numbers": numbers(alert, shop)}


def ending(alert: AlertView, shop: ShopView) -> str:
    """That an alert is over, and how: the first line of a letter, and of Today."""
    title = series_words(alert.lead, shop, alert.raised_on, alert.rule)
    if alert.lead.family == "limit":
        title = metric_title(alert.rule.metric, alert.rule.version)
        return gettext("%(what)s: within the limit again") % {"what": title}
    if alert.state == "lasting":
        return gettext("%(what)s: not back, now taken for the new level") % {"what": title}
    return gettext("%(what)s: back to usual") % {"what": title}


def off_days(alert: AlertView) -> str:
    """From when to when an alert lasted."""
    return gettext("It was off on %(days)s.") % {"days": days_words(alert.since, alert.last_day)}


def numbers(alert: AlertView, shop: ShopView) -> str:
    """By how much, without saying what: for beside a title."""
    name, found = alert.lead, alert.evidence
    if name.family == "limit":
        return gettext("%(value)s on %(day)s, %(direction)s the limit of %(limit)s") % {
            "value": rule_value(alert.rule, found.part, shop),
            "day": short_day(found.day),
            # As it was: the rule may have been changed since.
            "direction": DIRECTIONS.get(found.direction or alert.rule.direction, ""),
            "limit": rule_value(alert.rule, found.limit, shop),
        }
    days = ngettext("on one day", "in %(days)s days", found.days) % {"days": found.days}
    if name.kind == "rate":
        share = float(found.part or 0) / found.whole if found.whole else 0.0
        return gettext("%(share)s (%(part)s of %(whole)s %(days)s), usually %(usual)s") % {
            "share": percent(share, 1),
            "part": count(found.part or 0),
            "whole": count(found.whole or 0),
            "days": days,
            "usual": percent(found.usual or 0, 1),
        }
    change = float(found.part or 0) / found.usual - 1 if found.usual else 0.0
    return gettext("%(value)s %(days)s where %(usual)s were expected (%(change)s %(word)s)") % {
        "value": amount_words(name, float(found.part or 0), shop, alert.rule),
        "days": days,
        "usual": amount_words(name, found.usual or 0, shop, alert.rule),
        "change": percent(abs(change)),
        "word": pgettext("change", "less") if change < 0 else pgettext("change", "more"),
    }


def amount_words(name: Name, value: float, shop: ShopView, rule: RuleView | None = None) -> str:
    """A count of a series, money as money."""
    if name.family == "amount":
        return money(value, shop.currency)
    if name.family == "count" and rule is not None:
        metric = traffic.metric(rule.metric, rule.version)
        if metric.unit == "money":
            return money(value, shop.currency)
        if metric.unit != "count":
            return format_decimal(value, "#,##0.##", _locale())
    return count(value)


def value_words(name: Name, value: float | None, shop: ShopView, rule: RuleView | None = None) -> str:
    """A day's value of any series in its unit: a share, money, a mean or a count."""
    if value is None:
        return "—"
    if name.kind == "rate":
        return percent(value, 1)
    if name.family == "limit" and rule is not None:
        return rule_value(rule, Decimal(str(value)), shop)
    return amount_words(name, value, shop, rule)


def cause(alert: AlertView, shop: ShopView) -> str:
    """Which segments it lies in, and what fell with it; empty where nothing more is known."""
    parts = []
    ranked = [one for one in alert.segments if one.loss > 0]
    expected = sum(one.expected for one in alert.segments)
    if ranked and expected and (not alert.lead.dimension or ranked[0].share < 1):
        first = ranked[0]
        parts.append(
            gettext("%(share)s of it lie in %(segment)s, which usually has %(usual)s")
            % {
                "share": percent(first.share),
                "segment": segment_words(Name.read(first.name), shop, alert.raised_on),
                "usual": percent(first.expected / expected),
            }
        )
    others = consequences(alert)
    if others:
        parts.append(gettext("with it fell: %(what)s") % {"what": listed(others)})
    since = gettext("since %(day)s") % {"day": short_day(alert.since)}
    return pgettext("list", "; ").join([since, *parts])


def consequences(alert: AlertView) -> list[str]:
    """Orders and amount that moved with a cause."""
    return [
        what_words(Name.read(text))
        for text in sorted(alert.members)
        if text in ("orders", "amount") and text != str(alert.lead)
    ]


def advice(alert: AlertView) -> str:
    """What to look at first."""
    name = alert.lead
    if name.family == "step":
        return {
            "order": gettext("Pay for a test order on each terminal; ask the payment provider."),
            "payment": gettext("Go through the checkout on the terminal named."),
            "checkout": gettext("Look at the cart page: stock, postage, coupons."),
            "cart": gettext("Look at the item pages: price, stock, the button."),
        }.get(name.step, "")
    return {
        "visits": gettext("Look at the channel: budget, bids, links, the platform's notices."),
        "bounce": gettext(
            "Open the entrance as a visitor does: does it load, does it keep what the link promised?"
        ),
        "orders": gettext("Look at the funnel: which step lost most?"),
        "amount": gettext("Look at orders and value per order."),
    }.get(name.family, gettext("Look at the metric's page."))
