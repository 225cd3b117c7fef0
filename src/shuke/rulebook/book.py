"""The rulebook of this installation: every shipped rule file, read once per process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .errors import NoSuchRule
from .files import FOLDER, Place, read_area
from .metrics import MetricDefinition, metric_area, read_metrics
from .rules import Area, Rule


@dataclass(frozen=True)
class Book:
    """All areas, with the rules by id and the metric definitions in their order."""

    areas: tuple[Area, ...]
    by_id: dict[str, Rule]
    metrics: tuple[MetricDefinition, ...]

    def rule(self, rule_id: str) -> Rule:
        try:
            return self.by_id[rule_id]
        except KeyError:
            raise NoSuchRule(field="rule", value=rule_id) from None


def rule_files(folder: Path) -> list[Path]:
    """The rule files of a folder, cases left out, in a fixed order."""
    return [path for path in sorted(folder.glob("*/*.yaml")) if not path.name.endswith(".cases.yaml")]


def read_book(folder: Path) -> Book:
    """Read and check every rule file below `folder`. Raises BadRuleFile."""
    areas: list[Area] = []
    metrics: tuple[MetricDefinition, ...] = ()
    for path in rule_files(folder):
        if path.stem == "metrics" or path.stem.endswith("_metrics"):
            read = read_metrics(path)
            metrics += read.definitions
            areas.append(metric_area(read))
        else:
            areas.append(read_area(path))
    by_id: dict[str, Rule] = {}
    for area in areas:
        for rule in area.rules:
            if rule.id in by_id:
                raise Place(f"{area.platform}/{area.area}.yaml", rule.id).bad("name", "is given twice")
            by_id[rule.id] = rule
    return Book(tuple(areas), by_id, metrics)


@lru_cache(maxsize=1)
def the_book() -> Book:
    """The shipped rulebook."""
    return read_book(FOLDER)
