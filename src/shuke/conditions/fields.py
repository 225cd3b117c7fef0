"""The fields that conditions may ask, by kind of subject ("visit", "order", "landing"), offered by registration.

The rooms above register what they know; this room knows no subject of its own. A name means one thing: two subjects may
share a field, but not use one name for two kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise

from .errors import UnknownField
from .nodes import Op

Choices = Mapping[str, str | Promise]


class Kind(StrEnum):
    """What a field holds. `money` is integers of the minor unit; `day` a shop's day; `moment` a UTC moment.

    `host` is a host name, whose case never counts.
    """

    TEXT = "text"
    HOST = "host"
    CHOICE = "choice"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"
    DAY = "day"
    MOMENT = "moment"


_KNOWN = (Op.IS_KNOWN, Op.IS_UNKNOWN)
_EQUAL = (Op.EQ, Op.NE)
_LISTED = (Op.IN, Op.NOT_IN)
_ORDERED = (Op.LT, Op.LE, Op.GT, Op.GE)
OPS: dict[Kind, tuple[Op, ...]] = {
    Kind.TEXT: (*_EQUAL, *_LISTED, Op.CONTAINS, Op.STARTS_WITH, *_KNOWN),
    Kind.HOST: (*_EQUAL, *_LISTED, Op.UNDER, Op.STARTS_WITH, *_KNOWN),
    Kind.CHOICE: (*_EQUAL, *_LISTED, *_KNOWN),
    Kind.NUMBER: (*_EQUAL, *_LISTED, *_ORDERED, *_KNOWN),
    Kind.MONEY: (*_EQUAL, *_LISTED, *_ORDERED, *_KNOWN),
    Kind.FLAG: (*_EQUAL, *_KNOWN),
    Kind.DAY: (*_EQUAL, *_LISTED, *_ORDERED, Op.IN_LAST_DAYS, Op.IN_NEXT_DAYS, *_KNOWN),
    Kind.MOMENT: (*_EQUAL, *_ORDERED, *_KNOWN),
}


@dataclass(frozen=True)
class Field:
    """One thing that can be asked. `label` and the words of `choices` (value → words) are lazy translations.

    `choices` may be a function for those that come from a rule. `unit` stands behind a number in words.
    `folds_case`: A–Z equal a–z (ASCII only, so that every engine agrees); for names such as UTM values and hosts.
    """

    name: str
    kind: Kind
    label: str | Promise
    choices: Choices | Callable[[], Choices] | None = None
    unit: str | Promise = ""
    folds_case: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))
        object.__setattr__(self, "folds_case", self.folds_case or self.kind is Kind.HOST)
        if (self.kind is Kind.CHOICE) != (self.choices is not None):
            raise ValueError(f"{self.name}: a field has choices exactly when its kind is `choice`")

    @property
    def ops(self) -> tuple[Op, ...]:
        """The operators that its kind allows."""
        return OPS[self.kind]

    @property
    def adds_up(self) -> bool:
        """Whether its values can be added up."""
        return self.kind in (Kind.NUMBER, Kind.MONEY)

    def choice_words(self) -> Choices:
        """Value → words; empty for a field without choices."""
        if self.choices is None:
            return {}
        return self.choices() if callable(self.choices) else self.choices

    def means_the_same_as(self, other: Field) -> bool:
        return (self.name, self.kind, self.folds_case) == (other.name, other.kind, other.folds_case)


_by_name: dict[str, Field] = {}
_by_subject: dict[str, dict[str, Field]] = {}
_families: dict[str, tuple[Callable[[str], Field | None], tuple[str, ...]]] = {}


def register_field(field: Field, *subjects: str) -> Field:
    """Offer a field to the conditions on these kinds of subject. Registering the same field again changes nothing."""
    if not subjects:
        raise ValueError(f"{field.name}: name at least one kind of subject")
    known = _by_name.setdefault(field.name, field)
    if not known.means_the_same_as(field):
        raise ValueError(f"{field.name} is already a field of kind {known.kind}")
    for subject in subjects:
        _by_subject.setdefault(subject, {})[field.name] = field
    return field


def register_family(prefix: str, make: Callable[[str], Field | None], *subjects: str) -> None:
    """Offer fields whose names only the facts know, such as the properties of an event: every name that begins with `prefix`
    and for which `make` gives a field (None: there is none of that name). They are asked by name and stand in no list."""
    _families[prefix] = (make, subjects)


def _of_family(name: str, subject: str | None) -> Field | None:
    for prefix, (make, subjects) in _families.items():
        if name.startswith(prefix) and (subject is None or subject in subjects):
            return make(name)
    return None


def fields_of(subject: str) -> Mapping[str, Field]:
    """The fields of one kind of subject, in the order of registration. Raises KeyError for an unknown kind."""
    return dict(_by_subject[subject])


def get_field(name: str, subject: str | None = None) -> Field:
    """One field. Raises UnknownField, which names the fields that there are."""
    fields = _by_name if subject is None else _by_subject.get(subject, {})
    if name not in fields:
        found = _of_family(name, subject)
        if found is not None:
            return found
        raise UnknownField(field="field", value=name, known=", ".join(sorted(fields)) or "—")
    return fields[name]
