"""The file of the page of search ads: equal keywords of several items and campaigns can be told apart."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from shuke.kernel import clock
from shuke.shops.roles import Role
from shuke.traffic.search_ads.tests.facts import load

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T8"),
]
REPORT = (
    "day,keyword,bid,quality,impressions,clicks,cost,orders,amount,next bid,next quality,item,campaign,rank\n"
    "2026-03-01,linen,1.50,9,100,20,10,1,30,1.20,8,1001,Summer,\n"
    "2026-03-01,linen,1.40,9,100,20,10,1,30,1.20,8,1001,Winter,\n"
    "2026-03-01,linen,1.30,9,100,20,10,1,30,1.20,8,1002,Summer,\n"
)


def test_file_of_keywords__equal_ones__say_their_item_and_campaign(client, shop, member_of) -> None:
    load(shop, REPORT, "keywords_plain")
    client.force_login(member_of(shop, Role.OWNER))
    for language, titles in (
        ("en", ("Keyword", "Item", "Campaign")),
        ("zh-hans", ("关键词", "商品", "计划")),
    ):
        client.cookies["shuke_language"] = language
        with clock.frozen(datetime(2026, 3, 25, 4, tzinfo=UTC)):
            answer = client.get(reverse("console:search_ads", args=[shop.slug]), {"format": "csv"})
        rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
        assert sorted(tuple(row[title] for title in titles) for row in rows) == [
            ("linen", "1001", "Summer"),
            ("linen", "1001", "Winter"),
            ("linen", "1002", "Summer"),
        ]
