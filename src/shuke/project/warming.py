"""What the first reader would otherwise wait for: libraries, templates, machine code, and the words of the pages' questions.

A question's translation for the engine takes far longer than its answer, and it does not depend on what is known. So a web
worker asks the pages' questions once of a shop without facts, before it takes its first request.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.conf import settings
from django.template import engines
from django.urls import get_resolver
from django.utils.translation import trans_real

from shuke.console import choices
from shuke.kernel import clock
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.shops.reads import ShopView, list_shops
from shuke.traffic import reads as traffic
from shuke.traffic.items import reads as items

log = logging.getLogger("project.warming")

NOBODY = ShopView(0, "", "", ZoneInfo("Asia/Shanghai"), "CNY", "", ())
MOST_CURRENCIES = 3
LONGEST_SECONDS = 15.0  # a cluster's answers take seconds each, and translations are the smaller part of them
SOURCES = (("channel", "is_paid"), ("channel",))


def warm_up() -> None:
    """Do it, and begin to serve also when some of it fails: the first reader then waits a little longer."""
    began = time.monotonic()
    for part in (_templates, _questions, _machine_code):
        try:
            part()
        except Exception:
            log.exception("warm-up failed: %s", part.__name__.strip("_"))
    log.info("warm after %.1f s", time.monotonic() - began)


def _templates() -> None:
    get_resolver().url_patterns  # noqa: B018 (the addresses are read at first use)
    for language in ("en", "zh-hans"):
        trans_real.translation(language)  # reads the catalogues
    for room in apps.get_app_configs():
        folder = Path(room.path) / "templates"
        if room.name.startswith("shuke."):
            for path in sorted(folder.rglob("*.html")):
                engines["django"].get_template(path.relative_to(folder).as_posix())


def _questions() -> None:
    if settings.WAREHOUSE_ENGINE != "duckdb":
        return  # a cluster may take a minute to its first answer: better an open door and one reader who waits
    at, began = clock.now(), time.monotonic()
    for shop in _shops():
        for ask in _of_pages(shop, at):
            if time.monotonic() - began > LONGEST_SECONDS:
                return
            ask()


def _machine_code() -> None:
    if settings.WAREHOUSE_ENGINE == "duckdb":
        traffic.load_counting()


def _shops() -> Iterator[ShopView]:
    """Nobody's shop, once for each of the currencies that are used most."""
    used = [shop.currency for shop in list_shops()] or [NOBODY.currency]
    ordered = sorted(dict.fromkeys(used), key=used.count, reverse=True)
    for currency in ordered[:MOST_CURRENCIES]:
        yield replace(NOBODY, currency=currency)


def _of_pages(shop: ShopView, at: datetime) -> Iterator[Callable[[], object]]:
    """What overview and sources ask for a day and for several, each running and over, against what they are shown against
    at first."""
    today = local_day(at, shop.zone)
    name, version = choices.DEFAULT[0]
    asked: tuple[tuple[Period, tuple[str, ...]], ...] = (
        (Period.of_day(today), ("yesterday", "last_week")),
        (Period.of_day(today - ONE_DAY), ("before", "last_week")),
        (Period(today - ONE_DAY * 7, today), ("before",)),
        (Period(today - ONE_DAY * 2, today + ONE_DAY), ("before",)),
    )
    for period, against in asked:
        about: dict[str, Any] = {"shop": shop, "at": at}
        others = (period.before(), period.same_days_last_week())[: len(against)]
        grain = "hour" if period.length == 1 else "day"
        yield partial(
            traffic.overview, period=period, against=against, metrics=choices.default_metrics(), **about
        )
        yield partial(
            traffic.courses,
            periods=(period, *others),
            metric_id=name,
            version=version,
            grain=grain,
            **about,
        )
        for by in SOURCES:
            yield partial(traffic.sources, period=period, by=by, against=against[0], **about)
    yield partial(items.items, shop=shop, period=asked[2][0], at=at)
    yield partial(items.hot, shop=shop, moment=at, at=at)
