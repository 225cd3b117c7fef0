"""Files of a machine told by the names of their columns: which mapping each is loaded through, and which belong together.

Nothing is kept or loaded here, so that a refusal of one file leaves everything as it was. The format of a file is the
one that the console chooses for it: the likest (`reads.recognised`). Where a person would have to say more (no format,
two alike, a column missing), the refusal says what was found and how to go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shuke.intake.files import problems, reads, tables
from shuke.intake.files.parts import sheets_in
from shuke.intake.files.reads import MappingView, Recognised
from shuke.intake.files.spec import Join
from shuke.shops.reads import ShopView

MAIN = ""
SHOWN = 60  # columns that a message names
ALIKE = 1e-9


@dataclass(frozen=True)
class Told:
    """What is loaded at once: the mapping, and the file of each part ("" is the main one)."""

    mapping: str
    files: Mapping[str, Path]


@dataclass(frozen=True)
class _Looked:
    path: Path
    sheets: tuple[tuple[str, ...], ...]
    mapping: MappingView


def told_apart(
    shop: ShopView,
    paths: Sequence[Path],
    *,
    parts: Mapping[str, Path] | None = None,
    separator: str = "",
    encoding: str = "",
) -> tuple[Told, ...]:
    """How each of these files is loaded, in the order in which they were given.

    A file that a format's other half needs is joined to it. Where both state orders of one source, that is all: orders
    that the other half does not name come with it. Else it is loaded by itself too.
    `parts`: files that were said to be a part. Raises FormatUnknown, FormatUnclear, FormatLacks, PartUnclear, MissingPart,
    and what is wrong with a file itself (FileProblem).
    """
    layout = tables.Layout().with_choices(separator=separator, encoding=encoding)
    looked = []
    for path in paths:
        sheets = tuple(columns for _sheet, columns in sheets_in(path, path.name, layout))
        looked.append(_Looked(path, sheets, _format(shop, path.name, sheets)))
    found, within = [], set()
    for one in looked:
        files = {MAIN: one.path, **(parts or {})}
        for join in one.mapping.spec.joins:
            other = None if join.part in files or join.layout.sheet else _other_half(one, join, looked)
            if other is not None:
                files[join.part] = other.path
                if join.alone is not None and _state_the_same(one.mapping, other.mapping):
                    within.add(other.path)
        found.append(Told(one.mapping.name, files))
    return tuple(one for one in found if one.files[MAIN] not in within)


def _format(shop: ShopView, name: str, sheets: Sequence[Sequence[str]]) -> MappingView:
    """The one format that a file is. Raises FormatUnknown, FormatUnclear, FormatLacks."""
    likest = reads.recognised(shop, sheets)
    if not likest:
        raise _unknown(shop, name, sheets)
    first = likest[0]
    alike = [one for one in likest if first.likeness - one.likeness < ALIKE and not one.lacks]
    shown = {"found": _names([c for columns in sheets for c in columns])}
    if first.lacks:
        raise problems.FormatLacks(
            field=name,
            value=first.mapping.name,
            count=len(first.lacks),
            missing=_names(first.lacks),
            **shown,
        )
    if len(alike) > 1:
        names = ", ".join(one.mapping.name for one in alike)
        raise problems.FormatUnclear(field=name, value=names, names=names, **shown)
    return first.mapping


def _unknown(shop: ShopView, name: str, sheets: Sequence[Sequence[str]]) -> problems.FileProblem:
    nearest: Recognised = reads.likenesses(reads.list_mappings(shop), sheets)[0]
    found = _names([c for columns in sheets for c in columns])
    if nearest.likeness <= 0:
        return problems.FormatUnheard(field=name, value=found, found=found)
    return problems.FormatUnknown(
        field=name,
        value=nearest.mapping.name,
        found=found,
        missing=_names(nearest.lacks) or "-",
    )


def _other_half(one: _Looked, join: Join, looked: Sequence[_Looked]) -> _Looked | None:
    """The given file that is this part. Raises PartUnclear when it may be several, MissingPart when none is."""
    fits = [
        other
        for other in looked
        if other is not one
        and other.mapping.name != one.mapping.name
        and any(not one.mapping.spec.lacks(columns, join.part) for columns in other.sheets)
    ]
    if len(fits) > 1:
        names = ", ".join(other.path.name for other in fits)
        raise problems.PartUnclear(field=one.path.name, value=join.part, names=names)
    if not fits and not join.is_optional:
        key = ", ".join(f"{a} = {b}" for a, b in join.match.items())
        raise problems.MissingPart(field=one.path.name, value=join.part, key=key)
    return fits[0] if fits else None


def _state_the_same(one: MappingView, other: MappingView) -> bool:
    return (one.spec.kind, one.spec.source) == (other.spec.kind, other.spec.source)


def _names(names: Sequence[str]) -> str:
    once = list(dict.fromkeys(name for name in names if name))
    return ", ".join(once[:SHOWN]) + (", …" if len(once) > SHOWN else "")
