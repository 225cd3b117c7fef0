"""What an engine's cursor and a process keep between questions: the same answers as if they kept nothing."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shuke.warehouse import at_hand
from shuke.warehouse.engines.duckdb import DuckDBEngine


@pytest.fixture
def forgotten():
    at_hand.forget()
    yield
    at_hand.forget()


def test_rows_of__files_read_before_and_not__are_their_rows_within_bounds(tmp_path, monkeypatch, forgotten):
    schema = pa.schema([("n", pa.int64()), ("name", pa.string())])
    files = []
    for number in range(4):
        files.append(str(tmp_path / f"{number}.parquet"))
        pq.write_table(pa.table({"name": [f"a{number}"], "more": [1.5], "n": [number]}), files[-1])
    expected = [{"n": n, "name": f"a{n}"} for n in (2, 0, 3)]
    asked = [files[2], files[0], files[3]]
    for _ in range(2):
        found = at_hand.rows_of(asked, schema)
        assert (found.to_pylist(), found.schema) == (expected, schema)
    assert at_hand.rows_of([], schema).num_rows == 0
    assert at_hand.rows_of(files[:1], schema.remove(0)).to_pylist() == [{"name": "a0"}]
    monkeypatch.setattr(at_hand, "MOST_BYTES", 8 * at_hand._bytes // len(at_hand._tables))
    many = [files[n % 4] for n in range(4)]
    for n in range(40):  # more than are kept
        copied = tmp_path / f"more-{n}.parquet"
        copied.write_bytes((tmp_path / "0.parquet").read_bytes())
        many.append(str(copied))
    assert at_hand.rows_of(many, schema).num_rows == 44
    assert at_hand._bytes == sum(map(at_hand._size, at_hand._tables.values())) <= at_hand.MOST_BYTES
    with pytest.raises(FileNotFoundError):
        at_hand.rows_of([str(tmp_path / "gone.parquet")], schema)


def test_engine__names_given_again__mean_what_was_said_last(tmp_path, settings):
    settings.HOME = tmp_path
    engine = DuckDBEngine()
    first, second = pa.table({"a": [1, 2]}), pa.table({"a": [3]})
    pq.write_table(first, tmp_path / "1.parquet")
    pq.write_table(second, tmp_path / "2.parquet")

    def added(table: ibis.Table) -> list[dict[str, int]]:
        return engine.run(table.aggregate(total=table.a.sum())).to_pylist()

    for files, total in ((["1"], 3), (["1"], 3), (["1", "2"], 6), ([], None), (["2"], 3)):
        table = engine.table("facts", first.schema, [str(tmp_path / f"{name}.parquet") for name in files])
        assert added(engine.define("above", first.schema, table)) == [{"total": total}]
    for rows, total in ((first, 3), (first, 3), (second, 3), (first.slice(0, 1), 1)):
        assert added(engine.define("above", first.schema, engine.hold("facts", rows))) == [{"total": total}]
    # Other columns under the name that another one reads.
    wider = pa.table({"b": ["x"], "a": [7]})
    held = engine.hold("facts", wider)
    assert added(engine.define("above", first.schema, "SELECT a FROM facts")) == [{"total": 7}]
    assert engine.run(held).to_pylist() == [{"b": "x", "a": 7}]
    assert added(engine.define("above", first.schema, engine.hold("facts", second))) == [{"total": 3}]
