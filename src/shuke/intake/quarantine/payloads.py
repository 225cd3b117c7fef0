"""The text of an entry as rules change it: a file's row by column, an event by the path of a field. Pure.

A path is names with points, `properties.products[].price`; `[…]` means every element of a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from shuke.intake.files.cells import TimeReader, cleaned
from shuke.intake.files.columnar import storable
from shuke.intake.files.row_text import NotARow, read_payload, write_payload

_PATH = re.compile(r"^[^.\[\]\s]+(\[[^\[\]]*\])*(\.[^.\[\]\s]+(\[[^\[\]]*\])*)*$")
_STEP = re.compile(r"\[[^\[\]]*\]|[^.\[\]]+")
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_UTC = ZoneInfo("UTC")
Change = Callable[[Any], Any]


def is_path(text: str) -> bool:
    """Whether a text names a field of an event."""
    return len(text) <= 200 and bool(_PATH.fullmatch(text))


class Text(Protocol):
    """What a rule may do to a text."""

    def change(self, column: str, how: Change, makes: bool = False) -> None: ...
    def value(self, column: str) -> Any: ...
    def remove(self, column: str) -> None: ...
    def read_time(self, value: Any) -> datetime | None: ...


class RowText:
    """A file's row. Raises NotARow when the text is none."""

    def __init__(self, payload: str, formats: Sequence[str] = ()) -> None:
        self.cells = read_payload(payload)
        self._formats = formats

    def change(self, column: str, how: Change, makes: bool = False) -> None:
        if column in self.cells:
            after = how(self.cells[column])
            self.cells[column] = after if isinstance(after, str) else f"{after}"

    def value(self, column: str) -> Any:
        return self.cells.get(column)

    def remove(self, column: str) -> None:
        if column in self.cells:
            self.cells[column] = ""

    def read_time(self, value: Any) -> datetime | None:
        return read_time(str(value), self._formats)

    def written(self) -> str:
        return write_payload(self.cells)

    def flat(self) -> dict[str, str]:
        return dict(self.cells)


class NotAnEvent(ValueError):
    """The text is no JSON object."""


class EventText:
    """An event. Raises NotAnEvent. Numbers keep the digits with which they were written."""

    def __init__(self, payload: str) -> None:
        try:
            self.fields = json.loads(payload, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, ArithmeticError, RecursionError):  # the second: 1e99999999999999999999
            raise NotAnEvent from None
        if not isinstance(self.fields, dict):
            raise NotAnEvent

    def change(self, column: str, how: Change, makes: bool = False) -> None:
        for holder, key in list(self._holders(column, makes)):
            before = holder.get(key) if isinstance(holder, dict) else holder[key]
            if makes or not isinstance(holder, dict) or key in holder:
                after = how(before)
                if after is not before:
                    holder[key] = after

    def value(self, column: str) -> Any:
        for holder, key in self._holders(column, False):
            return holder.get(key) if isinstance(holder, dict) else holder[key]
        return None

    def remove(self, column: str) -> None:
        for holder, key in list(self._holders(column, False)):
            if isinstance(holder, dict):
                holder.pop(key, None)

    def read_time(self, value: Any) -> datetime | None:
        return read_time(value, ()) if isinstance(value, str) else None

    def written(self) -> str:
        """Raises UnicodeEncodeError for a text that no JSON can hold."""
        return _ENCODER.encode(self.fields).decode()

    def flat(self) -> dict[str, str]:
        """Every value as JSON by its path: 7 and "7" differ."""
        return dict(_flattened("", self.fields))

    def _holders(self, column: str, makes: bool) -> Iterator[tuple[Any, Any]]:
        steps = [step if not step.startswith("[") else None for step in _STEP.findall(column)]
        yield from _reach(self.fields, steps, makes)


def _reach(node: Any, steps: list[str | None], makes: bool) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of each place that the steps name; objects that are missing are made when asked for."""
    step, *rest = steps
    if step is None:
        if isinstance(node, list):
            for i in range(len(node)):
                if rest:
                    yield from _reach(node[i], rest, makes)
                else:
                    yield node, i
        return
    if not isinstance(node, dict):
        return
    if not rest:
        yield node, step
        return
    if makes and node.get(step) is None and rest[0] is not None:
        node[step] = {}
    if step in node:
        yield from _reach(node[step], rest, makes)


def _flattened(path: str, node: Any) -> Iterator[tuple[str, str]]:
    waiting = [(path, node)]
    while waiting:
        where, one = waiting.pop()
        if isinstance(one, dict) and one:
            waiting += [(f"{where}.{key}" if where else key, value) for key, value in one.items()]
        elif isinstance(one, list) and one:
            waiting += [(f"{where}[{i}]", value) for i, value in enumerate(one)]
        else:
            yield where, json.dumps(one, ensure_ascii=False, default=_digits)


def _digits(value: Any) -> str:
    return f"{value}"


def read_time(text: str, formats: Sequence[str]) -> datetime | None:
    """A time as it is written: naive without an offset. The mapping's forms first, then year-month-day."""
    text = cleaned(text)
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - naive is meant
        except (ValueError, OverflowError):
            continue
    try:
        return datetime.fromisoformat(text) if "-" in text else _slashed(text)
    except (ValueError, OverflowError):
        return None


def _slashed(text: str) -> datetime | None:
    at = TimeReader((), _UTC, _UTC, datetime(9000, 1, 1, tzinfo=UTC))._read(text)
    return at.replace(tzinfo=None) if at is not None else None


def differences(before: dict[str, str], after: dict[str, str]) -> list[dict[str, str | None]]:
    """What changed, by column: `before` None where there was none, `after` None where it is gone."""
    columns = [*before, *(column for column in after if column not in before)]
    return [
        {
            "column": _held(column),
            "before": _held(before.get(column)),
            "after": _held(after.get(column)),
        }
        for column in columns
        if before.get(column) != after.get(column)
    ]


def changes_of(before: str, after: str, *, is_row: bool) -> list[dict[str, str | None]]:
    """The differences of two texts; of a text that was none, the whole as column ""."""
    if before == after:
        return []
    try:
        if is_row:
            return differences(RowText(before).flat(), RowText(after).flat())
        found = differences(EventText(before).flat(), EventText(after).flat())
    except (NotAnEvent, NotARow, RecursionError):
        return [{"column": "", "before": None, "after": storable(after).replace("\x00", "\ufffd")}]
    return [_read(one) for one in found]


def _read(change: dict[str, str | None]) -> dict[str, str | None]:
    """JSON values as people read them; where only the type differs, as JSON."""
    before, after = (_unquoted(change[side]) for side in ("before", "after"))
    if before == after:
        return change
    return {"column": change["column"], "before": before, "after": after}


def _unquoted(text: str | None) -> str | None:
    return _held(storable(json.loads(text))) if text is not None and text.startswith('"') else text


def _held(text: str | None) -> str | None:
    """A text as both databases hold it: PostgreSQL takes no NUL, not even inside JSON."""
    return None if text is None else text.replace("\x00", "\ufffd")


def _no_constant(text: str) -> Any:
    raise ValueError(text)
