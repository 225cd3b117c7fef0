"""Remembered ids: exact, few files, forgotten after their time, true to what is listed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.intake import remembered
from shuke.intake.models import RememberedRun
from shuke.intake.remembered import HOURS, Remembered

pytestmark = pytest.mark.django_db


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def commit(store: Remembered, hour: int, *numbers: int, tidies: bool = True) -> None:
    change = store.add(ids(*numbers), hour)
    change.save()
    store.keep(change)
    if tidies:
        store.tidy(hour)


def test_ids__of_a_commit__are_known_after_it_and_by_a_new_process(tmp_path):
    store = Remembered(tmp_path)
    commit(store, 100, 5, -3, 2**62)
    for one in (store, Remembered(tmp_path)):
        assert one.known(ids(2**62, 4, -3, 5)).tolist() == [True, False, True, True]


def test_ids__of_a_commit_that_never_was__are_unknown_and_their_file_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(remembered, "_STRAY_SECONDS", -1)
    store = Remembered(tmp_path)
    commit(store, 100, 1)
    store.add(ids(2), 100)
    again = Remembered(tmp_path)
    assert again.known(ids(1, 2)).tolist() == [True, False]
    assert len(list(tmp_path.iterdir())) == RememberedRun.objects.count() == 1


def test_ids__after_their_hours__are_forgotten(tmp_path):
    store = Remembered(tmp_path)
    commit(store, 100, 1)
    commit(store, 100 + HOURS, 2)
    assert store.known(ids(1, 2)).all()
    commit(store, 101 + HOURS, 3)
    assert store.known(ids(1, 2, 3)).tolist() == [False, True, True]
    assert len(list(tmp_path.iterdir())) == RememberedRun.objects.count() == 2


def test_files__of_an_hour__stay_few_and_become_one_when_it_ends(tmp_path):
    store = Remembered(tmp_path)
    for i in range(300):
        commit(store, 100, i)
    assert len(store.runs) < 12
    for i in range(3):
        commit(store, 101, 1_000 + i)
    assert [run.hour for run in store.runs].count(100) == 1
    assert store.known(np.arange(300)).all()
    assert RememberedRun.objects.count() == len(store.runs)
    assert len(list(tmp_path.iterdir())) <= len(store.runs) + 1  # what the next commit lists


def test_files__when_there_is_no_time_between_commits__stay_few_all_the_same(tmp_path):
    store = Remembered(tmp_path)
    for i in range(300):
        commit(store, 100, i, tidies=False)
    assert len(store.runs) <= remembered._MOST_RUNS + 1
    assert store.known(np.arange(300)).all()
    assert len(list(tmp_path.iterdir())) == RememberedRun.objects.count() == len(store.runs)


def test_files__of_a_shop_where_commits_are_rare__stay_few_and_are_no_strays(tmp_path, monkeypatch):
    """Two minutes from commit to commit, and in between the committer has nothing to do but to tidy."""
    now = [0.0]
    monkeypatch.setattr(remembered.time, "monotonic", lambda: now[0])
    store = Remembered(tmp_path)
    for i in range(90):
        commit(store, 100 + i // 30, i)
        for path in tmp_path.iterdir():
            os.utime(path, (1, 1))
        for _ in range(3):
            now[0] += 40.0
            store.tidy(100 + i // 30)
        assert Remembered(tmp_path).known(np.arange(i + 1)).all()  # a second one takes nothing for a stray
    assert len(store.runs) < 12
    assert store.known(np.arange(90)).all()
    assert len(list(tmp_path.iterdir())) <= RememberedRun.objects.count() + 1


@pytest.mark.parametrize("later", [0, HOURS + 2])
def test_merged_file__that_waited_too_long_for_its_commit__is_thrown_away(tmp_path, monkeypatch, later):
    monkeypatch.setattr(remembered, "_FRESH_SECONDS", -1.0 if not later else 60.0)
    store = Remembered(tmp_path)
    commit(store, 100, 1, tidies=False)
    commit(store, 100, 2)
    assert len(list(tmp_path.iterdir())) == 3, "nothing was merged ahead"
    commit(store, 100 + later, 3, tidies=False)
    assert store.known(ids(1, 2, 3)).tolist() == [not later, not later, True]
    assert len(list(tmp_path.iterdir())) == RememberedRun.objects.count() == len(store.runs)


@pytest.mark.parametrize("in_memory", [10, 100_000])
def test_file__that_is_lost_or_cut__is_forgotten_and_said(tmp_path, monkeypatch, caplog, in_memory):
    monkeypatch.setattr(remembered, "_IN_MEMORY", in_memory)
    store = Remembered(tmp_path)
    commit(store, 100, *range(1_000))
    commit(store, 101, *range(1_000, 1_500))
    commit(store, 102, 7_777)
    lost, cut, _ = store.runs
    (tmp_path / lost.name).unlink()
    (tmp_path / cut.name).write_bytes((tmp_path / cut.name).read_bytes()[:100])
    again = Remembered(tmp_path)
    assert again.known(ids(1, 1_001, 7_777)).tolist() == [False, False, True]
    assert caplog.text.count("remembered.lost") == 2
    assert RememberedRun.objects.count() == 1


def test_large_files__are_mapped_and_known(tmp_path, monkeypatch):
    monkeypatch.setattr(remembered, "_IN_MEMORY", 10)
    store = Remembered(tmp_path)
    commit(store, 100, *range(0, 2_000, 2))
    again = Remembered(tmp_path)
    assert again.runs[0].mapping is not None
    assert again.known(np.arange(2_000)).tolist() == [i % 2 == 0 for i in range(2_000)]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(-20, 20), max_size=6)), max_size=12))
def test_any_commits__in_any_hours__are_known_as_a_set_would(steps, tmp_path_factory, db):
    RememberedRun.objects.all().delete()
    folder = tmp_path_factory.mktemp("remembered")
    store, truth, hour = Remembered(folder), set(), 100
    for later, numbers in steps:
        hour += later
        new = sorted(set(numbers) - truth)
        commit(store, hour, *new, tidies=bool(new) or later > 1)
        truth |= set(new)
        probe = np.arange(-25, 25)
        assert store.known(probe).tolist() == [int(i) in truth for i in probe]
        assert Remembered(folder).known(probe).tolist() == store.known(probe).tolist()


def test_mapped_files__after_a_look__are_none_of_the_process_memory(tmp_path):
    store = Remembered(tmp_path)
    commit(store, 100, *range(0, 400_000, 2))
    assert mapped_kilobytes(tmp_path) == 0
    store.runs[0].ids.sum()
    assert mapped_kilobytes(tmp_path) > 1_000, "what is measured is not what is meant"
    assert store.known(np.arange(0, 400_000)).sum() == 200_000
    assert mapped_kilobytes(tmp_path) == 0


def mapped_kilobytes(folder) -> int:
    """Resident kilobytes of this process that are files of a folder."""
    found, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0] and not line.split()[0].endswith(":"):
            inside = str(folder) in line
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found
