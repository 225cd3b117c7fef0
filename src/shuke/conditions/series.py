"""Series: the dated facts of a subject that a condition may count (a customer's orders, visits, deeds), by registration.

A series has the fields of a kind of subject of its own ("order"), so a condition on its facts is a condition like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from .errors import UnknownSeries
from .fields import Field, Kind, get_field
from .nodes import OF_A_FIELD, Measure

MEASURE_WORDS = {
    Measure.COUNT: pgettext_lazy("condition", "number"),
    Measure.DAYS: pgettext_lazy("condition", "number of days"),
    Measure.SUM: pgettext_lazy("condition", "sum of %(field)s"),
    Measure.DISTINCT: pgettext_lazy("condition", "number of different values of %(field)s"),
    Measure.FIRST: pgettext_lazy("condition", "first day"),
    Measure.LAST: pgettext_lazy("condition", "last day"),
}


@dataclass(frozen=True)
class Series:
    """`name` of the series, its words (lazy), and the kind of subject whose fields its facts have.

    Each fact has a moment (`at`), the shop's day (`local_day`) and a name of its own (`fact_id`). With `ends` it also has a
    moment from which it is no more (`until`, None: it has no end), as a tag that expires.
    """

    name: str
    label: str | Promise
    subject: str
    ends: bool = False


_by_subject: dict[str, dict[str, Series]] = {}


def register_series(series: Series, *subjects: str) -> Series:
    """Offer a series to conditions on these kinds of subject. Registering the same again changes nothing."""
    if not subjects:
        raise ValueError(f"{series.name}: name at least one kind of subject")
    for subject in subjects:
        known = _by_subject.setdefault(subject, {}).setdefault(series.name, series)
        if known.subject != series.subject:
            raise ValueError(f"{series.name} is already a series of {known.subject}")
    return series


def series_of(subject: str) -> Mapping[str, Series]:
    """The series of one kind of subject, in the order of registration; empty where it has none."""
    return dict(_by_subject.get(subject, {}))


def get_series(name: str, subject: str | None = None) -> Series:
    """One series. Raises UnknownSeries, which names those that there are."""
    groups = _by_subject.values() if subject is None else [_by_subject.get(subject, {})]
    for known in groups:
        if name in known:
            return known[name]
    names = sorted({one for known in groups for one in known})
    raise UnknownSeries(field="series", value=name, known=", ".join(names) or "—")


def measured_field(series: Series, measure: Measure, field: str | None) -> Field:
    """What a measure gives, as a field: it has the operators, values and words of its kind. Raises UnknownField."""
    if measure in OF_A_FIELD:
        assert field is not None
        of = get_field(field, series.subject)
        words = str(MEASURE_WORDS[measure]) % {"field": of.label}
        kind = of.kind if measure is Measure.SUM else Kind.NUMBER
        return Field(f"{series.name}.{measure}.{field}", kind, words, unit=of.unit if kind is of.kind else "")
    kind = Kind.DAY if measure in (Measure.FIRST, Measure.LAST) else Kind.NUMBER
    return Field(f"{series.name}.{measure}", kind, MEASURE_WORDS[measure])
