"""Reads the rule files strictly: an error names the file, the rule and the field, and nothing half-read is used.

A file `<platform>/<area>.yaml` holds `platform`, `area`, `title {zh, en}` and `rules`: name → `title`, `words`, `kind`,
`may_change`, `values`, and `between` for a number that a shop may change. A value holds `since`, `value`, `unit`,
`operator`, `status`, `source` (a list), and where needed `until` and `words`. Worked cases lie beside it in
`<area>.cases.yaml`; metrics have their own form (metrics.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from .errors import BadRuleFile
from .kinds import KINDS
from .rules import Area, Rule, RuleValue, Source, Status
from .wording import Words

FOLDER = Path(__file__).resolve().parents[1] / "rules"
OPERATORS = frozenset({"eq", "lt", "le", "gt", "ge", "first"})
NAME = re.compile(r"[a-z][a-z0-9_]*")
SECTION = re.compile(r"[A-Z]+-\d+[a-z]?")


@dataclass(frozen=True)
class Place:
    """Where in a file the reader stands; `bad` makes the error that names it."""

    file: str
    rule: str = "—"

    def bad(self, field: str, problem: str) -> BadRuleFile:
        return BadRuleFile(file=self.file, rule=self.rule, field=field, problem=problem)


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML that refuses a key given twice: the second would silently win. In C where PyYAML was built with it."""


def _mapping_once(loader: _StrictLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _value in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key!r} is given twice", key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_once)


def load_yaml(path: Path, place: Place) -> Any:
    """The content of a YAML file. Raises BadRuleFile."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise place.bad("—", " ".join(str(error).split())) from None


def exact_keys(
    data: Any, place: Place, where: str, needed: set[str], optional: Set[str] = frozenset()
) -> dict:
    """`data` as a mapping that has the needed keys and no unknown ones. Raises BadRuleFile."""
    if not isinstance(data, dict):
        raise place.bad(where, "must be a mapping")
    for key in sorted(needed - set(data)):
        raise place.bad(f"{where}.{key}".strip("."), "is missing")
    for key in sorted(map(str, set(data) - needed - optional)):
        raise place.bad(f"{where}.{key}".strip("."), "is not a known key")
    return data


def read_words(data: Any, place: Place, where: str) -> Words:
    words = exact_keys(data, place, where, {"zh", "en"})
    for language in ("zh", "en"):
        if not isinstance(words[language], str) or not words[language].strip():
            raise place.bad(f"{where}.{language}", "must be a text")
    if re.search(r"[\u3400-\u9fff]", words["en"]):
        raise place.bad(f"{where}.en", "must not hold Han characters")
    return Words(zh=words["zh"].strip(), en=words["en"].strip())


def read_status(data: Any, place: Place, where: str) -> Status:
    try:
        return Status(data)
    except ValueError:
        raise place.bad(where, f"must be one of {', '.join(Status)}, not {data!r}") from None


def read_day(data: Any, place: Place, where: str) -> date:
    if not isinstance(data, date) or isinstance(data, datetime):
        raise place.bad(where, f"must be a day such as 2026-01-31, not {data!r}")
    return data


def read_text(data: Any, place: Place, where: str) -> str:
    if not isinstance(data, str) or not data.strip():
        raise place.bad(where, "must be a text")
    return data.strip()


def read_sources(data: Any, place: Place, where: str) -> tuple[Source, ...]:
    """The sources of a value: at least one, each with a title and either a fact's number or an address."""
    if not isinstance(data, list) or not data:
        raise place.bad(where, "must be a list of at least one source")
    return tuple(_read_source(one, place, f"{where}[{i}]") for i, one in enumerate(data))


def _read_source(data: Any, place: Place, where: str) -> Source:
    exact_keys(data, place, where, {"title", "status"}, {"number", "url", "as_of"})
    number, url = data.get("number", ""), data.get("url", "")
    if number and not SECTION.fullmatch(str(number)):
        raise place.bad(f"{where}.number", f"must be a fact's number such as B-222, not {number!r}")
    if url and not str(url).startswith(("https://", "http://")):
        raise place.bad(f"{where}.url", f"must be an address, not {url!r}")
    status = read_status(data["status"], place, f"{where}.status")
    if status is not Status.UNVERIFIED and not (number or url):
        raise place.bad(where, "a verified source needs a number or an address")
    title = read_text(data["title"], place, f"{where}.title")
    return Source(title, str(number), str(url), status, str(data.get("as_of", "")))


def read_area(path: Path) -> Area:
    """One rule file. Raises BadRuleFile."""
    name = f"{path.parent.name}/{path.name}"
    place = Place(name)
    data = exact_keys(load_yaml(path, place), place, "", {"platform", "area", "title", "rules"})
    for key, expected in (("platform", path.parent.name), ("area", path.stem)):
        if data[key] != expected:
            raise place.bad(key, f"must be {expected!r} as the file's name says, not {data[key]!r}")
    rules = data["rules"]
    if not isinstance(rules, dict) or not rules:
        raise place.bad("rules", "must be a mapping of name to rule")
    read = tuple(
        _read_rule(data["platform"], data["area"], str(key), rule, name) for key, rule in rules.items()
    )
    return Area(data["platform"], data["area"], read_words(data["title"], place, "title"), read)


def _read_rule(platform: str, area: str, name: str, data: Any, file: str) -> Rule:
    rule_id = f"{platform}.{area}.{name}"
    place = Place(file, rule_id)
    if not NAME.fullmatch(name):
        raise place.bad("name", "must be a snake_case name")
    exact_keys(data, place, "", {"title", "words", "kind", "may_change", "values"}, {"between"})
    if data["kind"] not in KINDS or data["kind"] == "metric":
        raise place.bad("kind", f"must be one of {', '.join(sorted(set(KINDS) - {'metric'}))}")
    if not isinstance(data["may_change"], bool):
        raise place.bad("may_change", "must be true or false")
    if not isinstance(data["values"], list) or not data["values"]:
        raise place.bad("values", "must be a list of at least one dated value")
    values = tuple(
        _read_value(rule_id, data["kind"], value, place, f"values[{i}]")
        for i, value in enumerate(data["values"])
    )
    check_dates(values, place)
    return Rule(
        id=rule_id,
        platform=platform,
        area=area,
        name=name,
        kind=data["kind"],
        title=read_words(data["title"], place, "title"),
        words=read_words(data["words"], place, "words"),
        may_change=data["may_change"],
        values=values,
        between=_read_between(data, place),
    )


def _read_between(data: dict[str, Any], place: Place) -> tuple[float, float] | None:
    is_number = data["kind"] in ("integer", "number")
    between = data.get("between")
    if between is None:
        if is_number and data["may_change"]:
            raise place.bad("between", "is missing: a number that a shop may change has bounds")
        return None
    if not is_number or not isinstance(between, list) or len(between) != 2 or not between[0] < between[1]:
        raise place.bad("between", "must be [least, greatest] of a number")
    return between[0], between[1]


def _read_value(rule_id: str, kind: str, data: Any, place: Place, where: str) -> RuleValue:
    needed = {"since", "value", "unit", "operator", "status", "source"}
    exact_keys(data, place, where, needed, {"until", "words"})
    try:
        KINDS[kind].check(data["value"])
    except ValueError as error:
        raise place.bad(f"{where}.value", str(error)) from None
    if data["operator"] not in OPERATORS:
        raise place.bad(f"{where}.operator", f"must be one of {', '.join(sorted(OPERATORS))}")
    status = read_status(data["status"], place, f"{where}.status")
    sources = read_sources(data["source"], place, f"{where}.source")
    if status is Status.VERIFIED and all(source.status is not Status.VERIFIED for source in sources):
        raise place.bad(f"{where}.status", "is verified, but none of its sources is")
    return RuleValue(
        rule=rule_id,
        value=data["value"],
        unit=read_text(data["unit"], place, f"{where}.unit"),
        operator=data["operator"],
        since=read_day(data["since"], place, f"{where}.since"),
        status=status,
        sources=sources,
        until=read_day(data["until"], place, f"{where}.until") if "until" in data else None,
        words=read_words(data["words"], place, f"{where}.words") if "words" in data else None,
    )


def check_dates(values: tuple[RuleValue, ...], place: Place) -> None:
    """Values stand in the order of their dates and do not overlap. Raises BadRuleFile."""
    for i, value in enumerate(values):
        if value.until is not None and value.until <= value.since:
            raise place.bad(f"values[{i}].until", f"{value.until} is not after its since {value.since}")
        if i == 0:
            continue
        before = values[i - 1]
        if value.since <= before.since:
            raise place.bad(f"values[{i}].since", f"{value.since} does not come after {before.since}")
        if before.until is not None and before.until > value.since:
            raise place.bad(f"values[{i}].since", f"{value.since} overlaps the value until {before.until}")


def read_cases(path: Path) -> tuple[Mapping[str, Any], ...]:
    """The worked cases of a file: each with name, rule, as_of, given, expect (and words where helpful)."""
    place = Place(f"{path.parent.name}/{path.name}")
    data = load_yaml(path, place)
    if not isinstance(data, list) or not data:
        raise place.bad("—", "must be a list of cases")
    names: set[str] = set()
    for i, case in enumerate(data):
        exact_keys(case, place, f"[{i}]", {"name", "rule", "as_of", "given", "expect"})
        read_day(case["as_of"], place, f"[{i}].as_of")
        if case["name"] in names:
            raise place.bad(f"[{i}].name", f"{case['name']!r} is given twice")
        names.add(case["name"])
    return tuple(data)
