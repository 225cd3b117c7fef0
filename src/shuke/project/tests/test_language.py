"""The command line speaks the reader's language: its help by a language asked for or the terminal's, and its answers."""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from django.utils import translation
from typer.testing import CliRunner

from shuke.project.commands import app, language, usage

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


def stated_by_the_library() -> set[str]:
    """Every sentence that the library can raise of a command line, each varying part as a word; from its source."""
    found = set()
    root = Path(typer.__file__).parent
    for name in ("core.py", "_coercion.py", "_param_types.py", "_click/core.py", "_click/parser.py"):
        for node in ast.walk(ast.parse((root / name).read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", getattr(node.func, "id", "")) in RAISED
            ):
                found |= {text for one in node.args if (text := sentence_of(one))}
    for node in ast.walk(ast.parse((root / "_click/exceptions.py").read_text())):
        if isinstance(node, ast.FunctionDef) and node.name == "format_message":
            found |= {
                text
                for one in ast.walk(node)
                if isinstance(one, ast.Return) and (text := sentence_of(one.value))
            }
    # A name and what the operating system says of it, no words of the library.
    return {text for text in found if re.search("[a-z]{4}", text)}


RAISED = ("BadParameter", "UsageError", "BadOptionUsage", "BadArgumentUsage", "fail", "coerce_cli_choice")


def sentence_of(node: ast.expr | None) -> str:
    """The text of an expression: of a literal, of an f-string with stand-ins, of _("...").format(...)."""
    if isinstance(node, ast.Call):
        inner = node.func.value if isinstance(node.func, ast.Attribute) else node
        return sentence_of(inner.args[0]) if isinstance(inner, ast.Call) and inner.args else ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else STAND_INS.get(ast.unparse(part.value), "X7")
            for part in node.values
        )
    return ""


STAND_INS = {
    "label": "File",
    "param_type": "option",
    "param_hint": " X7",
    "self.message": "No such option: X7",
    "suggest": "(Possible options: X7)",
    "msg": "an argument.",
}


def test_errors_of_usage__every_sentence_of_the_library__has_its_chinese() -> None:
    known = language.chinese()
    missing = [s for s in (*usage.SENTENCES, *usage.KINDS, *usage.OF_ARGPARSE, "Usage:") if s not in known]
    assert missing == []
    stated = stated_by_the_library()
    assert len(stated) >= 15, stated
    untold = sorted(text for text in stated if not HAN.search(usage.translated(text, known)))
    assert untold == []
    source = inspect.getsource(argparse)
    of_argparse = {
        text.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "ngettext")
        for text in node.args
        if isinstance(text, ast.Constant)
    }
    of_programs = (
        "conflict",
        "required'",
        "exclusive",
        "not defined",
        "callable",
        "cannot",
        "dest=",
        "option string %(",
        "parser:",
    )
    told = {text for text in of_argparse if not any(word in text for word in of_programs)}
    assert told <= set(usage.OF_ARGPARSE), told - set(usage.OF_ARGPARSE)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["import", "--shopp", "x"], "没有选项 --shopp（相近的选项："),
        (["import", "a.csv"], "缺少选项 '--shop' / '-s'"),
        (["improt"], "没有命令 'improt'。您是否想用 'import'？"),
        (["demo", "--days", "many"], "须为整数"),
        (["demo", "--days", "0"], "不得小于 1"),
        (["member", "add", "a@b.cn", "--shop", "x", "--role", "king"], "不在可选范围内"),
        (["simulate", "both", "--days"], "参数 --days：需要一个值"),
    ],
)
def test_errors_of_usage__in_chinese__say_nothing_in_english(words, told) -> None:
    source = str(Path(language.__file__).parents[3])
    run = "import sys; from shuke.project.commands import main; sys.argv[0] = 'shuke'; main()"
    environment = {**os.environ, "LANGUAGE": "zh_CN", "COLUMNS": "200", "TERM": "dumb", "PYTHONPATH": source}
    done = subprocess.run(
        [sys.executable, "-c", run, *words], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 2
    assert told in done.stderr, done.stderr
    for english in ("Usage", "usage:", "Error", "Invalid", "Missing", "Try ", "Input", "expected"):
        assert english not in done.stderr, done.stderr
