"""The traffic map: from channel through pages, step by step, to an order or away (A-149).

Pages stand folded by their type. One type at one step can be opened into its pages: the largest by name, the others
together. What goes on after the last step drawn is drawn as one node, which ends in orders and exits as its visits did.
At every node as much comes in as goes out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis

from shuke.conditions.reads import All, Compare, Node, Op
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.flows import ways
from shuke.traffic.reads.asking import asker
from shuke.traffic.reads.flows import FlowAsker, holds
from shuke.warehouse import reads as warehouse

FEWEST_STEPS, MOST_STEPS = 2, ways.LAST_STEP - 1
STEPS = 4
# Pages of an opened type that are drawn one by one.
MOST_PAGES = 12


@dataclass(frozen=True)
class FlowNode:
    """A place of the map. `kind`: channel; type (of pages, at `step`); page and others (of an opened type); more (what goes
    on after the last step), order, exit. `name`: the channel, type or path; None: not stated.

    `visits` came through, of which `ordered_visits` completed an order.
    """

    key: str
    kind: str
    step: int
    name: str | None
    page_type: str | None
    visits: int
    ordered_visits: int


@dataclass(frozen=True)
class FlowLink:
    """So many visits went from one node to another."""

    source: str
    target: str
    visits: int
    ordered_visits: int


@dataclass(frozen=True)
class FlowMap:
    """`visits` viewed a page at all; `opened` is the type and step that stand open; `pages_hidden` of its pages stand
    together as others. `events_read`: 0, or how many events were followed since a filter is set."""

    period: Period
    until: datetime | None
    steps: int
    opened: tuple[str | None, int] | None
    nodes: tuple[FlowNode, ...]
    links: tuple[FlowLink, ...]
    visits: int
    ordered_visits: int
    pages_hidden: int
    events_read: int


def flow_map(
    *,
    shop: ShopView,
    period: Period,
    steps: int = STEPS,
    opened: tuple[str | None, int] | None = None,
    condition: Node | None = None,
    until: datetime | None = None,
    at: datetime,
) -> FlowMap:
    """The ways of a period's visits as nodes and links. `until`: as the facts stood before that moment.

    Raises Invalid for steps or an opened step outside of what is kept, and TooManyEvents.
    """
    if not FEWEST_STEPS <= steps <= MOST_STEPS:
        raise Invalid(field="steps", value=steps)
    if opened is not None and not 1 <= opened[1] <= steps:
        raise Invalid(field="open", value=opened[1])
    channel = channel_alone(condition) if opened is None else None
    levels = ("type",) if opened is None else ("type", "into", "out")

    def question(snapshot: warehouse.Snapshot) -> FlowMap:
        scoped = snapshot if until is None else snapshot.cut(until)
        asking = FlowAsker(snapshot, None if channel is not None else condition, levels, until)
        drawing = _Drawing(steps, opened)
        where = {} if channel is None else {"channel": channel}
        drawing.draw_types(asking, where)
        if opened is not None:
            entered = _entrances(scoped, condition, opened[0]) if opened[1] == 1 else []
            drawing.open(asking, entered)
        return drawing.finished(period, decisions.so_far(shop, period, at), asking.events_read)

    return warehouse.ask(shop, period, question)


def channel_alone(condition: Node | None) -> str | None:
    """The channel where a condition asks for one and nothing else: the sums tell channels apart."""
    if isinstance(condition, All) and len(condition.parts) == 1:
        condition = condition.parts[0]
    if isinstance(condition, Compare) and condition.field == "channel" and condition.op is Op.EQ:
        return str(condition.value)
    return None


def _entrances(
    snapshot: warehouse.Snapshot, condition: Node | None, page_type: str | None
) -> list[dict[str, Any]]:
    """Visits by channel and entrance page of a type: channel, path, visits, ordered."""
    kind = "entrance_days" if condition is None else "visits"
    table = snapshot.derived(kind)
    if condition is not None:
        table = table.filter(holds(condition, table))

    def build(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        rows = tables["entered"]
        is_type = rows.entry_type.isnull() if page_type is None else rows.entry_type == page_type
        if kind == "visits":
            rows = rows.filter(is_type, rows.views >= 1)
            visits, ordered = rows.count(), ibis.ifelse(rows.orders > 0, 1, 0).sum()
        else:
            rows = rows.filter(is_type, rows.viewed_visits > 0)
            visits, ordered = rows.viewed_visits.sum(), rows.ordered_visits.sum()
        return rows.group_by("channel", path="entry_path").aggregate(visits=visits, ordered=ordered)

    found = asker(snapshot, {"entered": table}, ())((kind, "entrances of", page_type), build)
    return found.to_pylist()


@dataclass(frozen=True)
class _Key:
    kind: str
    step: int
    name: str | None
    page_type: str | None

    def text(self) -> str:
        return f"{self.kind}.{self.step}.{'' if self.name is None else self.name}" + (
            ".unknown" if self.name is None and self.kind in ("type", "page", "channel") else ""
        )


_MORE, _ORDER, _EXIT = (_Key(kind, 99, None, None) for kind in ("more", "order", "exit"))


class _Drawing:
    """Links are gathered, nodes are what they join."""

    def __init__(self, steps: int, opened: tuple[str | None, int] | None) -> None:
        self._steps = steps
        self._opened = opened
        self._links: dict[tuple[_Key, _Key], list[int]] = defaultdict(lambda: [0, 0])
        self._hidden = 0

    def add(self, source: _Key, target: _Key, moves: int, ordered: int) -> None:
        link = self._links[source, target]
        link[0] += moves
        link[1] += ordered

    def _type(self, page_type: str | None, step: int) -> _Key:
        return _Key("type", step, page_type, page_type)

    def draw_types(self, asking: FlowAsker, where: Mapping[str, Any]) -> None:
        entries, _count = asking.rows("type", ("channel", "to_type"), {**where, "kind": "entry"})
        for flow in entries:
            channel = _Key("channel", 0, flow.keys["channel"], None)
            self.add(channel, self._type(flow.keys["to_type"], 1), flow.moves, flow.ordered_moves)
        on, _count = asking.rows("type", ("kind", "step", "from_type", "to_type"), where)
        for flow in on:
            step, kind = flow.keys["step"], flow.keys["kind"]
            if kind == "entry" or step > self._steps:
                continue
            left = self._type(flow.keys["from_type"], step)
            self._leave(left, kind, flow.keys["to_type"], step, flow.moves, flow.ordered_moves)

    def _leave(self, left: _Key, kind: str, to_type: str | None, step: int, moves: int, ordered: int) -> None:
        if kind == "order":
            self.add(left, _ORDER, moves, ordered)
        elif kind == "exit":
            self.add(left, _EXIT, moves, ordered)
        elif step < self._steps:
            self.add(left, self._type(to_type, step + 1), moves, ordered)
        else:
            self.add(left, _MORE, moves, ordered)

    def open(self, asking: FlowAsker, entered: list[dict[str, Any]]) -> None:
        """Put the pages of the opened type in its place."""
        assert self._opened is not None
        page_type, step = self._opened
        closed = self._type(page_type, step)
        self._links = defaultdict(
            lambda: [0, 0], {pair: sums for pair, sums in self._links.items() if closed not in pair}
        )
        found, _count = asking.rows(
            "out", ("kind", "from_path", "to_type"), {"step": step, "from_type": page_type}
        )
        out = [flow for flow in found if flow.keys["kind"] != "entry"]
        pages = self._pages((flow.keys["from_path"], flow.moves) for flow in out)
        for flow in out:
            left = pages[flow.keys["from_path"]]
            self._leave(left, flow.keys["kind"], flow.keys["to_type"], step, flow.moves, flow.ordered_moves)
        if step == 1:
            for row in entered:
                self.add(
                    _Key("channel", 0, row["channel"], None),
                    pages[row["path"]],
                    row["visits"],
                    row["ordered"],
                )
            return
        into, _count = asking.rows(
            "into", ("from_type", "to_path"), {"step": step - 1, "to_type": page_type, "kind": "move"}
        )
        for flow in into:
            left = self._type(flow.keys["from_type"], step - 1)
            self.add(left, pages[flow.keys["to_path"]], flow.moves, flow.ordered_moves)

    def _pages(self, moved: Iterable[tuple[str | None, int]]) -> dict[str | None, _Key]:
        """The node of each page of the opened type: its own for the largest."""
        assert self._opened is not None
        page_type, step = self._opened
        views: dict[str | None, int] = defaultdict(int)
        for path, count in moved:
            views[path] += count
        ranked = sorted(views, key=lambda path: (-views[path], path or ""))
        own = ranked if len(ranked) <= MOST_PAGES + 1 else ranked[:MOST_PAGES]
        self._hidden = len(ranked) - len(own)
        others = _Key("others", step, page_type, page_type)
        return {path: _Key("page", step, path, page_type) if path in own else others for path in ranked}

    def finished(self, period: Period, until: datetime | None, events_read: int) -> FlowMap:
        for index, end in ((0, _EXIT), (1, _ORDER)):
            gone = [sums for (_source, target), sums in self._links.items() if target == _MORE]
            ordered = sum(sums[1] for sums in gone)
            moves = sum(sums[0] for sums in gone)
            count = ordered if index else moves - ordered
            if count:
                self.add(_MORE, end, count, ordered if index else 0)
        into: dict[_Key, list[int]] = defaultdict(lambda: [0, 0])
        out: dict[_Key, list[int]] = defaultdict(lambda: [0, 0])
        for (source, target), sums in self._links.items():
            for place, count in enumerate(sums):
                out[source][place] += count
                into[target][place] += count
        nodes = [
            FlowNode(key.text(), key.kind, key.step, key.name, key.page_type, *(into.get(key) or out[key]))
            for key in {**out, **into}
        ]
        order = {"channel": 0, "type": 1, "page": 1, "others": 1, "more": 2, "order": 3, "exit": 4}
        nodes.sort(key=lambda n: (n.step, order[n.kind], n.kind == "others", -n.visits, n.key))
        links = [
            FlowLink(source.text(), target.text(), *sums)
            for (source, target), sums in sorted(
                self._links.items(),
                key=lambda one: (one[0][0].step, -one[1][0], one[0][0].text(), one[0][1].text()),
            )
        ]
        channels = [node for node in nodes if node.kind == "channel"]
        return FlowMap(
            period=period,
            until=until,
            steps=self._steps,
            opened=self._opened,
            nodes=tuple(nodes),
            links=tuple(links),
            visits=sum(node.visits for node in channels),
            ordered_visits=sum(node.ordered_visits for node in channels),
            pages_hidden=self._hidden,
            events_read=events_read,
        )
