"""`shuke report keywords` and `shuke report peers`: a table, JSON as the API gives it, and the first step when empty."""

from __future__ import annotations

import json

import pytest
from django.utils import translation
from typer.testing import CliRunner

from shuke.project.commands import app
from shuke.traffic.peers.tests.test_reads import TABLE, life
from shuke.traffic.search_ads.tests.facts import REPORT, load

__all__ = ["life"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T6"),
    pytest.mark.row("T8"),
]


def run(*words: str):
    with translation.override("en"):
        return CliRunner().invoke(app, ["--language", "en", "report", *words], env={"COLUMNS": "220"})


def test_commands__before_and_after_an_import__say_the_first_step_and_then_the_answer(life) -> None:
    for name in ("keywords", "peers"):
        assert "shuke import FILE" in run(name, "--shop", life.slug).output
    load(life, REPORT)
    load(life, TABLE, "sycm_industry_channels")
    table = run("keywords", "--shop", life.slug, "--advice", "drop").output
    assert "连衣裙" in table
    assert "Drop it" in table
    told = json.loads(run("keywords", "--shop", life.slug, "--json").output)
    assert told["counts"]["keep"] == 1
    table = run("peers", "--shop", life.slug).output
    assert "Not covered yet" in table
    assert "聚划算" in table
    told = json.loads(run("peers", "--shop", life.slug, "--json").output)
    assert told["channels"][0]["channel"] == "live"
