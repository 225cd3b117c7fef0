"""What the pages of value and lifecycle share: the moment of the address, names of bands and lists, rows of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy

from shuke.audience.value import reads
from shuke.console import words
from shuke.kernel.periods import local_day
from shuke.shops.access import Access
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed

FIRST_DAY = date(1990, 1, 1)
WHICH_TITLES: dict[str, str | Promise] = {
    "all": pgettext_lazy("customers of value", "All customers"),
    "buyers": pgettext_lazy("customers of value", "Customers with an order"),
    "super": pgettext_lazy("customers of value", "Super users"),
    "best": pgettext_lazy("customers of value", "The best customers"),
    "half_year": pgettext_lazy("customers of value", "Half-year buyers"),
    "regular": pgettext_lazy("customers of value", "Regulars"),
    "one_time": pgettext_lazy("customers of value", "One-time buyers"),
    "negative": pgettext_lazy("customers of value", "Customers below zero"),
    "zero": pgettext_lazy("customers of value", "Customers at zero"),
    "leader": pgettext_lazy("customers of value", "Opinion leaders"),
    "ordinary": pgettext_lazy("customers of value", "Ordinary users"),
}


@dataclass(frozen=True)
class ValueView:
    """What the address says: a moment (None: now) and a version; `problems` are words of what it says wrongly."""

    at: datetime
    is_now: bool
    version: reads.Version
    problems: tuple[str, ...]

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the view, for links that keep it."""
        told = {} if self.is_now else {"at": self.at.strftime("%Y-%m-%dT%H:%M")}
        return told | ({} if self.version == "netted" else {"version": self.version})


def read_value_view(request: PageRequest, now: datetime) -> ValueView:
    """`at` is a moment on the shop's clock, `version` gross or netted; what does not suit is said and left out."""
    zone = request.access.shop.zone
    text, problems = request.GET.get("at", "").strip(), []
    at = None
    if text:
        try:
            at = datetime.fromisoformat(text[:25])
            at = at if at.tzinfo else at.replace(tzinfo=zone)
            if at > now or at.astimezone(zone).date() < FIRST_DAY:
                at = None
        except (ValueError, OverflowError):
            at = None
        if at is None:
            problems.append(
                gettext("“%(value)s” is no moment that was; the page shows now.") % {"value": text[:40]}
            )
    version: reads.Version = "gross" if request.GET.get("version") == "gross" else "netted"
    return ValueView((at or now).astimezone(zone), at is None, version, tuple(problems))


def read_day(request: PageRequest, name: str, usual: date, problems: list[str]) -> date:
    """A day of the address, not after today; what does not suit is said, and the usual one taken."""
    text = request.GET.get(name, "").strip()
    if not text:
        return usual
    try:
        found = date.fromisoformat(text[:10])
        if found >= FIRST_DAY:
            return found
    except ValueError:
        pass
    problems.append(gettext("“%(value)s” is no day.") % {"value": text[:40]})
    return usual


def today(access: Access, at: datetime) -> date:
    return local_day(at, access.shop.zone)


def decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def share(part: int, whole: int) -> Decimal | None:
    return Decimal(part) / Decimal(whole) if whole else None


def percent(value: Fraction | Decimal | None) -> str:
    if value is None:
        return words.UNKNOWN
    return words.percent(decimal(value) if isinstance(value, Fraction) else value, 1)


def band_title(name: str, row: reads.BandRow, currency: str) -> str:
    """A band in words: half-open, and said so that nobody stands in two."""
    if row.band is None:
        return pgettext("band", "No order")
    low, high = row.band.low, row.band.high
    if name == "frequency":
        if high is None:
            return pgettext("band", "%(low)s orders or more") % {"low": words.count(low or 0)}
        if high - (low or 0) == 1:
            return ngettext("%(low)s order", "%(low)s orders", low or 0) % {"low": words.count(low or 0)}
        return pgettext("band", "%(low)s to %(high)s orders") % {
            "low": words.count(low or 0),
            "high": words.count(high - 1),
        }
    if low is None:
        return pgettext("band", "below %(high)s") % {"high": words.money(high or 0, currency)}
    if high is None:
        return pgettext("band", "%(low)s and above") % {"low": words.money(low, currency)}
    return pgettext("band", "%(low)s to below %(high)s") % {
        "low": words.money(low, currency),
        "high": words.money(high, currency),
    }


def which_title(which: str, report: reads.ValueReport, version: reads.Version) -> str:
    """The name of a list of customers."""
    if which in WHICH_TITLES:
        return str(WHICH_TITLES[which])
    one = report.version(version)
    for name, rows in (
        ("amount", one.amount_bands if one else ()),
        ("frequency", one.frequency_bands if one else ()),
    ):
        for row in rows:
            if row.key == which:
                title = (
                    gettext("Average order %(band)s")
                    if name == "amount"
                    else gettext("%(band)s in the half-year")
                )
                return title % {"band": band_title(name, row, report.currency)}
    if which.startswith("rfm_"):
        return " · ".join(f"{letter} {score}" for letter, score in zip("RFM", which[4:], strict=False))
    return which


def who_url(access: Access, address: str, **query: str) -> str:
    """Where the customers behind a number stand, for who may see them."""
    if not access.may(Deed.VIEW_CUSTOMERS):
        return ""
    return reverse(address, args=[access.shop.slug]) + "?" + urlencode(query)


def customer_cell(access: Access, row: Any) -> dict[str, str]:
    """A customer as the first cell of a row."""
    return {
        "text": row.ref or pgettext("customer", "without a name"),
        "sub": "",
        "url": reverse("console:customer", args=[access.shop.slug, row.customer_id]),
    }


def drawn_share(value: Decimal | None) -> dict[str, str] | None:
    """A share as the cell of that name draws it; below zero it has no bar."""
    if value is None:
        return None
    return {"value": f"{min(max(value, Decimal(0)), Decimal(1)):.4f}", "text": words.percent(value, 1)}


def level(count: int, total: int) -> int:
    """How dark a cell of the grid is, 0 to 9: fixed shares, so that two views can be compared."""
    if not count or not total:
        return 0
    part = Decimal(count) / Decimal(total)
    steps: Sequence[str] = ("0.01", "0.02", "0.03", "0.04", "0.06", "0.08", "0.11", "0.15")
    return 1 + sum(part >= Decimal(step) for step in steps)
