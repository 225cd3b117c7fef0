"""The demo shop, small: the simulator's messages through the collector, the journal and the committer into both tiers.

Some days are sealed, one of them has late facts, today is open: a page meets every way in which a fact can lie.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.conf import settings

from shuke.intake.collector import Collector
from shuke.intake.committer import Committer
from shuke.intake.journal import JournalWriter
from shuke.shops.reads import ShopView
from shuke.warehouse import actions
from shuke_simulator.life import Life
from shuke_simulator.story import Teller

KEY = "wk_corpus"
FIRST = date(2026, 3, 2)
DAYS = 5
NOW = datetime(2026, 3, 6, 6, 5, tzinfo=UTC)  # 14:05 in Shanghai, on the last day
BATCH = 200


def live(shop: ShopView, *, visitors: int = 120) -> Teller:
    """Let the shop live; call it with the clock at NOW. Returns the teller, whose `truth` counts what was told."""
    life = Life(seed=5, visitors=visitors, first=FIRST)
    teller = Teller(seed=5, zone=shop.zone, host="shop.example", until=NOW)
    days = [FIRST + timedelta(days=i) for i in range(DAYS)]
    told = {day: [text for _moment, text in teller.tell(life.day(day))] for day in days}
    late = told[days[1]][-40:]
    told[days[1]] = told[days[1]][:-40]
    for day in days[:-1]:
        _deliver(shop, told[day])
    actions.seal(shop, days[:-2])
    _deliver(shop, late)
    _deliver(shop, told[days[-1]])
    return teller


def _deliver(shop: ShopView, texts: Sequence[str]) -> None:
    journal = JournalWriter(settings.JOURNAL)
    door = Collector(journal=lambda: journal, find_shop_id={KEY: shop.id}.get)
    token = base64.b64encode(f"{KEY}:".encode()).decode()
    for start in range(0, len(texts), BATCH):
        body = '{"batch":[' + ",".join(texts[start : start + BATCH]) + "]}"
        taken = door.answer("POST", "/v1/batch", {"authorization": f"Basic {token}"}, body.encode())
        assert taken.status == 200, taken.body
    journal.close()
    committer = Committer(settings.JOURNAL)
    while committer.run_once().events:
        pass
