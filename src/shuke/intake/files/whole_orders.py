"""What a row can not say alone: cells that stand on an order's first row only, and an order's amount over its lines.

Each function takes a table and gives one with the same rows. What they remember of an order is counted over the whole
file from its first row, so that whoever goes on in the middle reads the rows before it first.

The share of a line: with the lines of an order in the order of the file, weights w (quantity x unit price) and the
order's amount A, line k gets round(A x (w1+…+wk) / W) - round(A x (w1+…+w(k-1)) / W). The shares add up to A exactly.
Worked: A = 10.00 over three lines of 3.33 each are 3.33, 3.34, 3.33.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from shuke.intake.files import cells
from shuke.intake.files.layout import Batch, Table
from shuke.intake.files.origins import SHARE, Origin
from shuke.intake.files.reasons import BadCell
from shuke.intake.files.spec import MappingSpec
from shuke.kernel.money import exponent, parse_decimal

HELD_ORDERS = 100_000  # rows of one order stand together; more orders than these are not held at once
READ_ROWS = 20_000


def filled_up(table: Table) -> Table:
    """Rows that end early, with blanks for what is missing."""
    width = len(table.columns)

    def take(size: int) -> Batch | None:
        batch = table.take(size)
        if batch is None:
            return None
        rows = [row if len(row) >= width else [*row, *[""] * (width - len(row))] for row in batch.rows]
        return batch.with_rows(rows)

    return Table(table.name, table.detected, table.columns, take)


def with_constant(table: Table, column: str, text: str) -> Table:
    """One more column with the same text on every row."""
    width = len(table.columns)

    def take(size: int) -> Batch | None:
        batch = table.take(size)
        if batch is None:
            return None
        return batch.with_rows([[*row, text] if len(row) == width else row for row in batch.rows])

    return Table(table.name, table.detected, (*table.columns, column), take)


def carried(table: Table, spec: MappingSpec) -> Table:
    """Order-level cells that are blank, with what the order's rows before it said.

    A row that says nothing else there than the row before it goes on with its order; one that does begins anew.
    """
    key = _key_reader(table, spec)
    positions = [table.columns.index(name) for name in spec.carry if name in table.columns]
    blanks = frozenset(("", *spec.blank))
    held: dict[str, list[str]] = {}

    def take(size: int) -> Batch | None:
        batch = table.take(size)
        if batch is None:
            return None
        rows = []
        for row in batch.rows:
            order = key(row)
            if order and len(row) > max(positions, default=-1):
                own = [row[i] for i in positions]
                known = held.get(order)
                if known is not None and all(
                    cell.strip() in blanks or cell == before for cell, before in zip(own, known, strict=True)
                ):
                    row = list(row)
                    for i, cell in zip(positions, known, strict=True):
                        row[i] = cell
                else:
                    held.pop(order, None)
                    held[order] = own
                    if len(held) > HELD_ORDERS:
                        del held[next(iter(held))]
            rows.append(row)
        return batch.with_rows(rows)

    return Table(table.name, table.detected, table.columns, take)


class Costs:
    """What each order cost in all, and the sum of its lines' weights; and how much of both was given out so far."""

    def __init__(self) -> None:
        self.orders: dict[
            str, list[int]
        ] = {}  # [amount or NOT_SAID, weights, lines, weights given out, lines given out]

    def of(self, order: str) -> list[int]:
        found = self.orders.get(order)
        if found is None:
            found = self.orders[order] = [NOT_SAID, 0, 0, 0, 0]
        return found


NOT_SAID = -(1 << 62)


def costs_of(table: Table, spec: MappingSpec, currency: str, limit: int | None = None) -> Costs:
    """Read a table through once, at most `limit` rows: the first amount that an order's rows state is the order's."""
    costs = Costs()
    read = _line_reader(table, spec, currency)
    done = 0
    while limit is None or done < limit:
        batch = table.take(READ_ROWS if limit is None else min(READ_ROWS, limit - done))
        if batch is None:
            break
        done += len(batch.rows)
        for row in batch.rows:
            order, amount, weight, _digits = read(row)
            if order:
                found = costs.of(order)
                if found[0] == NOT_SAID and amount is not None:
                    found[0] = amount
                found[1] += weight
                found[2] += 1
    return costs


def shared_out(table: Table, spec: MappingSpec, currency: str, costs: Costs) -> Table:
    """The table with each row's share of its order's amount, in the column SHARE; blank where the order has none."""
    read = _line_reader(table, spec, currency)
    width = len(table.columns)

    def share(row: Sequence[str]) -> str:
        order, _amount, weight, digits = read(row)
        if not order:
            return ""
        found = costs.of(order)
        amount, whole, lines = found[0], found[1], found[2]
        if amount == NOT_SAID:
            return ""
        if whole > 0:
            before, after = found[3], found[3] + weight
        else:
            whole, before, after = max(lines, 1), found[4], found[4] + 1
        found[3] += weight
        found[4] += 1
        minor = _part(amount, after, whole) - _part(amount, before, whole)
        return str(Decimal(minor).scaleb(-digits))

    def take(size: int) -> Batch | None:
        batch = table.take(size)
        if batch is None:
            return None
        return batch.with_rows([[*row, share(row)] if len(row) == width else row for row in batch.rows])

    return Table(table.name, table.detected, (*table.columns, SHARE), take)


def _part(amount: int, some: int, whole: int) -> int:
    """round(amount x some / whole), half up, in whole numbers."""
    return (2 * amount * min(some, whole) + whole) // (2 * whole)


def _key_reader(table: Table, spec: MappingSpec) -> Callable[[Sequence[str]], str]:
    """A row's order, as its reference will be read; blank when it has none."""
    origin = spec.columns["order_ref"]
    shape = cells.Remembering(cells.shaped(origin, spec.blank, is_exact=spec.is_exact))
    position = table.columns.index(origin.column) if origin.column in table.columns else None

    def key(row: Sequence[str]) -> str:
        if position is None or position >= len(row):
            return ""
        shaped = shape[row[position]]
        return "" if isinstance(shaped, BadCell) else shaped.removeprefix("'").strip()

    return key


def _line_reader(
    table: Table, spec: MappingSpec, currency: str
) -> Callable[[Sequence[str]], tuple[str, int | None, int, int]]:
    """(order, stated order amount in minor units, weight, digits of the currency) of a row."""
    key = _key_reader(table, spec)
    none = Origin()
    places = {
        name: table.columns.index(origin.column) if origin.column in table.columns else None
        for name in ("order_amount", "quantity", "unit_price", "currency")
        for origin in (spec.columns.get(name, none),)
    }
    own = spec.currency or currency

    def numbers(name: str) -> cells.Remembering:
        shape = cells.shaped(spec.columns.get(name, none), spec.blank, is_exact=spec.is_exact)

        def number(text: str) -> Decimal | None:
            shaped = shape(text)
            try:
                return None if isinstance(shaped, BadCell) else parse_decimal(shaped.removeprefix("'"))
            except ValueError:
                return None

        return cells.Remembering(number)

    quantities, prices, amounts = numbers("quantity"), numbers("unit_price"), numbers("order_amount")
    units = cells.Remembering(lambda pair: _weight(quantities[pair[0]], prices[pair[1]]))
    minors = cells.Remembering(lambda pair: _minor(amounts[pair[0]], pair[1]))
    digits = cells.Remembering(exponent)

    def read(row: Sequence[str]) -> tuple[str, int | None, int, int]:
        cell = {n: row[i] if i is not None and i < len(row) else "" for n, i in places.items()}
        money = cells.cleaned(cell["currency"]).upper() or own
        after = digits[money]
        return (
            key(row),
            minors[cell["order_amount"], after],
            units[cell["quantity"], cell["unit_price"]],
            after,
        )

    return read


def _weight(quantity: Decimal | None, price: Decimal | None) -> int:
    if quantity is None or price is None:
        return 0
    weight = abs(quantity * price)
    return 0 if weight.adjusted() > 16 else int(weight * 10_000)


def _minor(amount: Decimal | None, digits: int) -> int | None:
    if amount is None or amount.adjusted() > 15:
        return None
    return int(amount.scaleb(digits).to_integral_value(rounding="ROUND_HALF_UP"))
