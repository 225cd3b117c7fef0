"""What incidents do to one day while it is told, and what truth notes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random

from shuke_simulator.catalogue import Item, Page
from shuke_simulator.doors import Door
from shuke_simulator.incidents import Bounce, Incident, Outage, Price, Traffic
from shuke_simulator.truth import IncidentTruth

NOTICE = 5  # seconds before an outage in which no page is begun, so that none of its events falls into it


class Happening:
    """The incidents of a day. `draw` is theirs alone; truth counts what happened up to the second `cut`."""

    def __init__(
        self,
        day: date,
        incidents: Sequence[Incident],
        truths: Sequence[IncidentTruth],
        *,
        draw: Random,
        cut: float,
    ) -> None:
        self._day, self._draw, self._cut, self._truths = day.isoformat(), draw, cut, truths
        self._lost: dict[str, list[tuple[float, IncidentTruth]]] = {}
        self._outages: list[tuple[float, float, IncidentTruth]] = []
        self._prices: dict[str, tuple[Price, IncidentTruth]] = {}
        self._broken: dict[str, tuple[float, IncidentTruth]] = {}
        for incident, truth in zip(incidents, truths, strict=True):
            if isinstance(incident, Outage):
                begin, end = incident.window(day)
                if end > begin:
                    self._outages.append((begin, end, truth))
            elif not incident.is_on(day):
                continue
            elif isinstance(incident, Traffic) and incident.change < 0:
                self._lost.setdefault(incident.channel, []).append((-incident.change, truth))
            elif isinstance(incident, Price):
                self._prices[incident.item] = (incident, truth)
            elif isinstance(incident, Bounce):
                self._broken[incident.page] = (incident.share, truth)

    def keeps_away(self, door: Door, second: float, lost: str) -> bool:
        """Whether a visit by this door at this second does not come about; `lost` names what is counted then."""
        for share, truth in self._lost.get(door.channel, ()):
            if self._draw.random() < share:
                self._note(truth, lost, second)
                return True
        for begin, end, truth in self._outages:
            if begin - NOTICE <= second < end:
                self._note(truth, lost, second)
                return True
        return False

    def cuts_off(self, second: float) -> bool:
        """Whether a visit that has begun can not go on to a page at this second."""
        for begin, end, truth in self._outages:
            if begin - NOTICE <= second < end:
                self._note(truth, "visits_cut", second)
                return True
        return False

    def drives_away(self, entry: Page, second: float) -> bool:
        """Whether a visit ends on the page by which it came in, at this second."""
        share, truth = self._broken.get(entry.path, (0.0, None))
        if truth is None or self._draw.random() >= share:
            return False
        self._note(truth, "visits_bounced", second)
        return True

    def called(self, number: int, second: float) -> None:
        """Note a visit that the incident with this number (from 1) brought."""
        self._note(self._truths[number - 1], "visits_won", second)

    def _note(self, truth: IncidentTruth, name: str, second: float) -> None:
        if second <= self._cut:
            truth.count(self._day, name)

    def priced(self, item: Item) -> Item:
        """The item at the price at which it stands in the shop."""
        if item.ref not in self._prices:
            return item
        return replace(item, price_minor=max(round(item.price_minor * self._prices[item.ref][0].share), 1))

    def sold(self, cart: Sequence[tuple[Item, int]], right: dict[str, int]) -> None:
        """Note what was sold at a wrong price; `right`: item -> its price."""
        for item, quantity in cart:
            if item.ref in self._prices:
                truth = self._prices[item.ref][1]
                truth.count(self._day, "units_mispriced", quantity)
                truth.count(self._day, "goods_lost_minor", (right[item.ref] - item.price_minor) * quantity)
