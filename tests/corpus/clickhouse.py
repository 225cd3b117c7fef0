"""ClickHouse as a verifier: expressions translated for it and answered by chDB, which runs in a spawned process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import ibis
import ibis.expr.operations as ops
import pyarrow as pa
import pyarrow.parquet as pq

_CHILD = Path(__file__).with_name("chdb_child.py")


def translated(expression: ibis.Table) -> str:
    """The expression in ClickHouse's SQL, each side of a union told its types.

    Counts and sums of small numbers are unsigned there; Ibis takes them for int64 already and leaves our casts out, and
    ClickHouse unites a signed with an unsigned column as a variant of both.
    """

    def typed(table: ops.Relation) -> ops.Relation:
        return ops.Project(
            table, {name: ops.Cast(ops.Field(table, name), to=to) for name, to in table.schema.items()}
        )

    def replaced(node: ops.Node, kwargs: Mapping | None) -> ops.Node:
        made = node.__recreate__(kwargs) if kwargs else node
        if isinstance(made, ops.Union):
            return ops.Union(typed(made.left), typed(made.right), distinct=made.distinct)
        return made

    return str(ibis.to_sql(expression.op().replace(replaced).to_expr(), dialect="clickhouse"))


class ClickHouse:
    """`offer` tables, `ask` expressions over them by name. A context: it ends its process."""

    name = "clickhouse"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._child = subprocess.Popen(
            [sys.executable, str(_CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def offer(self, tables: Mapping[str, pa.Table]) -> None:
        files = {}
        for name, table in tables.items():
            self._count += 1
            file = self._folder / f"{name}-{self._count}.parquet"
            pq.write_table(table, file)
            files[name] = str(file)
        self._request({"tables": files})

    def ask(self, expression: ibis.Table) -> pa.Table:
        out = self._folder / "answer.arrow"
        self._request({"sql": translated(expression), "out": str(out)})
        told = out.read_bytes()
        wanted = expression.schema().to_pyarrow()
        return pa.ipc.open_stream(told).read_all().cast(wanted) if told else wanted.empty_table()

    def _request(self, request: dict) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"chDB ended with {self._child.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise ValueError(reply["error"])

    def __enter__(self) -> ClickHouse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
