"""Every operator on every kind translates for the other engines, in the plain functions that they share."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import ibis
import pytest

from shuke.conditions.fields import OPS
from shuke.conditions.nodes import COUNTS_DAYS, TAKES_MANY, TAKES_NOTHING
from shuke.conditions.reads import AsOf, Compare, Kind, None_, to_ibis

from .fields_in_test import COLUMNS, FIELDS

NOW = AsOf(datetime(2026, 11, 22, 9, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
VALUES = {
    Kind.TEXT: "x",
    Kind.HOST: "a.example",
    Kind.CHOICE: "paid",
    Kind.NUMBER: Decimal("1.5"),
    Kind.MONEY: 100,
    Kind.FLAG: True,
    Kind.DAY: date(2026, 11, 21),
    Kind.MOMENT: datetime(2026, 11, 21, tzinfo=UTC),
}


@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse", "pyspark"])
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_comparison__each_operator__translates(dialect, field) -> None:
    # The translation of a floating null for Spark asks an option that only a live connection has.
    columns = COLUMNS | ({"t_share": "decimal(18, 9)"} if dialect == "pyspark" else {})
    table = ibis.table(columns, name="subjects")
    for op in OPS[field.kind]:
        value = VALUES[field.kind]
        given = None if op in TAKES_NOTHING else (value, value) if op in TAKES_MANY else value
        given = 3 if op in COUNTS_DAYS else given
        node = None_((Compare(field.name, op, given),))
        sql = ibis.to_sql(table.select(answer=to_ibis(node, table, as_of=NOW)), dialect=dialect).upper()
        assert "SELECT" in sql
        assert not any(word in sql for word in ("INTERVAL", "TIMEZONE", "UNIQ("))
