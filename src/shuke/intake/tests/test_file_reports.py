"""Amazon's reports in JSON: recognised, kept as dated facts, shown with what contradicts itself beside the status."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import translation

from shuke.intake import actions, reads
from shuke.intake.files import problems
from shuke.intake.files.amazon_messages import COLUMNS, message_rows
from shuke.intake.files.amazon_reports import report_rows
from shuke.intake.files.tables import Layout, open_table
from shuke.intake.tests.test_file_exports import ACTOR, give, recognised, run
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.shops.roles import Role

pytestmark = [pytest.mark.row("T1"), pytest.mark.data]
EXAMPLES = (
    "accountHealthReport-2020-11-18",
    "promotionReport",
    "sellerCouponReport",
    "sellerSalesAndTrafficReport",
    "sellingPartnerRepeatPurchaseReport",
)


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def example(name: str, number: int = 0) -> dict:
    path = Path(os.environ["SHUKE_DATA"]) / "seller_export_formats" / "amazon_sp_api" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["examples"][number]


def test_account_health__of_the_vendor__contradicts_itself_where_it_is_known_to() -> None:
    rows = {row["metric"]: row for row in report_rows(example("accountHealthReport-2020-11-18"))}
    cancelled = rows["prefulfillmentCancelRate"]
    assert (cancelled["status"], cancelled["reported"], cancelled["counted"]) == ("GOOD", "0.005", "0.032")
    assert cancelled["finding"] == "rate_differs"
    assert rows["onTimeDeliveryRate"]["finding"] == "part_exceeds_whole counts_swapped"
    units = rows["unitOnTimeDeliveryRate"]
    assert (units["status"], units["target"], units["finding"]) == (
        "GOOD",
        "GREATER_THAN 0.9",
        "status_against_target",
    )
    assert rows["lateShipmentRate"]["finding"] == rows["invoiceDefectRate"]["finding"] == ""


@pytest.mark.django_db(transaction=True)
def test_reports__given_as_files__are_recognised_loaded_and_shown(
    shop, client, member_of, warehouse_home
) -> None:
    for name in EXAMPLES:
        report = example(name)
        kept = actions.upload_file(
            shop=shop,
            content=io.BytesIO(json.dumps(report, indent=1).encode()),
            name=f"{name}.json",
            actor=ACTOR,
            at=clock.now(),
        )
        assert recognised(shop, kept.sha256) == "amazon_reports"
        ended = run(shop, {"": kept.sha256}, "amazon_reports")
        assert (ended.rows_new, ended.rows_bad) == (len(report_rows(report)), 0)
        assert run(shop, {"": kept.sha256}, "amazon_reports").rows_known == ended.rows_new
    lines = reads.list_report_lines(shop)
    assert len(lines) == sum(len(report_rows(example(name))) for name in EXAMPLES)
    assert lines[0].findings
    assert not lines[-1].findings
    (coupon,) = reads.list_report_lines(shop, report="coupons")
    assert (coupon.amount_minor, coupon.currency, coupon.quantity) == (6210, "USD", "1")
    client.force_login(member_of(shop, Role.ANALYST))
    client.cookies["shuke_language"] = "en"
    text = client.get(reverse("intake:reports", args=[shop.slug])).content.decode()
    assert "its two counts are swapped" in text
    assert "GOOD" in text
    table = client.get(reverse("intake:reports", args=[shop.slug]) + "?format=csv")
    assert table.status_code in (200, 403)


def test_order_change__of_the_vendor__contradicts_itself_where_it_does() -> None:
    message = example("OrderChangeNotification")
    ((place, row),) = message_rows([message])
    assert (place, row["metric"], row["status"], row["item"], row["quantity"]) == (
        1,
        "BuyerRequestedChange: Buyer Requested Cancel",
        "Unshipped",
        "SellerSKUID1",
        "10",
    )
    assert row["finding"] == "sent_before_the_change delivered_unshipped"
    assert "48110" not in str(row)  # where the parcel goes
    item = message["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"][0]
    item["QuantityShipped"] = item["Quantity"] + 1
    message["Payload"]["OrderChangeNotification"]["Summary"]["NumberOfItemsShipped"] = 3
    ((_place, row),) = message_rows([message])
    assert row["finding"].endswith("items_do_not_add_up shipped_exceeds_ordered")


@pytest.mark.django_db(transaction=True)
def test_order_changes__one_a_file_a_list_or_on_lines__count_once_and_name_orders_to_whom_they_may(
    shop, client, member_of, warehouse_home
) -> None:
    one = example("OrderChangeNotification")
    two = json.loads(json.dumps(one).replace("d0e9e693-c3ad-4373-979f-ed4ec98dd746", "another"))
    two["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"] *= 2
    two["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"][1] = {"OrderItemId": "second"}
    on_lines = "\n".join(json.dumps(m) for m in (one, two, one, {"NotificationType": "FEE_PROMOTION"}))
    for text, new, known, bad in (
        (json.dumps(one, indent=1), 1, 0, 0),
        (json.dumps([one, two]), 2, 1, 0),
        (on_lines, 0, 3, 1),
    ):
        kept = give(shop, text.encode(), "messages.json")
        assert recognised(shop, kept) == "amazon_order_changes"
        ended = run(shop, {"": kept}, "amazon_order_changes")
        assert (ended.rows_new, ended.rows_known, ended.rows_bad) == (new, known, bad)
    order = one["Payload"]["OrderChangeNotification"]["AmazonOrderId"]
    assert {line.order_ref for line in reads.list_report_lines(shop)} == {""}
    client.cookies["shuke_language"] = "en"
    for role, is_told in ((Role.MANAGER, True), (Role.ANALYST, False)):
        client.force_login(member_of(shop, role))
        text = client.get(reverse("intake:reports", args=[shop.slug])).content.decode()
        assert "it was sent before the change that it tells of" in text
        assert (order in text) is is_told
        lines = client.get(f"/api/v1/shops/{shop.slug}/reports?report=order_changes").json()
        assert [one["order_ref"] for one in lines] == [order if is_told else ""] * 3


def _message(number: int, **item: object) -> dict:
    message = json.loads(json.dumps(example("OrderChangeNotification")))
    message["NotificationMetadata"]["NotificationId"] = f"n{number}"
    message["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"][0] |= item
    return message


def _table(tmp_path, text: str):
    path = tmp_path / "messages.json"
    path.write_text(text, encoding="utf-8")
    return open_table(path, path.name, Layout())


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_messages__with_a_mark_that_ends_lines_elsewhere__are_one_on_each_line(tmp_path, mark) -> None:
    texts = [json.dumps(_message(n, SellerSKU=f"a{mark}b"), ensure_ascii=False) for n in (1, 2)]
    batch = _table(tmp_path, "\n".join(texts)).take(10)
    assert batch.lines == [1, 2]
    assert {row[COLUMNS.index("item")] for row in batch.rows} == {f"a{mark}b"}


def test_messages__over_several_lines_one_after_another__are_read_and_a_broken_one_is_named(tmp_path) -> None:
    whole = json.dumps(_message(1), indent=1)
    lines = whole.count("\n") + 1
    assert _table(tmp_path, f"{whole}\n\n{whole.replace('n1', 'n2')}\n").take(10).lines == [1, lines + 2]
    with pytest.raises(problems.BrokenJson) as refused:
        _table(tmp_path, whole[:-5])
    assert refused.value.params["line"] in (lines - 1, lines - 2)
    batch = _table(tmp_path, f"{whole}\n{whole[:-5]}").take(10)
    assert (batch.lines, list(batch.refused)) == ([1, lines + 1], [1])


def _three() -> list[str]:
    return [json.dumps(_message(n)) for n in (1, 2, 3)]


@pytest.mark.django_db(transaction=True)
def test_messages__a_line_that_is_no_json__waits_and_the_others_load(shop, warehouse_home) -> None:
    one, two, three = _three()
    whole = _message(4)
    items = whole["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"]
    items.append(items[0] | {"OrderItemId": "other"})
    cut = json.dumps(whole)[:-3]
    text = "\n".join([one, cut, two, "garbage", three[:200], three, json.dumps({"NotificationType": "FEE"})])
    ended = run(shop, {"": give(shop, text.encode(), "messages.json")}, "amazon_order_changes")
    assert (ended.rows_read, ended.rows_new, ended.rows_bad, ended.error) == (7, 3, 4, "")
    waiting = {entry.line: entry for entry in reads.list_quarantined(shop).rows}
    assert {line: (entry.reason, entry.column) for line, entry in waiting.items()} == {
        2: ("row_not_json", "rest"),
        4: ("row_not_json", "rest"),
        5: ("row_not_json", "rest"),
        7: ("row_not_a_message", "rest"),
    }
    assert f"breaks at character {len(cut) + 1}" in waiting[2].words
    assert '"DestinationPostalCode": ""' in json.loads(waiting[2].payload)["rest"]

    def mended(line: int, after: str) -> None:
        payload = json.dumps({**json.loads(waiting[line].payload), "rest": after})
        actions.mend_and_replay(
            shop=shop, quarantined_id=waiting[line].id, payload=payload, actor=ACTOR, at=clock.now()
        )

    with pytest.raises(ShukeError, match="breaks at character 1"):
        mended(4, "still garbage")
    mended(2, json.loads(waiting[2].payload)["rest"] + json.dumps(whole)[-3:])
    mended(5, three)  # it came twice, and counts once
    held = reads.get_import(shop, ended.id)
    assert (held.rows_read, held.rows_new, held.rows_known, held.rows_bad) == (8, 5, 1, 2)
    refs = [line.item for line in reads.list_report_lines(shop, report="order_changes")]
    assert len(refs) == 5


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_messages__in_another_encoding_or_a_list_without_its_end__are_read(tmp_path, encoding) -> None:
    path = tmp_path / "messages.json"
    path.write_bytes("\n".join(_three()).encode(encoding))
    assert open_table(path, path.name, Layout()).take(10).lines == [1, 2, 3]
    listed = "[\n" + ",\n".join(_three()) + ",\n"
    path.write_bytes(listed.encode(encoding))
    batch = open_table(path, path.name, Layout()).take(10)
    assert (batch.lines, dict(batch.refused)) == ([2, 3, 4], {})


@pytest.mark.parametrize(
    ("text", "problem", "said"),
    [
        (
            json.dumps({"reportSpecification": {"reportType": "X"}}, indent=1)[:-4],
            "BrokenJson",
            "a report as it came",
        ),
        ('{"a": 1}\n{"b": 2', "BrokenJson", "line 2 is no JSON"),
        ("{oh\n{dear\n", "BrokenJson", "line 1 is no JSON"),
        ('{"a": 1}', "UnknownJson", "Of JSON only these are read"),
    ],
)
def test_json__that_is_no_message_at_all__is_refused_in_fitting_words(tmp_path, text, problem, said) -> None:
    path = tmp_path / "report.json"
    for encoding in ("utf-8", "utf-16"):
        path.write_bytes(text.encode(encoding))
        with pytest.raises(problems.FileProblem) as refused:
            open_table(path, path.name, Layout())
        assert type(refused.value).__name__ == problem
        assert said in f"{refused.value.message()} {refused.value.advice()}"


@pytest.mark.parametrize("wrong", [5, True, "x", {"a": 1}, [7, None], "\ud800"])
def test_messages__with_values_of_other_types__are_rows_all_the_same(tmp_path, wrong) -> None:
    message = _message(1)
    told = message["Payload"]["OrderChangeNotification"]
    told["OrderChangeType"] = told["OrderChangeTrigger"]["ChangeReason"] = wrong
    told["Summary"]["OrderItems"] = wrong
    batch = _table(tmp_path, json.dumps(message)).take(10)
    ((row),) = batch.rows
    assert row[COLUMNS.index("notification")] == "n1"
    assert all(cell.encode() == cell.encode("utf-8", "surrogatepass") for cell in row)


@pytest.mark.django_db(transaction=True)
def test_preview__two_items_of_a_line_and_one_can_not_be_read__each_shows_its_own(
    shop, warehouse_home
) -> None:
    one = _message(1, SellerSKU="good", OrderItemId="1")
    items = one["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"]
    items.append(items[0] | {"SellerSKU": "bad", "OrderItemId": "2", "Quantity": "many"})
    text = "\n".join(map(json.dumps, [one, _message(2, SellerSKU="later")]))
    kept = give(shop, text.encode(), "messages.json")
    seen = actions.preview(
        shop=shop, files={"": kept}, mapping="amazon_order_changes", choices={}, actor=ACTOR, at=clock.now()
    )
    shown = [(row.line, row.fields["entry_ref"] if row.fields else None) for row in seen.rows]
    assert shown == [(1, "good"), (1, None), (2, "later")]
    assert [(bad.line, bad.column) for bad in seen.problems] == [(1, "quantity")]
