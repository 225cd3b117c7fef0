"""What the views of a day add up to by page, derived when the day is sealed: `page_days`, from trails.

Level `page` has all sums of a page. Level `type` says by which types its views went, in `views` alone. A visitor, and a
visit, is one in each row of level `page`; visitors may be added over pages never, over days only as visitors of days.
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from shuke.traffic.kernel import Codes, integers
from shuke.traffic.sessions import as_schema
from shuke.warehouse import schemas
from shuke.warehouse.derivations import Context, Derivation, Kernel, register

PAGE, TYPE = "page", "type"
SUMS = ("views", "stay_seconds", "measured", "exits", "visits", "visitors")
_DAY = ["shop_id", "local_day"]
_TOLD = [*_DAY, "level", "page_path", "page_type"]
COLUMNS = {
    "trails": (
        "shop_id",
        "local_day",
        "visitor_id",
        "visit_id",
        "is_view",
        "page_path",
        "page_type",
        "to_next",
    )
}


def page_days(trails: ibis.Table) -> ibis.Table:
    """The columns of schemas.PAGE_DAYS from trails of whole visitors' days."""
    views = trails.filter(trails.is_view == 1)
    added = {name: _[name].sum() for name in ("views", "stay_seconds", "measured", "exits")}
    of_visit = views.group_by([*_DAY, "page_path", "visitor_id", "visit_id"]).aggregate(
        views=_.count(),
        stay_seconds=_.to_next.coalesce(0).sum(),
        measured=ibis.ifelse(_.to_next.notnull(), 1, 0).sum(),
        exits=ibis.ifelse(_.next_path.isnull(), 1, 0).sum(),
    )
    of_visitor = of_visit.group_by([*_DAY, "page_path", "visitor_id"]).aggregate(**added, visits=_.count())
    of_page = of_visitor.group_by([*_DAY, "page_path"]).aggregate(
        **added, visits=_.visits.sum(), visitors=_.count()
    )
    of_type = views.group_by([*_DAY, "page_path", "page_type"]).aggregate(views=_.count())
    pages = of_page.mutate(level=ibis.literal(PAGE, "string"), page_type=ibis.null("string"))
    types = of_type.mutate(
        level=ibis.literal(TYPE, "string"), **{name: ibis.literal(0, "int64") for name in SUMS[1:]}
    )
    return as_schema(pages, "page_days").union(as_schema(types, "page_days"), distinct=False)


def sums(inputs: Mapping[str, pa.Table]) -> pa.Table:
    """The same from some visitors' trails in any order, without SQL; to be added up with others'."""
    trails = inputs["trails"]
    trails = trails.filter(pc.equal(trails["is_view"], 1))
    if not trails.num_rows:
        return schemas.PAGE_DAYS.empty_table()
    path, kind = Codes(trails["page_path"]), Codes(trails["page_type"])
    day = integers(trails["local_day"])
    first_day = int(day.min())
    # A page of a day, numbered without gaps.
    occurring, page = np.unique((day - first_day) * len(path.texts) + path.codes, return_inverse=True)
    count = len(occurring)

    def each(column: np.ndarray | None) -> np.ndarray:
        """Per page how many rows, or what they add up to (whole numbers below 2 ** 53)."""
        return np.bincount(page, column, minlength=count).astype(np.int64)

    def different(ids: np.ndarray) -> np.ndarray:
        """Per page, how many different ones."""
        numbers = np.unique(ids, return_inverse=True)[1]
        return np.bincount(np.unique(numbers * count + page) % count, minlength=count).astype(np.int64)

    goes_on = pc.is_valid(trails["to_next"]).to_numpy()
    views, measured = each(None), each(goes_on.astype(np.float64))
    of_page = {
        "views": views,
        "stay_seconds": each(pc.fill_null(trails["to_next"], 0).to_numpy().astype(np.float64)),
        "measured": measured,
        # The last view of a visit, and no other, has no next one to measure it by.
        "exits": views - measured,
        "visits": different(trails["visit_id"].to_numpy()),
        "visitors": different(trails["visitor_id"].to_numpy()),
    }
    both, of_type = np.unique(page * len(kind.texts) + kind.codes, return_counts=True)
    own = both // len(kind.texts)
    none = np.zeros(len(both), np.int64)
    places = np.concatenate([np.arange(count), own])
    levels = pa.array([PAGE, TYPE]).take(pa.array((np.arange(len(places)) >= count).astype(np.int8)))
    types = kind.texts.cast(pa.string()).take(pa.array(both % len(kind.texts)))
    columns = {
        "shop_id": pa.repeat(trails["shop_id"][0], len(places)),
        "local_day": pa.array(((occurring // len(path.texts))[places] + first_day).astype("datetime64[D]")),
        "level": levels,
        "page_path": path.texts.cast(pa.string()).take(pa.array((occurring % len(path.texts))[places])),
        "page_type": pa.concat_arrays([pa.nulls(count, pa.string()), types]),
        **{
            name: pa.array(np.concatenate([column, of_type if name == "views" else none]))
            for name, column in of_page.items()
        },
    }
    return pa.table([columns[f.name].cast(f.type) for f in schemas.PAGE_DAYS], schemas.PAGE_DAYS)


def added_up(rows: pa.Table) -> pa.Table:
    """The sums of several visitors' rows, of one piece or of several put together."""
    if not rows.num_rows:
        return schemas.PAGE_DAYS.empty_table()
    found = rows.group_by(_TOLD).aggregate([(name, "sum") for name in SUMS])
    found = found.rename_columns([name.removesuffix("_sum") for name in found.column_names])
    return found.select(schemas.PAGE_DAYS.names).cast(schemas.PAGE_DAYS)


def _derive(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return page_days(inputs["trails"])


def register_derivations() -> None:
    """Tell the warehouse how pages' views are added up."""
    register(
        Derivation(
            "page_days",
            ("trails",),
            {"trails": "visitor_id"},
            _derive,
            kernel=Kernel(COLUMNS, lambda _context: sums, fold=added_up),
            variant=lambda _context: (),
            sums=SUMS,
        )
    )
