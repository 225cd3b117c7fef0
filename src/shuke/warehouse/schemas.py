"""The shape of every kind of fact, as Arrow schemas. The warehouse owns them; rooms fill them and ask about them.

Raw kinds are appended (`events`, `order_lines`, `settlements`, `returns`, `entries`); derived kinds are computed from them when a day is sealed and, for the
part that is still open, on the fly (`visits`, `visitor_days`, `channel_days`, `source_days`, `entrance_days`, `page_flows`, `order_facts`).

In every kind: `shop_id`; `local_day` is the shop's day (a date); moments are naive UTC microseconds (engines agree on
these, not on zones); amounts are integers of the minor unit of `currency`; `*_id` are int64 surrogates
(kernel.surrogates); `*_ref` are names as the source wrote them. `segment` is the number of the open segment through
which the fact came (set by the warehouse, never by a room).
"""

from __future__ import annotations

import pyarrow as pa

MOMENT = pa.timestamp("us")

EVENTS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("event_id", pa.int64()),  # surrogate `message` of the messageId, or of an import's row key
        ("visitor_id", pa.int64()),  # surrogate `visitor` of anonymousId, else of userId
        ("person_id", pa.int64()),  # surrogate `person` of userId; null: unknown person
        # track, page, screen, identify, group, alias; stay: how long a page was seen, told by the tracker, no deed
        ("type", pa.string()),
        ("name", pa.string()),  # event or page name; null where the type has none
        ("at", MOMENT),  # when it happened, the sender's clock corrected
        ("ord", pa.int32()),  # breaks ties of `at`: the line in an imported file, 0 from the API
        ("local_day", pa.date32()),
        ("received_at", MOMENT),
        (
            "page_path",
            pa.string(),
        ),  # path of the page without query; set on page and screen views, else where known
        ("page_type", pa.string()),  # home, item, list, search, cart, checkout, campaign, content, other
        ("referrer_host", pa.string()),
        ("utm_source", pa.string()),
        ("utm_medium", pa.string()),
        ("utm_campaign", pa.string()),
        ("utm_content", pa.string()),
        ("utm_term", pa.string()),
        (
            "click_id",
            pa.string(),
        ),  # kind of click id in the address (gclid, msclkid, bd_vid, ...), not its value
        ("channel_given", pa.string()),  # a channel that the source states itself; wins over classification
        ("terminal", pa.string()),  # pc, mobile, tablet, app
        ("session_ref", pa.string()),  # the source's own session, for comparison only
        ("order_id", pa.int64()),  # surrogate `order` of order_ref
        ("order_ref", pa.string()),
        ("product_ref", pa.string()),
        ("amount_minor", pa.int64()),  # paid total of an order event; null where the event states none
        ("currency", pa.string()),
        ("quantity", pa.decimal128(18, 3)),  # units of an order event's products; null where it states none
        ("anonymous_ref", pa.string()),
        ("person_ref", pa.string()),
        ("properties", pa.string()),  # JSON: properties or traits as sent
        ("source", pa.string()),  # `api`, or `import:<id>`
    ]
)

ORDER_LINES = pa.schema(
    [
        ("shop_id", pa.int64()),
        (
            "row_id",
            pa.int64(),
        ),  # surrogate `row` of (source, order_ref, line_no): the row's place in its source's key
        (
            "content_id",
            pa.int64(),
        ),  # surrogate `content` of the row as read: tells a changed row from a repeated one
        (
            "sign",
            pa.int8(),
        ),  # +1 states the row, -1 takes an earlier statement of it back (same row_id, content_id)
        ("order_id", pa.int64()),  # surrogate `order` of order_ref
        ("order_ref", pa.string()),
        ("line_no", pa.int32()),  # from 1, in order of appearance within the order
        ("kind", pa.string()),  # sale, cancellation, adjustment, refund; unpaid: ordered, and no sale (yet)
        ("at", MOMENT),
        ("local_day", pa.date32()),
        ("received_at", MOMENT),
        ("buyer_id", pa.int64()),  # surrogate `person`; null: an order without a person
        ("buyer_ref", pa.string()),
        ("product_ref", pa.string()),
        ("title", pa.string()),
        ("quantity", pa.decimal128(18, 3)),
        ("unit_price", pa.string()),  # as written
        (
            "amount_minor",
            pa.int64(),
        ),  # signed; quantity x unit price, rounded once, or as the source states it
        ("currency", pa.string()),
        ("region", pa.string()),
        ("properties", pa.string()),  # JSON: columns that the mapping does not name
        ("source", pa.string()),  # the mapping's source name; the import stands in import_ref
        ("import_ref", pa.string()),
    ]
)

# What a platform says of the seller's money: one row a movement, or an order's line in a month's statement.
SETTLEMENTS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("row_id", pa.int64()),  # as of ORDER_LINES: place in the source's key; with content_id and sign
        ("content_id", pa.int64()),
        ("sign", pa.int8()),
        ("line_no", pa.int32()),
        ("settlement_ref", pa.string()),  # the platform's number of the movement
        ("order_id", pa.int64()),
        ("order_ref", pa.string()),
        ("sub_order_ref", pa.string()),
        ("kind", pa.string()),  # what the movement is, in the platform's words
        ("direction", pa.string()),  # in, out: into or out of the seller's account; null: not said
        ("at", MOMENT),  # of a month's statement that names no day: the month's first
        ("local_day", pa.date32()),
        ("received_at", MOMENT),
        ("buyer_id", pa.int64()),
        ("buyer_ref", pa.string()),
        ("title", pa.string()),
        ("quantity", pa.decimal128(18, 3)),
        ("amount_minor", pa.int64()),  # signed: what the seller's account gained
        ("gross_minor", pa.int64()),  # what the buyer had paid for it
        ("refund_minor", pa.int64()),  # the parts below: as written, above zero
        ("freight_minor", pa.int64()),
        ("subsidy_minor", pa.int64()),
        ("fee_minor", pa.int64()),
        ("currency", pa.string()),
        ("properties", pa.string()),
        ("source", pa.string()),
        ("import_ref", pa.string()),
    ]
)

# Goods that came back, one row a return.
RETURNS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("row_id", pa.int64()),
        ("content_id", pa.int64()),
        ("sign", pa.int8()),
        ("line_no", pa.int32()),
        ("return_ref", pa.string()),
        ("order_id", pa.int64()),
        ("order_ref", pa.string()),
        ("product_ref", pa.string()),
        ("title", pa.string()),
        ("at", MOMENT),
        ("local_day", pa.date32()),
        ("received_at", MOMENT),
        ("buyer_id", pa.int64()),
        ("buyer_ref", pa.string()),
        ("quantity", pa.decimal128(18, 3)),
        ("amount_minor", pa.int64()),
        ("currency", pa.string()),
        ("reason", pa.string()),
        ("state", pa.string()),
        ("comment", pa.string()),  # what the customer wrote
        ("properties", pa.string()),
        ("source", pa.string()),
        ("import_ref", pa.string()),
    ]
)

# The rows of lists that a source keeps beside orders: households, campaigns, who was mailed, coupons, redemptions,
# products, the lines of a platform's report. `kind` tells them apart.
ENTRIES = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("row_id", pa.int64()),
        ("content_id", pa.int64()),
        ("sign", pa.int8()),
        ("line_no", pa.int32()),
        ("kind", pa.string()),
        ("entry_ref", pa.string()),  # the row's own name, where it has one
        ("campaign_ref", pa.string()),
        ("coupon_ref", pa.string()),
        ("product_ref", pa.string()),
        ("order_id", pa.int64()),
        ("order_ref", pa.string()),
        ("buyer_id", pa.int64()),  # surrogate `person`: the same as in orders
        ("buyer_ref", pa.string()),
        ("at", MOMENT),
        ("until", MOMENT),  # null: no end
        ("local_day", pa.date32()),
        ("received_at", MOMENT),
        ("title", pa.string()),
        ("state", pa.string()),
        ("amount_minor", pa.int64()),
        ("currency", pa.string()),
        ("quantity", pa.decimal128(18, 3)),
        ("properties", pa.string()),
        ("source", pa.string()),
        ("import_ref", pa.string()),
    ]
)

# Entries that state numbers of their own keep them under this name in `properties`, apart from columns that nobody knows:
# amounts as minor units (`<name>_minor`), the others as exact decimal texts. Of these `until` is the period's last day.
ENTRY_NUMBERS = "shuke:numbers"
KEYWORD_DAY = "keyword_day"  # search advertising: title is the keyword, product_ref its item, amount what orders brought
INDUSTRY_CHANNEL = "industry_channel"  # title: the channel as the table calls it, entry_ref: the industry

VISITS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("visit_id", pa.int64()),  # event_id of its first event
        ("visitor_id", pa.int64()),
        ("person_id", pa.int64()),  # null: nobody was identified during the visit
        ("local_day", pa.date32()),  # a visit never crosses the shop's midnight
        ("started_at", MOMENT),
        ("ended_at", MOMENT),  # moment of its last event
        ("events", pa.int64()),
        ("views", pa.int64()),  # page and screen views
        ("item_views", pa.int64()),  # views of item pages
        ("item_exits", pa.int64()),  # 1 when the last view of the visit is an item page, else 0
        ("stay_seconds", pa.int64()),  # first to last event; 0 when views < 2: not measurable (B-202)
        ("entry_path", pa.string()),
        ("entry_type", pa.string()),
        ("exit_path", pa.string()),
        ("exit_type", pa.string()),
        ("channel", pa.string()),
        ("is_paid", pa.bool_()),
        ("source", pa.string()),  # utm_source, else the referrer's host; null: direct
        ("medium", pa.string()),
        ("campaign", pa.string()),
        ("terminal", pa.string()),
        ("carts", pa.int64()),  # Product Added events
        ("orders", pa.int64()),  # distinct orders completed during the visit
        ("revenue_minor", pa.int64()),
        ("session_ref", pa.string()),
    ]
)

VISITOR_DAYS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("visitor_id", pa.int64()),
        ("local_day", pa.date32()),
        ("visits", pa.int64()),
        ("views", pa.int64()),
        ("stay_seconds", pa.int64()),
        ("measured_visits", pa.int64()),  # visits of two or more views: those whose stay can be measured
        ("carts", pa.int64()),
        ("orders", pa.int64()),
        ("revenue_minor", pa.int64()),
    ]
)

# What visits add up to, whichever they are.
_SUMS_OF_VISITS = (
    ("visits", pa.int64()),
    ("views", pa.int64()),
    ("viewed_visits", pa.int64()),  # with a view at all
    ("one_view_visits", pa.int64()),
    ("measured_visits", pa.int64()),
    ("item_views", pa.int64()),
    ("item_exits", pa.int64()),
    ("stay_seconds", pa.int64()),
    ("carts", pa.int64()),
    ("orders", pa.int64()),
    ("revenue_minor", pa.int64()),
)

# What a day's visits add up to, whole (`level` day, no channel) and by channel (`level` channel). Visitors are distinct in
# their row: they may be added over days of one level (visitors of days), never over channels.
CHANNEL_DAYS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("level", pa.string()),
        ("channel", pa.string()),
        *_SUMS_OF_VISITS,
        ("visitors", pa.int64()),
        ("one_view_visitors", pa.int64()),  # of one view on the day (and by the channel)
        ("measured_visitors", pa.int64()),
        ("cart_visitors", pa.int64()),
        ("buyers", pa.int64()),  # visitors whose visits completed an order
    ]
)

# What the visits of a day add up to, by where they came from: what `visits` say of it, together.
SOURCE_DAYS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("channel", pa.string()),
        ("is_paid", pa.bool_()),
        ("source", pa.string()),
        ("medium", pa.string()),
        ("campaign", pa.string()),
        *_SUMS_OF_VISITS,
    ]
)

# What the visits of a day add up to, by the channel and the page through which they came. Visits without a view have no
# entrance (null path and type, `viewed_visits` 0).
ENTRANCE_DAYS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("channel", pa.string()),
        ("entry_type", pa.string()),
        ("entry_path", pa.string()),
        ("visits", pa.int64()),
        ("viewed_visits", pa.int64()),  # with a view at all
        ("one_view_visits", pa.int64()),
        ("measured_visits", pa.int64()),
        ("views", pa.int64()),
        ("stay_seconds", pa.int64()),
        ("carts", pa.int64()),
        ("cart_visits", pa.int64()),  # visits that put something into the cart
        ("orders", pa.int64()),
        ("ordered_visits", pa.int64()),  # visits that completed an order
        ("revenue_minor", pa.int64()),
    ]
)

# The ways of a day's visits, page by page, added up. A visit of n views makes one `entry` (nothing -> its first page), a
# `move` from each view to the next, and at its last view an `order` where the visit completed one, else an `exit`.
# Each `level` adds up all of them, in another grain:
#   page: from page to page                    (from_type, from_path, to_type, to_path)
#   type: by channel and step, page types only (channel, step, from_type, to_type)
#   into: by step, into pages from page types  (step, from_type, to_type, to_path)
#   out:  by step, out of pages to page types  (step, from_type, from_path, to_type)
# `step` is the number of the view that is left, from 1; 0 for an entry; 6 stands for the sixth and later.
PAGE_FLOWS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("level", pa.string()),
        ("kind", pa.string()),  # entry, move, exit, order
        ("step", pa.int64()),  # null at level page
        ("channel", pa.string()),  # at level type only
        ("from_type", pa.string()),  # null: of an entry; or the view states none
        ("from_path", pa.string()),
        ("to_type", pa.string()),  # null: of an exit or order; or the view states none
        ("to_path", pa.string()),
        ("moves", pa.int64()),
        ("ordered_moves", pa.int64()),  # of these, of visits that completed an order
        ("stay_seconds", pa.int64()),  # of moves: from this view to the next, whole seconds; else 0
    ]
)

# The views and orders of visits in order, one row each (traffic/trails.py).
TRAILS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("visitor_id", pa.int64()),
        ("visit_id", pa.int64()),
        ("position", pa.int64()),  # in its visit, from 1
        ("is_view", pa.int64()),  # 1: a view; 0: an order, told for the first time
        ("page_path", pa.string()),  # '' where none is said
        ("page_type", pa.string()),
        ("next_path", pa.string()),  # of the visit's next view; null: there is none
        ("to_next", pa.int64()),  # whole seconds until then; null: not measurable (B-202)
    ]
)

# The views of a day by page (traffic/single_pages/days.py). Level `page`: all sums, no type. Level `type`: by the types that
# its views state, `views` alone.
PAGE_DAYS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("level", pa.string()),
        ("page_path", pa.string()),  # '' where none is said
        ("page_type", pa.string()),
        ("views", pa.int64()),
        ("stay_seconds", pa.int64()),  # of `measured` views: those that another one followed
        ("measured", pa.int64()),
        ("exits", pa.int64()),  # views that were the last of their visit
        ("visits", pa.int64()),  # that viewed it
        ("visitors", pa.int64()),
    ]
)

ORDER_FACTS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("order_id", pa.int64()),
        ("order_ref", pa.string()),
        ("local_day", pa.date32()),
        ("at", MOMENT),  # of its first movement on this day
        ("kind", pa.string()),  # sale, cancellation, adjustment, refund: one row per order, day and kind
        ("buyer_id", pa.int64()),
        ("visitor_id", pa.int64()),  # null for orders from files
        ("lines", pa.int64()),
        ("quantity", pa.decimal128(18, 3)),
        ("paid_minor", pa.int64()),  # sum of the positive amounts: gross, refunds not deducted (B-204)
        (
            "amount_minor",
            pa.int64(),
        ),  # signed sum; null: a refund or cancellation of the whole order, amount not stated
        ("currency", pa.string()),
        ("source", pa.string()),
    ]
)

# What visitors did with items, a row per deed and item: `deed` is view, favourite, cart, checkout or order (a line of an
# order that an event told). `product_ref` is what the event states; null: only the page tells which item it was.
ITEM_DEEDS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("visitor_id", pa.int64()),
        ("person_id", pa.int64()),
        ("visit_id", pa.int64()),  # null: told by a server, nobody came
        ("event_id", pa.int64()),
        ("line", pa.int64()),  # of the event's products, from 0
        ("at", MOMENT),
        ("ord", pa.int64()),
        ("deed", pa.string()),
        ("product_ref", pa.string()),
        ("page_path", pa.string()),  # of the item's page; null where it was seen elsewhere
        ("title", pa.string()),
        ("channel", pa.string()),  # of the visit
        ("is_paid", pa.bool_()),
        ("is_exit", pa.int64()),  # 1: the last view of its visit
        ("stay_seconds", pa.int64()),  # to the next view of the visit; null: not a view, or the last (B-202)
        ("order_id", pa.int64()),
        ("quantity", pa.decimal128(18, 3)),
        ("amount_minor", pa.int64()),  # of an order's line: price x quantity; null: no price stated
        ("currency", pa.string()),
    ]
)

# The sales of items that files tell: an order's lines of one item on one day, added up.
ITEM_LINES = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("order_id", pa.int64()),
        ("product_ref", pa.string()),
        ("at", MOMENT),
        ("buyer_id", pa.int64()),
        ("title", pa.string()),
        ("quantity", pa.decimal128(18, 3)),
        ("amount_minor", pa.int64()),  # signed sum of what is stated
        ("without_amount", pa.int64()),  # lines that state none
        ("currency", pa.string()),
    ]
)

# What one visitor did with one item on one day by one channel; sales that no visit told have no visitor and no channel.
ITEM_VISITORS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("product_ref", pa.string()),
        ("visitor_id", pa.int64()),
        ("buyer_id", pa.int64()),  # who bought: the person, else the visitor; null: nobody did
        ("channel", pa.string()),
        ("is_paid", pa.bool_()),
        ("views", pa.int64()),
        ("exits", pa.int64()),
        ("stay_seconds", pa.int64()),
        ("measured_views", pa.int64()),  # views that another one followed
        ("favourites", pa.int64()),
        ("carts", pa.int64()),
        ("checkouts", pa.int64()),
        ("orders", pa.int64()),
        ("file_orders", pa.int64()),  # of these, from files
        ("units", pa.decimal128(18, 3)),
        ("amount_minor", pa.int64()),  # in the shop's currency
        ("without_amount", pa.int64()),  # lines without an amount, or in another currency
    ]
)

# Who did anything with an item on a day, as narrow as counting visitors of many days wants it; one may stand in several rows.
ITEM_PEOPLE = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("product_ref", pa.string()),
        ("visitor_id", pa.int64()),
        # 1 viewed, 2 favoured, 4 into the cart, 8 checkout, 16 ordered, added up; times 32 where the visit was not paid for,
        # times 1024 where nobody knows.
        ("told", pa.int64()),
    ]
)

# What adds up of them over visitors and days, by item and whether the visit was paid for (null: no visit told it).
ITEM_SUMS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("product_ref", pa.string()),
        ("is_paid", pa.bool_()),
        ("views", pa.int64()),
        ("exits", pa.int64()),
        ("stay_seconds", pa.int64()),
        ("measured_views", pa.int64()),
        ("orders", pa.int64()),
        ("file_orders", pa.int64()),
        ("units", pa.decimal128(18, 3)),
        ("amount_minor", pa.int64()),
        ("without_amount", pa.int64()),
    ]
)

# The same added up by day and item. Visitors are distinct in their row: they may be added over items never, over days only
# as visitors of days.
ITEM_DAYS = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("product_ref", pa.string()),
        ("title", pa.string()),
        ("views", pa.int64()),
        ("exits", pa.int64()),
        ("stay_seconds", pa.int64()),
        ("measured_views", pa.int64()),
        ("favourites", pa.int64()),
        ("carts", pa.int64()),
        ("orders", pa.int64()),
        ("file_orders", pa.int64()),
        ("units", pa.decimal128(18, 3)),
        ("amount_minor", pa.int64()),
        ("without_amount", pa.int64()),
        ("visitors", pa.int64()),  # who viewed it
        ("favourite_visitors", pa.int64()),
        ("cart_visitors", pa.int64()),
        ("checkout_visitors", pa.int64()),
        ("buyers", pa.int64()),
    ]
)

RAW = {
    "events": EVENTS,
    "order_lines": ORDER_LINES,
    "settlements": SETTLEMENTS,
    "returns": RETURNS,
    "entries": ENTRIES,
}
DERIVED = {
    "visits": VISITS,
    "visitor_days": VISITOR_DAYS,
    "channel_days": CHANNEL_DAYS,
    "source_days": SOURCE_DAYS,
    "trails": TRAILS,
    "page_days": PAGE_DAYS,
    "entrance_days": ENTRANCE_DAYS,
    "page_flows": PAGE_FLOWS,
    "order_facts": ORDER_FACTS,
    "item_deeds": ITEM_DEEDS,
    "item_lines": ITEM_LINES,
    "item_visitors": ITEM_VISITORS,
    "item_people": ITEM_PEOPLE,
    "item_sums": ITEM_SUMS,
    "item_days": ITEM_DAYS,
}
ALL = RAW | DERIVED

# Facts of one visitor or order lie together and in order, which saves a quarter of the space and feeds the kernels.
SORT = {
    "events": ("visitor_id", "at", "ord", "event_id"),
    "order_lines": ("order_id", "line_no", "row_id"),
    "settlements": ("order_id", "line_no", "row_id"),
    "returns": ("order_id", "line_no", "row_id"),
    "entries": ("kind", "row_id"),
    "visits": ("visitor_id", "started_at", "visit_id"),
    "visitor_days": ("visitor_id",),
    "channel_days": ("level", "channel"),
    "source_days": ("channel", "is_paid", "source", "medium", "campaign"),
    "trails": ("visitor_id", "visit_id", "position"),
    "page_days": ("level", "page_path", "page_type"),
    "entrance_days": ("entry_type", "entry_path", "channel"),
    "page_flows": ("level", "kind", "from_type", "from_path", "to_type", "to_path", "step", "channel"),
    "order_facts": ("order_id", "kind"),
    "item_deeds": ("visitor_id", "at", "ord", "event_id", "line"),
    "item_lines": ("order_id", "product_ref", "currency"),
    "item_visitors": ("product_ref", "visitor_id", "buyer_id", "channel"),
    "item_people": ("product_ref", "visitor_id"),
    "item_sums": ("product_ref", "is_paid"),
    "item_days": ("product_ref",),
}
