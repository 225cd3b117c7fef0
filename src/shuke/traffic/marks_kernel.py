"""Counting visitors by groups where each visitor of a span gets a number of his own: compiled loops beside distinct_kernel.py.

Rows come in runs, as there. Who is numbered needs no table of (visitor, group): where nothing is told but that he was there,
a bit stands for each group that he was in (`count_marks`); where runs are each of one group, what he told lies at his
number, of the group that is walked and of all (`count_both`). Rows of one visitor that follow one another are found once.
"""

from __future__ import annotations

import numpy as np

from shuke.kernel.compiled import compiled
from shuke.traffic.distinct_kernel import last_of_span, skip

_MIX = np.uint64(0x9E3779B97F4A7C15)
_HERE = 1 << 15  # stands beside what is told: he was there, also where he told nothing


@compiled
def run_starts(visitor, group, most):
    """Where rows that rise by visitor begin anew: at the first, where the visitor falls, and with groups where the group
    changes. None at all where they fall oftener than `most`: they lie in no order."""
    has_groups = len(group) > 0
    starts, falls = 1, 0
    for row in range(1, len(visitor)):
        if has_groups and group[row] != group[row - 1]:
            starts += 1
        elif visitor[row] < visitor[row - 1]:
            starts += 1
            falls += 1
    if falls > most:
        return np.empty(0, np.int64)
    found = np.empty(starts, np.int64)
    found[0] = 0
    place = 1
    if starts > 1:
        for row in range(1, len(visitor)):
            if visitor[row] < visitor[row - 1] or (has_groups and group[row] != group[row - 1]):
                found[place] = row
                place += 1
    return found


@compiled
def rows_of(codes, mask, code):
    """The rows of one code, of those that a mask leaves (an empty one: all)."""
    found = np.empty(len(codes), np.int64)
    is_masked = len(mask) > 0
    count = np.int64(0)
    for row in range(len(codes)):
        found[count] = row
        count += np.int64(codes[row] == code and (not is_masked or mask[row]))
    return found[:count]


@compiled
def count_marks(
    visitor, group, meanings, meaning_at, starts, ends, low, high, first, until, spans, exponent, into
):
    """Add to `into[group]` its visitors of the spans from `first` to before `until` of `spans`; the arguments are those of
    distinct_kernel.count_spans. The table begins with 2 ** `exponent` slots."""
    words = (len(into) + 63) >> 6
    at = starts.copy()
    if first > 0:
        skip(visitor, at, ends, last_of_span(low, high, first - 1, spans))
    keys, numbers, used, shift = _table(exponent)
    bits = np.zeros(len(used) * words, np.uint64)
    for span in range(first, until):
        last = last_of_span(low, high, span, spans)
        count = 0
        for run in range(len(starts)):
            meant = meanings[meaning_at[run] :]
            while True:
                at[run], count = _mark(
                    visitor, group, meant, at[run], ends[run], last, keys, numbers, used, shift, bits, words, count,
                    into,
                )  # fmt: skip
                if at[run] >= ends[run] or visitor[at[run]] > last:
                    break
                exponent += 1
                keys, numbers, used, shift = _grown(keys, numbers, used, count, exponent)
                more = np.zeros(len(used) * words, np.uint64)
                more[: count * words] = bits[: count * words]
                bits = more
        for number in range(count):
            numbers[used[number]] = -1
        bits[: count * words] = np.uint64(0)


@compiled
def _mark(visitor, group, meant, place, end, last, keys, numbers, used, shift, bits, words, count, into):
    """Mark the rows of a run up to the visitor `last`, while there are numbers; returns where it stopped and how many
    numbers are given."""
    around = len(keys) - 1
    while place < end:
        who = visitor[place]
        if who > last:
            break
        slot = np.int64((np.uint64(who) * _MIX) >> shift)
        while numbers[slot] >= 0 and keys[slot] != who:
            slot = (slot + 1) & around
        number = np.int64(numbers[slot])
        if number < 0:
            if count == len(used):
                break
            keys[slot], numbers[slot], used[count] = who, count, slot
            number = count
            count += 1
        base = number * (words << 6)
        while place < end and visitor[place] == who:
            of = np.int64(group[place])
            place += 1
            if of >= 0:
                of = meant[of]
                bit = base + of
                found = bits[bit >> 6]
                mask = np.uint64(1) << np.uint64(bit & 63)
                into[of] += np.int64((found & mask) == 0)
                bits[bit >> 6] = found | mask
    return place, count


@compiled
def count_both(visitor, told, of, starts, ends, low, high, first, until, spans, shape, exponent, into, whole):
    """Add what visitors told to `into[group, plane, bits]` and, of all groups together, to `whole[plane, bits]`.

    `of`: the group of each run; runs of one group follow one another. `shape`: bits and planes, at most 15 bits in all.
    """
    bits, planes = shape
    runs = len(starts)
    at = starts.copy()
    if first > 0:
        skip(visitor, at, ends, last_of_span(low, high, first - 1, spans))
    keys, numbers, used, shift = _table(exponent)
    # What a number told: of the group that is walked in the lower half, of all groups in the upper one.
    state = np.zeros(len(used), np.uint32)
    among = np.empty(len(used) + 1, np.int64)  # one is written before it is known whether it counts
    times, kinds = np.zeros(_HERE, np.int64), np.empty(_HERE, np.int64)
    for span in range(first, until):
        last = last_of_span(low, high, span, spans)
        count = 0
        run = 0
        while run < runs:
            group = of[run]
            touched = 0
            while run < runs and of[run] == group:
                while True:
                    at[run], count, touched = _tell(
                        visitor, told, at[run], ends[run], last, keys, numbers, used, shift, state, among, count,
                        touched,
                    )  # fmt: skip
                    if at[run] >= ends[run] or visitor[at[run]] > last:
                        break
                    exponent += 1
                    keys, numbers, used, shift = _grown(keys, numbers, used, count, exponent)
                    state, among = _longer(state, len(used)), _longer(among, len(used) + 1)
                run += 1
            _add_up(state, 0, among, touched, times, kinds, bits, planes, into[group])
        for number in range(count):
            among[number] = number
            numbers[used[number]] = -1
        _add_up(state, 16, among, count, times, kinds, bits, planes, whole)


@compiled
def _tell(visitor, told, place, end, last, keys, numbers, used, shift, state, among, count, touched):
    """Note what the rows of a run up to the visitor `last` tell, while there are numbers; returns where it stopped, how many
    numbers are given and how many of them this group has."""
    around = len(keys) - 1
    while place < end:
        who = visitor[place]
        if who > last:
            break
        slot = np.int64((np.uint64(who) * _MIX) >> shift)
        while numbers[slot] >= 0 and keys[slot] != who:
            slot = (slot + 1) & around
        number = np.int64(numbers[slot])
        if number < 0:
            if count == len(used):
                break
            keys[slot], numbers[slot], used[count] = who, count, slot
            number = count
            count += 1
        deeds = np.uint32(told[place]) | np.uint32(_HERE)
        known = state[number]
        among[touched] = number
        touched += np.int64((known & np.uint32(0xFFFF)) == 0)
        state[number] = known | deeds | (deeds << np.uint32(16))
        place += 1
    return place, count, touched


@compiled
def _add_up(state, half, among, touched, times, kinds, bits, planes, into):
    """Add what each of these told to `into`, and forget it; `half`: by how many bits it is shifted. Few kinds of it occur,
    so they are counted first."""
    kept = np.uint32(0xFFFF0000) if half == 0 else np.uint32(0xFFFF)
    low_bits = (1 << bits) - 1
    count = 0
    for place in range(touched):
        number = among[place]
        deeds = (np.int64(state[number]) >> half) & (_HERE - 1)
        state[number] &= kept
        if times[deeds] == 0:
            kinds[count] = deeds
            count += 1
        times[deeds] += 1
    for place in range(count):
        deeds = kinds[place]
        many = times[deeds]
        times[deeds] = 0
        if planes == 1:
            into[0, deeds] += many
            continue
        together = np.int64(0)
        for plane in range(planes):
            own_bits = (deeds >> (plane * bits)) & low_bits
            together |= own_bits
            into[plane + 1, own_bits] += many
        into[0, together] += many


@compiled
def _table(exponent):
    """Keys, the number of each (below 0: the slot is free), the slot of each number, and how a hash becomes a slot. There
    are half as many numbers as slots."""
    slots = 1 << exponent
    return (
        np.empty(slots, np.int64),
        np.full(slots, -1, np.int32),
        np.empty(slots >> 1, np.int64),
        np.uint64(64 - exponent),
    )


@compiled
def _grown(keys, numbers, used, count, exponent):
    """The same in a table of 2 ** `exponent` slots."""
    more_keys, more, in_use, shift = _table(exponent)
    around = len(more) - 1
    for number in range(count):
        who = keys[used[number]]
        slot = np.int64((np.uint64(who) * _MIX) >> shift)
        while more[slot] >= 0:
            slot = (slot + 1) & around
        more_keys[slot], more[slot], in_use[number] = who, number, slot
    return more_keys, more, in_use, shift


@compiled
def _longer(values, length):
    found = np.zeros(length, values.dtype)
    found[: len(values)] = values
    return found
