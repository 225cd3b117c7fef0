"""The questions of items: which item a page shows, which sale counts, the sums of days and periods, and the hot list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import ibis
import pyarrow as pa

from shuke.traffic.items import questions, resolving
from shuke.traffic.items.tests import oracle
from shuke.traffic.items.tests.drawn import draw
from shuke.traffic.tests.corpus.questions import SHOP
from shuke.traffic.tests.facts import RULES
from shuke.warehouse import schemas
from tests.corpus.asked import Question

Row = dict[str, Any]
# At two of the events' own moments or so: the half-open window holds the first and not the second.
ONE = "A1"
START, END = datetime(2026, 3, 1, 20), datetime(2026, 3, 3, 4)


@cache
def _life() -> tuple[list[Row], list[Row], list[Row], list[Row]]:
    """Deeds as the kernel makes them, order lines, and the oracle's named deeds and sales."""
    events, lines = draw(SHOP, 3)
    deeds = oracle.deeds(events, RULES, SHOP.currency)
    rows = oracle.named(deeds)
    return deeds, lines, rows, oracle.sales(rows, lines, SHOP.currency)


def drawn() -> dict[str, list[Row]]:
    """The data set `items`, by kind."""
    deeds, lines, rows, sold = _life()
    found = resolving.lines(ibis.memtable(pa.Table.from_pylist(lines, schema=schemas.ORDER_LINES)))
    return {
        "item_deeds": deeds,
        "order_lines": lines,
        "item_lines": found.to_pyarrow().to_pylist(),
        "item_visitors": oracle.visitors(rows, sold),
        "item_days": oracle.days(rows, sold),
        "order_facts": [_called(row) for row in sold if row["is_file"]],
        "window": [{"start": START, "end": END}],
        "one": [{"wanted": ONE}],
    }


def _resolved(tables: Any) -> tuple[ibis.Table, ibis.Table]:
    return resolving.tables(tables, SHOP.currency)


def _visitors(tables: Any) -> ibis.Table:
    return resolving.visitors(*_resolved(tables))


def _days(tables: Any) -> ibis.Table:
    return resolving.days(tables["item_visitors"], *_resolved(tables))


def _hot(tables: Any) -> ibis.Table:
    return questions.hot(tables["item_deeds"], tables["item_lines"], tables["window"], SHOP.currency)


def _expected_hot() -> list[Row]:
    _deeds, _lines, rows, sold = _life()
    return [{"product_ref": ref} | counts for ref, counts in oracle.hot(rows, sold, START, END).items()]


def _by_item(tables: Any) -> ibis.Table:
    """Without what is null in a part: of the parts of an item only who came, and of all items no orders."""
    found = questions.by_item(tables["item_visitors"])
    return found.filter(found.part == "item").filter(ibis._.views.notnull()).drop("part", "buyers")


def _expected_by_item() -> list[Row]:
    _deeds, _lines, rows, sold = _life()
    refs = {row["product_ref"] for row in (*rows, *sold) if row.get("deed") != "order"}
    return [
        {"product_ref": ref}
        | {
            name: value
            for name, value in oracle.sums(
                [r for r in rows if r["product_ref"] == ref], [s for s in sold if s["product_ref"] == ref]
            ).items()
            if name != "buyers"
        }
        for ref in refs
    ]


def _expected_sums() -> list[Row]:
    _deeds, _lines, rows, sold = _life()
    keys = ("shop_id", "local_day", "product_ref", "is_paid")
    names = [name for name in schemas.ITEM_SUMS.names if name not in keys]
    found: dict[tuple, Row] = {}
    for row in oracle.visitors(rows, sold):
        key = tuple(row[name] for name in keys)
        into = found.setdefault(key, dict(zip(keys, key, strict=True)) | dict.fromkeys(names, 0))
        for name in names:
            into[name] += row[name]
    return list(found.values())


def _expected_people() -> list[Row]:
    _deeds, _lines, rows, sold = _life()
    bits = {"views": 1, "favourites": 2, "carts": 4, "checkouts": 8, "orders": 16}
    times = {True: 1, False: 32, None: 1024}
    return [
        {name: row[name] for name in ("shop_id", "local_day", "product_ref", "visitor_id")}
        | {"told": times[row["is_paid"]] * sum(bit for name, bit in bits.items() if row[name] > 0)}
        for row in oracle.visitors(rows, sold)
        if row["visitor_id"] is not None
    ]


def _expected_titles() -> list[Row]:
    _deeds, _lines, rows, sold = _life()
    found: dict[str, tuple] = {}
    for day in oracle.days(rows, sold):
        if day["title"]:
            known = found.get(day["product_ref"])
            if known is None or day["local_day"] > known[0]:
                found[day["product_ref"]] = (day["local_day"], day["title"])
    return [{"product_ref": ref, "title": title} for ref, (_day, title) in found.items()]


def _expected_pages() -> list[Row]:
    views = Counter(
        (deed["product_ref"], deed["page_path"])
        for deed in _life()[0]
        if deed["deed"] == "view" and deed["product_ref"] is not None and deed["page_path"] is not None
    )
    return [{"product_ref": ref, "page_path": path, "views": count} for (ref, path), count in views.items()]


def _called(sale: Row) -> Row:
    """What a shop calls an order that a file told."""
    return (
        dict.fromkeys(schemas.ORDER_FACTS.names)
        | {name: sale[name] for name in ("shop_id", "order_id", "local_day", "at")}
        | {"order_ref": f"no. {sale['order_id']}", "kind": "sale"}
    )


def _orders_behind(tables: Any) -> ibis.Table:
    kinds = (tables[name] for name in ("item_deeds", "item_lines", "order_facts", "one"))
    return questions.orders_behind(*kinds, SHOP.currency)


def _expected_orders() -> list[Row]:
    _deeds, _lines, _rows, sold = _life()
    called = {row["order_id"]: f"no. {row['order_id']}" for row in sold if row["is_file"]}
    names = ("order_id", "at", "visitor_id", "buyer_id", "channel", "is_paid", "amount_minor")
    return [
        {name: row[name] for name in names}
        | {"quantity": row["units"], "order_ref": called.get(row["order_id"]), "is_file": row["is_file"] == 1}
        for row in sold
        if row["product_ref"] == ONE
    ]


def _expected_days_sold() -> list[Row]:
    sold = {row["local_day"] for row in _life()[3] if row["product_ref"] == ONE}
    return [{"local_day": day} for day in sorted(sold)]


def _expected_people_behind(of: str) -> list[Row]:
    """Visitors who viewed the item, or buyers who bought it."""
    _deeds, _lines, rows, sold = _life()
    key = {"visitors": "visitor_id", "buyers": "buyer_id"}[of]
    names = {
        "visitors": ("views", "favourites", "carts", "checkouts", "orders", "amount_minor"),
        "buyers": ("orders", "units", "amount_minor"),
    }[of]
    found: dict[int, Row] = {}
    for row in oracle.visitors(rows, sold):
        if row["product_ref"] != ONE or row[key] is None:
            continue
        day = row["local_day"]
        into = found.setdefault(
            row[key], {key: row[key], "first_day": day, "last_day": day} | dict.fromkeys(names, 0)
        )
        into["first_day"], into["last_day"] = min(into["first_day"], day), max(into["last_day"], day)
        for name in names:
            into[name] += row[name]
    if of == "visitors":
        return [row for row in found.values() if row["views"]]
    return [row | {"quantity": row.pop("units")} for row in found.values()]


def _question(name: str, build: Callable[[Any], ibis.Table], expected: Callable[[], list[Row]]) -> Question:
    return Question(name, "items", lambda tables, ask: ask(build(tables)).to_pylist(), expected)


def all_questions() -> tuple[Question, ...]:
    return (
        _question(
            "item deeds named",
            lambda tables: resolving.named(tables["item_deeds"]),
            lambda: _life()[2],
        ),
        _question("item sales", lambda tables: _resolved(tables)[1], lambda: _life()[3]),
        _question("item visitors", _visitors, lambda: oracle.visitors(*_life()[2:])),
        _question("item days", _days, lambda: oracle.days(*_life()[2:])),
        _question("item sums", lambda tables: resolving.sums(tables["item_visitors"]), _expected_sums),
        _question("item people", lambda tables: resolving.people(tables["item_visitors"]), _expected_people),
        _question("items of a period", _by_item, _expected_by_item),
        _question("item titles", lambda tables: questions.titles(tables["item_days"]), _expected_titles),
        _question("item pages", lambda tables: questions.pages(tables["item_deeds"]), _expected_pages),
        _question("hot items", _hot, _expected_hot),
        _question("orders of an item", _orders_behind, _expected_orders),
        _question(
            "days on which an item sold",
            lambda tables: questions.days_sold(tables["item_visitors"], tables["one"]),
            _expected_days_sold,
        ),
        _question(
            "visitors of an item",
            lambda tables: questions.visitors_behind(tables["item_visitors"], tables["one"]),
            lambda: _expected_people_behind("visitors"),
        ),
        _question(
            "buyers of an item",
            lambda tables: questions.buyers_behind(tables["item_visitors"], tables["one"]),
            lambda: _expected_people_behind("buyers"),
        ),
    )
