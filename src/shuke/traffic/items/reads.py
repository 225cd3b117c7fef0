"""Questions about items: all of a period, one of them, hot ones at a moment, those that sell but stall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.kernel.verdicts import Reason
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic.decisions import compared, so_far
from shuke.traffic.items import counting, decisions, questions, resolving
from shuke.traffic.items.behind import COLUMNS, ItemBehind, every_item_behind, item_behind
from shuke.traffic.items.shapes import (
    BEFORE,
    HOT_BY,
    STEPS,
    WINDOWS,
    HotReport,
    HotRow,
    ItemDay,
    ItemReport,
    ItemRow,
    ItemSource,
    ItemsReport,
    ItemSums,
    Stall,
    StallReport,
    StepCheck,
)
from shuke.warehouse import reads as warehouse
from shuke.warehouse.reads import LaidOut, Stretch

__all__ = [
    "BEFORE",
    "COLUMNS",
    "HOT_BY",
    "RULES",
    "STEPS",
    "WINDOWS",
    "HotReport",
    "HotRow",
    "ItemBehind",
    "ItemDay",
    "ItemReport",
    "ItemRow",
    "ItemSource",
    "ItemSums",
    "ItemsReport",
    "Stall",
    "StallReport",
    "StepCheck",
    "every_item_behind",
    "hot",
    "item",
    "item_behind",
    "item_pages",
    "items",
    "sales_of",
    "stalled",
]

RULES = ("min_visitors", "min_cases", "fewest_items", "hit_share", "far_share")
MOST_HOT = 500
_WINDOW = pa.schema([("start", pa.timestamp("us")), ("end", pa.timestamp("us"))])
_REF = pa.schema([("wanted", pa.string())])

FROM_FILES = _(
    "%(orders)s sales of items were told by files alone: they count as orders, units, buyers and amount, and nobody saw them in a "
    "visit, so conversion and steps leave them out."
)
WITHOUT_AMOUNT = _(
    "%(lines)s order lines state no price, or one in another currency than the shop's: their units count, no amount does."
)
AS_KNOWN_NOW = _("As known now: deeds before this moment count also where their events came later.")


def items(
    *,
    shop: ShopView,
    period: Period,
    against: str | None = None,
    custom: Period | None = None,
    at: datetime,
) -> ItemsReport:
    """Every item that was viewed, added, or sold in a period, most views first, then by name.

    `against`: before, yesterday, last_week, or custom with its own period; cut at the same time of the shop's clock where
    the period still runs. Raises Invalid for an unknown comparison.
    """
    other = compared(shop, period, against, custom, at)
    rows, total = _rows(shop, period)
    report = ItemsReport(period, so_far(shop, period, at), rows, total, _notes(row.sums for row in rows))
    if other is None:
        return report
    before, total_then = _rows(shop, *other)
    known = {row.product_ref: row for row in before}
    both = [
        replace(row, then=known.pop(row.product_ref).sums if row.product_ref in known else ItemSums())
        for row in rows
    ]
    both += [
        replace(row, sums=ItemSums(), paid=ItemSums(), free=ItemSums(), then=row.sums)
        for row in known.values()
    ]
    return replace(report, rows=tuple(both), against_period=other[0], total_then=total_then)


def item(
    *,
    shop: ShopView,
    period: Period,
    product_ref: str,
    against: str | None = None,
    custom: Period | None = None,
    at: datetime,
) -> ItemReport:
    """One item: its numbers, sources and days, its steps against the shop's; zeros for one that nobody saw or bought.
    `against` as of `items`."""
    other = compared(shop, period, against, custom, at)
    rows, _total = _rows(shop, period)
    own = next((row for row in rows if row.product_ref == product_ref), None)
    if own is None:
        own = ItemRow(product_ref, None, ItemSums(), ItemSums(), ItemSums())
        rows = (*rows, own)
    stalls, _reason = decisions.judged(rows, _rules(shop, period))
    stall = next(one for one in stalls if one.row.product_ref == product_ref)
    sources, days = _sources_and_days(shop, period, product_ref)
    if other is not None:
        own = replace(own, then=_sums_of_one(shop, *other, product_ref))
    return ItemReport(
        period=period,
        until=so_far(shop, period, at),
        row=own,
        sources=sources,
        days=days,
        stall=stall,
        notes=_notes([own.sums]),
        against_period=other[0] if other is not None else None,
    )


def item_pages(*, shop: ShopView, period: Period, product_ref: str) -> tuple[str, ...]:
    """The paths of the pages on which an item was seen on the last days on which it was, most views first, then by path; an
    item known by its page alone is on that page. An item changes its page rarely, and each view of each item is a row."""
    if product_ref.startswith("/"):
        return (product_ref,)
    for days in (2, 14):
        recent = Period(max(period.start, period.end - ONE_DAY * days), period.end)
        if found := _pages_of(shop, recent, product_ref):
            return found
    return _pages_of(shop, period, product_ref) if period.length > 14 else ()


def _pages_of(shop: ShopView, period: Period, product_ref: str) -> tuple[str, ...]:
    given = {"one": pa.Table.from_pylist([{"wanted": product_ref}], schema=_REF)}

    def asked(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        def own(tables: Mapping[str, ibis.Table]) -> ibis.Table:
            deeds, one = tables["item_deeds"], tables["one"]
            return questions.pages(deeds.join(one, deeds.product_ref == one.wanted).select(*deeds.columns))

        laid = LaidOut(snapshot, [Stretch(period)])
        return laid.answer({"item_deeds": None}, "item pages", own, is_kept=False, given=given).to_pylist()

    rows = warehouse.ask(shop, period, asked)
    return tuple(row["page_path"] for row in sorted(rows, key=lambda row: (-row["views"], row["page_path"])))


def sales_of(snapshot: warehouse.Snapshot, currency: str) -> ibis.Table:
    """The items sold on the days of a snapshot, a row per order, day and item, for whoever asks about buyers: order_id,
    local_day, at, product_ref, title, units, amount_minor (of `currency`) and more (resolving.sales)."""
    deeds = snapshot.derived("item_deeds")
    return resolving.sales(deeds.filter(deeds.deed == "order"), snapshot.derived("item_lines"), currency)


def stalled(*, shop: ShopView, period: Period, at: datetime) -> StallReport:
    """The items that sell but stall, each with the step that holds it back, the most buyers to win first."""
    rows, _total = _rows(shop, period)
    rules = _rules(shop, period)
    stalls, reason = decisions.judged(rows, rules)
    found = sorted(
        (one for one in stalls if one.is_stalling),
        key=lambda one: (one.held_by == "too_few", -one.lost, -one.row.sums.visitors, one.row.product_ref),
    )
    sold = sum(row.sums.orders > 0 for row in rows)
    return StallReport(period, so_far(shop, period, at), tuple(found), sold, rules, reason)


def hot(
    *,
    shop: ShopView,
    moment: datetime,
    window: str = "24h",
    by: str = "views",
    most: int = 100,
    at: datetime,
) -> HotReport:
    """The items of the half-open window that ends at a moment (aware), ranked. Items with none of `by` are left out.

    Raises Invalid for an unknown window or ranking, and for a moment after `at`.
    """
    if window not in WINDOWS:
        raise Invalid(field="window", value=window[:40])
    if by not in HOT_BY:
        raise Invalid(field="by", value=by[:40])
    if not 1 <= most <= MOST_HOT:
        raise Invalid(field="most", value=most)
    if moment > at:
        raise Invalid(field="moment", value=moment.isoformat())
    start = moment - timedelta(seconds=WINDOWS[window])
    last = local_day(moment - timedelta(microseconds=1), shop.zone)
    period = Period.inclusive(local_day(start, shop.zone), last)
    given = pa.Table.from_pylist([{"start": _naive(start), "end": _naive(moment)}], schema=_WINDOW)

    def asked(snapshot: warehouse.Snapshot) -> tuple[list[dict[str, Any]], dict[str, str]]:
        laid = LaidOut(snapshot, [Stretch(period)])
        rows = laid.answer(
            {"item_deeds": None, "item_lines": None},
            ("hot items", shop.currency),
            lambda t: questions.hot(t["item_deeds"], t["item_lines"], t["window"], shop.currency),
            is_kept=False,
            given={"window": given},
        ).to_pylist()
        return rows, _titles(laid)

    rows, titles = warehouse.ask(shop, period, asked)
    then = HOT_BY[by]
    counted: list[dict[str, Any]] = [{name: row[name] or 0 for name in row} for row in rows]
    ranked = sorted(
        (row for row in counted if row[by] > 0), key=lambda row: (-row[by], -row[then], row["product_ref"])
    )
    shown = ranked[:most]
    titles |= _listed_titles(shop, [r["product_ref"] for r in shown if r["product_ref"] not in titles])
    return HotReport(
        start=start,
        moment=moment,
        window=window,
        by=by,
        then=then,
        rows=tuple(
            HotRow(rank=n, title=titles.get(row["product_ref"]), **row)
            for n, row in enumerate(shown, start=1)
        ),
        count=len(ranked),
        notes=(Reason("as_known_now", AS_KNOWN_NOW),),
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _rules(shop: ShopView, period: Period) -> dict[str, int]:
    return {name: int(rulebook.value_for(shop, f"common.items.{name}", period.last).value) for name in RULES}


def _rows(
    shop: ShopView, period: Period, until: datetime | None = None
) -> tuple[tuple[ItemRow, ...], ItemSums]:
    """The items of a period and all of them together; `until`: as the facts stood before that moment."""

    def asked(snapshot: warehouse.Snapshot) -> tuple[list[dict[str, Any]], dict[str, str]]:
        laid = LaidOut(snapshot, [Stretch(period, until)])
        if counting.is_worth_it(laid):
            return counting.by_item(laid), _titles(laid)
        found = laid.answer(
            {"item_visitors": None},
            "items",
            lambda t: questions.by_item(t["item_visitors"]),
            is_kept=True,
        ).to_pylist()
        return found, _titles(laid)

    found, titles = warehouse.ask(shop, period, asked)
    parts: dict[str, dict[str, dict[str, Any]]] = {}
    for row in found:
        into = parts.setdefault(row["part"], {}).setdefault(row["product_ref"] or "", {})
        _add(into, row)
    own = parts.get("item", {})
    titles |= _listed_titles(shop, [ref for ref in own if ref not in titles])
    rows = [
        ItemRow(
            ref,
            titles.get(ref),
            _sums(sums),
            *(_sums(parts.get(part, {}).get(ref, {})) for part in ("paid", "free")),
        )
        for ref, sums in own.items()
    ]
    rows.sort(key=lambda row: (-row.sums.views, -row.sums.visitors, row.product_ref))
    total = parts.get("total", {}).get("", {})
    return tuple(rows), _sums({**total, "orders": 0, "file_orders": 0})


def _add(into: dict[str, Any], row: Mapping[str, Any]) -> None:
    """Rows of one group: each measure stands in one of them, null in the others."""
    for name in questions.MEASURES:
        if row[name] is not None:
            into[name] = row[name]


def _sums(found: Mapping[str, Any]) -> ItemSums:
    known = {name: value for name, value in found.items() if value is not None and name in _FIELDS}
    return ItemSums(**known | ({"units": Decimal(known["units"])} if "units" in known else {}))


_FIELDS = frozenset(ItemSums.__dataclass_fields__)


def _own(table: ibis.Table, one: ibis.Table) -> ibis.Table:
    """The rows of one item."""
    return table.join(one, table.product_ref == one.wanted).select(*table.columns)


def _sums_of_one(shop: ShopView, period: Period, until: datetime | None, product_ref: str) -> ItemSums:
    """One item's counts, as `_rows` counts all of them."""
    given = {"one": pa.Table.from_pylist([{"wanted": product_ref}], schema=_REF)}

    def asked(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        laid = LaidOut(snapshot, [Stretch(period, until)])
        found = laid.answer(
            {"item_visitors": None},
            "one item",
            lambda t: questions.by_item(_own(t["item_visitors"], t["one"]), is_whole=False),
            is_kept=False,
            given=given,
        )
        return found.to_pylist()

    sums: dict[str, Any] = {}
    for row in warehouse.ask(shop, period, asked):
        if row["part"] == "item":
            _add(sums, row)
    return _sums(sums)


def _sources_and_days(
    shop: ShopView, period: Period, product_ref: str
) -> tuple[tuple[ItemSource, ...], tuple[ItemDay, ...]]:
    given = {"one": pa.Table.from_pylist([{"wanted": product_ref}], schema=_REF)}

    def asked(snapshot: warehouse.Snapshot) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        laid = LaidOut(snapshot, [Stretch(period)])
        sources = laid.answer(
            {"item_visitors": None},
            "item by source",
            lambda t: questions.by_source(_own(t["item_visitors"], t["one"])),
            is_kept=False,
            given=given,
        )
        days = laid.answer(
            {"item_days": None},
            "item by day",
            lambda t: questions.by_day(_own(t["item_days"], t["one"])),
            is_kept=False,
            given=given,
        )
        return sources.to_pylist(), days.to_pylist()

    sources, days = warehouse.ask(shop, period, asked)
    by_source: dict[tuple[str | None, bool | None], dict[str, Any]] = {}
    for row in sources:
        _add(by_source.setdefault((row["channel"], row["is_paid"]), {}), row)
    found = [ItemSource(channel, is_paid, _sums(sums)) for (channel, is_paid), sums in by_source.items()]
    found.sort(key=lambda one: (-one.sums.visitors, -one.sums.orders, str(one.channel), str(one.is_paid)))
    known = {row["local_day"]: _sums(row) for row in days}
    return tuple(found), tuple(ItemDay(day, known.get(day, ItemSums())) for day in _days(period, known))


def _days(period: Period, known: Mapping[Any, Any]) -> list[Any]:
    """The days from the first to the last that has any deed; a day without one stands between them."""
    if not known:
        return []
    first, last = min(known), max(known)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _titles(laid: LaidOut) -> dict[str, str]:
    rows = laid.answer(
        {"item_days": None}, "item titles", lambda t: questions.titles(t["item_days"]), is_kept=True
    ).to_pylist()
    return {row["product_ref"]: row["title"] for row in rows}


def _listed_titles(shop: ShopView, refs: Sequence[str]) -> dict[str, str]:
    """Titles from the lists of products that files brought (the entries of the kind `product`): of statements that stand
    the newest. A row stands while its signs add up above zero, as in `traffic.reads.entries`."""
    life = warehouse.whole_life(shop.id) if refs else None
    if life is None:
        return {}

    def asked(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        if "entries" not in snapshot.plan.versions and "entries" not in snapshot.plan.open_files:
            return []
        entries = snapshot.raw("entries")
        wanted = snapshot.holding("wanted_titles", pa.table({"product_ref": pa.array(refs, pa.string())}))
        listed = entries.filter((entries.kind == "product") & entries.title.notnull())
        listed = listed.semi_join(wanted, "product_ref")
        # The content is of the whole row, so its statements are of one product and one title.
        told = listed.group_by("row_id", "content_id", "product_ref", "title").aggregate(
            net=listed.sign.cast("int64").sum(), received_at=listed.received_at.max()
        )
        return snapshot.engine.run(told.filter(told.net > 0)).to_pylist()

    rows = sorted(warehouse.ask(shop, life, asked), key=lambda row: (row["received_at"], row["row_id"]))
    return {row["product_ref"]: row["title"] for row in rows}


def _notes(sums: Any) -> tuple[Reason, ...]:
    told = list(sums)
    files, without = sum(one.file_orders for one in told), sum(one.without_amount for one in told)
    notes = []
    if files:
        notes.append(Reason("orders_from_files", FROM_FILES, {"orders": files}))
    if without:
        notes.append(Reason("without_amount", WITHOUT_AMOUNT, {"lines": without}))
    return tuple(notes)
