"""A file before it is loaded: what it was found to be, its first rows as they would be read, and what is wrong.

Nothing is written. A file that can not be read at all raises its FileProblem; a mapping that does not fit it is a
problem of the preview, so that the page can still show the file's columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from django.utils.translation import gettext_lazy as _

from shuke.intake import reasons
from shuke.intake.files import problems, tables, uploads
from shuke.intake.files.columnar import storable
from shuke.intake.files.kinds import LISTS
from shuke.intake.files.load import CHUNK_ROWS
from shuke.intake.files.origins import FILE_NAME, SHARE
from shuke.intake.files.parts import open_parts
from shuke.intake.files.rows import Mapper, Places
from shuke.intake.files.spec import MappingSpec
from shuke.intake.files.tables import Batch, Detected
from shuke.intake.quarantine.kept import MOST, KeptRules, MendedAtLoad, kept_at
from shuke.kernel.errors import ShukeError
from shuke.kernel.verdicts import Reason
from shuke.shops.reads import ShopView

FIRST_ROWS = 10
LOOKED_AT = 1_000
MENDED_SHOWN = 20
VERIFY_BYTES = 64 << 20
VERIFY_UNPACKED = 2 << 30  # 64 MB of rows, thirty times shrunk; somebody waits for the answer
_HIDDEN = frozenset(
    [
        "shop_id",
        "row_id",
        "content_id",
        "sign",
        "order_id",
        "event_id",
        "visitor_id",
        "person_id",
        "buyer_id",
        "import_ref",
    ]
)


@dataclass(frozen=True)
class RowProblem:
    """A row that would wait in quarantine."""

    line: int
    column: str
    code: str
    words: str
    remedy: str


@dataclass(frozen=True)
class CellMended:
    """A cell that kept rules (in words) change before the row is read; a cell may be changed more than once."""

    column: str
    before: str
    after: str
    rules: str


@dataclass(frozen=True)
class RowMended:
    """A row that would be refused but for kept rules, by its line: what they change."""

    line: int
    cells: tuple[CellMended, ...]


@dataclass(frozen=True)
class MappedRow:
    """One of the first rows: the line, its cells, and the fields that they become; none when it is refused.

    `cells` are those that the load reads: where kept rules mend them, `mended` says what stood there and by which rule.
    """

    line: int
    cells: tuple[str, ...]
    fields: Mapping[str, Any] | None
    mended: tuple[CellMended, ...] = ()


@dataclass(frozen=True)
class Preview:
    """`rows_looked_at` rows were mapped, `rows_bad` of them refused; `problems` are the first of these.

    `rows_mended` would have been refused but for kept rules; `mends` says by which, how many rows each, `mended` what they
    change in the first of them.
    """

    file: str
    detected: Detected
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    rows: tuple[MappedRow, ...]
    problems: tuple[RowProblem, ...]
    rows_looked_at: int
    rows_bad: int
    notices: tuple[Reason, ...]
    refusal: ShukeError | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    rows_mended: int = 0
    mends: Mapping[str, int] = field(default_factory=dict)
    mended: tuple[RowMended, ...] = ()


def preview_of(
    *,
    shop: ShopView,
    files: dict[str, Any],
    spec: MappingSpec | None,
    choices: dict[str, Any],
    is_saved: bool = False,
    at: datetime,
) -> Preview:
    """Look at the first rows of a file, through a mapping when one is given; a saved one with the rules kept for it, as

    a load that started now would apply them. Raises FileProblem, FileGone.
    """
    main = files[""]
    path = uploads.path_of(shop.id, uploads.find(shop.id, main["sha256"]).sha256)
    if path.stat().st_size <= VERIFY_BYTES:
        tables.verify(path, main["name"], limit=VERIFY_UNPACKED)
    if spec is None:
        layout = tables.Layout(has_header=None).with_choices(
            separator=choices.get("separator", ""),
            encoding=choices.get("encoding", ""),
            has_header=choices.get("header"),
        )
        table = tables.open_table(path, main["name"], layout)
        batch = table.take(FIRST_ROWS) or Batch([], [])
        return Preview(
            file=main["name"],
            detected=table.detected,
            columns=table.columns,
            fields=(),
            rows=tuple(
                MappedRow(n, tuple(row), None) for n, row in zip(batch.lines, batch.rows, strict=True)
            ),
            problems=(),
            rows_looked_at=0,
            rows_bad=0,
            notices=_file_notices(table.detected),
        )
    table = open_parts(
        shop.id, files, spec, choices, currency=shop.currency, looked_at=LOOKED_AT + FIRST_ROWS
    )
    batch = table.take(LOOKED_AT) or Batch([], [])
    # What the doors add to a row (its file's name, its share of an order) is not the file's.
    shown = [i for i, name in enumerate(table.columns) if name not in (FILE_NAME, SHARE)]
    columns = tuple(table.columns[i] for i in shown)
    first = _first(batch, shown)
    try:
        mapper = Mapper(
            spec,
            table.columns,
            shop=shop,
            import_ref="",
            file_name=table.name,
            encoding=table.detected.encoding,
            now=at,
        )
    except problems.FileProblem as refusal:
        return Preview(
            file=main["name"],
            detected=table.detected,
            columns=columns,
            fields=(),
            rows=tuple(MappedRow(line, tuple(row), None) for line, row in first),
            problems=(),
            rows_looked_at=0,
            rows_bad=0,
            notices=_file_notices(table.detected),
            refusal=refusal,
        )
    kept = kept_at(shop.id, spec.name if is_saved else "", spec.formats, at)
    # Numbered instead of lined, since several rows may be of one line (of one message).
    lines = list(batch.lines)
    batch, mended = kept.mend(mapper, replace(batch, lines=list(range(len(lines)))))
    first = _first(batch, shown)
    places = Places()
    mapped = mapper.map(batch, places)
    facts = mapped.facts
    rows_looked_at, bad_rows = mapped.rows, list(mapped.bad)
    alone: Counter[str] = Counter()
    while rows_looked_at < LOOKED_AT and (rest := table.take(LOOKED_AT - rows_looked_at)) is not None:
        numbers = list(range(len(lines), len(lines) + len(rest.lines)))
        lines += rest.lines
        rest, more = kept.mend(mapper, replace(rest, lines=numbers))
        mapped = mapper.map(rest, places)
        if rest.part:
            alone[rest.part] += mapped.rows
        rows_looked_at += mapped.rows
        bad_rows += mapped.bad
        mended += more
    mends = {one.bad.line: _cells_mended(one, mapper.columns, kept) for one in mended}
    refused = {bad.line for bad in bad_rows}
    given = tuple(f for f in facts.schema.names if f in _shown(spec) and f not in _HIDDEN)
    fields = iter(facts.slice(0, FIRST_ROWS).select(given).to_pylist())
    rows = tuple(
        MappedRow(
            lines[i],
            tuple(row),
            None if i in refused else _local(next(fields), shop),
            mends.get(i, ()),
        )
        for i, row in first
    )
    return Preview(
        file=main["name"],
        detected=table.detected,
        columns=columns,
        fields=given,
        rows=rows,
        problems=tuple(
            RowProblem(
                lines[bad.line],
                bad.column,
                bad.reason.code,
                reasons.words_of(bad.reason.code, {"field": bad.column, **bad.reason.params}),
                reasons.remedy_of(bad.reason.code, {"field": bad.column, **bad.reason.params}),
            )
            for bad in bad_rows[:FIRST_ROWS]
        ),
        rows_looked_at=rows_looked_at,
        rows_bad=len(bad_rows),
        notices=(
            *_file_notices(table.detected),
            *_mapping_notices(spec, mapper, shop, facts),
            *_mend_notices(len(mended), rows_looked_at),
            *_alone_notices(alone, is_all=rows_looked_at < LOOKED_AT),
        ),
        rows_mended=len(mended),
        mended=tuple(RowMended(lines[i], cells) for i, cells in list(mends.items())[:MENDED_SHOWN]),
        mends=dict(Counter(words for cells in mends.values() for words in {one.rules for one in cells})),
        reasons=Counter(bad.reason.code for bad in bad_rows),
    )


def _first(batch: Batch, shown: list[int]) -> list[tuple[int, list[str]]]:
    """The first rows with their lines, of each the cells that are the file's."""
    rows = list(zip(batch.lines, batch.rows, strict=True))[:FIRST_ROWS]
    return [(line, [row[i] for i in shown if i < len(row)]) for line, row in rows]


def _cells_mended(mended: MendedAtLoad, columns: tuple[str, ...], kept: KeptRules) -> tuple[CellMended, ...]:
    found = []
    before = [storable(cell) for cell in mended.bad.cells]
    for kept_id, cells in mended.steps:
        rules = kept.words(kept_id)
        found += [
            CellMended(column, was, now, rules)
            for column, was, now in zip(columns, before, cells, strict=False)
            if was != now
        ]
        before = list(cells)
    return tuple(found)


def _mend_notices(mended: int, looked_at: int) -> tuple[Reason, ...]:
    """A load mends so many rows of one part and no more; the first rows of a long file tell whether that is near."""
    if looked_at < LOOKED_AT or mended * CHUNK_ROWS <= MOST * looked_at:
        return ()
    return (
        Reason(
            "too_many_to_mend",
            _(
                "Kept rules mend at most %(most)s of %(part)s rows that are read together; where more need it they wait"
                " in quarantine. Better correct the mapping."
            ),
            {"most": f"{MOST:,}", "part": f"{CHUNK_ROWS:,}"},
        ),
    )


def _alone_notices(alone: Mapping[str, int], *, is_all: bool) -> tuple[Reason, ...]:
    """Orders that stand in one part alone: how many of them were seen, by part."""
    words = _(
        "Orders that stand only in the part “%(part)s” (%(count)s): each is loaded whole, without lines, until a file"
        " of its lines comes."
    )
    at_least = "" if is_all else "≥ "
    return tuple(
        Reason("orders_alone", words, {"part": part, "count": f"{at_least}{count:,}"})
        for part, count in alone.items()
    )


def _shown(spec: MappingSpec) -> frozenset[str]:
    names = set(spec.columns) | {
        "at",
        "local_day",
        "line_no",
        "kind",
        "amount_minor",
        "currency",
        "properties",
    }
    if spec.cases is not None:
        names |= set(spec.cases.otherwise) | {f for texts in spec.cases.when.values() for f in texts}
    names |= {f"{name}_minor" for name in spec.columns}
    if spec.kind in LISTS:
        names |= {LISTS[spec.kind].column_of(name) for name in spec.columns}
    if "referrer" in names:
        names.add("referrer_host")
    return frozenset(names)


def _local(fields: dict[str, Any], shop: ShopView) -> dict[str, Any]:
    """A fact's moments as the shop's clock shows them."""
    for name in ("at", "until"):
        if fields.get(name) is not None:
            fields[name] = fields[name].replace(tzinfo=UTC).astimezone(shop.zone)
    return fields


def _file_notices(detected: Detected) -> tuple[Reason, ...]:
    notices = []
    if detected.encoding == "gb18030":
        notices.append(Reason("read_as_gbk", _("The file is read as GBK (gb18030).")))
    if detected.encoding == "windows-1252":
        notices.append(
            Reason(
                "read_as_western",
                _(
                    "The file is neither UTF-8 nor GBK; it is read as windows-1252. Look at the letters with accents."
                ),
            )
        )
    if len(detected.sheets) > 1:
        notices.append(
            Reason(
                "one_of_sheets",
                _("The workbook has %(count)s sheets; “%(sheet)s” is read."),
                {"count": len(detected.sheets), "sheet": detected.sheet},
            )
        )
    return tuple(notices)


def _mapping_notices(
    spec: MappingSpec, mapper: Mapper, shop: ShopView, facts: pa.Table
) -> tuple[Reason, ...]:
    notices = []
    foreign = sorted(set(facts["currency"].unique().to_pylist()) - {None, shop.currency})
    if foreign or (spec.currency not in ("", shop.currency) and not facts.num_rows):
        notices.append(
            Reason(
                "other_currency",
                _(
                    "The file is in %(file)s, the shop sells in %(shop)s: amounts are kept in %(file)s"
                    " and do not count in the totals of the shop. To count them, load it into a shop that sells in"
                    " %(file)s, or correct the currency that the mapping states."
                ),
                {"file": ", ".join(foreign) or spec.currency, "shop": shop.currency},
            )
        )
    unknown = mapper.unknown_columns
    if unknown:
        notices.append(
            Reason(
                "columns_kept",
                _("Columns that the mapping does not name are kept as they stand (%(count)s): %(names)s."),
                {
                    "count": len(unknown),
                    "names": ", ".join(unknown[:8]) + (", …" if len(unknown) > 8 else ""),
                },
            )
        )
    return tuple(notices)
