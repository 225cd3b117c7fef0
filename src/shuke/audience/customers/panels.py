"""What rooms show of one customer beside his time line: each registers a panel, the page draws those that a role may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise

from shuke.audience.timeline import Detail
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

__all__ = ["Line", "Panel", "panels", "register"]


@dataclass(frozen=True)
class Line(Detail):
    """One line of a panel: label, value by unit (None: unknown, then `why` says why), a note in small letters, and the metric
    that defines it (`id.v1`; empty: none)."""

    why: str | Promise = ""
    note: str | Promise = ""
    metric: str = ""


@dataclass(frozen=True)
class Panel:
    """`lines`: of a shop, a customer and a moment; none: the panel is not drawn."""

    name: str
    title: str | Promise
    lines: Callable[[ShopView, int, datetime], Sequence[Line]]
    deed: Deed = Deed.VIEW_CUSTOMERS
    order: int = 100


_panels: dict[str, Panel] = {}


def register(panel: Panel) -> None:
    """Add a panel; one of the same name is replaced."""
    _panels[panel.name] = panel


def panels() -> tuple[Panel, ...]:
    """All panels in the order in which they are drawn."""
    return tuple(sorted(_panels.values(), key=lambda one: (one.order, one.name)))
