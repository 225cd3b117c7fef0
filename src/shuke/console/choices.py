"""The numbers that a member wants to see first, remembered per shop; a stale choice falls back to the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shuke.console.models import Choice
from shuke.rulebook import reads as rulebook
from shuke.shops.access import Access

MOST = 5
DEFAULT: tuple[tuple[str, int], ...] = (
    ("amount_paid", 1),
    ("uv_period", 1),
    ("conversion", 1),
    ("value_per_buyer", 1),
    ("orders", 1),
)
_NAME = "overview.numbers"
_VERSIONS = "metrics.versions"


def picked_numbers(access: Access) -> tuple[tuple[str, int], ...]:
    """(metric id, version) of the numbers that stand first, at most five."""
    if access.member is None:
        return DEFAULT
    row = Choice.objects.filter(member=access.member, name=_NAME).first()
    known = {(one.id, one.version) for one in rulebook.metric_definitions()}
    stored = row.value.get("metrics", []) if row is not None and row.value.get("v") == 1 else []
    found = [(str(pair[0]), int(pair[1])) for pair in stored if len(pair) == 2]
    return tuple(pair for pair in found if pair in known)[:MOST] or DEFAULT


def pick_numbers(access: Access, chosen: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Remember them; unknown ones are left out, none at all brings the default back."""
    known = {(one.id, one.version) for one in rulebook.metric_definitions()}
    kept = [pair for pair in dict.fromkeys(chosen) if pair in known][:MOST]
    if access.member is not None:
        Choice.objects.update_or_create(
            member=access.member,
            name=_NAME,
            defaults={"shop_id": access.shop.id, "value": {"v": 1, "metrics": [list(pair) for pair in kept]}},
        )
    return tuple(kept) or DEFAULT


def chosen_versions(access: Access) -> dict[str, int]:
    """Metric id -> the version that the member wants to read instead of the default."""
    row = Choice.objects.filter(member=access.member, name=_VERSIONS).first() if access.member else None
    stored = row.value.get("versions", {}) if row is not None and row.value.get("v") == 1 else {}
    known = {(one.id, one.version) for one in rulebook.metric_definitions()}
    return {name: version for name, version in stored.items() if (name, version) in known}


def choose_version(access: Access, metric_id: str, version: int) -> None:
    """Read a metric by this version from now on, on every page; the default again forgets the choice."""
    definition = rulebook.metric_definition(metric_id, version)
    versions = chosen_versions(access)
    versions.pop(metric_id, None)
    if not definition.is_default:
        versions[metric_id] = version
    picks = tuple((name, version if name == metric_id else v) for name, v in picked_numbers(access))
    if access.member is not None:
        Choice.objects.update_or_create(
            member=access.member,
            name=_VERSIONS,
            defaults={"shop_id": access.shop.id, "value": {"v": 1, "versions": versions}},
        )
        pick_numbers(access, picks)


def metrics_of(access: Access, also: Sequence[tuple[str, int]] = ()) -> tuple[tuple[str, int], ...]:
    """Every metric in the version that the member reads, the picked ones, and `also` (to compare versions)."""
    return _ordered(chosen_versions(access), [*picked_numbers(access), *also])


def default_metrics() -> tuple[tuple[str, int], ...]:
    """What a member reads who has chosen nothing."""
    return _ordered({}, DEFAULT)


def _ordered(versions: Mapping[str, int], also: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    known = {(one.id, one.version) for one in rulebook.metric_definitions()}
    names = dict.fromkeys(one.id for one in rulebook.metric_definitions())
    defaults = {one.id: one.version for one in rulebook.metric_definitions() if one.is_default}
    wanted = [(name, versions.get(name, defaults[name])) for name in names]
    wanted += [pair for pair in also if pair in known]
    place = {name: number for number, name in enumerate(names)}
    return tuple(sorted(dict.fromkeys(wanted), key=lambda pair: (place[pair[0]], pair[1])))


def parse_pick(text: str) -> tuple[str, int] | None:
    """`uv_period.1` as written in addresses and forms."""
    name, dot, version = text.rpartition(".")
    return (
        (name, int(version)) if dot and version.isascii() and version.isdigit() and len(version) < 4 else None
    )
