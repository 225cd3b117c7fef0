"""The three engines that the corpus runs on, behind one face: `offer` a data set, `ask` an expression over its tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from shuke.warehouse.engine import Engine
from tests.corpus import clickhouse, datasets


class Asked(Protocol):
    def offer(self, tables: Mapping[str, pa.Table]) -> None:
        """Give tables names; they live as long as the engine."""

    def ask(self, expression: ibis.Table) -> pa.Table:
        """The whole answer, with the expression's own types."""


class OfInstallation:
    """An engine as an installation has it, over Parquet files."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    def offer(self, tables: Mapping[str, pa.Table]) -> None:
        for name, table in tables.items():
            file = self._folder / f"{name}.parquet"
            pq.write_table(table, file)
            self._engine.table(name, table.schema, [str(file)])

    def ask(self, expression: ibis.Table) -> pa.Table:
        return self._engine.run(expression).cast(expression.schema().to_pyarrow())


def named_tables(dataset: str) -> dict[str, pa.Table]:
    """A data set's tables under names that no other data set has."""
    return {f"{dataset} {kind}".replace(" ", "_"): table for kind, table in datasets.tables(dataset).items()}


def unbound(dataset: str) -> dict[str, ibis.Table]:
    """The tables of a data set, by kind, as every engine finds them by name."""
    kinds = ("visits",) if dataset == "many visitors" else tuple(datasets.rows(dataset))
    return {
        kind: ibis.table(
            ibis.Schema.from_pyarrow(datasets.SCHEMAS[kind]), name=f"{dataset} {kind}".replace(" ", "_")
        )
        for kind in kinds
    }


__all__ = ["Asked", "OfInstallation", "clickhouse", "named_tables", "unbound"]
