"""The door of this room: node types, fields, series, the stored form, both evaluators, what decides, and the words."""

from __future__ import annotations

from .deciding import Removal, decisive, without
from .errors import BadCondition, BadValue, UnknownField, UnknownOperator, UnknownSeries
from .expression import to_ibis
from .fields import Field, Kind, fields_of, get_field, register_family, register_field
from .matching import Known, holds, matches, next_change
from .nodes import (
    All,
    Any,
    Compare,
    Measure,
    Member,
    Node,
    None_,
    Op,
    Step,
    Tally,
    Then,
    field_names,
    iter_compares,
    iter_nodes,
)
from .selecting import World, judged, select
from .series import Series, get_series, measured_field, register_series, series_of
from .stored import dump, parse
from .windows import AsOf, Unit, Window
from .wording import as_the_shop_says, op_words, value_words, window_words, words

__all__ = [
    "All",
    "Any",
    "AsOf",
    "BadCondition",
    "BadValue",
    "Compare",
    "Field",
    "Kind",
    "Known",
    "Measure",
    "Member",
    "Node",
    "None_",
    "Op",
    "Removal",
    "Series",
    "Step",
    "Tally",
    "Then",
    "Unit",
    "UnknownField",
    "UnknownOperator",
    "UnknownSeries",
    "Window",
    "World",
    "as_the_shop_says",
    "decisive",
    "dump",
    "field_names",
    "fields_of",
    "get_field",
    "get_series",
    "holds",
    "iter_compares",
    "iter_nodes",
    "judged",
    "matches",
    "measured_field",
    "next_change",
    "op_words",
    "parse",
    "register_family",
    "register_field",
    "register_series",
    "select",
    "series_of",
    "to_ibis",
    "value_words",
    "window_words",
    "without",
    "words",
]
