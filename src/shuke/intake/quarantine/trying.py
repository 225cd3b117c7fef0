"""Entries under rules: what their texts become, which could be facts then, and why the others could not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from shuke.intake.files import mending
from shuke.intake.files.spec import parse
from shuke.intake.models.imports import Import
from shuke.intake.models.quarantine import IMPORT, Quarantined
from shuke.intake.quarantine import sending
from shuke.intake.quarantine.payloads import EventText, NotAnEvent, RowText, changes_of
from shuke.intake.quarantine.rules import Rule, apply_rules
from shuke.intake.quarantine.said import in_every_language
from shuke.intake.reasons import Refusal, words_of
from shuke.intake.set_aside import UNREADABLE
from shuke.kernel.errors import NotFound, ShukeError
from shuke.shops.reads import ShopView

Why = Refusal | ShukeError


@dataclass
class Tried:
    """`texts` by entry; `good` in the order of the entries; `again` and `bodies` are what sending them needs."""

    texts: dict[int, str] = field(default_factory=dict)
    good: list[int] = field(default_factory=list)
    refused: dict[int, Why] = field(default_factory=dict)
    again: list[mending.ReadAgain] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)


def try_rows(
    shop: ShopView, rows: Sequence[Quarantined], rules: Sequence[Rule], *, at: datetime, is_trial: bool
) -> Tried:
    """Apply rules to waiting entries and read them as what they would become. Changes nothing.

    A trial never needs the file of a row; without it places are given out, to be stored by whoever asked.
    """
    found = Tried()
    of_files: dict[int, list[Quarantined]] = {}
    events = []
    for row in rows:
        if row.origin == IMPORT:
            of_files.setdefault(row.import_id or 0, []).append(row)
        else:
            is_plain = not rules or row.reason == UNREADABLE
            found.texts[row.pk] = row.payload if is_plain else event_text(row.payload, rules)
            events.append((row, found.texts[row.pk]))
    for import_id, alike in of_files.items():
        held = Import.objects.filter(id=import_id).first()
        if held is None:
            found.refused |= {row.pk: NotFound(field="import", value=import_id) for row in alike}
            continue
        formats = parse(held.spec).formats
        for row in alike:
            found.texts[row.pk] = row_text(row.payload, rules, formats)
        again = mending.read_again(
            held, [(row, found.texts[row.pk]) for row in alike], at=at, is_trial=is_trial
        )
        found.refused |= again.refused
        if again.good:
            found.again.append(again)
            found.good += again.good
    if events:
        checked = sending.check(shop, events)
        found.refused |= checked.refused
        found.bodies = checked.bodies
        found.good += checked.bodies
    return found


def row_text(payload: str, rules: Sequence[Rule], formats: Sequence[str]) -> str:
    """A file's row after the rules; as it was when it is no row."""
    if not rules:
        return payload
    try:
        text = RowText(payload, formats)
        before = dict(text.cells)
        apply_rules(rules, text)
        return text.written() if text.cells != before else payload
    except (ShukeError, UnicodeEncodeError):
        return payload


def event_text(payload: str, rules: Sequence[Rule]) -> str:
    """An event after the rules; as it was when it is none."""
    try:
        text = EventText(payload)
        before = text.flat()
        apply_rules(rules, text)
        return text.written() if text.flat() != before else payload
    except (NotAnEvent, UnicodeEncodeError, RecursionError):
        return payload


def changes(row: Quarantined, text: str) -> list[dict[str, str | None]]:
    """What differs between an entry's text and another one."""
    return changes_of(row.payload, text, is_row=row.origin == IMPORT)


def why_words(why: Why, *, is_masked: bool = False) -> str:
    """Why an entry could still be no fact, in the reader's language; masked without the value that was refused."""
    if is_masked:
        return _words_without_value(why)
    return words_of(why.code, why.params) if isinstance(why, Refusal) else why.message()


def why_column(why: Why) -> str:
    return why.column if isinstance(why, Refusal) else ""


def counted(refused: dict[int, Why], before: list[dict[str, Any]], *, most: int = 20) -> list[dict[str, Any]]:
    """Reasons with their counts, added to those counted before; past `most` reasons only counts go on.

    Kept without the values that were refused: those may be somebody's, and nobody erases them here.
    """
    by_key = {(one["code"], one["column"]): dict(one) for one in before}
    for why in refused.values():
        key = (why.code, why_column(why))
        if key not in by_key:
            if len(by_key) >= most:
                key = ("other", "")
            words = in_every_language(partial(_words_without_value, why)) if key[0] != "other" else {}
            by_key.setdefault(key, {"code": key[0], "column": key[1], "count": 0, "words": words})
        by_key[key]["count"] += 1
    return sorted(by_key.values(), key=lambda one: (-one["count"], one["code"], one["column"]))


def _words_without_value(why: Why) -> str:
    params = {**why.params, "value": "…"}
    return words_of(why.code, params) if isinstance(why, Refusal) else str(why.words) % params
