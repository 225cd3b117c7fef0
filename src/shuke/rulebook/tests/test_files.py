"""The loader refuses what breaks the form, and names file, rule and field."""

from __future__ import annotations

import copy
from datetime import date
from pathlib import Path

import pytest
import yaml

from shuke.rulebook.book import read_book
from shuke.rulebook.errors import BadRuleFile
from shuke.rulebook.rules import Status

VALUE = {
    "since": date(2026, 1, 1),
    "value": 30,
    "unit": "minutes",
    "operator": "ge",
    "status": "verified-2nd",
    "source": [
        {"title": "A list", "number": "B-222", "url": "https://example.com/x", "status": "verified-2nd"}
    ],
}
FILE = {
    "platform": "taobao",
    "area": "search",
    "title": {"zh": "搜索", "en": "Search"},
    "rules": {
        "window": {
            "title": {"zh": "窗口", "en": "Window"},
            "words": {"zh": "多少分钟", "en": "How many minutes"},
            "kind": "integer",
            "may_change": True,
            "between": [1, 1440],
            "values": [VALUE],
        }
    },
}


def write(folder: Path, data) -> Path:
    path = folder / "taobao" / "search.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        data if isinstance(data, str) else yaml.safe_dump(data, allow_unicode=True), encoding="utf-8"
    )
    return folder


def changed(*path_and_value):
    """FILE with one place set (or, with `del`, taken out)."""
    *path, last, value = path_and_value
    data = copy.deepcopy(FILE)
    place = data
    for key in path:
        place = place[key]
    if value == "del":
        del place[last]
    else:
        place[last] = value
    return data


RULE = ("rules", "window")
FIRST = (*RULE, "values", 0)


def test_file__of_the_form__is_read(tmp_path) -> None:
    book = read_book(write(tmp_path, FILE))
    rule = book.rule("taobao.search.window")
    value = rule.find_value(date(2026, 1, 1))
    assert value is not None
    assert (value.value, value.unit, value.operator, value.status) == (
        30,
        "minutes",
        "ge",
        Status.VERIFIED_2ND,
    )
    assert value.is_secondary
    assert (value.source.number, value.source.url) == ("B-222", "https://example.com/x")
    assert rule.find_value(date(2025, 12, 31)) is None


@pytest.mark.row("E2")
@pytest.mark.parametrize(
    ("data", "rule", "field", "problem"),
    [
        (changed("colour", "red"), "—", "colour", "is not a known key"),
        (changed("area", "find"), "—", "area", "must be 'search'"),
        (changed("platform", "jd"), "—", "platform", "must be 'taobao'"),
        (changed("title", {"zh": "搜索"}), "—", "title.en", "is missing"),
        (changed("title", {"zh": "搜索", "en": "搜索"}), "—", "title.en", "Han"),
        (changed("rules", {}), "—", "rules", "must be a mapping"),
        (changed("rules", {"Window": FILE["rules"]["window"]}), "taobao.search.Window", "name", "snake_case"),
        (changed(*RULE, "title", "del"), "taobao.search.window", "title", "is missing"),
        (changed(*RULE, "hue", 1), "taobao.search.window", "hue", "is not a known key"),
        (changed(*RULE, "kind", "colour"), "taobao.search.window", "kind", "must be one of"),
        (changed(*RULE, "may_change", "yes"), "taobao.search.window", "may_change", "true or false"),
        (changed(*RULE, "between", "del"), "taobao.search.window", "between", "has bounds"),
        (changed(*RULE, "between", [9, 1]), "taobao.search.window", "between", "least, greatest"),
        (changed(*RULE, "values", []), "taobao.search.window", "values", "at least one"),
        (changed(*FIRST, "unit", "del"), "taobao.search.window", "values[0].unit", "is missing"),
        (changed(*FIRST, "source", "del"), "taobao.search.window", "values[0].source", "is missing"),
        (changed(*FIRST, "source", []), "taobao.search.window", "values[0].source", "at least one source"),
        (changed(*FIRST, "status", "del"), "taobao.search.window", "values[0].status", "is missing"),
        (
            changed(*FIRST, "status", "sure"),
            "taobao.search.window",
            "values[0].status",
            "verified, verified-2nd, unverified",
        ),
        (
            changed(*FIRST, "status", "verified"),
            "taobao.search.window",
            "values[0].status",
            "none of its sources",
        ),
        (changed(*FIRST, "value", "thirty"), "taobao.search.window", "values[0].value", "whole number"),
        (
            changed(*FIRST, "operator", "about"),
            "taobao.search.window",
            "values[0].operator",
            "must be one of",
        ),
        (changed(*FIRST, "since", "soon"), "taobao.search.window", "values[0].since", "must be a day"),
        (
            changed(*FIRST, "until", date(2026, 1, 1)),
            "taobao.search.window",
            "values[0].until",
            "is not after",
        ),
        (
            changed(*FIRST, "source", 0, "number", "222"),
            "taobao.search.window",
            "values[0].source[0].number",
            "B-222",
        ),
        (
            changed(*FIRST, "source", 0, "url", "example.com"),
            "taobao.search.window",
            "values[0].source[0].url",
            "address",
        ),
        (
            changed(*FIRST, "source", 0, "status", "del"),
            "taobao.search.window",
            "values[0].source[0].status",
            "is missing",
        ),
        (
            changed(*RULE, "values", [VALUE, VALUE]),
            "taobao.search.window",
            "values[1].since",
            "does not come after",
        ),
        (
            changed(*RULE, "values", [VALUE, VALUE | {"since": date(2025, 1, 1)}]),
            "taobao.search.window",
            "values[1].since",
            "does not come after",
        ),
        (
            changed(
                *RULE, "values", [VALUE | {"until": date(2026, 6, 2)}, VALUE | {"since": date(2026, 6, 1)}]
            ),
            "taobao.search.window",
            "values[1].since",
            "overlaps",
        ),
        ("platform: taobao\nplatform: taobao\n", "—", "—", "given twice"),
        ("a: [", "—", "—", "expected"),
        ("- a\n", "—", "", "must be a mapping"),
    ],
)
def test_file__not_of_the_form__is_refused_by_name(tmp_path, data, rule, field, problem) -> None:
    with pytest.raises(BadRuleFile) as caught:
        read_book(write(tmp_path, data))
    assert caught.value.params["file"] == "taobao/search.yaml"
    assert (caught.value.params["rule"], caught.value.field) == (rule, field)
    assert problem in caught.value.params["problem"]


CHANNEL = {
    "channel": "direct",
    "paid": False,
    "title": {"zh": "直接", "en": "Direct"},
    "when": {"v": 1, "all": []},
}


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("channels", [], "must be a list"),
        ("channels", [CHANNEL | {"paid": 1}], "paid is true or false"),
        (
            "channels",
            [CHANNEL | {"when": {"v": 1, "field": "channel", "op": "eq", "value": "x"}}],
            "direct: ",
        ),
        (
            "channels",
            [CHANNEL | {"when": {"v": 1, "field": "utm_source", "op": "gt", "value": 1}}],
            "direct: ",
        ),
        (
            "channels",
            [CHANNEL | {"when": {"v": 1, "all": [{"field": "click_id", "op": "is_known"}]}}],
            "last entry",
        ),
        ("channels", [CHANNEL, CHANNEL | {"title": {"zh": "直达", "en": "Direct"}}], "two titles"),
        ("page_types", [{"type": "item"}], "exactly type and path"),
        ("page_types", [{"type": "shop", "path": ["/"]}], "unknown page type"),
        ("page_types", [{"type": "item", "path": ["/a*b"]}], "only at its ends"),
        ("page_types", [{"type": "item", "path": ["*"]}], "only at its ends"),
        ("names", ["a", "a"], "twice"),
        ("flag", 1, "true or false"),
    ],
)
def test_value__not_of_its_kind__is_refused(tmp_path, kind, value, problem) -> None:
    data = changed(*FIRST, "value", value)
    data["rules"]["window"]["kind"] = kind
    del data["rules"]["window"]["between"]
    with pytest.raises(BadRuleFile) as caught:
        read_book(write(tmp_path, data))
    assert caught.value.field == "values[0].value"
    assert problem in caught.value.params["problem"]


METRICS = {
    "platform": "taobao",
    "area": "metrics",
    "title": {"zh": "指标", "en": "Metrics"},
    "metrics": {
        "pv": {
            "title": {"zh": "浏览量", "en": "Views"},
            "short_title": {"zh": "浏览量", "en": "Views"},
            "default": 1,
            "versions": [
                {
                    "version": 1,
                    "since": date(2000, 1, 1),
                    "unit": "count",
                    "grain": "view",
                    "better": "up",
                    "definition": {"zh": "次数", "en": "times"},
                    "formula": {"zh": "次数", "en": "times"},
                    "status": "unverified",
                    "source": [{"title": "x", "status": "unverified"}],
                }
            ],
        }
    },
}


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("unit", "pieces", "versions[0].unit"),
        ("grain", "galaxy", "versions[0].grain"),
        ("better", "left", "versions[0].better"),
        ("version", 2, "versions"),
        ("source", [], "versions[0].source"),
        ("colour", 1, "versions[0].colour"),
    ],
)
def test_metric__not_of_the_form__is_refused_by_name(tmp_path, key, value, field) -> None:
    data = copy.deepcopy(METRICS)
    data["metrics"]["pv"]["versions"][0][key] = value
    path = tmp_path / "taobao" / "metrics.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(BadRuleFile) as caught:
        read_book(tmp_path)
    assert (caught.value.params["rule"], caught.value.field) == ("pv", field)
