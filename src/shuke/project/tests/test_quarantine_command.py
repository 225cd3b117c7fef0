"""`shuke quarantine`: the groups, a look, a mend to its end, and what can not be meant."""

from __future__ import annotations

import json

import pytest
from django.utils import translation
from typer.testing import CliRunner

from shuke.intake import actions, reads
from shuke.intake.tests.books import BOOK, load_book
from shuke.intake.tests.test_quarantine_mends import BROKEN
from shuke.kernel import clock
from shuke.kernel.errors import Invalid, NotFound, ShukeError
from shuke.project.commands import app
from shuke.records.actor import Actor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]
RULE = "time_format column=at format=%d.%m.%Y"


@pytest.fixture
def waiting(shop):
    actions.save_mapping(shop=shop, spec=BOOK, actor=Actor.system("tests"), at=clock.now())
    load_book(shop, BROKEN)
    with translation.override("en"):
        yield shop


def run(*words: str, language: str = "en"):
    return CliRunner().invoke(app, ["--language", language, "quarantine", *words], env={"COLUMNS": "200"})


def test_quarantine_command__groups__then_a_look__then_mended(waiting) -> None:
    (group,) = json.loads(run("--shop", waiting.slug, "--json").output)
    assert (group["reason"], group["mapping"], group["column"], group["count"]) == (
        "row_not_a_time",
        "book",
        "at",
        8,
    )
    assert "row_not_a_time" in run("--shop", waiting.slug).output
    mend = ["mend", "--shop", waiting.slug, "--reason", group["reason"], "--rule", RULE]
    look = run(*mend, "--look")
    assert "8 would load, 0 still wait" in look.output, look.output
    assert reads.list_mends(waiting).count == 0
    done = run(*mend, "--keep", language="zh")
    assert done.exit_code == 0, done.output
    assert "已重新发送 8" in done.output
    (kept,) = json.loads(run("kept", "--shop", waiting.slug, "--json").output)
    assert (kept["origin"], kept["mapping"], kept["column"], kept["rows"]) == ("import", "book", "at", 0)
    assert "row_not_a_time" in run("kept", "--shop", waiting.slug).output
    assert "No rule is kept." in run("kept", "--shop", waiting.slug, "--remove", str(kept["id"])).output
    assert reads.list_kept(waiting) == ()
    assert "Nothing waits." in run("--shop", waiting.slug).output


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--reason", "none", "--rule", RULE], NotFound),
        (["--reason", "row_not_a_time", "--column", "price", "--rule", RULE], NotFound),
        (["--reason", "row_not_a_time", "--rule", "no_such column=at"], Invalid),
        (["--reason", "row_not_a_time", "--rule", "{"], Invalid),
        (["--reason", "row_not_a_time", "--rule", "zone 'column=at"], Invalid),
    ],
)
def test_quarantine_command__what_can_not_be_meant__is_refused_and_nothing_starts(
    waiting, words, error
) -> None:
    answer = run("mend", "--shop", waiting.slug, *words)
    assert isinstance(answer.exception, error)
    assert isinstance(answer.exception, ShukeError)
    assert reads.list_mends(waiting).count == 0
