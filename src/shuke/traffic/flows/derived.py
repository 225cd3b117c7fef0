"""What page flows fill in the warehouse: `page_flows`, from events and the visits that they are."""

from __future__ import annotations

from collections.abc import Mapping

import ibis

from shuke.traffic.flows import kernel, ways
from shuke.warehouse.derivations import Context, Derivation, Kernel, Prepared, register


def _derive(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return ways.page_flows(inputs["events"], inputs["visits"])


def _by_kernel(_context: Context) -> Prepared:
    return kernel.moves


def register_derivations() -> None:
    """Tell the warehouse how page flows are added up."""
    register(
        Derivation(
            "page_flows",
            ("events", "visits"),
            {"events": "visitor_id", "visits": "visitor_id"},
            _derive,
            kernel=Kernel(kernel.COLUMNS, _by_kernel, fold=kernel.added_up),
            variant=lambda _context: (),
            sums=ways.SUMS,
            later=True,
        )
    )
