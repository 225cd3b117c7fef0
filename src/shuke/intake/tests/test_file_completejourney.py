"""A real loyalty programme through mappings: households, campaigns, who was mailed, coupons, redemptions, baskets.

Every figure is one that was published beside the data or counted on it by other means.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shuke.commerce.reads import order_totals
from shuke.intake import actions, reads
from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.warehouse import reads as warehouse

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
    pytest.mark.data,
]
ACTOR = Actor.system("tests")
YEAR = Period(date(2017, 1, 1), date(2018, 1, 1))


@pytest.fixture
def store(make_shop):
    return make_shop("store", currency="USD", zone="America/New_York", platforms=[])


def load(shop, name: str, file: str, campaigns: bool = False):
    folder = Path(os.environ["SHUKE_DATA"]) / "completejourney"
    names = {"": file, **({"campaigns": "campaign_descriptions"} if campaigns else {})}
    files = {
        part: actions.upload_path(
            shop=shop, path=folder / f"{one}.csv.gz", actor=ACTOR, at=clock.now()
        ).sha256
        for part, one in names.items()
    }
    started = actions.start_import(
        shop=shop, files=files, mapping=f"completejourney_{name}", actor=ACTOR, at=clock.now()
    )
    jobs.run_to_end(started.job_id)
    ended = reads.get_import(shop, started.id)
    assert (ended.error, [one.words for one in reads.list_quarantined(shop).rows]) == ("", [])
    return ended


def entries(shop) -> list[dict]:
    columns = (
        "kind",
        "campaign_ref",
        "coupon_ref",
        "product_ref",
        "buyer_ref",
        "local_day",
        "title",
        "until",
    )
    life = warehouse.whole_life(shop.id)  # some campaigns began in the year before
    return warehouse.ask(
        shop, life, lambda snapshot: warehouse.run(snapshot.raw("entries").select(*columns)).to_pylist()
    )


def test_programme__households_campaigns_mailings_redemptions__are_what_is_published(store) -> None:
    assert load(store, "households", "demographics").rows_new == 801
    assert load(store, "campaigns", "campaign_descriptions").rows_new == 27
    assert load(store, "mailings", "campaigns", campaigns=True).rows_new == 6_589
    assert load(store, "redemptions", "coupon_redemptions").rows_new == 2_102
    by_kind = defaultdict(list)
    for row in entries(store):
        by_kind[row["kind"]].append(row)
    kind_of = {row["campaign_ref"]: row["title"] for row in by_kind["campaign"]}
    assert Counter(kind_of.values()) == {"Type A": 4, "Type B": 17, "Type C": 6}
    mailed = {(row["campaign_ref"], row["buyer_ref"]) for row in by_kind["mailing"]}
    assert len(mailed) == 6_589
    told = {
        kind: [who for campaign, who in mailed if kind_of[campaign] == kind] for kind in set(kind_of.values())
    }
    assert {k: (len(v), len(set(v))) for k, v in told.items()} == {
        "Type A": (3_647, 1_490),
        "Type B": (2_368, 995),
        "Type C": (574, 397),
    }
    redeemed = by_kind["redemption"]
    assert (len(redeemed), len({row["buyer_ref"] for row in redeemed})) == (2_102, 410)
    assert {(row["campaign_ref"], row["buyer_ref"]) for row in redeemed} <= mailed
    assert (min(r["local_day"] for r in redeemed), max(r["local_day"] for r in redeemed)) == (
        date(2017, 1, 1),
        date(2017, 12, 31),
    )
    share = {
        campaign: (
            len({r["buyer_ref"] for r in redeemed if r["campaign_ref"] == campaign}),
            sum(1 for c, _who in mailed if c == campaign),
        )
        for campaign in ("18", "13", "8", "27", "22")
    }
    assert share == {
        "18": (214, 1_133),
        "13": (196, 1_077),
        "8": (158, 1_076),
        "27": (36, 361),
        "22": (15, 276),
    }


@pytest.mark.timeout(240)
def test_coupons__of_the_campaigns__are_pairs_with_products(store) -> None:
    assert load(store, "coupons", "coupons", campaigns=True).rows_new == 116_204
    pairs = entries(store)
    assert len(pairs) == 116_204
    assert len({row["coupon_ref"] for row in pairs}) == 981
    assert len({row["product_ref"] for row in pairs}) == 41_857


@pytest.mark.timeout(240)
def test_products__of_the_store__keep_their_departments(store) -> None:
    assert load(store, "products", "products").rows_new == 92_331


@pytest.mark.timeout(240)
def test_baskets__times_in_utc__fall_in_one_year_of_the_store(store) -> None:
    ended = load(store, "transactions", "transactions_sample")
    assert ended.rows_new == 75_000
    assert (ended.first_day, ended.last_day) == (date(2017, 1, 1), date(2017, 12, 31))
    totals = order_totals(store, YEAR)
    assert (totals.buyers, totals.sales, totals.paid_minor) == (2_377, 47_243, 23_393_524)
    lines = warehouse.ask(
        store,
        YEAR,
        lambda snapshot: warehouse.run(
            snapshot.raw("order_lines").select("quantity", "properties")
        ).to_pylist(),
    )
    assert {row["quantity"] for row in lines} == {None}  # units of fuel are no pieces: never added up
    told = [json.loads(row["properties"]) for row in lines]
    sums = {
        name: sum(Decimal(one.get(name, "0")) for one in told)
        for name in ("retail_disc", "coupon_disc", "coupon_match_disc")
    }
    assert sums == {
        "retail_disc": Decimal("40180.91"),
        "coupon_disc": Decimal("1356.71"),
        "coupon_match_disc": Decimal("242.10"),
    }
    assert sum(1 for one in told if Decimal(one["coupon_disc"]) > 0) == 1_135
    assert sum(1 for one in told if Decimal(one["retail_disc"]) > 0) == 37_606
