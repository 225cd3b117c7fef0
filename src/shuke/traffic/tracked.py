"""What the page tracker tells besides views: clicks with their place on the page, and how long a page was seen.

Both are events whose properties name them (intake/README.md):

- a `track` named `Element Clicked`: `kind` (outbound, marked), `label`, `href` (without query), and the cell of the page in
  which it lies: `x` in twentieths of the page's width (0 to 19, from the left), `y` in hundredths of its height (0 to 99,
  from the top); `width` and `height` are the page's own in CSS pixels at that moment;
- a `stay`, sent as a track named `Page Stayed`: `milliseconds` for which the page could be seen since it was told last, and
  `view`, the messageId of the page view. Parts add up. It opens no visit and prolongs none, so every number that is
  counted from first to last event stays what the platforms mean by it (B-202); this one is ours and counts single-page
  visits as well.

A value that is none (another sender's, a cell beyond the grid, more than a day) is left out, never guessed. The values are
taken from the text by patterns that all engines read alike; a name inside a text can not be met, since JSON writes its
quotes with a backslash.
"""

from __future__ import annotations

import ibis
from ibis import _

CLICKED = "Element Clicked"
STAY = "stay"
GRID_COLUMNS, GRID_ROWS = 20, 100
KINDS = ("outbound", "marked")
LONGEST_MS = 24 * 3600 * 1000  # a part longer than a day was not measured

_PLACE = ("shop_id", "local_day", "visitor_id", "event_id", "at", "page_path", "page_type", "terminal")


def _text(properties: ibis.StringValue, name: str) -> ibis.StringValue:
    """A text of the properties as JSON writes it, escapes and all; '' where there is none."""
    pattern = f'[{{,][ ]*"{name}"[ ]*:[ ]*"(([^"\\\\]|\\\\.)*)"'
    return properties.re_extract(pattern, 1).coalesce("")


def _whole(properties: ibis.StringValue, name: str, digits: int) -> ibis.IntegerValue:
    """A whole number from 0 upwards of the properties; null where there is none of so few digits."""
    pattern = f'[{{,][ ]*"{name}"[ ]*:[ ]*([0-9]{{1,{digits}}})[ ]*[,}}]'
    return properties.re_extract(pattern, 1).nullif("").cast("int64")


def clicks(events: ibis.Table) -> ibis.Table:
    """One row a click that has its cell: shop_id, local_day, visitor_id, event_id, at, page_path, page_type, terminal, kind,
    label and href (as JSON writes them, '' where none), x, y, width and height (null where none is told).

    The name stands first and bare: it tells nearly all other events apart, so that an engine reads nothing else of them."""
    found = events.filter(events["name"] == CLICKED, events["type"] == "track", events.page_path.notnull())
    properties = found.properties.coalesce("")
    read = found.select(
        *_PLACE,
        kind=_text(properties, "kind"),
        label=_text(properties, "label"),
        href=_text(properties, "href"),
        x=_whole(properties, "x", 2),
        y=_whole(properties, "y", 2),
        width=_whole(properties, "width", 6),
        height=_whole(properties, "height", 6),
    )
    return read.filter(_.x.notnull() & _.y.notnull() & (_.x < GRID_COLUMNS) & (_.y < GRID_ROWS))


def stays(events: ibis.Table) -> ibis.Table:
    """One row a told part of a stay: shop_id, local_day, visitor_id, event_id, at, page_path, page_type, terminal, view,
    milliseconds."""
    found = events.filter(events["type"] == STAY, events.page_path.notnull())
    properties = found.properties.coalesce("")
    read = found.select(
        *_PLACE, view=_text(properties, "view"), milliseconds=_whole(properties, "milliseconds", 8)
    )
    return read.filter(_.milliseconds.notnull() & (_.milliseconds <= LONGEST_MS))


def stays_of_visits(told: ibis.Table, visits: ibis.Table) -> ibis.Table:
    """The measured stay of visits: visit_id, visitor_id, milliseconds; a visit without a told stay has no row.

    A part belongs to the visit that its visitor had opened last before the middle of it. Not before its beginning: the
    moments of a view and of its stay are corrected each by its own request's delay, so the two may differ by a moment.
    """
    middle = told.mutate(half=(told.milliseconds // 2).cast("int64")).select(
        "shop_id", "visitor_id", "milliseconds", part="event_id", ended="at", half="half"
    )
    began = visits.select("shop_id", "visitor_id", "visit_id", "started_at")
    joined = middle.join(began, ["shop_id", "visitor_id"]).select(middle, "visit_id", "started_at")
    opened = joined.filter(_since(joined.started_at, joined.ended) >= joined.half)
    latest = opened.mutate(
        nth=ibis.row_number().over(
            group_by=["shop_id", "part"], order_by=[ibis.desc("started_at"), "visit_id"]
        )
    )
    return (
        latest.filter(latest.nth == 0)
        .group_by(["visit_id", "visitor_id"])
        .aggregate(milliseconds=_.milliseconds.sum())
    )


def _since(start: ibis.TimestampValue, end: ibis.TimestampValue) -> ibis.IntegerValue:
    """Whole milliseconds from one moment to another, of seconds and of what lies below them."""
    return (_milliseconds(end) - _milliseconds(start)).cast("int64")


def _milliseconds(moment: ibis.TimestampValue) -> ibis.IntegerValue:
    return moment.truncate("s").epoch_seconds().cast("int64") * 1000 + moment.millisecond().cast("int64")
