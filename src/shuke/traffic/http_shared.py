"""What the APIs of traffic share: periods and conditions as they come in; figures, reasons and rows as they go out.

Periods are shop's days, `start` included and `end` not. A condition is the versioned JSON of the condition language on the
fields of a visit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, Protocol, TypeVar

from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from ninja import Query, Schema

from shuke.conditions.reads import Node, parse
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.kernel.verdicts import Reason
from shuke.shops.access import Access
from shuke.shops.csv_out import PIECE, ColumnRows, csv_response, every_row
from shuke.shops.roles import Deed
from shuke.traffic import reads
from shuke.traffic.fields import SUBJECT
from shuke.traffic.http_shapes import KeptOut
from shuke.traffic.saved.shapes import Kept

T = TypeVar("T")
LONGEST = timedelta(days=3660)
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
Format = Literal["json", "csv"]
# What a table is compared with: cut at the same time of the shop's clock where the period still runs.
Comparison = Literal["before", "yesterday", "last_week", "custom"]
# Parameters of operations.
CONDITION = Query(None, max_length=8000)
PAGE = Query(1, ge=1, le=100_000)
PAGE_SIZE = Query(50, ge=1, le=1000)


class BadPeriod(Invalid):
    code = "bad_period"
    words = _("%(field)s can not be %(value)s.")
    remedy = _("A period begins before it ends, lies between 1990 and 2199, and is at most ten years long.")


# --- what comes in


def period_asked(start: date, end: date, prefix: str = "", longest: timedelta = LONGEST) -> Period:
    """A period of at most `longest`, from the fields `start` and `end` with a prefix. Raises BadPeriod."""
    for field, day in (("start", start), ("end", end)):
        if not FIRST_DAY <= day <= LAST_DAY:
            raise BadPeriod(field=f"{prefix}{field}", value=day)
    if end <= start or end - start > longest:
        raise BadPeriod(field=f"{prefix}end", value=end)
    return Period(start, end)


def period_if_asked(start: date | None, end: date | None) -> Period | None:
    """None where neither end is given. Raises BadPeriod."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise BadPeriod(field="start" if start is None else "end", value="")
    return period_asked(start, end)


class AgainstIn(Schema):
    """What a report is compared with: `custom` are the days from `custom_start` to before `custom_end`."""

    against: Comparison | None = None
    custom_start: date | None = None
    custom_end: date | None = None

    def told(self) -> dict[str, Any]:
        """`against` and `custom` of a read. Raises BadPeriod, and Invalid for days beside another comparison."""
        if self.custom_start is None and self.custom_end is None:
            return {"against": self.against, "custom": None}
        if self.custom_start is None or self.custom_end is None:
            raise BadPeriod(field="custom_start" if self.custom_start is None else "custom_end", value="")
        if self.against not in (None, "custom"):
            raise Invalid(field="against", value=self.against)
        return {"against": "custom", "custom": period_asked(self.custom_start, self.custom_end, "custom_")}


def condition_asked(text: str | None) -> Node | None:
    return parse(text, SUBJECT) if text else None


# --- what goes out


def number_told(value: Decimal | Fraction | int | None) -> int | float | None:
    return value if value is None or isinstance(value, int) else float(value)


def paged(rows: Sequence[T], page: int, size: int | None) -> tuple[Sequence[T], dict[str, int]]:
    """The rows of a page, and where that is; without a size all rows are one page."""
    size = size or max(len(rows), 1)
    return rows[(page - 1) * size : page * size], {"count": len(rows), "page": page, "size": size}


def period_told(period: Period) -> dict[str, date]:
    return {"start": period.start, "end": period.end}


def reason_told(reason: Reason) -> dict[str, str]:
    return {"code": reason.code, "words": reason.text()}


def figure_told(figure: reads.Figure) -> dict[str, Any]:
    return {
        "metric": figure.metric.id,
        "version": figure.metric.version,
        "unit": figure.metric.unit,
        "value": number_told(figure.value),
        "reason": reason_told(figure.reason) if figure.reason else None,
        "cases": figure.cases,
        "numerator": number_told(figure.numerator),
        "denominator": number_told(figure.denominator),
    }


def kept_told(one: Kept) -> dict[str, Any]:
    """The fields of KeptOut."""
    return {name: getattr(one, name) for name in KeptOut.model_fields}


# --- rows behind a number, asked a page at a time


class TableRows(ColumnRows, Protocol):
    """One page of rows with its columns, and which page it is."""

    @property
    def page(self) -> int: ...
    @property
    def size(self) -> int: ...


def row_told(access: Access, row: Mapping[str, Any]) -> dict[str, Any]:
    """Ids are texts, since they exceed what a browser's numbers hold; who may not see customers sees no personal column."""
    hidden = frozenset() if access.may(Deed.VIEW_CUSTOMERS) else reads.PERSONAL_COLUMNS
    return {name: None if name in hidden else _cell(name, value) for name, value in row.items()}


def _cell(name: str, value: Any) -> Any:
    if name.endswith("_id") and value is not None:
        return str(value)
    return number_told(value) if isinstance(value, Decimal) else value


def rows_told(access: Access, found: TableRows) -> dict[str, Any]:
    """One page of rows as JSON."""
    return {
        "columns": list(found.columns),
        "rows": [row_told(access, row) for row in found.rows],
        "count": found.count,
        "page": found.page,
        "size": found.size,
    }


def lines_as_csv(
    access: Access, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> HttpResponseBase:
    """Rows that are told one after the other as a file."""
    return csv_response(access, name, columns, (list(row_told(access, row).values()) for row in rows))


def rows_as_csv(access: Access, name: str, ask: Callable[[int, int], TableRows]) -> HttpResponseBase:
    """All rows as a file; the first piece is asked before it begins, so that what is refused is said."""
    first = ask(1, PIECE)
    lines = (list(row_told(access, row).values()) for row in every_row(ask, first))
    return csv_response(access, name, first.columns, lines)
