"""What goes wrong, or better than usual: from which day, how long, how much. Truth counts what each of them did.

An incident is written as `KIND,key=value,...`:

    traffic,channel=email,change=-40,from=2026-03-05,days=3      40 % fewer visits by a channel
    traffic,channel=email,change=80,from=2026-06-18,days=1       a campaign that brings 80 % more
    outage,from=2026-03-05T14:00,hours=4                         the shop answers nobody
    price,item=LL1003,percent=10,from=2026-03-05,days=2          an item is sold at a tenth of its price
    bounce,page=/campaign/new-season,percent=95,from=2026-03-05,days=2   a broken page: who enters there leaves
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from shuke_simulator.catalogue import CAMPAIGN, HOME, LISTS, items
from shuke_simulator.doors import DOORS


class BadIncident(ValueError):
    """An incident that can not be read; the message says what is wrong and what would be right."""


@dataclass(frozen=True)
class _Lasting:
    """On from the day `since`, for `days` days."""

    text: str
    since: date
    days: int

    def is_on(self, day: date) -> bool:
        return self.since <= day < self.since + timedelta(days=self.days)


@dataclass(frozen=True)
class Traffic(_Lasting):
    """`change`: -0.4 for two fifths fewer visits by `channel`, 0.8 for as many more."""

    channel: str
    change: float


@dataclass(frozen=True)
class Price(_Lasting):
    """`item` costs `share` of its price."""

    item: str
    share: float


@dataclass(frozen=True)
class Bounce(_Lasting):
    """Of the visits that enter by `page`, this share ends there."""

    page: str
    share: float


@dataclass(frozen=True)
class Outage:
    """From the shop's own time `begin` for `hours` nobody sees a page."""

    text: str
    begin: datetime
    hours: float

    def window(self, day: date) -> tuple[float, float]:
        """The part of a day, in seconds since its midnight; empty (0, 0) when it is another day's."""
        start = (self.begin - datetime.combine(day, time())).total_seconds()
        return (max(start, 0), start + self.hours * 3600) if start + self.hours * 3600 > 0 else (0, 0)


Incident = Traffic | Price | Bounce | Outage


def read(text: str) -> Incident:
    """An incident from its text. Raises BadIncident."""
    kind, *rest = (part.strip() for part in text.split(","))
    given = dict(part.split("=", 1) for part in rest if "=" in part)
    try:
        return _read(kind, text, given)
    except KeyError as missing:
        raise BadIncident(f"{text}: {kind} needs {missing.args[0]}=...") from None
    except ValueError as error:
        raise error if isinstance(error, BadIncident) else BadIncident(f"{text}: {error}") from None


def _read(kind: str, text: str, given: dict[str, str]) -> Incident:
    if kind == "outage":
        return Outage(text, datetime.fromisoformat(given["from"]), _positive(text, float(given["hours"])))
    since, days = date.fromisoformat(given["from"]), int(_positive(text, int(given.get("days", "1"))))
    if kind == "traffic":
        change = float(given["change"]) / 100
        if change < -1:
            raise BadIncident(f"{text}: change is at least -100")
        return Traffic(text, since, days, _known(text, given["channel"], {d.channel for d in DOORS}), change)
    if kind == "price":
        share = _positive(text, float(given["percent"])) / 100
        return Price(text, since, days, _known(text, given["item"], {item.ref for item in items()}), share)
    if kind == "bounce":
        pages = {page.path for page in (HOME, CAMPAIGN, *LISTS)} | {item.path for item in items()}
        share = min(_positive(text, float(given["percent"])) / 100, 1.0)
        return Bounce(text, since, days, _known(text, given["page"], pages), share)
    raise BadIncident(f"{text}: the kinds are traffic, outage, price and bounce")


def _known(text: str, value: str, values: set[str]) -> str:
    if value not in values:
        raise BadIncident(f"{text}: {value} is none of {', '.join(sorted(values))}")
    return value


def _positive(text: str, value: float) -> float:
    if not value > 0:
        raise BadIncident(f"{text}: {value} is not above 0")
    return value
