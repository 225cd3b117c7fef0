"""The loops of the funnel's kernel, compiled: one pass over rows where array operations would make a dozen.

Everything here is plain arithmetic on arrays and knows no funnel: what the rows mean stands in kernel.py and picking.py.
"""

from __future__ import annotations

import numpy as np

from shuke.kernel.compiled import compiled

NOT_TAKEN = np.iinfo(np.int64).min
# So few rows of neighbouring subjects are put in order by insertion; more by merging.
_FEW = 24


@compiled
def pick(code, table, visitor, at, place, visitors, moments, bits, places, end):
    """Add the rows whose code stands for any bits in `table` to the last four arrays from `end` on; returns where they end.
    The arrays have room for one row more than there are, since each is written and then kept or not."""
    for n in range(len(code)):
        told = table[code[n]]
        visitors[end], moments[end], bits[end], places[end] = visitor[n], at[n], told, place[n]
        end += told != 0
    return end


@compiled
def by_subject(subject):
    """The rows by subject, those of one subject as they lie. Subjects are hashes: evenly spread over their range, so that a
    row's place follows from its subject but for a few neighbours."""
    count = len(subject)
    order = np.empty(count, np.int32)
    if count == 0:
        return order
    low, high = subject[0], subject[0]
    for n in range(count):
        low, high = min(low, subject[n]), max(high, subject[n])
    span = np.uint64(high) - np.uint64(low)  # modulo 2^64, so right for numbers of either sign
    width, size = 0, 1
    while width < 64 and (span >> np.uint64(width)) != 0:
        width += 1
    digits = 0
    while size < count:
        size *= 2
        digits += 1
    shift = np.uint64(max(0, width - digits))
    slot = np.empty(count, np.int32)
    ends = np.zeros(size + 1, np.int32)
    for n in range(count):
        slot[n] = np.int32((np.uint64(subject[n]) - np.uint64(low)) >> shift)
        ends[slot[n] + 1] += 1
    for n in range(size):
        ends[n + 1] += ends[n]
    places = ends[:-1].copy()
    for n in range(count):
        order[places[slot[n]]] = n
        places[slot[n]] += 1
    for n in range(size):
        first, last = ends[n], ends[n + 1]
        is_mixed = False
        for place in range(first + 1, last):
            if subject[order[place]] < subject[order[place - 1]]:
                is_mixed = True
                break
        if not is_mixed:
            continue
        if last - first > _FEW:
            own = order[first:last].copy()
            merged = np.argsort(subject[own], kind="mergesort")
            for place in range(len(own)):
                order[first + place] = own[merged[place]]
            continue
        for place in range(first + 1, last):
            row, back = order[place], place
            while back > first and subject[order[back - 1]] > subject[row]:
                order[back] = order[back - 1]
                back -= 1
            order[back] = row
    return order


@compiled
def walk(subject, at, bits, order, steps, window):
    """(start, depth, times) of each subject that started: the row of its start, how many steps it took, when each was
    (a row of `times` a step, NOT_TAKEN where it was not).

    Per step the latest start from which it was reached is remembered, and no more: its window ends last. A row is tried as
    the last step first, so that it is one step only.
    """
    most = 0
    for n in range(len(bits)):
        most += bits[n] & 1
    start, depth = np.empty(most, np.int32), np.empty(most, np.uint8)
    times = np.full((steps, most), NOT_TAKEN, np.int64)
    latest = np.full(steps, -1, np.int32)  # by step: the place in `order` of the latest start that got so far
    begun_at = np.zeros(steps, np.int64)  # when that start was
    ways = np.empty(
        (steps, steps), np.int64
    )  # by step: when the steps before it, and it, were taken from that start
    found, deepest = -1, 0
    whose = np.int64(0)
    for place in range(len(order)):
        row = order[place]
        if place == 0 or subject[row] != whose:
            whose = subject[row]
            for step in range(steps):
                latest[step] = -1
            if deepest:
                depth[found] = deepest
            deepest = 0
        fits = bits[row]
        now = at[row]
        for step in range(steps - 1, 0, -1):
            if not (fits >> step) & 1:
                continue
            begun = latest[step - 1]
            if begun < 0 or now - begun_at[step - 1] >= window:
                continue
            if begun > latest[step]:
                latest[step], begun_at[step] = begun, begun_at[step - 1]
                for one in range(step):
                    ways[step, one] = ways[step - 1, one]
                ways[step, step] = now
            if step + 1 > deepest:
                deepest = step + 1
                start[found] = order[begun]
                for one in range(step):
                    times[one, found] = ways[step - 1, one]
                times[step, found] = now
        if fits & 1:
            latest[0], begun_at[0] = place, now
            ways[0, 0] = now
            if not deepest:
                deepest = 1
                found += 1
                start[found], times[0, found] = row, now
    if deepest:
        depth[found] = deepest
    return start[: found + 1], depth[: found + 1], times[:, : found + 1]


@compiled
def seconds_between(depth, later, begun, ended):
    """Of those who took the step `later`, whole seconds from one moment to the other (microseconds since 1970)."""
    count = 0
    for n in range(len(depth)):
        count += depth[n] >= later
    found = np.empty(count, np.int64)
    place = 0
    for n in range(len(depth)):
        if depth[n] >= later:
            found[place] = ended[n] // 1_000_000 - begun[n] // 1_000_000
            place += 1
    return found
