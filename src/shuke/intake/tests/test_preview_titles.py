"""Previews name the columns of facts in the reader's words; who did a thing is told in the reader's language."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils import translation

from shuke.intake import actions
from shuke.intake.files.kinds import FIELDS
from shuke.intake.files.preview import _shown
from shuke.intake.files.shipped import shipped_mappings
from shuke.intake.pages.facts import title_of
from shuke.intake.tests.books import BOOK, HEADER
from shuke.intake.tests.test_file_exports import give
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops.roles import Role

pytestmark = [pytest.mark.row("T1")]
COMMAND = Actor.system("command line")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_titles__of_every_column_of_facts__are_words(language) -> None:
    names = {name for fields in FIELDS.values() for name in fields}
    names |= {name for spec in shipped_mappings().values() for name in _shown(spec)}
    with translation.override(language):
        raw = {name for name in names if title_of(name) == name and (language != "en" or "_" in name)}
    assert raw == set()


@pytest.mark.django_db(transaction=True)
def test_preview__in_both_languages__shows_titles_amounts_and_who_started_it(
    shop, client, member_of, warehouse_home
) -> None:
    actions.save_mapping(shop=shop, spec=BOOK, actor=COMMAND, at=clock.now())
    sha256 = give(shop, (HEADER + "x,2026-03-01,p,3,1234.50\n").encode(), "book.csv")
    actions.start_import(shop=shop, files={"": sha256}, mapping="book", actor=COMMAND, at=clock.now())
    client.force_login(member_of(shop, Role.OWNER))
    for language, words, who in (
        ("en", {"order number", "amount of the row", "day"}, "command line"),
        ("zh-hans", {"订单号", "日期"}, "命令行"),
    ):
        client.cookies["shuke_language"] = language
        page = client.get(
            reverse("intake:preview", args=[shop.slug]), {"file": sha256, "mapping": "book"}
        ).content.decode()
        heads = re.findall(r'<th scope="col" title="(\w+)">([^<]+)</th>', page)
        assert words <= {title for _name, title in heads}
        assert not any("_" in title for _name, title in heads)
        assert "3,703.50" in page
        for address in ("intake:imports", "console:audit", "console:jobs"):
            text = client.get(reverse(address, args=[shop.slug])).content.decode()
            assert who in text, address
            assert (language == "en") or "command line" not in text, address
