"""Which rows of reports stand: held to plain Python over drawn statements, and portable to the three engines."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import date, datetime

import ibis
import pyarrow as pa
import pytest

from shuke.traffic.reads.entries import standing
from shuke.traffic.tests.test_portability import DIALECTS, FORBIDDEN, OPERATIONS
from shuke.warehouse import schemas

pytestmark = [pytest.mark.row("T6"), pytest.mark.row("T8")]


def drawn(chance: random.Random) -> list[dict]:
    """Statements of a few rows in a few contents, stated and taken back in any mix, of two kinds."""
    rows = []
    for n in range(chance.randrange(40)):
        row = dict.fromkeys(schemas.ENTRIES.names)
        row |= {
            "shop_id": 1,
            "row_id": chance.randrange(6),
            "content_id": chance.randrange(3),
            "sign": chance.choice((1, 1, -1)),
            "kind": chance.choice((schemas.KEYWORD_DAY, schemas.KEYWORD_DAY, schemas.INDUSTRY_CHANNEL)),
            "title": "word",
            "at": datetime(2026, 3, 1),
            "local_day": date(2026, 3, 1),
            "received_at": datetime(2026, 3, 2, 0, 0, n),
        }
        rows.append(row)
    return rows


def test_standing__over_drawn_statements__is_what_plain_python_says() -> None:
    reached: Counter[str] = Counter()
    connection = ibis.duckdb.connect()
    for seed in range(40):
        rows = drawn(random.Random(seed))
        net: Counter[tuple[int, int]] = Counter()
        for row in rows:
            if row["kind"] == schemas.KEYWORD_DAY:
                net[row["row_id"], row["content_id"]] += row["sign"]
        table = ibis.memtable(pa.Table.from_pylist(rows, schema=schemas.ENTRIES))
        found = connection.to_pyarrow(standing(table, schemas.KEYWORD_DAY)).to_pylist()
        stands = {pair for pair, signs in net.items() if signs > 0}
        assert {(row["row_id"], row["content_id"]) for row in found} == stands
        assert [row["row_id"] for row in found] == sorted(row["row_id"] for row in found)
        reached["stands"] += len(stands)
        reached["taken back"] += len(net) - len(stands)
    print(dict(reached))
    assert min(reached["stands"], reached["taken back"]) >= 20, reached


@pytest.mark.parametrize("dialect", DIALECTS)
def test_standing__compiled__only_what_engines_do_alike(dialect) -> None:
    table = ibis.table(ibis.Schema.from_pyarrow(schemas.ENTRIES), name="entries")
    question = standing(table, schemas.KEYWORD_DAY)
    assert not question.op().find(OPERATIONS)
    sql = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "''", str(ibis.to_sql(question, dialect=dialect)))
    assert not {why: hits for why, p in FORBIDDEN.items() if (hits := re.findall(p, sql, re.I))}
