"""Taking apart a body that is not quite JSON, so that one bad event does not cost the good ones beside it.

Works on brackets and strings alone, without recursion and in one pass: NaN, wrong UTF-8, lone surrogates and a thousand
brackets lie inside one event's text and stay there. A body whose brackets do not close is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A string that never ends swallows the rest at once: looking for its end from every quote would be quadratic.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\],]', re.DOTALL)
_BATCH_KEY = re.compile(rb'"batch"\s*:\s*\Z')
_WRITE_KEY = re.compile(rb'"writeKey"\s*:\s*"([^"\\]{1,200})"')
_SENT_AT = re.compile(rb'"sentAt"\s*:\s*"([^"\\]{1,64})"')
_OPENS, _CLOSES = b"{[", {0x7D: 0x7B, 0x5D: 0x5B}


@dataclass(frozen=True, slots=True)
class Pieces:
    """The texts of a batch's elements, and what stands around them."""

    elements: tuple[bytes, ...]
    around: bytes

    @property
    def write_key(self) -> str | None:
        found = _WRITE_KEY.search(self.around)
        return found.group(1).decode("utf-8", "replace") if found else None

    @property
    def sent_at(self) -> str | None:
        found = _SENT_AT.search(self.around)
        return found.group(1).decode("utf-8", "replace") if found else None


def _brackets(body: bytes) -> Iterator[tuple[int, int, int]]:
    """(place, sign, depth outside of it) of every bracket and comma; ends with a sign of -1 when they do not pair."""
    open_signs: list[int] = []
    for token in _TOKEN.finditer(body):
        place = token.start()
        sign = body[place]
        if sign in _OPENS:
            yield place, sign, len(open_signs)
            open_signs.append(sign)
        elif sign in _CLOSES:
            if not open_signs or open_signs.pop() != _CLOSES[sign]:
                yield place, -1, 0
                return
            yield place, sign, len(open_signs)
        elif sign == 0x2C:
            yield place, sign, len(open_signs)
    if open_signs:
        yield len(body), -1, 0


def is_object(body: bytes) -> bool:
    """Whether the text is exactly one object by its brackets."""
    return _object_brackets(body) is not None


def _object_brackets(body: bytes) -> list[tuple[int, int, int]] | None:
    found = list(_brackets(body))
    if not found or found[-1][1] == -1:
        return None
    first, last = found[0], found[-1]
    tops = sum(1 for _, sign, depth in found if depth == 0 and sign in _OPENS)
    if first[1] != 0x7B or tops != 1 or body[: first[0]].strip() or body[last[0] + 1 :].strip():
        return None
    return found


def split_batch(body: bytes) -> Pieces | None:
    """The elements of the top object's `batch`; None when the brackets do not close or there is no such array."""
    found = _object_brackets(body)
    if found is None:
        return None
    begin = -1
    elements: list[bytes] = []
    after = 0
    for place, sign, depth in found:
        if begin < 0:
            if depth == 1 and sign == 0x5B and _BATCH_KEY.search(body, max(0, place - 64), place):
                begin = after = place + 1
        elif sign == 0x2C and depth == 2:
            elements.append(body[after:place].strip())
            after = place + 1
        elif sign == 0x5D and depth == 1:
            last = body[after:place].strip()
            if last or elements:
                elements.append(last)
            return Pieces(tuple(elements), body[:begin] + body[place:])
    return None


def write_key_of_object(body: bytes) -> str | None:
    """The first `writeKey` in a text that can not be decoded."""
    return Pieces((), body).write_key
