"""Metric definitions as rules: an id, and versions of it that stand beside one another, each with its source.

Versions are not dates: an operator may choose between them and compare them, so each is a rule of its own
(`common.metrics.<id>_v<version>`), and one version per id is the default.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from .files import (
    NAME,
    Place,
    exact_keys,
    load_yaml,
    read_day,
    read_sources,
    read_status,
    read_text,
    read_words,
)
from .rules import Area, Rule, RuleValue, Source, Status
from .wording import Words

UNITS = ("count", "number", "ratio", "seconds", "money")
GRAINS = ("visitor_day", "visitor", "visit", "view", "entrance", "page", "order", "buyer", "line", "person")
BETTER = ("up", "down", "none")


@dataclass(frozen=True)
class MetricDefinition:
    """One version of a metric. `unit` is one of UNITS (money: minor units); `grain` what is counted, one of GRAINS.

    `better`: "up", "down" or None. `notes` say how it differs from its neighbours.
    """

    id: str
    version: int
    since: date
    unit: str
    grain: str
    better: str | None
    is_default: bool
    title: Words
    short_title: Words
    definition: Words
    formula: Words
    notes: Words | None
    status: Status
    sources: tuple[Source, ...]
    area: str = "metrics"

    @property
    def rule_id(self) -> str:
        return f"common.{self.area}.{self.id}_v{self.version}"


@dataclass(frozen=True)
class MetricFile:
    """A metrics file as read. `area`: `metrics` for those of the overview, `<what>_metrics` for those of one page."""

    platform: str
    area: str
    title: Words
    definitions: tuple[MetricDefinition, ...]


def read_metrics(path: Path) -> MetricFile:
    """A metrics file: `platform`, `area`, `title`, `metrics`: id → `title`, `short_title`, `versions`. Raises BadRuleFile."""
    place = Place(f"{path.parent.name}/{path.name}")
    data = exact_keys(load_yaml(path, place), place, "", {"platform", "area", "title", "metrics"})
    if data["platform"] != path.parent.name or data["area"] != path.stem:
        raise place.bad("area", "must be as the file's name says")
    if not isinstance(data["metrics"], dict) or not data["metrics"]:
        raise place.bad("metrics", "must be a mapping of id to metric")
    definitions = tuple(
        one for key, metric in data["metrics"].items() for one in _read_metric(str(key), metric, place.file)
    )
    title = read_words(data["title"], place, "title")
    named = tuple(replace(one, area=path.stem) for one in definitions)
    return MetricFile(data["platform"], path.stem, title, named)


def _read_metric(metric_id: str, data: Any, file: str) -> list[MetricDefinition]:
    place = Place(file, metric_id)
    if not NAME.fullmatch(metric_id):
        raise place.bad("name", "must be a snake_case name")
    exact_keys(data, place, "", {"title", "short_title", "default", "versions"})
    if not isinstance(data["versions"], list) or not data["versions"]:
        raise place.bad("versions", "must be a list of at least one version")
    read = [
        _read_version(metric_id, data, one, place, f"versions[{i}]") for i, one in enumerate(data["versions"])
    ]
    if [one.version for one in read] != list(range(1, len(read) + 1)):
        raise place.bad("versions", "must be numbered 1, 2, … in order")
    if not 1 <= data["default"] <= len(read):
        raise place.bad("default", "must be one of the versions")
    return read


def _read_version(
    metric_id: str, metric: dict[str, Any], data: Any, place: Place, where: str
) -> MetricDefinition:
    needed = {"version", "since", "unit", "grain", "better", "definition", "formula", "status", "source"}
    exact_keys(data, place, where, needed, {"title", "short_title", "notes"})
    for key, allowed in (("unit", UNITS), ("grain", GRAINS), ("better", BETTER)):
        if read_text(data[key], place, f"{where}.{key}") not in allowed:
            raise place.bad(f"{where}.{key}", f"must be one of {', '.join(allowed)}")
    if isinstance(data["version"], bool) or not isinstance(data["version"], int):
        raise place.bad(f"{where}.version", "must be a whole number")
    return MetricDefinition(
        id=metric_id,
        version=data["version"],
        since=read_day(data["since"], place, f"{where}.since"),
        unit=data["unit"],
        grain=data["grain"],
        better=None if data["better"] == "none" else data["better"],
        is_default=data["version"] == metric["default"],
        title=read_words(data.get("title", metric["title"]), place, f"{where}.title"),
        short_title=read_words(data.get("short_title", metric["short_title"]), place, f"{where}.short_title"),
        definition=read_words(data["definition"], place, f"{where}.definition"),
        formula=read_words(data["formula"], place, f"{where}.formula"),
        notes=read_words(data["notes"], place, f"{where}.notes") if "notes" in data else None,
        status=read_status(data["status"], place, f"{where}.status"),
        sources=read_sources(data["source"], place, f"{where}.source"),
    )


def metric_area(file: MetricFile) -> Area:
    """The definitions as rules, so that they stand in the rulebook, its dates and its differences like any other."""
    return Area(
        file.platform, file.area, file.title, tuple(_as_rule(file.platform, one) for one in file.definitions)
    )


def _as_rule(platform: str, one: MetricDefinition) -> Rule:
    value = RuleValue(
        rule=one.rule_id,
        value={
            "id": one.id,
            "version": one.version,
            "grain": one.grain,
            "formula": {"zh": one.formula.zh, "en": one.formula.en},
            "is_default": one.is_default,
        },
        unit=one.unit,
        operator="eq",
        since=one.since,
        status=one.status,
        sources=one.sources,
        words=one.notes,
    )
    return Rule(
        id=one.rule_id,
        platform=platform,
        area=one.area,
        name=f"{one.id}_v{one.version}",
        kind="metric",
        title=one.title,
        words=one.definition,
        may_change=False,
        values=(value,),
    )
