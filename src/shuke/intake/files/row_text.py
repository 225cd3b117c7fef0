"""The text of a refused row as it waits: a JSON object of column and cell; cells beyond the header as +1, +2, …"""

from __future__ import annotations

import msgspec
from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid


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


def write_payload(cells: dict[str, str]) -> str:
    """The cells of a row as a quarantined row holds them."""
    return msgspec.json.format(msgspec.json.encode(cells), indent=1).decode()
