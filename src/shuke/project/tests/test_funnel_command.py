"""`shuke report funnel`: the numbers of the page in a terminal, of steps given there and of a saved funnel."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from shuke.kernel import clock
from shuke.project.commands import app
from shuke.records.actor import Actor
from shuke.traffic.funnels import actions as funnels
from shuke.traffic.funnels.tests import oracle
from shuke.traffic.funnels.tests.test_reads import AT, FUNNEL, NAMES, append, drawn, expected

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]


def run(*words: str, language: str = "en"):
    with clock.frozen(AT):
        command = [
            "--language",
            language,
            "report",
            "funnel",
            *words,
            "--from",
            "2026-03-02",
            "--to",
            "2026-03-10",
        ]
        return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def test_report_funnel__steps_and_a_saved_one__say_what_plain_python_says(shop, warehouse_home) -> None:
    rows = drawn(shop, 9, 25)
    append(rows)
    counts = oracle.counts(expected(rows), 4)
    steps = [word for name in NAMES for word in ("--step", name)]
    told = json.loads(run("--shop", shop.slug, *steps, "--days", "3", "--json").stdout)
    assert [step["visitors"] for step in told["steps"]] == counts
    funnels.save_funnel(shop=shop, name="seen twice", funnel=FUNNEL, actor=Actor.system("tests"), at=AT)
    for language in ("en", "zh-hans"):
        shown = run("--shop", shop.slug, "--saved", "seen twice", "--split", "terminal", language=language)
        assert shown.exit_code == 0
        for number, count in enumerate(counts, start=1):
            (line,) = (one for one in shown.stdout.splitlines() if f" {number} {NAMES[number - 1]} " in one)
            assert f" {count} " in line
    assert run("--shop", shop.slug, "--saved", "nobody", "--json").exit_code != 0
