"""The traffic map beside that of another period, and what stands together in its folded places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic.decisions import compared
from shuke.traffic.reads.flow_map import (
    FEWEST_STEPS,
    MOST_PAGES,
    MOST_STEPS,
    STEPS,
    FlowLink,
    FlowMap,
    FlowNode,
    flow_map,
)
from shuke.traffic.reads.flow_visits import Way
from shuke.traffic.reads.flows import Flow, flows

__all__ = ["FOLDS", "ComparedMap", "FoldedPage", "FoldedPages", "compared_map", "folded_pages"]
# Places of the map where pages stand together: the smaller pages of an opened type, and what goes on after the last step.
FOLDS = ("others", "more")


@dataclass(frozen=True)
class ComparedMap:
    """A map, and the same of another period; `then` None: nothing is compared."""

    now: FlowMap
    then: FlowMap | None = None

    @property
    def against_period(self) -> Period | None:
        return self.then.period if self.then is not None else None

    def before(self, link: FlowLink) -> FlowLink | None:
        """The same way in the other period, of no visit where none took it. None: nothing is compared, or it can not be told,
        since what stands together there are other pages."""
        if self.then is None or not self._is_told(link):
            return None
        return self._known.get((link.source, link.target), FlowLink(link.source, link.target, 0, 0))

    @cached_property
    def gone(self) -> tuple[FlowLink, ...]:
        """Ways that only the other period knows, as it knows them."""
        if self.then is None:
            return ()
        own = {(link.source, link.target) for link in self.now.links}
        return tuple(
            link
            for link in self.then.links
            if (link.source, link.target) not in own and self._is_told(link, is_now=False)
        )

    @cached_property
    def nodes(self) -> dict[str, FlowNode]:
        """Every place by its key, also those that only the other period knows."""
        both = (*(self.then.nodes if self.then is not None else ()), *self.now.nodes)
        return {node.key: node for node in both}

    @cached_property
    def _known(self) -> dict[tuple[str, str], FlowLink]:
        assert self.then is not None
        return {(link.source, link.target): link for link in self.then.links}

    def _is_told(self, link: FlowLink, *, is_now: bool = True) -> bool:
        other = self.then if is_now else self.now
        assert other is not None
        there = {node.key for node in other.nodes if node.kind == "page"}
        for key in (link.source, link.target):
            node = self.nodes[key]
            if node.kind == "others" or (node.kind == "page" and other.pages_hidden and key not in there):
                return False
        return True


def compared_map(
    *,
    shop: ShopView,
    period: Period,
    steps: int = STEPS,
    opened: tuple[str | None, int] | None = None,
    condition: Node | None = None,
    against: str | None = None,
    custom: Period | None = None,
    at: datetime,
) -> ComparedMap:
    """The map of a period. `against`: before, yesterday, last_week, or custom with its own period; cut at the same time of
    the shop's clock where the period still runs. Raises Invalid, TooManyEvents."""
    other = compared(shop, period, against, custom, at)

    def asked(days: Period, until: datetime | None) -> FlowMap:
        return flow_map(
            shop=shop, period=days, steps=steps, opened=opened, condition=condition, until=until, at=at
        )

    return ComparedMap(asked(period, None), asked(*other) if other is not None else None)


@dataclass(frozen=True)
class FoldedPage:
    """A page in a folded place: `visits` came to it there, of which `ordered_visits` completed an order; `way` are their
    moves into it."""

    path: str | None
    page_type: str | None
    visits: int
    ordered_visits: int
    way: Way


@dataclass(frozen=True)
class FoldedPages:
    """The pages of a folded place, most visits first; their visits are those of its node. `step`: of the visit at which they
    are seen."""

    period: Period
    of: str
    step: int
    page_type: str | None
    rows: tuple[FoldedPage, ...]
    visits: int
    ordered_visits: int
    events_read: int


def folded_pages(
    *,
    shop: ShopView,
    period: Period,
    of: str,
    steps: int = STEPS,
    opened: tuple[str | None, int] | None = None,
    condition: Node | None = None,
) -> FoldedPages:
    """What stands together in a place of the map: `others`, the smaller pages of the opened type at its step; `more`, the
    pages that visits came to after the last step drawn. Raises Invalid, TooManyEvents."""
    if of not in FOLDS:
        raise Invalid(field="of", value=of[:40])
    if not FEWEST_STEPS <= steps <= MOST_STEPS:
        raise Invalid(field="steps", value=steps)
    if of == "more":
        found = flows(
            shop=shop,
            period=period,
            by=("to_type", "to_path"),
            where={"kind": "move", "step": steps},
            condition=condition,
        )
        step, page_type, rows = steps + 1, None, found.rows
    else:
        if opened is None or not 1 <= opened[1] <= steps:
            raise Invalid(field="open", value="" if opened is None else opened[1])
        page_type, step = opened
        found = flows(
            shop=shop,
            period=period,
            by=("from_path",),
            where={"step": step, "from_type": page_type},
            condition=condition,
        )
        ranked = sorted(found.rows, key=lambda flow: (-flow.moves, flow.keys["from_path"] or ""))
        rows = tuple(ranked[MOST_PAGES:]) if len(ranked) > MOST_PAGES + 1 else ()
    pages = tuple(_folded(flow, step, page_type) for flow in rows)
    return FoldedPages(
        period=period,
        of=of,
        step=step,
        page_type=page_type,
        rows=pages,
        visits=sum(one.visits for one in pages),
        ordered_visits=sum(one.ordered_visits for one in pages),
        events_read=found.events_read,
    )


def _folded(flow: Flow, step: int, page_type: str | None) -> FoldedPage:
    is_into = "to_path" in flow.keys
    path = flow.keys["to_path" if is_into else "from_path"]
    page_type = flow.keys["to_type"] if is_into else page_type
    way = Way("entry" if step == 1 else "move", step - 1, {"to_type": page_type, "to_path": path})
    return FoldedPage(path, page_type, flow.moves, flow.ordered_moves, way)
