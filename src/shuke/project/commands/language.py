"""In which language the command line speaks: its help, and its answers.

The language asked for (`--language`), else that of LANGUAGE, LC_ALL or LANG: Chinese where that is Chinese, otherwise
English. Help is read from the translations as they are written, so it needs neither a home nor Django.
"""

from __future__ import annotations

import inspect
import locale
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer
from babel.messages.pofile import read_po

from shuke.kernel.errors import Invalid
from shuke.project.commands import usage

KNOWN = {"zh": "zh-hans", "zh-hans": "zh-hans", "en": "en"}
SOURCE = Path(__file__).resolve().parents[1] / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
# What the library writes around our words.
FRAME = {
    "ARGUMENTS_PANEL_TITLE": "Arguments",
    "OPTIONS_PANEL_TITLE": "Options",
    "COMMANDS_PANEL_TITLE": "Commands",
    "ERRORS_PANEL_TITLE": "Error",
    "DEFAULT_STRING": "[default: {}]",
    "REQUIRED_LONG_STRING": "[required]",
    "ABORTED_TEXT": "Aborted.",
    "RICH_HELP": "Try [blue]'{command_path} {help_option}'[/] for help.",
}
HELP = "Show this message and exit."


def choose(given: str) -> None:
    """Answer in the language asked for, else in the terminal's. Raises Invalid. Django must be set up."""
    from django.utils import translation

    if given and given.lower() not in KNOWN:
        raise Invalid(field="language", value=given)
    translation.activate(KNOWN[given.lower()] if given else spoken())


def spoken() -> str:
    """The terminal's language: zh-hans or en."""
    named = next((os.environ[name] for name in ("LANGUAGE", "LC_ALL", "LANG") if os.environ.get(name)), "")
    return "zh-hans" if (named or locale.getlocale()[0] or "").startswith("zh") else "en"


def asked_in(words: Sequence[str]) -> str:
    """The language that a command line asks for, before it is read: an unknown one is refused later, in words."""
    for i, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == "--language":
            given = value if equals else (words[i + 1] if i + 1 < len(words) else "")
            return KNOWN.get(given.lower(), "en")
        if not word.startswith("-"):
            break  # the command: what follows is its own
    return spoken()


def speaking(app: typer.Typer, words: Sequence[str]) -> Callable[[], Any]:
    """The command line, with its help and its errors in the language that the words or the terminal ask for."""
    command = typer.main.get_command(app)
    if asked_in(words) == "zh-hans":
        translate(command, chinese())
        usage.speak(command, chinese())
    return command


@cache
def chinese() -> Mapping[str, str]:
    """English to Chinese of this room, from the source of its translations."""
    with SOURCE.open("rb") as file:
        return {
            message.id: message.string
            for message in read_po(file)
            if isinstance(message.id, str) and isinstance(message.string, str) and message.string
        }


def translate(command: Any, known: Mapping[str, str]) -> None:
    """Put every help text of a command and those below it into another language; what is not known stays."""
    from typer import rich_utils

    for name, words in FRAME.items():
        setattr(rich_utils, name, known.get(words, words))
    for one, attribute, text in texts_of(command):
        if text in known:
            setattr(one, attribute, known[text])


def texts_of(command: Any) -> Iterator[tuple[Any, str, str]]:
    """(object, attribute, text) of every help text of a command and those below it."""
    for attribute in ("help", "short_help"):
        if text := getattr(command, attribute, None):
            yield command, attribute, inspect.cleandoc(text)
    for parameter in command.params:
        if text := getattr(parameter, "help", None):
            yield parameter, "help", inspect.cleandoc(text)
    if command.add_help_option:
        asks_help = command.get_help_option(typer.Context(command))  # made at the first look, and held
        if asks_help is not None:
            yield asks_help, "help", HELP
    for below in getattr(command, "commands", {}).values():
        yield from texts_of(below)
