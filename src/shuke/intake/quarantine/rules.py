"""The rules by which entries of the quarantine are mended: a closed set, typed, checked, in words. Pure.

A rule changes the cells of a row or the fields of an event; it never fails: what it can not read stays as it is, and the
entry is then refused again with its reason. As JSON each is {"rule": its name, ...its fields}:

zone          column, zone, ignores_offset   its times are of this zone; with ignores_offset whatever offset they state
time_format   column, format                 its times are written like %d.%m.%Y %H:%M
epoch         column, unit                   it counts seconds (s) or milliseconds (ms) since 1970
decimal_comma column                         its comma is a decimal point
cents         column                         it counts hundredths
replace       column, old, new, is_part      a value (or a part of it) stands for another
default       column, value                  what an empty one holds
copy          column, source                 what an empty one takes from another column
as_text       column                         a number is a text
received      column                         events: happened when it came
drop          note                           worth nothing; alone
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from shuke.intake.quarantine.payloads import EventText, RowText, Text, is_path
from shuke.kernel.errors import Invalid
from shuke.kernel.money import parse_decimal
from shuke.records.audit import MASK

MOST = 10  # rules in one mend
LONGEST = 500
VALUES = ("old", "new", "value")  # fields of rules in which somebody's name may stand
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RuleInvalid(Invalid):
    code = "rule_invalid"
    words = _("%(field)s of the rule can not be “%(value)s”.")
    remedy = _("Allowed: %(allowed)s.")


@dataclass(frozen=True)
class Rule(ABC):
    """One rule. `title` is how it is chosen; `words()` how it is read, both in the reader's language."""

    name: ClassVar[str] = ""
    title: ClassVar[str | Promise] = ""
    sentence: ClassVar[str | Promise] = ""
    for_files: ClassVar[bool] = True
    for_events: ClassVar[bool] = True

    @abstractmethod
    def apply(self, text: Text) -> None:
        """Change `text` in place."""

    def check(self) -> None:  # noqa: B027 (most rules have nothing to check)
        """Raises RuleInvalid."""

    def words(self, *, is_masked: bool = False) -> str:
        """The rule as a sentence; masked without the values that it looks for and puts in, which may be somebody's."""
        told = asdict(self)
        return str(self.sentence) % (without_values(told) if is_masked else told)

    def as_json(self) -> dict[str, Any]:
        return {"rule": self.name, **asdict(self)}

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(getattr(self, f.name) for f in fields(self) if f.name in ("column", "source"))


@dataclass(frozen=True)
class Zone(Rule):
    name = "zone"
    title = _("Its times are of another zone")
    sentence = _("“%(column)s” is %(zone)s time")
    column: str
    zone: str
    ignores_offset: bool = False

    def check(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise RuleInvalid(
                field="zone", value=self.zone, allowed="Asia/Shanghai, Europe/London, …"
            ) from None

    def apply(self, text: Text) -> None:
        zone = ZoneInfo(self.zone)

        def zoned(value: Any) -> Any:
            at = text.read_time(value)
            if at is None or (at.tzinfo is not None and not self.ignores_offset):
                return value
            return _written(at.replace(tzinfo=zone))

        text.change(self.column, zoned)


@dataclass(frozen=True)
class TimeFormat(Rule):
    name = "time_format"
    title = _("Its times are written in another form")
    sentence = _("The times of “%(column)s” are written as %(format)s")
    column: str
    format: str

    def check(self) -> None:
        shown = datetime(2026, 1, 31, 23, 58, 59)  # noqa: DTZ001 - whether the form can be written and read
        try:
            if "%" not in self.format or datetime.strptime(shown.strftime(self.format), self.format) is None:  # noqa: DTZ007
                raise ValueError
        except (ValueError, re.error):  # the latter for a part that stands twice
            raise RuleInvalid(
                field="format", value=self.format, allowed="%Y-%m-%d %H:%M:%S, %d.%m.%Y %H:%M, …"
            ) from None

    def apply(self, text: Text) -> None:
        def read(value: Any) -> Any:
            try:
                at = datetime.strptime(str(value).strip(), self.format)  # noqa: DTZ007 - the mapping's zone follows
            except (ValueError, OverflowError):
                return value
            return _written(at)

        text.change(self.column, read)


@dataclass(frozen=True)
class Epoch(Rule):
    name = "epoch"
    title = _("It counts seconds or milliseconds since 1970")
    sentence = _("“%(column)s” counts since 1970 (%(unit)s)")
    column: str
    unit: str = "s"

    def check(self) -> None:
        if self.unit not in ("s", "ms"):
            raise RuleInvalid(field="unit", value=self.unit, allowed="s, ms")

    def apply(self, text: Text) -> None:
        def counted(value: Any) -> Any:
            number = _number(value)
            if number is None:
                return value
            try:
                micros = int(number * (1_000_000 if self.unit == "s" else 1000))
                return _written(_EPOCH + timedelta(microseconds=micros))
            except (OverflowError, InvalidOperation, ValueError):
                return value

        text.change(self.column, counted)


@dataclass(frozen=True)
class DecimalComma(Rule):
    name = "decimal_comma"
    title = _("Its comma is a decimal point")
    sentence = _("The comma in “%(column)s” is a decimal point")
    column: str

    def apply(self, text: Text) -> None:
        def point(value: Any) -> Any:
            if not isinstance(value, str) or value.count(",") > 1:
                return value
            plain = re.sub(r"(?<=\d)[.\s\u00a0\u202f'’](?=\d{3}(?:\D|$))", "", value).replace(",", ".")
            return plain if _number(plain) is not None else value

        text.change(self.column, point)


@dataclass(frozen=True)
class Cents(Rule):
    name = "cents"
    title = _("It counts cents")
    sentence = _("“%(column)s” is in cents")
    column: str

    def apply(self, text: Text) -> None:
        def whole(value: Any) -> Any:
            number = _number(value)
            if number is None:
                return value
            shifted = number.scaleb(-2)
            return f"{shifted:f}" if isinstance(value, str) else shifted

        text.change(self.column, whole)


@dataclass(frozen=True)
class Replace(Rule):
    name = "replace"
    title = _("Replace a value by another")
    sentence = _("In “%(column)s”, “%(old)s” is “%(new)s”")
    column: str
    old: str
    new: str
    is_part: bool = False

    def check(self) -> None:
        if self.is_part and not self.old:
            raise RuleInvalid(field="old", value="", allowed="a, bc, …")

    def apply(self, text: Text) -> None:
        def replaced(value: Any) -> Any:
            if isinstance(value, dict | list):
                return value
            given = "" if value is None else str(value)
            if self.is_part:
                return given.replace(self.old, self.new) if self.old in given else value
            return self.new if given.strip() == self.old.strip() else value

        text.change(self.column, replaced)


@dataclass(frozen=True)
class Default(Rule):
    name = "default"
    title = _("Use a value where it is empty")
    sentence = _("An empty “%(column)s” is “%(value)s”")
    column: str
    value: str

    def check(self) -> None:
        if not self.value.strip():
            raise RuleInvalid(field="value", value=self.value, allowed="a, 1, …")

    def apply(self, text: Text) -> None:
        text.change(self.column, lambda value: self.value if _is_empty(value) else value, makes=True)


@dataclass(frozen=True)
class Copy(Rule):
    name = "copy"
    title = _("Take it from another column where it is empty")
    sentence = _("An empty “%(column)s” takes “%(source)s”")
    column: str
    source: str

    def apply(self, text: Text) -> None:
        other = text.value(self.source)
        if not _is_empty(other):
            text.change(self.column, lambda value: other if _is_empty(value) else value, makes=True)


@dataclass(frozen=True)
class AsText(Rule):
    name = "as_text"
    title = _("Its number is a text")
    sentence = _("The number in “%(column)s” is a text")
    for_files = False
    column: str

    def apply(self, text: Text) -> None:
        def written(value: Any) -> Any:
            is_plain = isinstance(value, int | Decimal) and not isinstance(value, bool)
            return str(value) if is_plain else value

        text.change(self.column, written)


@dataclass(frozen=True)
class Received(Rule):
    name = "received"
    title = _("It happened when it came")
    sentence = _("The time of “%(column)s” is when the event came")
    for_files = False
    column: str = "timestamp"

    def check(self) -> None:
        if self.column not in ("timestamp", "originalTimestamp", "sentAt"):
            raise RuleInvalid(field="column", value=self.column, allowed="timestamp")

    def apply(self, text: Text) -> None:
        # Without a statement of its own an event happened when it came.
        for name in ("timestamp", "originalTimestamp", "sentAt"):
            text.remove(name)


@dataclass(frozen=True)
class Drop(Rule):
    name = "drop"
    title = _("Drop these entries")
    sentence = _("Dropped: %(note)s")
    note: str

    def check(self) -> None:
        if not self.note.strip():
            raise RuleInvalid(field="note", value=self.note, allowed=str(_("a reason in words")))

    def apply(self, text: Text) -> None:
        """Nothing: a dropped entry keeps its text."""


_ALL: tuple[type[Rule], ...] = (
    Zone,
    TimeFormat,
    Epoch,
    DecimalComma,
    Cents,
    Replace,
    Default,
    Copy,
    AsText,
    Received,
    Drop,
)
RULES: Mapping[str, type[Rule]] = {one.name: one for one in _ALL}


def rules_for(origin: str) -> tuple[type[Rule], ...]:
    """The rules that an origin's entries can be mended by: `import` or `api`."""
    return tuple(one for one in _ALL if (one.for_files if origin == "import" else one.for_events))


def parse_rules(raw: Any, *, origin: str) -> tuple[Rule, ...]:
    """Checked rules from their JSON form, in the order in which they are applied. Raises RuleInvalid.

    No rules at all mean: send again as they came.
    """
    if not isinstance(raw, list) or len(raw) > MOST:
        raise RuleInvalid(
            field="rules", value=raw if not isinstance(raw, list) else len(raw), allowed=f"0 … {MOST}"
        )
    rules = tuple(_parsed(one, origin) for one in raw)
    if len(rules) > 1 and any(isinstance(one, Drop) for one in rules):
        raise RuleInvalid(field="rule", value="drop", allowed=str(_("drop alone, or the others")))
    return rules


def _parsed(raw: Any, origin: str) -> Rule:
    allowed = {one.name: one for one in rules_for(origin)}
    name = raw.get("rule") if isinstance(raw, dict) else raw
    if not isinstance(raw, dict) or not isinstance(name, str) or name not in allowed:
        raise RuleInvalid(field="rule", value=name, allowed=", ".join(allowed))
    kind = allowed[name]
    known = {f.name: f for f in fields(kind)}
    given: dict[str, Any] = {}
    for key, value in raw.items():
        if key == "rule":
            continue
        if key not in known:
            raise RuleInvalid(field=key, value=value, allowed=", ".join(known))
        is_flag = known[key].type in ("bool", bool)
        if is_flag and not isinstance(value, bool):
            raise RuleInvalid(field=key, value=value, allowed="true, false")
        if not is_flag and (not isinstance(value, str) or len(value) > LONGEST or not _is_storable(value)):
            raise RuleInvalid(field=key, value=ascii(value), allowed=f"0 … {LONGEST}")
        given[key] = value
    try:
        rule = kind(**given)
    except TypeError:
        missing = next(k for k in known if k not in given)
        raise RuleInvalid(field=missing, value="", allowed=", ".join(known)) from None
    for column in rule.columns:
        if not column or (origin != "import" and not is_path(column)):
            raise RuleInvalid(field="column", value=column, allowed="timestamp, properties.total, …")
    rule.check()
    return rule


def is_dropping(rules: Sequence[Rule]) -> bool:
    return any(isinstance(one, Drop) for one in rules)


def words_of_rules(rules: Iterable[Rule], *, is_masked: bool = False) -> str:
    """The rules as one sentence, in the reader's language; masked for who may not see customers."""
    return "; ".join(one.words(is_masked=is_masked) for one in rules) or str(_("as they came"))


def without_values(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule in its JSON form without the values that it looks for and puts in."""
    return {k: MASK if k in VALUES and isinstance(v, str) and v else v for k, v in rule.items()}


def apply_rules(rules: Iterable[Rule], text: RowText | EventText) -> None:
    """Change a text by every rule, in order."""
    for rule in rules:
        rule.apply(text)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(value) if isinstance(value, int | Decimal) else parse_decimal(str(value))
    except (ValueError, InvalidOperation):
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 40 else None


def _written(at: datetime) -> str:
    return at.isoformat(sep=" ")
