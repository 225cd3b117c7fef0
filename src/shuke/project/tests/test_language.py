"""The command line speaks the reader's language: its help by a language asked for or the terminal's, and its answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from django.utils import translation
from typer.testing import CliRunner

from shuke.project.commands import app, language

HAN = re.compile(r"[\u3400-\u9fff]")


@pytest.fixture(autouse=True)
def own_language():
    """A command chooses the language of its process; here that is the tests'."""
    with translation.override("en"):
        yield


def test_help__every_text_of_every_command__has_its_chinese() -> None:
    texts = {text for _one, _attribute, text in language.texts_of(typer.main.get_command(app))}
    assert len(texts) > 60
    missing = sorted(text for text in texts | set(language.FRAME.values()) if text not in language.chinese())
    assert missing == []


@pytest.mark.parametrize(
    ("words", "environment", "spoken"),
    [
        (["backup"], {"LANG": "zh_CN.UTF-8"}, "zh-hans"),
        (["backup"], {"LANG": "en_US.UTF-8"}, "en"),
        (["backup"], {"LANGUAGE": "zh_CN:en", "LANG": "en_US.UTF-8"}, "zh-hans"),
        (["backup"], {"LANGUAGE": "en", "LC_ALL": "zh_CN.UTF-8"}, "en"),
        (["backup"], {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (["--language", "zh", "backup"], {"LANG": "en_US.UTF-8"}, "zh-hans"),
        (["--language=en", "backup"], {"LANG": "zh_CN.UTF-8"}, "en"),
        (["import", "--language", "zh"], {"LANG": "en_US.UTF-8"}, "en"),
    ],
)
def test_language__asked_for_or_the_terminals(monkeypatch, words, environment, spoken) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language.asked_in(words) == spoken


@pytest.mark.parametrize("words", [["--help"], ["restore", "--help"], ["quarantine", "mend", "--help"]])
def test_help__in_chinese__says_nothing_in_english_but_names(words) -> None:
    source = str(Path(language.__file__).parents[3])
    environment = {**os.environ, "LANGUAGE": "zh_CN", "COLUMNS": "200", "TERM": "dumb", "PYTHONPATH": source}
    run = [sys.executable, "-m", "shuke"]
    said = subprocess.run([*run, *words], capture_output=True, text=True, env=environment, check=True).stdout
    assert "选项" in said
    assert "显示本说明后退出" in said
    for english in ("Show this message", "Options", "Commands", "[required]", "Bring a backup", "Mend all"):
        assert english not in said
    environment["LANGUAGE"] = "en"
    english = subprocess.run(
        [*run, *words], capture_output=True, text=True, env=environment, check=True
    ).stdout
    assert "Show this message and exit." in english
    assert not HAN.search(english.replace("熟客", ""))


def test_answers__of_member_and_backup__in_both_languages(db, shop, warehouse_home, tmp_path) -> None:
    said = {}
    for given in ("zh", "en"):
        added = CliRunner().invoke(
            app, ["--language", given, "member", "add", f"{given}@example.com", "--shop", shop.slug]
        )
        assert added.exit_code == 0, added.output
        said[given] = added.output
    assert "密码：" in said["zh"]
    assert "password: " in said["en"]
