"""Tags of the console. A metric reaches a page only through `figure`, which refuses a bare number."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy

from shuke.console import figures, names, words
from shuke.console.icons import icon as draw_icon
from shuke.console.spark import spark as draw_spark
from shuke.shops import roles

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    return draw_icon(name)


@register.simple_tag
def between() -> str:
    """What stands between two sentences: a blank, but none in Chinese."""
    return "" if words.locale().language == "zh" else " "


@register.filter
def html_lang(language_code: str) -> str:
    """The tag that browsers choose fonts and voices by."""
    return "zh-Hans" if language_code.startswith("zh") else language_code


@register.simple_tag
def role(value: Any) -> str:
    """A role's name."""
    return str(roles.ROLE_TITLES[roles.Role(value)])


@register.filter
def thousands(value: int) -> str:
    """A count that is no metric (rows of a file, pages of a list)."""
    return words.count(value)


@register.filter
def plain(value: float) -> str:
    """A coordinate of a drawing: with a point in every language."""
    return f"{value:g}"


@register.filter
def item(values: Any, key: str) -> Any:
    """A value of a mapping by its key."""
    return values.get(key)


@register.filter
def separator_words(value: str) -> str:
    """A separator that can be seen."""
    return "\\t" if value == "\t" else value


@register.simple_tag
def job_state(value: str) -> SafeString:
    """The state of a job as a badge."""
    title, tone = names.JOB_STATES.get(value, (value, ""))
    return format_html('<span class="badge-state{}">{}</span>', f" is-{tone}" if tone else "", title)


@register.filter
def file_size(value: int) -> str:
    return words.size(value)


@register.filter
def as_day(value: date) -> str:
    return words.day(value)


@register.simple_tag(takes_context=True)
def moment(context: template.Context, value: datetime | None) -> str:
    """A moment by the shop's clock (UTC where no shop is chosen), for machines in its attribute."""
    if value is None:
        return words.UNKNOWN
    access = context.get("access")
    zone = access.shop.zone if access else ZoneInfo("UTC")
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), words.moment(value, zone))


@register.simple_tag(takes_context=True)
def fact(context: template.Context, value: Any) -> str:
    """A field of a fact as people read it: a moment by the shop's clock, a day in the reader's words, "—" for none."""
    if value is None or value == "":
        return words.UNKNOWN
    if isinstance(value, datetime):
        # Facts are kept in UTC; some of them say so, others need not.
        return moment(context, value if value.tzinfo else value.replace(tzinfo=UTC))
    return words.day(value) if isinstance(value, date) else str(value)


@register.simple_tag(takes_context=True)
def hidden_query(context: template.Context, *without: str) -> SafeString:
    """This address's parameters as hidden fields of a GET form, except those that the form itself sets."""
    pairs = [(k, v) for k, values in context["request"].GET.lists() if k not in without for v in values]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


@register.simple_tag(takes_context=True)
def without(context: template.Context, name: str) -> str:
    """This page's address without one parameter, and back on the first page."""
    query = context["request"].GET.copy()
    for gone in (name, "page"):
        query.pop(gone, None)
    return "?" + query.urlencode()


@register.simple_tag(takes_context=True)
def here(context: template.Context, **changes: Any) -> str:
    """This page's address with some parameters changed; None takes one away; `page` falls when others change."""
    query = context["request"].GET.copy()
    if "page" not in changes:
        query.pop("page", None)
    for key, value in changes.items():
        query.pop(key, None)
        if isinstance(value, (list, tuple)):
            query.setlist(key, [str(v) for v in value])
        elif value not in (None, ""):
            query[key] = str(value)
    return "?" + query.urlencode()


@register.simple_tag(takes_context=True)
def figure(context: template.Context, value: Any, is_short: bool = False) -> SafeString:
    """A metric's value with its unit. Takes a Figure or a FigureRow; anything else, a bare number too, is refused."""
    found = figures.as_figure(value)
    currency = context["access"].shop.currency
    metric = f"{found.metric.id} v{found.metric.version}"
    if found.value is None:
        return format_html(
            '<span class="unknown" data-metric="{}" title="{}"><span aria-hidden="true">{}</span>'
            '<span class="only-read">{}</span></span>',
            metric,
            figures.reason_words(found),
            words.UNKNOWN,
            figures.reason_words(found),
        )
    shown = figures.value_words(found, currency, is_short=is_short)
    whole = figures.value_words(found, currency)
    return format_html(
        '<span class="number" data-metric="{}"{}>{}</span>',
        metric,
        format_html(' title="{}"', whole) if whole != shown else "",
        shown,
    )


@register.simple_tag
def metric_title(metric: Any) -> str:
    """A metric's name, with its version where it is not the default."""
    return figures.title(metric)


@register.simple_tag
def change(value: figures.Change | None, with_against: bool = False) -> SafeString:
    """A change: arrow and per cent for the eye, whole words for the ear, the compared value on hover."""
    if value is None:
        return SafeString("")
    arrow = {"up": "▲", "down": "▼", "same": "＝"}[value.direction].replace("＝", "=")
    return format_html(
        '<span class="change{}" title="{}"><span aria-hidden="true">{} {}{}</span><span class="only-read">{}</span></span>',
        f" is-{value.tone}" if value.tone else "",
        value.hint,
        arrow,
        value.text,
        format_html(' <span class="against">{}</span>', value.against) if with_against else "",
        value.spoken,
    )


@register.simple_tag
def spark(values: Any, is_past: bool = False) -> SafeString:
    return draw_spark(values, is_past=is_past)


@register.simple_tag(takes_context=True)
def money(context: template.Context, minor: int) -> str:
    """An amount that is no metric by itself, such as a part of the split of a change."""
    return words.money(minor, context["access"].shop.currency, is_short=True)


OWN_SOURCES: dict[str, str | Promise] = {
    "Shuke's own threshold": pgettext_lazy("source of a rule", "Shuke's own threshold"),
    "Shuke's own formula": pgettext_lazy("source of a rule", "Shuke's own formula"),
    "Shuke's own definition": pgettext_lazy("source of a rule", "Shuke's own definition"),
    "Shuke's own convention": pgettext_lazy("source of a rule", "Shuke's own convention"),
    "Shuke's own step": pgettext_lazy("source of a rule", "Shuke's own step"),
}


@register.filter
def source_title(title: str) -> str:
    """A source as it is written; where it is ours, that is said in the reader's language."""
    own = next((own for own in OWN_SOURCES if title.startswith(own)), None)
    return title if own is None else f"{OWN_SOURCES[own]}{title[len(own) :]}"


@register.inclusion_tag("console/pieces/first_steps.html", takes_context=True)
def first_steps(context: template.Context) -> dict[str, str]:
    """Where a shop without data begins, by what the reader may do."""
    access = context["access"]
    shop = access.shop.slug
    return {
        "keys_url": reverse("console:keys", args=[shop]) if access.may(roles.Deed.MANAGE_KEYS) else "",
        "imports_url": reverse("intake:imports", args=[shop]) if access.may(roles.Deed.IMPORT_FILES) else "",
    }


@register.simple_tag
def why(url: str, name: str) -> SafeString:
    """The sign beside a metric that opens its definition in the drawer (and is a link without a script)."""
    return format_html(
        '<a class="why" href="{}" hx-get="{}" hx-target="#drawer-body" hx-swap="innerHTML" aria-label="{}">{}</a>',
        url,
        url,
        gettext("What “%(name)s” means") % {"name": name},
        draw_icon("info-circle"),
    )
