"""The loops of the funnel's kernel, compiled: one pass over rows where array operations would make a dozen.

Everything here is plain arithmetic on arrays and knows no funnel: what the rows mean stands in kernel.py and picking.py.
"""

from __future__ import annotations

import numpy as np

from shuke.kernel.compiled import compiled, int32_at, int64_at, uint16_at

NOT_TAKEN = np.iinfo(np.int64).min
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NEVER = np.iinfo(np.int32).max
_FEWEST_SLOTS = 10  # a table of subjects begins with 2 to this power
# What stands where in the row of a subject (`nobody`).
_WHO, _START, _DEPTH, _TIMES = 0, 1, 2, 3


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
def count(code, counts):
    """Add how often each code comes."""
    for n in range(len(code)):
        counts[code[n]] += 1


@compiled
def walk_buckets(addresses, counts, told, edges, first, until, steps, window):
    """(subject, start, depth, times) of each subject of the buckets from `first` to before `until` that started: the run and
    the place of its start (run << 32 | place), how many steps it took, when each was (a row of `times` a step, NOT_TAKEN
    where it was not).

    A bucket is the subjects up to (and with) an edge, the last one those behind all edges. Runs come in order; of each
    there are two parts, of which `addresses[run, part]` are those of its subjects, moments, codes and places and
    `counts[run, part]` its rows; `told[run]`: the address of the bits by code, how many codes, which bits count, and its
    number.
    """
    runs = len(counts)
    begin, end = np.zeros((runs, 2), np.int64), np.empty((runs, 2), np.int64)
    if first > 0:
        for run in range(runs):
            for part in range(2):
                subject = int64_at(addresses[run, part, 0], counts[run, part])
                begin[run, part] = _behind(subject, 0, edges[first - 1])
    room, found = 1024, 0
    subjects, starts, depths = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint8)
    times = np.empty((steps, room), np.int64)
    size, keys, places, known = nobody(0, steps)
    for bucket in range(first, until):
        rows = 0
        for run in range(runs):
            for part in range(2):
                if bucket < len(edges):
                    subject = int64_at(addresses[run, part, 0], counts[run, part])
                    end[run, part] = _behind(subject, begin[run, part], edges[bucket])
                else:
                    end[run, part] = counts[run, part]
                rows += end[run, part] - begin[run, part]
        if rows > len(known):
            size, keys, places, known = nobody(rows + rows // 4, steps)
        for run in range(runs):
            if begin[run, 0] == end[run, 0] and begin[run, 1] == end[run, 1]:
                continue
            a, b, ends, others = addresses[run, 0], addresses[run, 1], end[run, 0], end[run, 1]
            if begin[run, 0] == ends or begin[run, 1] == others:  # of views alone, or of deeds alone
                one, last = (b, others) if begin[run, 0] == ends else (a, ends)
                walk_one(
                    int64_at(one[0], last), int64_at(one[1], last), uint16_at(one[2], last), int32_at(one[3], last),
                    begin[run, 1] if begin[run, 0] == ends else begin[run, 0],
                    uint16_at(told[run, 0], told[run, 1]), told[run, 2], told[run, 3],
                    steps, window, size, keys, places, known,
                )  # fmt: skip
                begin[run, 0], begin[run, 1] = ends, others
                continue
            walk(
                int64_at(a[0], ends), int64_at(a[1], ends), uint16_at(a[2], ends), int32_at(a[3], ends),
                int64_at(b[0], others), int64_at(b[1], others), uint16_at(b[2], others), int32_at(b[3], others),
                begin[run, 0], begin[run, 1], uint16_at(told[run, 0], told[run, 1]), told[run, 2], told[run, 3],
                steps, window, size, keys, places, known,
            )  # fmt: skip
            begin[run, 0], begin[run, 1] = end[run, 0], end[run, 1]
        if found + size[0] > room:
            room = 2 * (found + size[0])
            subjects, starts, depths = _longer(subjects, room), _longer(starts, room), _longer(depths, room)
            more = np.empty((steps, room), np.int64)
            more[:, :found] = times[:, :found]
            times = more
        for mine in range(size[0]):
            if known[mine, _DEPTH]:
                subjects[found], starts[found] = known[mine, _WHO], known[mine, _START]
                depths[found] = known[mine, _DEPTH]
                for step in range(steps):
                    times[step, found] = known[mine, _TIMES + step]
                found += 1
        # The room for a bucket is that of the next one.
        places[: 1 << size[1]] = 0
        size[0], size[1] = 0, _FEWEST_SLOTS
    return subjects[:found], starts[:found], depths[:found], times[:, :found]


@compiled
def walk(
    subject, at, code, place, subject_2, at_2, code_2, place_2, n, m, table, counting, number, steps, window,
    size, keys, places, known,
):  # fmt: skip
    """Walk through the rows of a run from `n` and `m` on, its two parts together in the order of their places, and carry what
    is known of each subject on (the last four, `nobody`).

    Of neighbouring rows that are starts and no more only the first and the last are looked at: the first may be all that
    there is of a subject, and a later step goes back to the last.
    """
    base = np.int64(number) << 32
    while n < len(subject) or m < len(subject_2):
        if m == len(subject_2) or (n < len(subject) and subject[n] <= subject_2[m]):
            whose = subject[n]
        else:
            whose = subject_2[m]
        mine = np.int64(-1)
        earliest, latest, earliest_at, latest_at = np.int64(-1), np.int64(-1), np.int64(0), np.int64(0)
        while True:
            # The next row of the second part that fits any step; until there the rows of the first part.
            fits_2, next_place = np.int64(0), np.int64(_NEVER)
            while m < len(subject_2) and subject_2[m] == whose:
                fits_2 = table[code_2[m]] & counting
                if fits_2:
                    next_place = np.int64(place_2[m])
                    break
                m += 1
            while n < len(subject) and subject[n] == whose and place[n] < next_place:
                fits = table[code[n]] & counting
                if fits == 1:
                    latest, latest_at = base | place[n], at[n]
                    if earliest < 0:
                        earliest, earliest_at = latest, latest_at
                elif fits:
                    if mine < 0:
                        mine = _place_of(whose, steps, size, keys, places, known)
                    if earliest >= 0:
                        _begin(known, mine, steps, earliest, earliest_at, latest, latest_at)
                        earliest = np.int64(-1)
                    _step(known, mine, steps, window, fits, base | place[n], at[n])
                n += 1
            if not fits_2:
                break
            if fits_2 == 1:
                latest, latest_at = base | next_place, at_2[m]
                if earliest < 0:
                    earliest, earliest_at = latest, latest_at
            else:
                if mine < 0:
                    mine = _place_of(whose, steps, size, keys, places, known)
                if earliest >= 0:
                    _begin(known, mine, steps, earliest, earliest_at, latest, latest_at)
                    earliest = np.int64(-1)
                _step(known, mine, steps, window, fits_2, base | next_place, at_2[m])
            m += 1
        if earliest >= 0:
            if mine < 0:
                mine = _place_of(whose, steps, size, keys, places, known)
            _begin(known, mine, steps, earliest, earliest_at, latest, latest_at)


@compiled
def walk_one(
    subject, at, code, place, n, table, counting, number, steps, window, size, keys, places, known,
):  # fmt: skip
    """`walk` of a run of one part."""
    base = np.int64(number) << 32
    while n < len(subject):
        whose = subject[n]
        mine = np.int64(-1)
        earliest, latest, earliest_at, latest_at = np.int64(-1), np.int64(-1), np.int64(0), np.int64(0)
        while n < len(subject) and subject[n] == whose:
            fits = table[code[n]] & counting
            if fits == 1:
                latest, latest_at = base | place[n], at[n]
                if earliest < 0:
                    earliest, earliest_at = latest, latest_at
            elif fits:
                if mine < 0:
                    mine = _place_of(whose, steps, size, keys, places, known)
                if earliest >= 0:
                    _begin(known, mine, steps, earliest, earliest_at, latest, latest_at)
                    earliest = np.int64(-1)
                _step(known, mine, steps, window, fits, base | place[n], at[n])
            n += 1
        if earliest >= 0:
            if mine < 0:
                mine = _place_of(whose, steps, size, keys, places, known)
            _begin(known, mine, steps, earliest, earliest_at, latest, latest_at)


@compiled
def _begin(known, mine, steps, earliest, earliest_at, latest, latest_at):
    """Rows that are starts and no more: the first and the last of them."""
    if not known[mine, _DEPTH]:
        known[mine, _DEPTH], known[mine, _START], known[mine, _TIMES] = 1, earliest, earliest_at
    known[mine, _TIMES + steps], known[mine, _TIMES + steps + 1] = latest, latest_at


@compiled
def _step(known, mine, steps, window, fits, row, now):
    """A row that fits some steps.

    Per step the latest start from which it was reached is remembered, and no more: its window ends last. A row is tried as
    the last step first, so that it is one step only.
    """
    for step in range(steps - 1, 0, -1):
        if not (fits >> step) & 1:
            continue
        before = _TIMES + steps + (step - 1) * (steps + 1)
        begun = known[mine, before]
        if begun < 0 or now - known[mine, before + 1] >= window:
            continue
        here = before + steps + 1
        # What reached a step reached the one before: another start than that of this step is a later one.
        if step < steps - 1 and begun != known[mine, here]:
            for one in range(step + 1):
                known[mine, here + one] = known[mine, before + one]
            known[mine, here + 1 + step] = now
        if step + 1 > known[mine, _DEPTH]:
            known[mine, _DEPTH], known[mine, _START] = step + 1, begun
            for one in range(step):
                known[mine, _TIMES + one] = known[mine, before + 1 + one]
            known[mine, _TIMES + step] = now
    if fits & 1:
        _begin(known, mine, steps, row, now, row, now)


@compiled
def nobody(rows, steps):
    """Room for what is known of at most so many subjects, of nobody yet: how many there are (and the power of 2 of the slots
    in use), a table of their numbers with open addressing, and a row each. A row: who it is, the start that got furthest,
    how far, when each step was; then per step but the last the latest start from which it was reached (below 0: none), and
    when the steps up to it were taken from there."""
    size = np.array([0, _FEWEST_SLOTS], np.int64)
    slots = 1 << _FEWEST_SLOTS
    while slots < 2 * rows:
        slots *= 2
    width = _TIMES + steps + (steps - 1) * (steps + 1)
    return size, np.empty(slots, np.int64), np.zeros(slots, np.int32), np.empty((rows, width), np.int64)


@compiled
def _place_of(whose, steps, size, keys, places, known):
    """Where a subject stands; one that is not known yet comes last."""
    around = (1 << size[1]) - 1
    slot = np.int64((np.uint64(whose) * _MIX) >> np.uint64(64 - size[1]))
    while places[slot]:
        if keys[slot] == whose:
            return np.int64(places[slot] - 1)
        slot = (slot + 1) & around
    mine = size[0]
    keys[slot], places[slot] = whose, mine + 1
    size[0] = mine + 1
    known[mine, _WHO], known[mine, _DEPTH] = whose, 0
    for step in range(steps):
        known[mine, _TIMES + step] = NOT_TAKEN
    for step in range(steps - 1):
        known[mine, _TIMES + steps + step * (steps + 1)] = -1
    if 2 * size[0] > around and 2 * (around + 1) <= len(places):
        # More of the table comes into use: all are put there anew.
        places[: around + 1] = 0
        size[1] += 1
        around = (1 << size[1]) - 1
        for one in range(size[0]):
            slot = np.int64((np.uint64(known[one, _WHO]) * _MIX) >> np.uint64(64 - size[1]))
            while places[slot]:
                slot = (slot + 1) & around
            keys[slot], places[slot] = known[one, _WHO], one + 1
    return mine


@compiled
def _behind(subject, begin, edge):
    """The first row from `begin` on that is behind an edge."""
    left, width = begin, 64
    while left + width < len(subject) and subject[left + width] <= edge:
        left += width
        width *= 2
    right = min(left + width, len(subject))
    while left < right:
        middle = (left + right) // 2
        if subject[middle] <= edge:
            left = middle + 1
        else:
            right = middle
    return left


@compiled
def _longer(array, room):
    more = np.empty(room, array.dtype)
    more[: len(array)] = array
    return more


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
