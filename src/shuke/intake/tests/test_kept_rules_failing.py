"""Kept rules that something else than an event keeps from being applied: they pause, others go on, an operator sees it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.urls import reverse

from shuke.intake import reads
from shuke.intake.quarantine import kept_events, once, sending
from shuke.intake.tests.test_quarantine import BAD, commit, facts, set_aside
from shuke.intake.tests.test_quarantine_once import (
    AS_TEXT,
    EARLY,
    NOW,
    events,
    group_of,
    keep,
    moment,
    send,
)
from shuke.kernel import clock
from shuke.records.processes import tend

__all__ = ["facts", "moment"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]
DOTTED = {"rule": "time_format", "column": "timestamp", "format": "%d.%m.%Y %H:%M"}


def test_fault__outside_of_the_events__pauses_ever_longer_and_is_over_when_it_is_mended(
    settings, facts, shop, monkeypatch
) -> None:
    set_aside(settings, facts, shop, *events(1))
    keep(shop, group_of(shop), AS_TEXT)
    send(settings, shop, *events(1, first=1))
    commit(settings, facts)
    tries = []

    def broken(*args, **kwargs):
        tries.append(clock.now() - NOW)
        raise RuntimeError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(sending, "send", broken)
        for second in range(1_800):
            with clock.frozen(NOW + timedelta(seconds=second)):
                kept_events.mend_new(clock.now())
    pauses = [int((b - a).total_seconds()) for a, b in pairwise(tries)]
    assert pauses[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(pauses[9:]) == {300}
    (kept,) = reads.list_kept(shop)
    assert (kept.problem, kept.failing_since) == ("RuntimeError", NOW)
    with clock.frozen(kept.next_try_at):
        assert tend() == 1
    (kept,) = reads.list_kept(shop)
    assert (kept.problem, kept.failing_since, kept.next_try_at) == ("", None, None)


def test_fault__of_one_rule__does_not_hold_up_the_others(settings, facts, shop, monkeypatch) -> None:
    bad_time = EARLY | {"timestamp": "11.11.2026 01:00"}
    set_aside(settings, facts, shop, BAD | {"messageId": "one"}, bad_time | {"messageId": "two"})
    keep(shop, group_of(shop), AS_TEXT)
    keep(shop, group_of(shop, "bad_timestamp", "timestamp"), DOTTED)
    send(settings, shop, BAD | {"messageId": "three"}, bad_time | {"messageId": "four"})
    commit(settings, facts)
    real = once.to_send

    def of_times(of, rows, bodies, **kwargs):
        if rows and rows[0].reason == "wrong_type":
            raise once.CollectionBehind
        return real(of, rows, bodies, **kwargs)

    monkeypatch.setattr(once, "to_send", of_times)
    assert tend() == 1
    problems = {one.reason: one.problem for one in reads.list_kept(shop)}
    assert problems == {"wrong_type": "collection_behind", "bad_timestamp": ""}


def test_fault__that_lasts__stands_on_the_page_in_the_api_and_on_today(
    settings, facts, shop, monkeypatch, client, member_of
) -> None:
    set_aside(settings, facts, shop, *events(1))
    keep(shop, group_of(shop), AS_TEXT)
    send(settings, shop, *events(1, first=1))
    commit(settings, facts)
    monkeypatch.setattr(sending, "send", lambda *args: 1 / 0)
    tend()
    client.force_login(member_of(shop, "owner"))
    client.cookies["shuke_language"] = "en"
    page = client.get(reverse("intake:mends", args=[shop.slug])).content.decode()
    assert "Kept rules can not be applied since" in page
    assert "can not be applied: ZeroDivisionError" in page
    (kept,) = client.get(f"/api/v1/shops/{shop.slug}/kept-mends").json()
    assert (kept["problem"], bool(kept["failing_since"])) == ("ZeroDivisionError", True)
    csv = client.get(reverse("intake:mends", args=[shop.slug]) + "?format=csv&table=kept").getvalue().decode()
    assert "ZeroDivisionError" in csv
    words = "1 kept rule can not be applied"
    today = reverse("console:today", args=[shop.slug])
    assert words not in client.get(today).content.decode()
    with clock.frozen(NOW + timedelta(minutes=2)):
        assert words in client.get(today).content.decode()
    client.cookies["shuke_language"] = "zh-hans"
    assert "保留的规则" in client.get(reverse("intake:mends", args=[shop.slug])).content.decode()
