"""Tags of the console. A metric reaches a page only through `figure`, which refuses a bare number."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from shuke.console import words
from shuke.console.icons import icon as draw_icon
from shuke.shops import roles

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    return draw_icon(name)


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
    zone = access.shop.zone if access else value.tzinfo
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), words.moment(value, zone))


@register.simple_tag(takes_context=True)
def hidden_query(context: template.Context, *without: str) -> SafeString:
    """This address's parameters as hidden fields of a GET form, except those that the form itself sets."""
    pairs = [(k, v) for k, values in context["request"].GET.lists() if k not in without for v in values]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


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
