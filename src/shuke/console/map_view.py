"""What the pages of the traffic map say: its places and ways in words, and the addresses that open, unfold and prove them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext, pgettext

from shuke.console import viewstate
from shuke.rulebook import reads as rulebook
from shuke.shops.page_request import PageRequest
from shuke.shops.reads import ShopView
from shuke.traffic import reads as traffic

UNKNOWN = "-"
# What of the address the pages of the map share.
KEPT = {"range", "from", "to", "steps", "open", *viewstate.FILTERS}
COMPARED = {"against", "vs_from", "vs_to"}
_OF_TABLE = ("page", "q", "sort", "format")


@dataclass(frozen=True)
class Row:
    """A link of the map with its nodes; `then`: the same way in the other period, where that is told."""

    link: traffic.FlowLink
    source: traffic.FlowNode
    target: traffic.FlowNode
    then: traffic.FlowLink | None = None

    @property
    def share(self) -> Decimal:
        """Of the visits that came to the node that it leaves."""
        return share_of(self.link.visits, self.source.visits)


def share_of(part: int, whole: int) -> Decimal:
    return Decimal(part) / Decimal(whole) if whole else Decimal(0)


def steps_asked(request: PageRequest) -> int:
    """How many pages of a visit are drawn."""
    text = request.GET.get("steps", "")
    known = range(traffic.FEWEST_STEPS, traffic.MOST_STEPS + 1)
    return int(text) if text.isascii() and text.isdigit() and int(text[:3]) in known else 4


def opened_asked(request: PageRequest) -> tuple[str | None, int] | None:
    """`open=item.2`: item pages at the second step stand open."""
    name, _dot, step = request.GET.get("open", "").rpartition(".")
    if not name or not (step.isascii() and step.isdigit()) or not 1 <= int(step[:3]) <= steps_asked(request):
        return None
    return (None if name == UNKNOWN else name[:40]), int(step)


def type_words(page_type: str | None) -> str:
    if page_type is None:
        return pgettext("page type", "not stated")
    return str(viewstate.PAGE_TYPES.get(page_type, page_type))


def path_words(path: str | None) -> str:
    return path if path is not None else gettext("states no page")


def step_words(step: int) -> str:
    return pgettext("traffic map", "page %(step)s") % {"step": step}


class NodeWords:
    """Nodes in words."""

    def __init__(self, shop: ShopView, day: date) -> None:
        self._channels = rulebook.channel_titles(day, shop)

    def words(self, node: traffic.FlowNode) -> str:
        if node.kind == "channel":
            return str(self._channels.get(node.name or "", node.name or gettext("not stated")))
        if node.kind == "page":
            return path_words(node.name)
        if node.kind in ("type", "others"):
            name = type_words(node.page_type)
            return (
                name if node.kind == "type" else pgettext("traffic map", "%(type)s: others") % {"type": name}
            )
        return {
            "more": pgettext("traffic map", "Further pages"),
            "order": pgettext("traffic map", "Order"),
            "exit": pgettext("traffic map", "Left"),
        }[node.kind]

    def with_step(self, node: traffic.FlowNode) -> str:
        """The node's name with its step, where it has one."""
        return " · ".join(part for part in (self.words(node), self.step(node)) if part)

    def step(self, node: traffic.FlowNode) -> str:
        return step_words(node.step) if node.kind in ("type", "page", "others") else ""


class Names(NodeWords):
    """The same with the address that opens, folds or unfolds one."""

    def __init__(self, request: PageRequest, state: viewstate.ViewState, found: traffic.FlowMap) -> None:
        super().__init__(request.access.shop, state.today)
        self._request = request
        self._found = found

    def url(self, node: traffic.FlowNode) -> str:
        """Opens a type at its step, folds its pages again, shows what stands together in a place; else empty."""
        if node.kind in ("others", "more"):
            return folded_url(self._request, node.kind)
        if node.kind not in ("type", "page"):
            return ""
        opened = f"{node.page_type if node.page_type is not None else UNKNOWN}.{node.step}"
        return self._opening(opened if node.kind == "type" else "")

    def _opening(self, opened: str) -> str:
        query = self._request.GET.copy()
        for gone in (*_OF_TABLE, "open"):
            query.pop(gone, None)
        if opened:
            query["open"] = opened
        page = reverse("console:traffic_map", args=[self._request.access.shop.slug])
        return f"{page}?{query.urlencode()}"

    def opens(self) -> list[tuple[str, str]]:
        """The largest types that can be opened, for the keyboard and for a phone."""
        types = [node for node in self._found.nodes if node.kind == "type"]
        types.sort(key=lambda node: (-node.visits, node.key))
        return [(self.with_step(node), self.url(node)) for node in types[:8]]

    def opened_words(self) -> tuple[str, str] | None:
        """What stands open and the address that folds it."""
        if self._found.opened is None:
            return None
        page_type, step = self._found.opened
        return f"{type_words(page_type)} · {step_words(step)}", self._opening("")


def kept(request: PageRequest, *also: str) -> list[tuple[str, str]]:
    """What of the address is the view's, not a table's."""
    names = {*KEPT, *also}
    return [(k, v) for k, values in request.GET.lists() if k in names for v in values]


def folded_url(request: PageRequest, of: str) -> str:
    """Where the pages of a folded place stand."""
    query = urlencode([*kept(request), ("of", of)])
    return reverse("console:traffic_map_folded", args=[request.access.shop.slug]) + "?" + query


def map_url(request: PageRequest) -> str:
    """The map in the same view."""
    page = reverse("console:traffic_map", args=[request.access.shop.slug])
    return page + "?" + urlencode(kept(request, *COMPARED))


def visits_url(request: PageRequest, way: traffic.Way) -> str:
    """Where the visits that took a way stand."""
    query = [*kept(request), ("kind", way.kind), ("step", str(way.step))]
    query += [(f"w_{name}", UNKNOWN if value is None else str(value)) for name, value in way.where.items()]
    return reverse("console:traffic_map_visits", args=[request.access.shop.slug]) + "?" + urlencode(query)


def way_of(row: Row) -> traffic.Way | None:
    """Which moves a link stands for; None where several pages or steps are folded into one node."""
    if "others" in (row.source.kind, row.target.kind) or "more" in (row.source.kind, row.target.kind):
        return None
    where: dict[str, Any] = {}
    if row.source.kind == "channel":
        where["channel"] = row.source.name
    else:
        where["from_type"] = row.source.page_type
        if row.source.kind == "page":
            where["from_path"] = row.source.name
    if row.target.kind in ("type", "page"):
        where["to_type"] = row.target.page_type
        if row.target.kind == "page":
            where["to_path"] = row.target.name
    kind = {"order": "order", "exit": "exit"}.get(row.target.kind, "move")
    return traffic.Way("entry" if row.source.kind == "channel" else kind, row.source.step, where)


def way_words(way: traffic.Way, channels: Any) -> str:
    """A way in words: from where to where, each page with its step."""

    def place(side: str, step: int) -> str:
        path, page_type = way.where.get(f"{side}_path"), way.where.get(f"{side}_type")
        if f"{side}_path" in way.where:
            name = path_words(path)
        elif f"{side}_type" in way.where:
            name = type_words(page_type)
        else:
            name = pgettext("traffic map", "any page")
        return f"{name} · {step_words(step)}"

    if way.kind == "entry":
        channel = way.where.get("channel")
        left = str(channels.get(channel, channel or gettext("not stated")))
        if "channel" not in way.where:
            left = pgettext("traffic map", "any channel")
    else:
        left = place("from", way.step)
    ends = {"order": pgettext("traffic map", "Order"), "exit": pgettext("traffic map", "Left")}
    return f"{left} → {ends.get(way.kind) or place('to', way.step + 1)}"
