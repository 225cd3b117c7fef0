"""What the README tells one to type is what there is, in both languages alike."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from shuke.project.commands import app

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.zh.md")
SCREEN_LINES = 60


def commands(name: str) -> list[list[str]]:
    """Every command of the README's code blocks, as words."""
    text = (ROOT / name).read_text()
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]
    return [shlex.split(part) for line in lines for part in line.split("&&") if part.strip()]


def options_of(words: list[str]) -> tuple[list[str], set[str]]:
    """The rest of the words after the command's name, and the options that the command knows."""
    command = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        assert rest, words
        assert rest[0] in command.commands, f"there is no `shuke {rest[0]}`"
        command, rest = command.commands[rest[0]], rest[1:]
    return rest, {name for parameter in command.params for name in parameter.opts}


def test_readmes__in_both_languages__tell_the_same_commands() -> None:
    assert commands("README.md") == commands("README.zh.md")
    assert len(commands("README.md")) >= 8


@pytest.mark.parametrize("name", READMES)
def test_readme__its_length__fits_a_screen_and_leads_on(name: str) -> None:
    text = (ROOT / name).read_text()
    assert text.count("\n") <= SCREEN_LINES
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), f"{name} leads to {target}, which is not there"


def test_readme__its_make_targets__exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {words[1] for words in commands("README.md") if words[0] == "make"}
    named |= set(re.findall(r"`make ([a-z-]+)`", (ROOT / "README.md").read_text()))
    assert named
    assert named <= targets


def test_readme__its_shuke_commands__are_known_with_their_options() -> None:
    for words in commands("README.md"):
        if words[0] != "shuke":
            continue
        rest, known = options_of(words)
        for word in rest:
            assert not word.startswith("--") or word in known, f"`{' '.join(words)}`: {word}"


def test_readme__its_first_commands__work(
    shuke: Callable[..., subprocess.CompletedProcess[str]], home: Path
) -> None:
    typed = [words[1:] for words in commands("README.md") if words[0] == "shuke"]
    said = {}
    for words in typed:
        if words[0] in ("serve", "import"):
            continue
        if words[0] == "backup":
            words = ["backup", str(home.parent / words[1])]
        said[" ".join(words[:2])] = shuke(*words).stdout
    assert "password:" in said["member add"]
    assert said["key write"].strip()
    assert (home.parent / "shuke-backup.tar").stat().st_size > 0
    assert "亚麻生活" in shuke("shop", "list").stdout


def test_command__with_a_mistake__says_field_value_and_remedy(
    shuke: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    told = shuke("shop", "list", expect=2)
    assert "is not set up for this version" in told.stderr
    assert "SHUKE_HOME:" in told.stderr
    assert "Run `shuke setup`." in told.stderr
    shuke("setup")
    told = shuke("key", "write", "--shop", "nowhere", expect=2)
    assert "shop: nowhere" in told.stderr
    assert "Traceback" not in told.stderr
    told = shuke(
        "report", "overview", "--shop", "nowhere", "--from", "2026-13-01", "--to", "2026-01-01", expect=2
    )
    assert "Traceback" not in told.stderr
