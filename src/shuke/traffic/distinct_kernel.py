"""The loops of distinct.py, as machine code: who is counted, once in each group, with all that his rows tell of him.

Rows come in runs, each in order of its visitors. All runs are walked together, from one span of visitors to the next, so
that whoever is counted at a time fits the processor's caches: a table of (visitor, group) with open addressing.
"""

from __future__ import annotations

import numpy as np

from shuke.kernel.compiled import compiled

SLOTS = 14  # a table begins with 2 to this power, and grows where a span holds more than half as many
_MIX = np.uint64(0x9E3779B97F4A7C15)
_TURN = np.uint64(0xC2B2AE3D27D4EB4F)


@compiled
def last_of_span(low, high, span, spans):
    """The last visitor of a span, when those from `low` to `high` are cut into so many."""
    if span >= spans - 1:
        return high
    width = (np.uint64(high) - np.uint64(low)) // np.uint64(spans)
    return np.int64(np.uint64(low) + width * np.uint64(span + 1))


@compiled
def count_spans(
    visitor, told, group, meanings, meaning_at, starts, ends, low, high, first, until, spans, shape, own,
    exponent, into,
):  # fmt: skip
    """Count the visitors of the spans from `first` to before `until` of `spans`.

    `starts`, `ends`: of each run. A row's group is `meanings[meaning_at[run] + group[row]]`, where `group[row]` is below 0
    it is not counted; without rows in `group` it is `own`. `shape`: bits, planes, and the bit (or 0) that stands for one
    of something: told twice, it also sets the next. `into[group, plane, bits]` is added to; of several planes the first is
    of all of them together. The table begins with 2 ** `exponent` slots.
    """
    bits, planes, one = shape
    low_bits = (1 << bits) - 1
    runs = len(starts)
    at = starts.copy()
    if first > 0:
        skip(visitor, at, ends, last_of_span(low, high, first - 1, spans))
    is_grouped = len(group) > 0
    keys, known, used, shift = _table(exponent)
    for span in range(first, until):
        last = last_of_span(low, high, span, spans)
        count = 0
        for run in range(runs):
            meant = meanings[meaning_at[run] :] if is_grouped else meanings
            while True:
                at[run], count = _take(
                    visitor, told, group, meant, own, at[run], ends[run], last, bits, one, keys, known, used, count,
                    shift,
                )  # fmt: skip
                if count <= len(keys) >> 1:
                    break
                exponent += 1
                keys, known, used, shift = _grown(keys, known, used, count, exponent)
        for number in range(count):
            slot = used[number]
            found = known[slot]
            known[slot] = 0
            of = (found >> 16) - 1
            deeds = found & 0xFFFF
            if planes == 1:
                into[of, 0, deeds] += 1
            else:
                together = np.int64(0)
                for plane in range(planes):
                    own_bits = (deeds >> (plane * bits)) & low_bits
                    together |= own_bits
                    into[of, plane + 1, own_bits] += 1
                into[of, 0, together] += 1


@compiled
def _take(visitor, told, group, meant, own, place, end, last, bits, one, keys, known, used, count, shift):
    """Put the rows of a run up to the visitor `last` into the table, while it is at most half full; returns where it
    stopped and how many slots are in use. Apart from what makes the table grow, so that it is one tight loop."""
    around = len(keys) - 1
    most = len(keys) >> 1
    is_grouped = len(group) > 0
    while place < end and count <= most:
        who = visitor[place]
        if who > last:
            break
        of = own
        if is_grouped:
            of = np.int64(group[place])
            if of < 0:
                place += 1
                continue
            of = meant[of]
        deeds = np.int64(told[place]) if bits > 0 else np.int64(0)
        slot = np.int64(((np.uint64(who) ^ (np.uint64(of) * _TURN)) * _MIX) >> shift)
        of += 1
        while True:
            found = known[slot]
            if found == 0:
                keys[slot] = who
                known[slot] = (of << 16) | deeds
                used[count] = slot
                count += 1
                break
            if keys[slot] == who and (found >> 16) == of:
                known[slot] = found | deeds | ((found & deeds & one) << 1)
                break
            slot = (slot + 1) & around
        place += 1
    return place, count


@compiled
def skip(visitor, at, ends, last):
    """Move each run's place behind the visitors up to `last`."""
    for run in range(len(at)):
        left, right = at[run], ends[run]
        while left < right:
            middle = (left + right) // 2
            if visitor[middle] <= last:
                left = middle + 1
            else:
                right = middle
        at[run] = left


@compiled
def _table(exponent):
    """Keys, what is known of them (0: the slot is free), the slots in use, and how a hash becomes a slot."""
    slots = 1 << exponent
    empty = np.zeros(slots, np.int64)
    return np.empty(slots, np.int64), empty, np.empty(slots, np.int64), np.uint64(64 - exponent)


@compiled
def _grown(keys, known, used, count, exponent):
    """The same in a table of 2 ** `exponent` slots."""
    more_keys, more, in_use, shift = _table(exponent)
    around = len(more) - 1
    for number in range(count):
        old = used[number]
        of = np.uint64((known[old] >> 16) - 1)
        slot = np.int64(((np.uint64(keys[old]) ^ (of * _TURN)) * _MIX) >> shift)
        while more[slot] != 0:
            slot = (slot + 1) & around
        more_keys[slot], more[slot] = keys[old], known[old]
        in_use[number] = slot
    return more_keys, more, in_use, shift
