"""What the command-line library says of a wrong command line, in the reader's language.

The library states its errors in English only. Each of its sentences stands here with a name for each part that varies;
the translation is that of this room. A part called `why` or `more` is a sentence itself; a sentence that is not known
stays as the library states it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

SENTENCES = (
    "Missing command.",
    "Missing {kind}.",
    "Missing {kind} {name}.",
    "Missing {kind} {name}. {more}",
    "Choose from: {choices}",
    "No such command {name}. Did you mean {choices}?",
    "No such command {name}.",
    "No such option: {name} (Possible options: {choices})",
    "No such option: {name}",
    "Option {name} does not take a value.",
    "Option {name} requires an argument.",
    "Option {name} requires {count} arguments.",
    "Argument {name} takes {count} values.",
    "Got unexpected extra argument(s) ({words})",
    "Invalid value for {name}: {why}",
    "Invalid value: {why}",
    "Value error, {why}",
    "Value must be an iterable.",
    "Value {value} is not a valid {type}.",
    "{value} is not one of {choices}.",
    "Could not open file {name}: {why}",
    "{kind} {name} does not exist.",
    "{kind} {name} is a file.",
    "{kind} {name} is a directory.",
    "{kind} {name} is not readable.",
    "{kind} {name} is not writable.",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid number, unable to parse string as a number",
    "Input should be a valid boolean, unable to interpret input",
    "Input should be greater than or equal to {count}",
    "Input should be less than or equal to {count}",
)
KINDS = ("option", "argument", "parameter", "File", "Directory", "Path")
# What argparse says, of which `shuke simulate` is made: its own marks, %(name)s.
OF_ARGPARSE = (
    "usage: ",
    "options",
    "positional arguments",
    "show this help message and exit",
    "%(prog)s: error: %(message)s\n",
    "argument %(argument_name)s: %(message)s",
    "unrecognized arguments: %s",
    "ambiguous option: %(option)s could match %(matches)s",
    "invalid choice: %(value)r (choose from %(choices)s)",
    "invalid %(type)s value: %(value)r",
    "can't open '%(filename)s': %(error)s",
    "expected one argument",
    "expected at most one argument",
    "expected at least one argument",
    "expected %s argument",
    "expected %s arguments",
    "the following arguments are required: %s",
    "one of the arguments %s is required",
    "not allowed with argument %s",
    "ignored explicit argument %r",
    "unexpected option string: %s",
    "unknown parser %(parser_name)r (choices: %(choices)s)",
    'argument "-" with mode %r',
)
USAGE = "Usage: "
_PART = re.compile(r"\{(\w+)\}")


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    kinds = "|".join(KINDS)
    parts = (
        re.escape(text) if i % 2 == 0 else f"(?P<{text}>{kinds})" if text == "kind" else f"(?P<{text}>.+?)"
        for i, text in enumerate(_PART.split(sentence))
    )
    return re.compile("".join(parts), re.DOTALL)


def translated(message: str, known: Mapping[str, str]) -> str:
    """A sentence of the library in another language; as it stands where it is not known."""
    message = message.strip()
    for sentence in SENTENCES:
        found = _pattern(sentence).fullmatch(message)
        if found is None or sentence not in known:
            continue
        parts = found.groupdict()
        for name in ("why", "more"):
            if name in parts:
                parts[name] = translated(parts[name], known)
        if "kind" in parts:
            parts["kind"] = known.get(parts["kind"], parts["kind"])
        return known[sentence].format(**{k: " ".join(v.split()) for k, v in parts.items()})
    return message


def speak(command: Any, known: Mapping[str, str]) -> None:
    """Let the library's errors and usage lines of this process be in another language."""
    import typer
    from typer import rich_utils

    told = rich_utils.rich_format_error

    def translated_error(error: Any) -> None:
        words = translated(error.format_message(), known)
        error.format_message = lambda: words
        told(error)

    vars(rich_utils)["rich_format_error"] = translated_error

    plain: Any = typer.Context(command).formatter_class

    class Formatter(plain):
        """Usage lines that begin in the reader's language."""

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(
                prog, args, known.get(USAGE.strip(), USAGE.strip()) + " " if prefix is None else prefix
            )

    command.context_class.formatter_class = Formatter
    vars(argparse)["_"] = lambda text: known.get(text, text)
    vars(argparse)["ngettext"] = lambda one, many, n: known.get(many, one if n == 1 else many)
