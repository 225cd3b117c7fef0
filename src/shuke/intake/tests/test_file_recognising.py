"""Files told by their columns before anything is kept: the format that the console chooses, or a refusal in words."""

from __future__ import annotations

import pytest

from shuke.intake import actions
from shuke.intake.files import problems, recognising
from shuke.intake.files.shipped import shipped_mappings
from shuke.intake.models.imports import Upload
from shuke.intake.tests.seller_exports import taobao_orders, workbook, write
from shuke.intake.tests.test_file_exports import ACTOR, CASES, LISTS, ORDERS, give, recognised
from shuke.kernel import clock

pytestmark = [pytest.mark.django_db, pytest.mark.row("T1"), pytest.mark.data]


@pytest.fixture
def kept(tmp_path):
    """Write a file; returns its path."""

    def write_to(name: str, content: bytes | str):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_to


def test_formats__each_given_alone__are_told_as_the_console_tells_them(shop, kept, warehouse_home) -> None:
    makers = {name: case.make for name, case in CASES.items()} | LISTS
    for name, make in makers.items():
        export = make(ORDERS)
        path = kept(export.name, write(export, shuffled=True))
        if name == "taobao_order_detail_2013":
            with pytest.raises(problems.MissingPart):
                recognising.told_apart(shop, [path])
            continue
        (told,) = recognising.told_apart(shop, [path])
        assert told.mapping == name == recognised(shop, give(shop, path.read_bytes(), path.name))
        assert told.files == {"": path}


def test_halves__given_in_either_order__are_joined_and_loaded_at_once(shop, kept) -> None:
    lines = kept("lines.csv", write(CASES["taobao_order_detail_2013"].make(ORDERS)))
    list_ = kept("orders.csv", write(taobao_orders(ORDERS)))
    joined = recognising.Told("taobao_order_detail_2013", {"": lines, "orders": list_})
    assert recognising.told_apart(shop, [lines, list_]) == (joined,)
    assert recognising.told_apart(shop, [list_, lines]) == (joined,)
    assert recognising.told_apart(shop, [lines], parts={"orders": list_}) == (joined,)
    again = kept("more.csv", list_.read_bytes())
    with pytest.raises(problems.PartUnclear) as refused:
        recognising.told_apart(shop, [lines, list_, again])
    assert refused.value.params["names"] == "orders.csv, more.csv"
    assert not Upload.objects.exists()


def test_list_that_others_need__is_joined_and_loaded_by_itself_too(shop, kept) -> None:
    campaigns = kept(
        "campaigns.csv", "campaign_id,campaign_type,start_date,end_date\n1,Type A,2017-03-03,2017-04-09\n"
    )
    coupons = kept("coupons.csv", "coupon_upc,product_id,campaign_id\n1,2,1\n")
    assert recognising.told_apart(shop, [campaigns, coupons]) == (
        recognising.Told("completejourney_campaigns", {"": campaigns}),
        recognising.Told("completejourney_coupons", {"": coupons, "campaigns": campaigns}),
    )


def test_file__of_no_format_or_of_two__is_refused_with_what_was_found(shop, kept) -> None:
    header = shipped_mappings()["uci_online_retail"].header
    unlike = kept("unlike.csv", "天气,风\n晴,北\n")
    with pytest.raises(problems.FormatUnheard) as refused:
        recognising.told_apart(shop, [unlike])
    assert "天气, 风" in refused.value.message()
    lacking = kept(
        "lacking.csv", ",".join(c for c in header if c != "InvoiceDate") + "\n1,A,Tea,2,2.55,7,UK\n"
    )
    with pytest.raises(problems.FormatLacks) as refused:
        recognising.told_apart(shop, [lacking])
    assert (refused.value.value, refused.value.params["missing"]) == ("uci_online_retail", "InvoiceDate")
    mapping = {**shipped_mappings()["uci_online_retail"].raw, "name": "own_retail"}
    actions.save_mapping(shop=shop, spec=mapping, version=None, actor=ACTOR, at=clock.now())
    whole = kept("whole.csv", ",".join(header) + "\n1,A,Tea,2,2010-12-01 08:26:00,2.55,7,UK\n")
    with pytest.raises(problems.FormatUnclear) as refused:
        recognising.told_apart(shop, [whole])
    assert refused.value.params["names"] == "own_retail, uci_online_retail"


def test_workbook__with_its_sheets__is_one_load(shop, kept) -> None:
    export = CASES["taobao_export_order_list_2016"].make(ORDERS)
    path = kept("book.xlsx", workbook(("订单", export)))
    (told,) = recognising.told_apart(shop, [path])
    assert told.mapping == "taobao_export_order_list_2016"
