"""Every rule file has worked cases beside it, and every case comes out as it says."""

from __future__ import annotations

from fractions import Fraction

import ibis
import pytest

from shuke.conditions.reads import to_ibis
from shuke.rulebook import reads
from shuke.rulebook.book import rule_files
from shuke.rulebook.files import FOLDER, read_cases

from .oracles import METRICS, PAGE, answer

FILES = {path: path.with_name(f"{path.stem}.cases.yaml") for path in rule_files(FOLDER)}
CASES = [(path.stem, case) for path, beside in FILES.items() for case in read_cases(beside)]


@pytest.mark.row("E2")
@pytest.mark.parametrize(("area", "case"), CASES, ids=[f"{area}: {case['name']}" for area, case in CASES])
def test_rule__worked_case__comes_out_as_written(area, case) -> None:
    assert reads.rule(case["rule"]).area == area
    found = answer(case["rule"], case["given"], case["as_of"])
    expected = dict(case["expect"])
    if "of" in expected:
        expected["of"] = Fraction(*expected["of"])
    assert found == expected


@pytest.mark.row("E2")
def test_rules__every_one__has_a_worked_case() -> None:
    worked = {case["rule"] for _area, case in CASES}
    plain = {
        "common.channels.click_ids",
        "common.channels.utm_parameters",
    }  # asked through the classification
    assert {rule.id for rule in reads.rules()} - worked == plain


@pytest.mark.row("T2")
def test_metrics__every_definition__has_a_reading_in_the_oracle() -> None:
    assert {one.rule_id.removeprefix("common.metrics.") for one in reads.metric_definitions()} == set(METRICS)


@pytest.mark.row("T3")
def test_channels__worked_cases__number_at_least_forty_and_reach_every_entry() -> None:
    cases = [case for area, case in CASES if area == "channels"]
    assert len(cases) >= 40
    reached = {case["expect"]["channel"] for case in cases}
    assert reached == set(reads.channel_titles(cases[0]["as_of"]))


@pytest.mark.row("T3")
def test_channels__as_expression__agree_with_the_plain_classification() -> None:
    cases = [case for area, case in CASES if area == "channels"]
    at = cases[0]["as_of"]
    landings = [
        reads.landing_of(PAGE + case["given"]["page"], case["given"].get("referrer"), at).subject(
            case["given"].get("given")
        )
        for case in cases
    ]
    columns = {name: [landing[name] for landing in landings] for name in landings[0]}
    table = ibis.memtable(columns, schema=dict.fromkeys(columns, "string"))
    entries = reads.channels(at)
    channel = ibis.cases(*((to_ibis(one.when, table), one.channel) for one in entries), else_="nothing")
    is_paid = ibis.cases(*((to_ibis(one.when, table), one.is_paid) for one in entries), else_=False)
    found = ibis.duckdb.connect().to_pyarrow(table.select(channel=channel, paid=is_paid)).to_pylist()
    assert found == [case["expect"] for case in cases]
