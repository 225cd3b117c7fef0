"""A log that has grown old is shortened only behind the ledger, and one shop's trouble is nobody else's."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from shuke.kernel import clock
from shuke.warehouse import actions, processes, sealed_tier, sealing
from shuke.warehouse.tests.facts import NOON, views
from shuke.warehouse.tests.test_tiers import Killed, add, answers, rows_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]


def age(days: float) -> None:
    """Make every log look as if nothing had been written for so long."""
    then = time.time() - days * 86_400
    for path in Path(settings.LAKE).rglob("_delta_log/*"):
        os.utime(path, (then, then))


def logs(shop) -> int:
    return len(list((Path(settings.LAKE) / str(shop.id) / "events" / "_delta_log").glob("*.json")))


@pytest.mark.row("E4")
@pytest.mark.parametrize("seals", [8, 9, 10])
def test_seal__killed_after_days_of_silence__leaves_the_version_that_the_ledger_names(
    shop, monkeypatch, seals
):
    """The commit that writes a checkpoint would clean an old log, with the version that the ledger still names."""
    for n in range(seals):
        add(shop, *views(shop, f"v{n}", [n]))
        actions.seal(shop)
    add(shop, *views(shop, "late", [50]))
    before = answers(shop)
    age(days=3)

    def killed(*_args, **_rest):
        raise Killed

    monkeypatch.setattr(sealing, "offer", killed)
    with pytest.raises(Killed):
        actions.seal(shop)
    monkeypatch.undo()
    sealed_tier.files_by_day.cache_clear()  # as another process finds it
    assert answers(shop) == before
    actions.seal(shop)
    assert answers(shop) == before


@pytest.mark.row("E4")
def test_vacuum__of_old_logs__shortens_them_and_changes_no_answer(shop, monkeypatch):
    for n in range(9):
        add(shop, *views(shop, f"v{n}", [n]))
        actions.seal(shop)
    before, long = answers(shop), logs(shop)
    age(days=3)
    monkeypatch.setattr(sealed_tier, "GRACE", timedelta())
    monkeypatch.setattr(sealed_tier.vacuum, "__kwdefaults__", {"grace": timedelta()})
    processes.vacuum_all()
    sealed_tier.files_by_day.cache_clear()
    assert answers(shop) == before
    assert logs(shop) < long
    processes.vacuum_all()
    add(shop, *views(shop, "late", [50]))
    before = answers(shop)
    actions.seal(shop)
    assert answers(shop) == before


def test_sealer__one_shop_that_can_not_be_sealed__seals_the_others_and_says_which(
    shop, other_shop, monkeypatch, caplog
):
    for one in (shop, other_shop):
        add(one, *views(one, "ann", [0]))
    inner = sealing.seal
    bad = min((shop, other_shop), key=lambda one: one.slug)

    def sealed(given, *words, **rest):
        if given.id == bad.id:
            raise ValueError("its files can not be read")
        return inner(given, *words, **rest)

    monkeypatch.setattr(sealing, "seal", sealed)
    with clock.frozen(NOON + timedelta(days=2)), pytest.raises(ValueError, match="can not be read"):
        processes.seal_once()
    (good,) = {shop, other_shop} - {bad}
    assert sealing.open_days(good.id) == []
    assert [day.rows for day in sealing.open_days(bad.id)] == [1]
    assert f"seal.failed shop={bad.id}" in caplog.text
    assert len(rows_of(bad, "events")) == 1
