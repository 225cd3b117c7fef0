"""Files in JSON as tables: a platform's report, or its messages, one after another.

Of messages a line that is no JSON costs only itself: it is a row that can not be read, with its line and its text, and
waits while the others load. A file in which no message is found is refused as a whole.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shuke.intake.files import amazon_messages, amazon_reports, problems
from shuke.intake.files.columnar import storable
from shuke.intake.files.layout import Batch, Detected, Table, is_packed, opened
from shuke.intake.files.reasons import BadCell, bad

MOST_BYTES = 64 << 20
MOST_BROKEN = 256 << 10  # no message is longer
NOT_JSON, NOT_A_MESSAGE = "row_not_json", "row_not_a_message"
TEXT = "rest"  # the column in which what is no message stands
_BEGINS = re.compile(r"\s*(?:\{|\[\s*\{)")
_BLANKS = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n,\[\]]*")  # of a list whose end is missing
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_UNMARKED = ("utf-8", "utf-16-le", "utf-16-be")


@dataclass(frozen=True)
class Broken:
    """A text within a file that is no JSON: from where on, counted from 1."""

    text: str
    at: int


def encoding_of(head: bytes) -> str:
    """In which encoding these bytes begin a JSON object or a list of them; "" when in none."""
    start = head[:400]
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), "")
    for encoding in (marked,) if marked else _UNMARKED:
        text = start.decode(encoding, "replace")
        if _BEGINS.match(text) and "\0" not in text:
            return encoding
    return ""


def json_table(path: Path, name: str, encoding: str) -> Table:
    """Raises UnknownJson for JSON that is neither report nor messages, BrokenJson, EmptyFile, UnpacksTooLarge."""
    with opened(path) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        limit = f"{MOST_BYTES >> 20} MB"
        raise problems.UnpacksTooLarge(field=name, value=f"> {limit}", limit=limit)
    lines, values = _values(content.decode(encoding, "replace").removeprefix("\ufeff"), name)
    columns: Sequence[str] = amazon_reports.COLUMNS
    refused: dict[int, tuple[str, BadCell]] = {}
    if len(values) == 1 and amazon_reports.is_report(values[0]):
        rows = [list(row.values()) for row in amazon_reports.report_rows(values[0])]
        numbered = list(enumerate(rows, start=1))
    elif any(map(amazon_messages.is_message, values)):
        columns = amazon_messages.COLUMNS
        numbered = []
        for place, row in _message_rows(values):
            why = _why(values[place - 1])
            if why is not None:
                refused[len(numbered)] = (TEXT, why)
            numbered.append((lines[place - 1], list(map(storable, row.values()))))
    else:
        broken = next(
            ((n, one) for n, one in zip(lines, values, strict=True) if isinstance(one, Broken)), None
        )
        if broken is not None:
            raise problems.BrokenJson(
                field=name, line=broken[0] + broken[1].text.count("\n", 0, broken[1].at)
            )
        raise problems.UnknownJson(field=name, value="JSON")
    if not numbered:
        raise problems.EmptyFile(field=name)
    left = iter(enumerate(numbered))

    def take(size: int) -> Batch | None:
        taken = list(itertools.islice(left, size))
        if not taken:
            return None
        why = {i: refused[n] for i, (n, _row) in enumerate(taken) if n in refused}
        return Batch([line for _n, (line, _row) in taken], [row for _n, (_line, row) in taken], refused=why)

    return Table(name, Detected("report", is_packed(path), encoding, "", True), columns, take)


def rows_of_line(cells: Mapping[str, str]) -> list[dict[str, str]] | BadCell | None:
    """The rows of a line that was no message and is one now, or why it still is none; None when these cells are no such
    line."""
    if set(cells) != set(amazon_messages.COLUMNS) or any(cells[c] for c in cells if c != TEXT):
        return None
    message: Any
    try:
        message = json.loads(cells[TEXT])
    except (ValueError, RecursionError) as error:
        message = Broken(cells[TEXT], getattr(error, "pos", 0))
    why = _why(message)
    if why is not None:
        return why
    found = amazon_messages.message_rows([message])
    return [{column: storable(cell) for column, cell in row.items()} for _place, row in found]


def _message_rows(values: Sequence[Any]) -> Iterator[tuple[int, dict[str, str]]]:
    texts = {n: one.text for n, one in enumerate(values, start=1) if isinstance(one, Broken)}
    for place, row in amazon_messages.message_rows(
        None if n in texts else one for n, one in enumerate(values, 1)
    ):
        if place in texts:
            row = {**row, TEXT: amazon_messages.without_parcel(texts[place])}
        yield place, row


def _why(value: Any) -> BadCell | None:
    if isinstance(value, Broken):
        return bad(NOT_JSON, at=value.at + 1)
    return None if amazon_messages.is_message(value) else bad(NOT_A_MESSAGE)


def _values(text: str, name: str) -> tuple[list[int], list[Any]]:
    """(line or place in the list, JSON value) of a file: one value, a list of them, or one after another, as on lines."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return _one_after_another(text, name)
    found = whole if isinstance(whole, list) else [whole]
    return list(range(1, len(found) + 1)), found


def _one_after_another(text: str, name: str) -> tuple[list[int], list[Any]]:
    """(line where it begins, JSON value, or what is Broken): one on each line, or over several. Told by where each ends,
    since a text within one may hold what breaks a line elsewhere."""
    lines: list[int] = []
    values: list[Any] = []
    blanks = _BETWEEN if text.lstrip().startswith("[") else _BLANKS
    decoder, line, last = json.JSONDecoder(), 1, 0
    place = _after(blanks, text, 0)
    while place < len(text):
        line, last = line + text.count("\n", last, place), place
        value: Any
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            end = _end_of_broken(text, place)
            value = Broken(text[place:end].strip(), min(getattr(error, "pos", place), end) - place)
            if len(value.text) > MOST_BROKEN:
                raise problems.BrokenJson(field=name, line=line) from None
        lines.append(line)
        values.append(value)
        place = _after(blanks, text, end)
    return lines, values


def _end_of_broken(text: str, place: int) -> int:
    """An object that breaks ends before the next line that begins one; anything else ends with its line."""
    end = text.find("\n{" if text[place] == "{" else "\n", place)
    return end if end >= 0 else len(text)


def _after(blanks: re.Pattern[str], text: str, place: int) -> int:
    found = blanks.match(text, place)
    return found.end() if found else place
