"""The law of this room: for any condition and any subject, the Ibis expression and `matches` give the same answer.

The examples are counted by operator and kind, and by what they met (true, false, unknown): a law that never reached an
operator has not held for it.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.conditions.fields import OPS
from shuke.conditions.nodes import COUNTS_DAYS, TAKES_MANY, TAKES_NOTHING
from shuke.conditions.reads import All, Any, AsOf, Compare, Kind, None_, dump, holds, matches, parse, to_ibis

from .fields_in_test import COLUMNS, FIELDS, SUBJECT

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
NOW = AsOf(datetime(2026, 11, 22, 9, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
# Small worlds, so that equal values meet often; with the letters on which engines are known to differ.
TEXTS = ["a", "A", "ab", "Ab", "b%", "_", "a.b", "搜索", "搜", "İ", "ΣΑΣ", "K", "é", "'", "\\", "a b", "ß"]
HOSTS = ["baidu.com", "m.baidu.com", "NotBaidu.com", "M.Baidu.COM", "com", "a.co", "xa.co", "b.a.co", "a_co"]
NUMBERS: dict[str, list] = {
    "t_number": [-1, 0, 1, 2, 3, 10**12],
    "t_share": [0.0, 0.1, 0.5, 0.3, 1.0, -0.25],
    "t_money": [-100, 0, 1, 100, 12345, 2**63 - 1],
}
FACTS: dict[Kind, list] = {
    Kind.TEXT: TEXTS,
    Kind.HOST: HOSTS,
    Kind.CHOICE: ["paid", "mail", "gone"],
    Kind.FLAG: [True, False],
    Kind.DAY: [date(2026, 11, 20) + timedelta(days=i) for i in range(4)],
    Kind.MOMENT: [MIDNIGHT + timedelta(microseconds=i) for i in (-1, 0, 1, 10**6)],
}
VALUES = FACTS | {Kind.CHOICE: ["paid", "mail"]}
ASKED = [(field, op) for field in FIELDS for op in OPS[field.kind]]


def fact_of(field, random):
    """A fact of a field, one in five unknown."""
    if random.random() < 0.2:
        return None
    return random.choice(NUMBERS.get(field.name) or FACTS[field.kind])


def values_of(field):
    if field.name == "t_share":
        return st.sampled_from([Decimal("0.1"), Decimal("0.3"), Decimal("0.5"), 0, 1, Decimal("-0.25")])
    if field.name == "t_number":
        return st.sampled_from([-1, 0, 1, 2, Decimal("1.5"), Decimal("2.25")])
    if field.name in NUMBERS:
        return st.sampled_from(NUMBERS[field.name])
    return st.sampled_from(VALUES[field.kind])


@st.composite
def compares(draw, asked=None):
    field, op = asked or draw(st.sampled_from(ASKED))
    if op in TAKES_NOTHING:
        return Compare(field.name, op)
    if op in COUNTS_DAYS:
        return Compare(field.name, op, draw(st.sampled_from([1, 2, 3])))
    if op in TAKES_MANY:
        return Compare(field.name, op, tuple(draw(st.lists(values_of(field), min_size=1, max_size=4))))
    return Compare(field.name, op, draw(values_of(field)))


nodes = st.recursive(
    compares(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=0, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Any(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: None_(tuple(parts))),
    ),
    max_leaves=6,
)


@st.composite
def subjects(draw):
    random = draw(st.randoms(use_true_random=True))
    return [{field.name: fact_of(field, random) for field in FIELDS} for _ in range(40)]


NAIVE = {"t_moment": lambda fact: fact.replace(tzinfo=None)}


def table_of(rows):
    """The subjects as a table, moments naive UTC as in the warehouse."""
    columns = {
        name: [
            NAIVE.get(name, lambda fact: fact)(row[name]) if row[name] is not None else None for row in rows
        ]
        for name in COLUMNS
    }
    schema = ibis.schema(COLUMNS)
    return ibis.memtable(pa.table(columns, schema=schema.to_pyarrow()))


def leaves(node):
    return [node] if isinstance(node, Compare) else [leaf for part in node.parts for leaf in leaves(part)]


@pytest.mark.row("E2")
def test_evaluators__any_condition_and_subject__agree(capsys) -> None:
    by_op, by_group = Counter(), Counter()
    connection = ibis.duckdb.connect()

    each = st.tuples(*(compares(asked) for asked in ASKED))
    some = st.lists(nodes, min_size=1, max_size=3)
    grouped = st.tuples(
        *(some.map(lambda parts, group=group: group(tuple(parts))) for group in (All, Any, None_))
    )

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(each, grouped, subjects())
    def law(single, nested, rows):
        conditions = [*single, *nested]
        table = table_of(rows)
        columns = {f"c{i}": to_ibis(node, table, as_of=NOW) for i, node in enumerate(conditions)}
        answer = connection.to_pyarrow(table.select(**columns)).to_pydict()
        for i, node in enumerate(conditions):
            expected = [matches(node, row, NOW).is_allowed for row in rows]
            assert answer[f"c{i}"] == expected, (node, rows)
            assert [holds(node, row, NOW) for row in rows] == expected
            assert parse(dump(node), SUBJECT) == node
            by_group[type(node).__name__] += 1
            for leaf in leaves(node):
                kind = next(field.kind for field in FIELDS if field.name == leaf.field)
                for row in rows:
                    fact = row[leaf.field]
                    met = "unknown" if fact is None else str(holds(leaf, row, NOW))
                    by_op[(leaf.op.value, kind.value, met)] += 1

    law()
    pairs = {(op.value, kind.value) for kind, ops in OPS.items() for op in ops}
    with capsys.disabled():
        print(f"\n  evaluators agree: {sum(by_op.values())} comparisons, by node {dict(by_group)}")
        for op, kind in sorted(pairs):
            counts = {met: by_op[(op, kind, met)] for met in ("True", "False", "unknown")}
            print(f"    {op:<12}{kind:<8}{counts}")
    for op, kind in sorted(pairs):
        assert sum(by_op[(op, kind, met)] for met in ("True", "False", "unknown")) >= 50, (op, kind)
        if op not in ("is_known", "is_unknown"):
            assert by_op[(op, kind, "True")] >= 5, (op, kind, "was never true often enough")
            assert by_op[(op, kind, "False")] >= 5, (op, kind)
            assert by_op[(op, kind, "unknown")] >= 5, (op, kind)
    assert min(by_group[name] for name in ("Compare", "All", "Any", "None_")) >= 20


@pytest.mark.parametrize("op", ["ne", "not_in"])
def test_comparison__fact_unknown__is_false_in_both(op) -> None:
    node = Compare("t_text", op, ("a",) if op == "not_in" else "a")
    row = dict.fromkeys(COLUMNS)
    assert not matches(node, row).is_allowed
    table = table_of([row])
    assert table.select(c=to_ibis(node, table)).to_pyarrow().to_pydict() == {"c": [False]}
    assert matches(None_((node,)), row).is_allowed


def test_columns__given_by_name_or_expression__are_asked() -> None:
    table = ibis.memtable({"theirs": ["x", "y"]})
    by_name = to_ibis(Compare("t_text", "eq", "x"), table, {"t_text": "theirs"})
    by_expression = to_ibis(Compare("t_text", "eq", "X"), table, {"t_text": table.theirs.upper()})
    assert table.select(a=by_name, b=by_expression).to_pyarrow().to_pydict() == {
        "a": [True, False],
        "b": [True, False],
    }
