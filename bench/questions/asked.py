"""What is asked: each question with the columns that it needs, its figures in DESIGN's table, and its form in SQL.

One text serves DuckDB, ClickHouse and PostgreSQL; where the quickest form known differs, the engine has its own words for
it (`WORDS`). A question is one or several statements; its answer is a dictionary of lists of rows, equal on every engine.

Forms that were tried: visits are grouped by the visit alone (its other columns are constant in it); period totals by
visitor come from the events directly, not from visits; retention goes by week masks; distinct persons are groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.questions import data, funnel

NEWEST = 20
FEWEST_EVENTS = 5_000  # of a shop: its last day then has the newest visits
LAST_DAY = data.days()[-1].isoformat()
FIRST_DAY = data.FIRST.isoformat()


@dataclass(frozen=True)
class Question:
    """`reference`: milliseconds of DESIGN's table (scan, duckdb, chdb, postgres), where it has this question."""

    name: str
    title: str
    columns: tuple[str, ...]
    statements: Mapping[str, str]
    reference: Mapping[str, int] = field(default_factory=dict)
    target: str = ""  # acceptance: how the product must stand to its peers


WORDS: dict[str, dict[str, str]] = {
    "duckdb": {
        "any": "any_value",
        "stay": "date_diff('second', min(moment), max(moment))",
        "week": f"date_diff('day', DATE '{FIRST_DAY}', day) // 7",
        "or": "bit_or",
        "shift": "(1 << ({}))",
        "entry": "arg_min(path, moment) FILTER (WHERE is_view)",
        "next": "lead(path) OVER (PARTITION BY visit ORDER BY moment)",
        "distinct": "count(DISTINCT visit)",
        "recency": f"date_diff('day', max(day), DATE '{LAST_DAY}') // 7",
        "money": "sum(amount) // 20000",
        "funnel": funnel.FORMS["duckdb"],
    },
    "chdb": {
        "any": "any",
        "stay": "dateDiff('second', min(moment), max(moment))",
        "week": f"intDiv(dateDiff('day', toDate('{FIRST_DAY}'), day), 7)",
        "or": "groupBitOr",
        "shift": "bitShiftLeft(toUInt32(1), {})",
        "entry": "argMinIf(path, moment, is_view)",
        "next": "leadInFrame(toNullable(path)) OVER (PARTITION BY visit ORDER BY moment "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
        "distinct": "uniqExact(visit)",
        "recency": f"intDiv(dateDiff('day', max(day), toDate('{LAST_DAY}')), 7)",
        "money": "intDiv(sum(amount), 20000)",
        "funnel": funnel.FORMS["chdb"],
    },
    "postgres": {
        "any": "min",
        "stay": "CAST(extract(epoch FROM max(moment) - min(moment)) AS BIGINT)",
        "week": f"(day - DATE '{FIRST_DAY}') / 7",
        "or": "bit_or",
        "shift": "(1 << ({}))",
        "entry": "(array_agg(path ORDER BY moment) FILTER (WHERE is_view))[1]",
        "next": "lead(path) OVER (PARTITION BY visit ORDER BY moment)",
        "distinct": "count(DISTINCT visit)",
        "recency": f"(DATE '{LAST_DAY}' - max(day)) / 7",
        "money": "CAST(sum(amount) AS BIGINT) / 20000",
        "funnel": funnel.FORMS["postgres"],
    },
}

_VISITS = """(
  SELECT visit, {any}(day) AS on_day, {any}(visitor) AS who, {any}(channel) AS came_by,
    count(*) FILTER (WHERE is_view) AS views, {stay} AS stay, count(*) FILTER (WHERE name = 'Product Added') AS carts,
    count(order_id) AS orders, sum(amount) AS paid
  FROM raw GROUP BY visit
) AS visits"""
# Other names than those of the visits: ClickHouse takes a name for the sum that bears it.
_SUMS = """count(*) AS s_visits, sum(views) AS s_views, sum(CASE WHEN views = 1 THEN 1 ELSE 0 END) AS s_one,
    sum(CASE WHEN views >= 2 THEN 1 ELSE 0 END) AS s_measured, sum(CASE WHEN views >= 2 THEN stay ELSE 0 END) AS s_stay,
    sum(carts) AS s_carts, sum(orders) AS s_orders, sum(coalesce(paid, 0)) AS s_paid"""
_SUMMED = "sum(s_visits), sum(s_views), sum(s_one), sum(s_measured), sum(s_stay), sum(s_carts), sum(s_orders), sum(s_paid)"
_BY_VISITOR = """SELECT count(*), sum(CASE WHEN views = 1 THEN 1 ELSE 0 END), sum(CASE WHEN carts > 0 THEN 1 ELSE 0 END) FROM (
    SELECT visitor, count(*) FILTER (WHERE is_view) AS views, count(*) FILTER (WHERE name = 'Product Added') AS carts
    FROM raw GROUP BY visitor) AS v"""

QUESTIONS = (
    Question(
        "daily_by_channel",
        "PV, UV and bounces by day and channel",
        ("day", "visitor", "channel", "is_view"),
        {
            "rows": """SELECT day, channel, sum(pv), count(*), sum(CASE WHEN pv = 1 THEN 1 ELSE 0 END) FROM (
                SELECT day, channel, visitor, count(*) AS pv FROM raw WHERE is_view GROUP BY day, channel, visitor
            ) AS v GROUP BY day, channel""",
        },
        {"scan": 674, "duckdb": 3846, "chdb": 3364, "postgres": 5238, "product": 823},
        "3 times faster",
    ),
    Question(
        "overview",
        "Overview of the period and by day",
        ("day", "visitor", "visit", "moment", "is_view", "name", "person", "order_id", "amount"),
        {
            "days": f"""SELECT on_day, {_SUMMED}, count(*), sum(CASE WHEN s_views = 1 THEN 1 ELSE 0 END) FROM (
                SELECT on_day, who, {_SUMS} FROM {_VISITS} GROUP BY on_day, who) AS d GROUP BY on_day""",
            "visitors": _BY_VISITOR,
            "buyers": """SELECT day, count(*) FROM (
                SELECT day, person FROM raw WHERE order_id IS NOT NULL GROUP BY day, person) AS b GROUP BY day""",
            "all_buyers": """SELECT count(*) FROM (
                SELECT person FROM raw WHERE order_id IS NOT NULL GROUP BY person) AS b""",
        },
        target="3 times faster",
    ),
    Question(
        "sources",
        "Sources by channel",
        ("visitor", "visit", "channel", "moment", "is_view", "name", "order_id", "amount"),
        {
            "rows": f"""SELECT came_by, {_SUMMED}, count(*), sum(CASE WHEN s_carts > 0 THEN 1 ELSE 0 END),
                sum(CASE WHEN s_orders > 0 THEN 1 ELSE 0 END) FROM (
                SELECT came_by, who, {_SUMS} FROM {_VISITS} GROUP BY came_by, who) AS d GROUP BY came_by""",
            "visitors": _BY_VISITOR,
        },
        target="3 times faster",
    ),
    Question(
        "entrances",
        "Entrances with their bounces",
        ("visit", "moment", "path", "is_view"),
        {
            "rows": """SELECT entry, count(*), sum(CASE WHEN views = 1 THEN 1 ELSE 0 END) FROM (
                SELECT visit, {entry} AS entry, count(*) FILTER (WHERE is_view) AS views FROM raw GROUP BY visit
            ) AS v GROUP BY entry""",
        },
        {"scan": 648, "duckdb": 1583, "chdb": 1319, "product": 44},
        "20 times faster",
    ),
    Question(
        "flows",
        "Page-to-page flows and exits, the 100 largest and how many there are",
        ("visit", "moment", "path", "is_view"),
        {
            "rows": """SELECT page, following, moves, count(*) OVER () FROM (
                SELECT page, following, count(*) AS moves FROM (
                    SELECT path AS page, {next} AS following FROM raw WHERE is_view
                ) AS w GROUP BY page, following
            ) AS v ORDER BY moves DESC, page, coalesce(following, '') LIMIT 100""",
        },
        {"scan": 637, "duckdb": 5461, "chdb": 4685, "product": 98},
        "20 times faster",
    ),
    Question(
        "retention",
        "Weekly retention (cohorts)",
        ("day", "visitor"),
        {
            "masks": """SELECT mask, count(*) FROM (
                SELECT visitor, {or}({shift_week}) AS mask FROM raw GROUP BY visitor) AS v GROUP BY mask""",
        },
        {"scan": 276, "duckdb": 585, "chdb": 617},
        "at most 1.25 times chDB's time",
    ),
    Question(
        "order_profile",
        "Order profile: recency, frequency, money",
        ("day", "person", "order_id", "amount"),
        {
            "rows": """SELECT recency, frequency, money, count(*) FROM (
                SELECT person, {recency} AS recency, least(count(*), 5) AS frequency,
                    least({money}, 20) AS money
                FROM raw WHERE order_id IS NOT NULL GROUP BY person) AS v GROUP BY recency, frequency, money""",
        },
        {"scan": 386, "duckdb": 495, "chdb": 541, "product": 429},
    ),
    Question(
        "funnel",
        "Ordered funnel, 4 steps with a repeated one, 7 days",
        ("visitor", "moment", "name"),
        {"steps": "{funnel}"},
        {"scan": 584, "duckdb": 2548, "chdb": 2699, "postgres": 2723, "product": 122},
        "2.5 times faster than ClickHouse, 5 times than PostgreSQL on its tenth",
    ),
    Question(
        "evidence",
        "Evidence: the visits behind a number, newest first",
        ("visit", "moment"),
        {
            "count": "SELECT {distinct} FROM raw",
            # The newest visits began on the last day: nothing else need be looked at.
            "rows": f"""SELECT visit FROM (SELECT visit, min(moment) AS began FROM raw WHERE day = '{LAST_DAY}' GROUP BY visit
                ) AS v ORDER BY began DESC, visit DESC LIMIT {NEWEST}""",
        },
    ),
)
BY_NAME = {question.name: question for question in QUESTIONS}


def statements(question: Question, engine: str, table: str) -> dict[str, str]:
    """The question's statements in the engine's words; `table` stands for `raw`."""
    words = dict(WORDS[engine])
    words["shift_week"] = words["shift"].format(words["week"])
    found = {}
    for name, text in question.statements.items():
        for word, meaning in words.items():
            text = text.replace("{" + word + "}", meaning)
        found[name] = text.replace("FROM raw", f"FROM {table}")
    return found


Answer = dict[str, list[list[object]]]


def canonical(answer: Mapping[str, list]) -> Answer:
    """Rows as plain values in a settled order (that of the newest visits is part of the answer, so it stays)."""

    def plain(value: object) -> object:
        if value is None or isinstance(value, str):
            return value
        return value.isoformat() if hasattr(value, "isoformat") else int(value)  # type: ignore[call-overload]

    found = {name: [[plain(v) for v in row] for row in rows] for name, rows in answer.items()}
    # Of evidence the order is the answer; everything else is a set of rows.
    is_ordered = set(found) == {"count", "rows"}
    if not is_ordered:
        for rows in found.values():
            rows.sort(key=repr)
    return found
