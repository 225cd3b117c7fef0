"""Laws of what looks beyond a subject's own fields: tallies, sequences, memberships, days from today.

For any world and condition: the expression, the evaluator of one subject and plain Python agree; time alone changes nothing
before the moment that `next_change` names; the facts that are named as decisive turn the verdict when they are taken away,
and where one alone would, one is named. The examples are counted by node, measure, window and answer.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.conditions.reads import (
    All,
    AsOf,
    Compare,
    Known,
    Measure,
    Tally,
    Then,
    decisive,
    dump,
    holds,
    iter_nodes,
    judged,
    matches,
    next_change,
    parse,
    without,
    words,
)
from shuke.conditions.reads import Any as AnyOf

from . import beyond_oracle
from .drawn_worlds import as_ofs, conditions, subjects, tallies, world_of
from .fields_in_test import SUBJECT

EVERYTHING = list(HealthCheck)


def by_the_oracle(node, known: Known, as_of: AsOf) -> bool:
    told = {
        "fields": dict(known.fields),
        "series": {name: [dict(fact) for fact in facts] for name, facts in known.series.items()},
        "groups": set(known.groups),
    }
    return beyond_oracle.holds(dump(node), told, as_of.at, as_of.zone)


def kinds_of(node) -> list[str]:
    found = []
    for one in iter_nodes(node):
        name = type(one).__name__
        found.append(f"{name} {one.op}" if isinstance(one, Compare) else name)
        if isinstance(one, Tally):
            found.append(f"Tally {one.measure}")
        if isinstance(one, (Tally, Then)):
            window = one.window
            unit = "ever" if window is None else f"{window.unit}{', today' if window.with_today else ''}"
            found.append(f"window {unit}")
    return found


@pytest.mark.row("A7")
def test_conditions_beyond_the_row__any_world__all_evaluators_agree(capsys) -> None:
    reached: Counter = Counter()
    connection = ibis.duckdb.connect()

    @settings(max_examples=60, deadline=None, suppress_health_check=EVERYTHING)
    @given(st.data(), as_ofs())
    def law(data, as_of):
        known = data.draw(st.lists(subjects(as_of), min_size=6, max_size=12))
        world = world_of(known)
        drawn = [data.draw(tallies(measure)) for measure in Measure]
        drawn += data.draw(st.lists(conditions, min_size=8, max_size=8))
        for node in drawn:
            assert parse(dump(node), SUBJECT) == node
            assert words(node, "en")
            assert words(node, "zh-hans")
            answer = connection.to_pyarrow(judged(node, world, as_of)).to_pydict()
            asked = dict(zip(answer["key"], answer["is_met"], strict=True))
            assert len(asked) == len(known)
            for key, one in enumerate(known):
                expected = by_the_oracle(node, one, as_of)
                assert holds(node, one, as_of) == expected, (node, one)
                assert matches(node, one, as_of).is_allowed == expected
                assert asked[key] == expected, (node, one, as_of)
                reached.update((kind, expected) for kind in kinds_of(node))

    law()
    kinds = sorted({kind for kind, _met in reached})
    with capsys.disabled():
        print(f"\n  beyond the row: {sum(reached.values())} answers")
        for kind in kinds:
            print(f"    {kind:<24}true {reached[kind, True]:>6}, false {reached[kind, False]:>6}")
    assert len(kinds) == 20
    for kind in kinds:
        assert min(reached[kind, True], reached[kind, False]) >= 20, kind


@pytest.mark.row("A7")
def test_next_change__until_that_moment__the_answer_stands(capsys) -> None:
    reached: Counter = Counter()

    @settings(max_examples=300, deadline=None, suppress_health_check=EVERYTHING)
    @given(st.data(), as_ofs(), conditions)
    def law(data, as_of, node):
        known = data.draw(subjects(as_of))
        answer, until = by_the_oracle(node, known, as_of), next_change(node, known, as_of)
        far = as_of.at + timedelta(days=400)
        last = (until or far) - timedelta(microseconds=1)
        span = last - as_of.at
        between = [as_of.at + span * n / 7 for n in range(8)] + [last]
        for moment in between:
            assert by_the_oracle(node, known, AsOf(moment, as_of.zone)) == answer, (node, known, moment)
        changed = until is not None and by_the_oracle(node, known, AsOf(until, as_of.zone)) != answer
        reached["changes then" if changed else "never" if until is None else "may change then"] += 1

    law()
    with capsys.disabled():
        print(f"\n  next change: {dict(reached)}")
    assert min(reached[name] for name in ("changes then", "never", "may change then")) >= 20


@pytest.mark.row("A7")
def test_decisive__named_facts_taken_away__the_verdict_flips(capsys) -> None:
    reached: Counter = Counter()

    @settings(max_examples=90, deadline=None, suppress_health_check=EVERYTHING)
    @given(st.data(), as_ofs())
    def law(data, as_of):
        known = data.draw(subjects(as_of, (2, 4, 6)))
        several = [data.draw(tallies(measure)) for measure in (Measure.COUNT, Measure.DAYS, Measure.SUM)]
        for node in (
            [data.draw(conditions) for _ in range(4)] + several + [All(several[:2]), AnyOf(several[1:])]
        ):
            answer, named = by_the_oracle(node, known, as_of), decisive(node, known, as_of)
            if named:
                assert by_the_oracle(node, without(known, named), as_of) != answer, (node, known, named)
            alone = [
                one for one in _each(known) if by_the_oracle(node, without(known, [one]), as_of) != answer
            ]
            assert not alone or len(named) == 1, (node, known, alone, named)
            reached[answer, "one" if len(named) == 1 else "several" if named else "none"] += 1

    law()
    with capsys.disabled():
        print(f"\n  decisive facts: {dict(reached)}")
    for kind in ((True, "one"), (True, "several"), (False, "one"), (False, "several"), (False, "none")):
        assert reached[kind] >= 10, kind


def _each(known: Known):
    from shuke.conditions.reads import Removal

    yield from (Removal("field", name) for name in known.fields)
    yield from (
        Removal("fact", name, fact["fact_id"]) for name, facts in known.series.items() for fact in facts
    )
    yield from (Removal("group", name) for name in known.groups)
