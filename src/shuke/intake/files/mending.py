"""A refused row of a file, mended: read again under the identity that it would have had, and loaded.

A row whose key was readable kept its place among the rows of its order. One whose key was not takes the place behind the
last row of its order in the file: a later load of the whole mended file states the same contents on the same places.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from django.utils.translation import gettext_lazy as _

from shuke.intake.files import known, load
from shuke.intake.files.rows import Mapper
from shuke.intake.files.spec import parse
from shuke.intake.models.imports import Import
from shuke.intake.models.quarantine import Quarantined
from shuke.intake.reasons import Refusal
from shuke.kernel.errors import Invalid
from shuke.records.locks import exclusive
from shuke.shops.reads import get_shop_by_id
from shuke.warehouse import actions as warehouse


class NotARow(Invalid):
    code = "not_a_row"
    words = _("The mended row is not a JSON object of column and text: %(value)s.")
    remedy = _("Keep the form of the row and change only its texts.")


def read_payload(payload: str) -> dict[str, str]:
    """The cells of a quarantined row by column. Raises NotARow."""
    try:
        cells = msgspec.json.decode(payload, type=dict[str, str | int | float | None])
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise NotARow(field="payload", value=payload) from None
    return {column: "" if cell is None else str(cell) for column, cell in cells.items()}


def replay(
    *, shop_id: int, row: Quarantined, payload: str, at: datetime, within: Callable[[], None] | None = None
) -> int:
    """Load a mended row; returns how many facts it made: 0 when the same row is known already.

    `within` runs in the transaction of the facts (it settles the quarantine's row). Raises NotARow; Refusal when the row
    still can not be read; FileProblem or FileGone when its file is needed and gone.
    """
    held = Import.objects.get(shop_id=shop_id, id=row.import_id or 0)
    # Two rows of one order mended at once would take the same place.
    with exclusive(f"mend-{shop_id}"):
        return _replayed(held, row, payload, at, within)


def _replayed(
    held: Import, row: Quarantined, payload: str, at: datetime, within: Callable[[], None] | None
) -> int:
    shop = get_shop_by_id(held.shop_id)
    spec = parse(held.spec)
    texts = read_payload(payload)
    columns = tuple(column for column in texts if not column.startswith("+"))
    mapper = Mapper(
        spec, columns, shop=shop, import_ref=str(held.pk), file_name=held.files[""]["name"], now=at
    )
    cells = [texts[column] for column in columns]
    key, place = mapper.key_of(cells), row.params.get("row_place")
    if key is not None and (key != row.params.get("row_key") or place is None):
        place = _next_place(held, key, at)
        row.params = {**row.params, "mended_key": key}
    mapped = mapper.map_row(row.line or 0, cells, key, place)
    if mapped.bad:
        bad = mapped.bad[0]
        raise Refusal(bad.reason.code, bad.column, **bad.reason.params)
    facts, counts = known.against_known(shop, spec, mapped.facts, at=at)
    first, last = load.days_of(facts)

    def settle() -> None:
        held = Import.objects.select_for_update().get(id=row.import_id or 0)
        held.rows_bad -= 1
        for name, count in counts.items():
            setattr(held, f"rows_{name}", getattr(held, f"rows_{name}") + count)
        held.first_day = min(filter(None, (held.first_day, first)), default=None)
        held.last_day = max(filter(None, (held.last_day, last)), default=None)
        held.save()
        row.save(update_fields=["params"])
        if within is not None:
            within()

    warehouse.append(facts={known.KIND_OF[spec.kind]: facts}, within=settle)
    return facts.num_rows


def _next_place(held: Import, key: str, at: datetime) -> int:
    """The place behind the last row of a key in the import's file, and behind rows mended before."""
    last = load.opened_at(held, load.TO_THE_END, now=at).places.seen(key)
    mended = Quarantined.objects.filter(import_id=held.pk, state="replayed", params__mended_key=key)
    return last + mended.count() + 1
