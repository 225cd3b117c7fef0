"""The compiled loops against what they stand for, plainly: also uncompiled, where a step beyond an array is an error."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.traffic.funnels import loops

ENDS = (-(2**63), 2**63 - 1)
few = st.sampled_from([0, 1, 2, 5, *ENDS])
near = st.integers(2**61, 2**61 + 40)
anywhere = st.integers(*ENDS)
subjects = st.one_of(*(st.lists(one, max_size=80) for one in (few, near, anywhere, few | anywhere)))


def test_by_subject__any_subjects__law_equals_a_stable_sort(capsys) -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None)
    @given(subjects)
    def law(values: list[int]) -> None:
        subject = np.array(values, np.int64)
        expected = np.argsort(subject, kind="stable")
        assert loops.by_subject(subject).tolist() == expected.tolist()
        assert loops.by_subject.py_func(subject).tolist() == expected.tolist()
        reached["empty" if not values else "of both ends" if set(ENDS) <= set(values) else "others"] += 1
        reached["repeated"] += len(set(values)) < len(values)

    with np.errstate(over="ignore"):  # modulo 2^64 is meant
        law()
    with capsys.disabled():
        print(f"\norders by subject: {dict(reached)}")
    assert min(reached["of both ends"], reached["others"], reached["repeated"]) >= 10


def test_by_subject__many_rows_of_neighbours__are_merged_as_they_lie() -> None:
    """Some hundred rows in one place: more than are put in order by insertion."""
    draw = np.random.default_rng(5)
    subject = np.concatenate([draw.integers(0, 3, 400), [2**62, -(2**62)]])
    assert loops.by_subject(subject).tolist() == np.argsort(subject, kind="stable").tolist()


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


def test_walk__uncompiled__says_the_same() -> None:
    draw = np.random.default_rng(3)
    for _ in range(60):
        count = int(draw.integers(0, 40))
        subject = np.sort(draw.integers(0, 6, count))
        at = np.sort(draw.integers(0, 50, count))
        bits = draw.integers(0, 8, count).astype(np.uint16)
        order = loops.by_subject(subject)
        told = [walk(subject, at, bits, order, 3, 20) for walk in (loops.walk, loops.walk.py_func)]
        assert all(np.array_equal(one, other) for one, other in zip(*told, strict=True))
