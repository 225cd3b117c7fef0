"""Spark, on a cluster or in this process (`SPARK_MASTER`): for volume, not for speed.

It reads the very files that the snapshot lists: the ledger's version decides, not what a table's log says by then, and no
Delta package is needed on the cluster. The lake and the open tier must lie under the same paths on every machine.
Everything else about a cluster (memory, cores, jars) stands in Spark's own spark-defaults.conf (`SPARK_CONF_DIR`).

One session per process; its views are seen by all threads, so slots are the process's.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import ibis
import ibis.expr.operations as ops
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from shuke.warehouse.engines.base import FileGone

try:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql import types as spark_types
except ImportError as missing:
    raise ImproperlyConfigured(
        "WAREHOUSE_ENGINE is 'spark', but PySpark is not installed: "
        "pip install --require-hashes -r requirements/cluster.txt"
    ) from missing

T = TypeVar("T")
_TYPES: dict[pa.DataType, spark_types.DataType] = {
    pa.int64(): spark_types.LongType(),
    pa.int32(): spark_types.IntegerType(),
    pa.int8(): spark_types.ByteType(),
    pa.string(): spark_types.StringType(),
    pa.date32(): spark_types.DateType(),
    pa.timestamp("us"): spark_types.TimestampNTZType(),
    pa.bool_(): spark_types.BooleanType(),
}
# Answers depend on these. Moments are naive, and the session's zone must not touch them.
_NEEDED = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    "spark.ui.showConsoleProgress": "false",
}
# Taken where the cluster's own settings say nothing. A page asks small questions: 200 partitions would be mostly empty.
_DEFAULTS = {"spark.sql.shuffle.partitions": "8"}
_GONE = ("FILE_NOT_EXIST", "PATH_NOT_FOUND", "FileNotFoundException")


def _type_of(kind: pa.DataType) -> spark_types.DataType:
    if pa.types.is_decimal(kind):
        return spark_types.DecimalType(kind.precision, kind.scale)
    return _TYPES[kind]


def _session() -> SparkSession:
    logging.getLogger("py4j").setLevel(logging.WARNING)
    builder = SparkSession.builder.master(settings.SPARK_MASTER).appName("shuke")
    for name, value in _NEEDED.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    given = session.sparkContext.getConf()
    for name, value in _DEFAULTS.items():
        if not given.contains(name):
            session.conf.set(name, value)
    return session


class SparkEngine:
    """Spark by PySpark. Thread-safe."""

    name = "spark"
    is_in_process = False

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._session = _session()
        self._slots: set[int] = set()
        self._lock = threading.Lock()

    def is_usable_here(self) -> bool:
        return self._pid == os.getpid()

    def take_slot(self) -> int:
        with self._lock:
            slot = next(i for i in range(1_000_000) if i not in self._slots)
            self._slots.add(slot)
            return slot

    def free_slot(self, slot: int) -> None:
        with self._lock:
            self._slots.discard(slot)

    def table(self, name: str, schema: pa.Schema, files: Sequence[str]) -> ibis.Table:
        shape = spark_types.StructType([spark_types.StructField(f.name, _type_of(f.type)) for f in schema])
        if files:
            # A partition column is not looked for: the facts hold their day themselves.
            reader = self._session.read.schema(shape).option("recursiveFileLookup", "true")
            # A cluster reads s3:// by the connector that Hadoop calls s3a.
            names = ["s3a" + file[2:] if file.startswith("s3://") else file for file in files]
            found = _told(lambda: reader.parquet(*names))
        else:
            found = self._session.createDataFrame([], shape)
        return self._named(name, schema, found)

    def _named(self, name: str, schema: pa.Schema, frame: DataFrame) -> ibis.Table:
        frame.createOrReplaceTempView(name)
        return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)

    def sql_of(self, expression: ibis.Table) -> str:
        return str(ibis.to_sql(expression, dialect="pyspark"))

    def define(self, name: str, schema: pa.Schema, question: ibis.Table | str) -> ibis.Table:
        sql = question if isinstance(question, str) else self.sql_of(question)
        return self._named(name, schema, self._session.sql(sql))

    def hold(self, name: str, answer: pa.Table) -> ibis.Table:
        return self._named(name, answer.schema, self._session.createDataFrame(answer))

    def columns_of_files(self, files: Sequence[str], columns: Sequence[str]) -> pa.Table:
        return pa.concat_tables([pq.read_table(f, columns=list(columns), partitioning=None) for f in files])

    def columns(self, name: str, columns: Sequence[str]) -> pa.Table:
        return _told(lambda: self._session.table(name).select(*columns).toArrow())

    def answer(self, sql: str) -> pa.Table:
        return _told(lambda: self._session.sql(sql).toArrow())

    def run(self, expression: ibis.Expr) -> pa.Table:
        table = expression.as_table()
        at_hand = table.op().find(ops.InMemoryTable)
        for held in at_hand:
            rows = self._session.createDataFrame(held.data.to_pyarrow(held.schema))
            rows.createOrReplaceTempView(held.name)
        try:
            return self.answer(self.sql_of(table)).cast(table.schema().to_pyarrow())
        finally:
            for held in at_hand:
                self._session.catalog.dropTempView(held.name)

    def write_file(self, question: ibis.Table, path: Path) -> int:
        answer = self.run(question)
        pq.write_table(answer, path, compression="zstd")
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return answer.num_rows

    def batches(self, questions: Sequence[ibis.Table], size: int = 131_072) -> Iterator[pa.RecordBatch]:
        for question in questions:
            yield from (batch for batch in self.run(question).to_batches(size) if batch.num_rows)


def _told(work: Callable[[], T]) -> T:
    """Do it; Spark's many ways to say that a file is gone become one."""
    try:
        return work()
    except (PySparkException, Py4JJavaError) as error:
        if any(sign in str(error) for sign in _GONE):
            raise FileGone(str(error)[:500]) from error
        raise
