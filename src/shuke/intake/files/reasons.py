"""Why one row can not be loaded: stable codes with words and remedy. A refused row waits in quarantine with these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from shuke.intake.reasons import Reason, register
from shuke.kernel.errors import shortened


@dataclass(frozen=True)
class BadCell:
    """What a converter says of a text that it can not read."""

    code: str
    params: Mapping[str, Any]


def bad(code: str, value: str = "", **params: Any) -> BadCell:
    return BadCell(code, {"value": shortened(value), **params})


register(
    Reason(
        "row_blank", _("The cell “%(field)s” is blank."), _("Fill it in: a row can not stand without it.")
    ),
    Reason(
        "row_without_lines",
        _("The order stands only in the part “%(part)s”, which does not say “%(field)s”; it has no lines."),
        _("Fill in the cell, or load a file of lines that names the order: this entry may then be dropped."),
    ),
    Reason(
        "row_cells",
        _("The row has %(found)s cells, the header has %(expected)s."),
        _("Look for a separator or a line break inside a cell that is not quoted."),
    ),
    Reason(
        "row_encoding",
        _("The row holds bytes that are not %(encoding)s."),
        _("Write the broken characters again, or load the file with its real encoding."),
    ),
    Reason(
        "row_not_a_time",
        _("“%(value)s” in “%(field)s” is not a time in the form %(expected)s."),
        _("Write the time in that form, or add its form to the mapping."),
    ),
    Reason(
        "row_in_future",
        _("“%(value)s” in “%(field)s” lies in the future."),
        _("Correct the time, or the mapping's zone."),
    ),
    Reason(
        "row_not_a_number",
        _("“%(value)s” in “%(field)s” is not a number."),
        _("Write digits with a point, like 1234.50."),
    ),
    Reason(
        "row_below_zero",
        _("“%(value)s” in “%(field)s” is below zero."),
        _("Correct the number."),
    ),
    Reason(
        "row_not_a_share",
        _("“%(value)s” in “%(field)s” is no share."),
        _("Write it with %%, like 4.37%%, or as a number from 0 to 1."),
    ),
    Reason(
        "row_too_large",
        _("“%(value)s” in “%(field)s” is larger than an amount can be."),
        _("Correct the number."),
    ),
    Reason(
        "row_lost_digits",
        _("“%(value)s” in “%(field)s” has lost its last digits in a spreadsheet."),
        _("Export the file again without opening it in a spreadsheet, or write the whole number."),
    ),
    Reason(
        "row_unknown_value",
        _("The mapping does not know “%(value)s” in “%(field)s”."),
        _("Correct the cell, or add the value to the mapping."),
    ),
    Reason(
        "row_not_shared_out",
        _(
            "“%(field)s” is the amount of the whole order; what this line has of it is told by the whole file."
        ),
        _("Mend the file and load it again: rows that are known count once. This entry may then be dropped."),
    ),
    Reason(
        "row_not_json",
        _("The line is no JSON: it breaks at character %(at)s."),
        _("Mend the text that stands in “%(field)s”: as soon as it is a message, it is read as one."),
    ),
    Reason(
        "row_not_a_message",
        _("The line is JSON, but no message of a changed order (ORDER_CHANGE)."),
        _("Drop it: of Amazon's messages only these are read."),
    ),
    Reason(
        "row_no_visitor",
        _("The row names neither a visitor nor a person."),
        _("Fill in one of the two."),
    ),
    Reason(
        "row_no_amount",
        _("The row states no amount."),
        _("Fill in the amount, or quantity and unit price."),
    ),
)
