"""The form of a planned route: what was typed, as steps, and back; a refusal keeps every field as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy

from shuke.console.viewstate import PAGE_TYPES
from shuke.kernel.errors import ShukeError
from shuke.traffic.routes.reads import Route, Step

MOST, LEAST_SHOWN = 12, 5
KINDS: dict[str, str | Promise] = {
    "": pgettext_lazy("planned route", "— no step —"),
    "page": pgettext_lazy("planned route", "A page, by its path"),
    "pattern": pgettext_lazy("planned route", "Pages, by a pattern with *"),
    "order": pgettext_lazy("planned route", "The order"),
}


@dataclass(frozen=True)
class Line:
    """One line of the form as typed: `what` is a kind, or `type:item`; `share` is in per cent."""

    number: int
    what: str
    value: str
    share: str

    @property
    def is_empty(self) -> bool:
        return not self.what

    @property
    def kinds(self) -> Sequence[tuple[str, str, bool]]:
        return [(key, str(title), key == self.what) for key, title in KINDS.items()]

    @property
    def types(self) -> Sequence[tuple[str, str, bool]]:
        return [(f"type:{key}", str(title), f"type:{key}" == self.what) for key, title in PAGE_TYPES.items()]


@dataclass(frozen=True)
class RouteForm:
    """`version`: the one that was loaded, so that nobody's change is lost."""

    name: str
    lines: tuple[Line, ...]
    version: int = 0

    @classmethod
    def empty(cls, query: QueryDict) -> RouteForm:
        """A new route; `?from=/path` puts a page on its first line."""
        path = query.get("start", "")[:500]
        return cls("", _filled([Line(1, "page", path, "")] if path else []))

    @classmethod
    def of_route(cls, route: Route) -> RouteForm:
        lines = [_line(number, step) for number, step in enumerate(route.steps, start=1)]
        return cls(route.name, _filled(lines), route.version)

    @classmethod
    def of_post(cls, given: QueryDict) -> RouteForm:
        lines = [
            Line(n, given.get(f"what{n}", ""), given.get(f"value{n}", ""), given.get(f"share{n}", ""))
            for n in range(1, MOST + 1)
        ]
        last = max(
            (line.number for line in lines if not line.is_empty or line.value or line.share), default=0
        )
        text = given.get("version", "")
        version = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        return cls(given.get("name", ""), _filled(lines[:last]), version)

    def steps(self) -> list[Mapping[str, Any]]:
        """What was typed, as actions take it; lines without a kind are left out."""
        found: list[Mapping[str, Any]] = []
        for line in self._told:
            kind, _colon, of_type = line.what.partition(":")
            value = of_type if kind == "type" else "" if kind == "order" else line.value
            found.append({"kind": kind, "value": value, "share": _share(line.share)})
        return found

    @property
    def _told(self) -> list[Line]:
        return [line for line in self.lines if not line.is_empty]

    def problem(self, error: ShukeError) -> str:
        """A refusal in the form's words: the line where the step stands, and what was typed there."""
        part, _dot, rest = error.field.partition(".")
        number = rest.partition(".")[0]
        if part != "steps" or not number.isdigit():
            return str(error)
        line = self._told[int(number) - 1]
        error.params |= {"field": gettext("Step %(number)s") % {"number": line.number}}
        if rest.endswith(".share"):
            error.params["value"] = line.share or gettext("empty")
        return str(error)


def _line(number: int, step: Step) -> Line:
    what = f"type:{step.value}" if step.kind == "type" else step.kind
    share = "" if step.share is None else f"{(step.share * 100).normalize():f}"
    return Line(number, what, step.value if step.kind in ("page", "pattern") else "", share)


def _filled(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Two empty lines below what there is, and never fewer than a short route needs."""
    count = min(MOST, max(LEAST_SHOWN, len(lines) + 2))
    return tuple(lines) + tuple(Line(n, "", "", "") for n in range(len(lines) + 1, count + 1))


def _share(text: str) -> Decimal | str | None:
    """Per cent as typed as a share; what is no number is left as it is, to be refused by its name."""
    plain = text.strip().replace("%", "").replace("％", "").replace(",", ".").strip()
    if not plain:
        return None
    try:
        found = Decimal(plain)
    except InvalidOperation:
        return text
    return found / 100 if found.is_finite() else text
