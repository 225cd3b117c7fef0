"""Declarations and rulebook say the same, and every declaration can be computed."""

from __future__ import annotations

import pytest

from shuke.kernel.errors import NotFound
from shuke.rulebook.reads import metric_definitions
from shuke.traffic import decisions
from shuke.traffic.measures import BY_VISIT, MEASURES
from shuke.traffic.metrics import METRICS, metric, versions


@pytest.mark.row("T2")
def test_metrics__beside_the_rulebook__each_declared_once_and_alike():
    written = {(d.id, d.version): (d.unit, d.grain, d.better, d.is_default) for d in metric_definitions()}
    declared = {(one.id, one.version): (one.unit, one.grain, one.better, one.is_default) for one in METRICS}
    assert declared == written
    assert len(METRICS) == len(declared)


def test_metrics__each__words_and_sources_in_the_rulebook():
    for one in METRICS:
        assert one.definition.definition.zh
        assert one.definition.formula.en
        assert one.definition.sources


def test_metrics__each__names_measures_that_there_are():
    assert {name for one in METRICS for name in one.measures} <= set(MEASURES)
    assert set(BY_VISIT) <= set(MEASURES)


def test_metrics__each_that_divides__says_why_it_can_not():
    for one in METRICS:
        empty = dict.fromkeys(one.measures, 0)
        figure = decisions.figure(one, empty)
        if one.denominator is None:
            assert (figure.value, figure.reason) == (0, None)
        else:
            assert figure.value is None
            assert figure.reason.text()


def test_metric__unknown_id_or_version__not_found():
    for lookup in (lambda: metric("nothing"), lambda: metric("pv", 2), lambda: versions("nothing")):
        with pytest.raises(NotFound):
            lookup()
    assert [one.version for one in versions("views_per_visitor")] == [1, 2]
    assert metric("views_per_visitor").version == 1
