"""Which engine answers: `WAREHOUSE_ENGINE` says it for a whole installation, `duckdb` (default) or `spark`.

Every question is one Ibis expression for all of them (corpus: tests/corpus). Made at first use, once per process; never
before a fork: processes are spawned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pyarrow as pa
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from shuke.warehouse import schemas
from shuke.warehouse.engines.base import Engine, FileGone
from shuke.warehouse.engines.duckdb import DuckDBEngine

__all__ = ["DuckDBEngine", "Engine", "FileGone", "engine", "named", "with_segment"]


def _spark() -> Engine:
    from shuke.warehouse.engines.spark import SparkEngine  # only where PySpark is installed

    return SparkEngine()


_MAKERS: dict[str, Callable[[], Engine]] = {"duckdb": DuckDBEngine, "spark": _spark}
_made: dict[str, Engine] = {}
_lock = threading.Lock()


def with_segment(kind: str) -> pa.Schema:
    """A raw kind's schema as it lies in a file of the open tier."""
    return schemas.ALL[kind].append(pa.field("segment", pa.int64()))


def engine() -> Engine:
    """The engine of this installation, for what people and programs ask."""
    return named(settings.WAREHOUSE_ENGINE)


def named(name: str) -> Engine:
    """An engine by its name, made at first use; a forked child gets its own. Raises ImproperlyConfigured."""
    if name not in _MAKERS:
        known = ", ".join(sorted(_MAKERS))
        raise ImproperlyConfigured(f"WAREHOUSE_ENGINE is {name!r}: it has to be one of {known}.")
    with _lock:
        made = _made.get(name)
        if made is None or not made.is_usable_here():
            made = _made[name] = _MAKERS[name]()
        return made
