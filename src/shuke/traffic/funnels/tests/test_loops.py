"""The compiled loops against what they stand for, plainly: also uncompiled, where a step beyond an array is an error."""

from __future__ import annotations

import numpy as np

from shuke.traffic.funnels import loops


def test_pick__rows_of_wanted_codes__come_after_what_is_there() -> None:
    code = np.array([2, 0, 1, 2], np.uint16)
    table = np.array([0, 4, 1], np.uint16)
    visitor, at, place = np.arange(4) + 10, np.arange(4) + 100, np.arange(4, dtype=np.int32) + 7
    for pick in (loops.pick, loops.pick.py_func):
        found = [
            np.full(6, -1, np.int64),
            np.full(6, -1, np.int64),
            np.zeros(6, np.uint16),
            np.zeros(6, np.int32),
        ]
        assert pick(code, table, visitor, at, place, *found, 1) == 4
        assert [one[1:4].tolist() for one in found] == [[10, 12, 13], [100, 102, 103], [1, 4, 1], [7, 9, 10]]
        assert found[0][0] == -1


STEPS, WINDOW = 3, 20


def bits_walked(walk, rows: list[tuple[int, int, int, bool]]) -> list[list[int]]:
    """What is known of each subject, by subject, after rows (subject, at, bits, is_first_part) in order."""
    parts = []
    for is_first in (True, False):
        own = [(n, row) for n, row in enumerate(rows) if row[3] == is_first]
        parts += [
            np.array([row[0] for _n, row in own], np.int64),
            np.array([row[1] for _n, row in own], np.int64),
            np.array([row[2] for _n, row in own], np.uint16),
            np.array([n for n, _row in own], np.int32),
        ]
    size, keys, places, known = loops.nobody(max(1, len(rows)), STEPS)
    # One run in two calls, as it is where a bucket ends.
    cuts = [len(one) // 2 for one in (parts[0], parts[4])]
    if rows:
        edge = rows[len(rows) // 2][0]
        cuts = [int(np.searchsorted(one, edge, side="right")) for one in (parts[0], parts[4])]
    table = np.arange(8, dtype=np.uint16)
    begun, more = (0, 0), (table, 0xFFFF, 7, STEPS, WINDOW, size, keys, places, known)
    first = [one[: cuts[n // 4]] for n, one in enumerate(parts)]
    walk(*first, *begun, *more)
    walk(*parts, *cuts, *more)
    told = known[: size[0]].tolist()
    return sorted(row[: 3 + STEPS] for row in told if row[2])


def test_walk__uncompiled_and_in_parts__says_the_same() -> None:
    """However the rows lie in two parts, as machine code or not: an index beyond an array is an error where it is not."""
    draw = np.random.default_rng(3)
    reached = 0
    for _ in range(60):
        count = int(draw.integers(0, 40))
        subject, at = np.sort(draw.integers(-3, 3, count)), np.sort(draw.integers(0, 50, count))
        bits = draw.choice([0, 1, 1, 1, 2, 3, 4, 5], count)
        rows = [(int(a), int(b), int(c)) for a, b, c in zip(subject, at, bits, strict=True)]
        whole = bits_walked(loops.walk, [(*row, True) for row in rows])
        apart = [(*row, bool(draw.integers(0, 2))) for row in rows]
        assert bits_walked(loops.walk, apart) == whole
        assert bits_walked(loops.walk.py_func, apart) == whole
        reached += sum(row[2] == STEPS for row in whole)
    assert reached >= 10


def test_place_of__more_subjects_than_slots__are_found_again() -> None:
    """The table of subjects grows twice."""
    subjects = np.random.default_rng(4).integers(-(2**63), 2**63 - 1, 1500)
    for place_of in (loops._place_of, loops._place_of.py_func):
        size, keys, places, known = loops.nobody(len(subjects), STEPS)
        with np.errstate(over="ignore"):  # modulo 2^64 is meant
            for _ in range(2):
                found = [int(place_of(one, STEPS, size, keys, places, known)) for one in subjects]
                assert found == list(range(len(subjects)))
        assert size.tolist() == [1500, 12]


def test_behind__any_edge__is_the_first_row_after_it() -> None:
    subject = np.sort(np.random.default_rng(5).integers(0, 300, 1000))
    for begin, edge in ((0, -1), (0, 0), (0, 150), (400, 150), (300, 299), (1000, 5), (0, 10**6)):
        expected = max(begin, int(np.searchsorted(subject, edge, side="right")))
        for behind in (loops._behind, loops._behind.py_func):
            assert int(behind(subject, begin, edge)) == expected
