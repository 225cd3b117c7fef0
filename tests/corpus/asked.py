"""What one question of the corpus is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pyarrow as pa

Row = dict[str, Any]
Tables = Mapping[str, ibis.Table]
Ask = Callable[[ibis.Table], pa.Table]


@dataclass(frozen=True)
class Question:
    """`ask_all` gets the tables of its data set and a function that an engine answers; it returns rows, in any order."""

    name: str
    dataset: str
    ask_all: Callable[[Tables, Ask], list[Row]]
    expected: Callable[[], list[Row]]
