"""The door of this room: node types, fields, the stored form, both evaluators, and the words."""

from __future__ import annotations

from .errors import BadCondition, BadValue, UnknownField, UnknownOperator
from .expression import to_ibis
from .fields import Field, Kind, fields_of, get_field, register_family, register_field
from .matching import holds, matches
from .nodes import All, Any, Compare, Node, None_, Op, field_names, iter_compares
from .stored import dump, parse
from .wording import op_words, value_words, words

__all__ = [
    "All",
    "Any",
    "BadCondition",
    "BadValue",
    "Compare",
    "Field",
    "Kind",
    "Node",
    "None_",
    "Op",
    "UnknownField",
    "UnknownOperator",
    "dump",
    "field_names",
    "fields_of",
    "get_field",
    "holds",
    "iter_compares",
    "matches",
    "op_words",
    "parse",
    "register_family",
    "register_field",
    "to_ibis",
    "value_words",
    "words",
]
