"""What the cast of a day does: pages, carts, orders, cancellations and refunds, told as messages and counted as truth.

A day is told from its own seed, so days can be told in any order, and told again: the same messages with the same ids.
A large day is told in parts, each from a seed of its own, so that no more than one part is ever held.
Whatever happens after `until` is drawn as well but left out, in the messages and in the truth alike.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from shuke_simulator import catalogue, messages
from shuke_simulator.catalogue import (
    CAMPAIGN,
    CART,
    CHECKOUT,
    HOME,
    LISTS,
    QUERIES,
    SEARCH,
    THANKS,
    Item,
    Page,
)
from shuke_simulator.doors import BROWSERS, DOORS, Door
from shuke_simulator.happening import Happening
from shuke_simulator.incidents import Incident
from shuke_simulator.life import Cast
from shuke_simulator.messages import Clock, Voice, amount, basket, product
from shuke_simulator.people import member_ref
from shuke_simulator.truth import DayTruth, Truth

LAST_SECOND = (
    24 * 3600 - 300
)  # nothing is told in the last five minutes: a clock that is off moves no visit over midnight
IDLE_SECONDS = 30 * 60
LONGEST_DWELL = 9 * 60
LONGEST_RETURN_DAYS = 12
PART = 20_000  # visitors told at once


class Teller:
    """Tells days of one shop. `truth` fills as days are told; tell each day once."""

    def __init__(
        self,
        *,
        seed: int,
        zone: ZoneInfo,
        host: str,
        until: datetime | None = None,
        incidents: Sequence[Incident] = (),
        part: int = PART,
    ) -> None:
        self.seed = seed
        self.incidents = tuple(incidents)
        self.part = part
        self.zone = zone
        self.host = host
        self.until = until.timestamp() if until is not None else math.inf
        self.truth = Truth([one.text for one in self.incidents])
        self._items = catalogue.items()
        self.prices = {item.ref: item.price_minor for item in self._items}
        self._pages = {item.ref: Page("Item", item.path, item.title) for item in self._items}
        self._favourites = [math.pow(0.88, i % 7) * (1.3 if i < 6 else 1.0) for i in range(len(self._items))]
        total = 0.0
        self._steps = [total := total + weight for weight in self._favourites]
        self._weights = [door.weight for door in DOORS]
        self._tagged = [door for door in DOORS if door.source]

    def tell(self, cast: Cast) -> list[tuple[int, str]]:
        """The messages of a day as (epoch second, JSON), in order of time."""
        parts = [pair for part in self.tell_parts(cast) for pair in part]
        parts.sort(key=lambda pair: pair[0])
        return parts

    def tell_parts(self, cast: Cast) -> Iterator[list[tuple[int, str]]]:
        """The same, part by part; in order of time within each."""
        for number, first in enumerate(range(0, max(len(cast), 1), self.part)):
            day = _Day(self, cast, number, first, min(first + self.part, len(cast)))
            for i in range(day.count):
                day.visitor(i)
            told = [pair for pair in day.told if pair[0] <= self.until]
            told.sort(key=lambda pair: pair[0])
            yield told


class _Day:
    """Telling one part of a day: the visitors of the cast from `first` to before `end`."""

    def __init__(self, teller: Teller, cast: Cast, part: int, first: int, end: int) -> None:
        self.teller, self.cast, self.count = teller, cast, end - first
        self.name = cast.day.isoformat()
        seed = f"{teller.seed}:{self.name}" + (f":{part}" if part else "")
        self.random = random.Random(seed)
        midnight = datetime.combine(cast.day, time(), tzinfo=teller.zone)
        self.epoch = int(midnight.timestamp())
        self.clock = Clock(midnight)
        # Seconds of this day that may be told: a day on which the clocks change is an hour shorter.
        length = (
            int(datetime.combine(cast.day + timedelta(days=1), time(), tzinfo=teller.zone).timestamp())
            - self.epoch
        )
        self.last = min(LAST_SECOND, length - 300)
        self.cut = min(self.last, teller.until - self.epoch)  # truth counts up to here
        self.truth: DayTruth = teller.truth.day(self.name)
        self.told: list[tuple[int, str]] = []
        self.part = f"{part}-" if part else ""
        self.prefix = f"{teller.seed:x}-{cast.day:%y%m%d}-{self.part}"
        self.orders = 0
        # Draws of incidents are their own: what they do not touch stays as it would have been.
        mishaps = random.Random(f"{seed}:incidents")
        self.happening = Happening(
            cast.day, teller.incidents, teller.truth.incidents, draw=mishaps, cut=self.cut
        )
        self.called = cast.called[first:end].tolist() if cast.called is not None else []
        self.seed = teller.seed * 0x9E3779B97F4A7C15 + cast.day.toordinal() * 0x94D049BB133111EB
        self.columns = [
            column[first:end].tolist()
            for column in (
                cast.visitor,
                cast.browser,
                cast.door,
                cast.start,
                cast.extra,
                cast.buys,
                cast.member,
            )
        ]
        self.registers = cast.registers[first:end].tolist()

    def visitor(self, i: int) -> None:
        number, browser, door_index, start, extra, buys, member = (column[i] for column in self.columns)
        if self.called:
            # Told by number: what happens to one customer changes nothing of another's day.
            self.random.seed(self.seed + number)
        draw = self.random.random
        door = DOORS[door_index]
        if self.happening.keeps_away(door, start, "visitors_lost"):
            return
        if self.called and self.called[i]:
            self.happening.called(self.called[i], start)
        anonymous = f"{number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF:016x}"
        stay = _Stay(self, number, Voice(anonymous, BROWSERS[browser][2], self.teller.host), member)
        registers = self.registers[i]
        if member and not registers and draw() < (1.0 if buys else 0.65):
            stay.log_in(start if draw() < 0.2 else None)
        end = stay.visit(start, door, buys, registers)
        for _ in range(extra):
            if draw() < 0.15:  # another advertisement brings the visitor back at once: a visit of its own
                begin, door = end + 60 + int(draw() * 1000), stay.other_campaign(door)
            else:
                begin = end + IDLE_SECONDS + 600 + int(draw() * 4 * 3600)
                door = self.random.choices(DOORS, self.teller._weights)[0]
            if begin > min(self.last, 23 * 3600):
                break
            if self.happening.keeps_away(door, begin, "visits_lost"):
                continue
            end = stay.visit(begin, door, False, False)
        if stay.counted_views:
            self.truth.uv += 1
            self.teller.truth.visitors.add(number)
        if stay.counted_views == 1:
            self.truth.bounced_visitors += 1

    def item(self) -> Item:
        """One item, the favourites more often."""
        steps = self.teller._steps
        wanted, low, high = self.random.random() * steps[-1], 0, len(steps) - 1
        while low < high:
            middle = (low + high) // 2
            if steps[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        return self.happening.priced(self.teller._items[low])

    def say(self, second: int, text: str) -> None:
        self.told.append((self.epoch + second, text))
        self.truth.events += second <= self.cut

    def message_id(self) -> str:
        return f"{self.prefix}{len(self.told):06d}"


class _Stay:
    """One visitor's day."""

    def __init__(self, day: _Day, number: int, voice: Voice, member: int) -> None:
        self.day, self.number, self.voice, self.member = day, number, voice, member
        self.counted_views = 0
        self.campaign = ""
        self.is_logged_in = False

    def log_in(self, second: int | None) -> None:
        """Be known from here on; at `second` the browser says so by itself."""
        self.voice.log_in(member_ref(self.member))
        self.is_logged_in = True
        if second is not None:
            self.day.say(
                second, self.voice.identify(self.day.message_id(), self.day.clock.at(second), self.member)
            )

    def other_campaign(self, door: Door) -> Door:
        """A tagged door whose campaign differs from the one that brought the visitor."""
        others = [d for d in self.day.teller._tagged if d.source != door.source]
        return self.day.random.choice(others)

    def visit(self, start: int, door: Door, buys: bool, registers: bool) -> int:
        """Tell one visit; returns the second of its last event."""
        day = self.day
        self.channel, self.began = door.channel, start
        self.campaign = day.random.choice(door.campaigns) if door.campaigns else ""
        views, last = 0, start
        moments: list[int] = []  # of page views and events, in order
        cart: list[tuple[Item, int]] = []
        for nth, (page, item) in enumerate(self._route(door, buys, cart)):
            at = last + self._dwell(buys) if nth else start
            if at > day.last or day.happening.cuts_off(at):
                break
            came_by = None if nth else door
            day.say(at, self.voice.page(day.message_id(), day.clock.at(at), page, came_by, self.campaign))
            moments.append(at)
            views += at <= day.cut
            last = self._doings(at, page, item, cart, buys, registers)
            moments.append(last)
        if views:
            self._count(door, views, [moment for moment in moments if moment <= day.cut])
        if registers and not self.is_logged_in and not buys and last + 1 <= day.last:
            self._register(last + 1)
        return last

    def _count(self, door: Door, views: int, moments: list[int]) -> None:
        """Truth of one visit, from what happened of it until now."""
        truth = self.day.truth
        truth.visits += 1
        channel = truth.channel(door.channel)
        channel.visits += 1
        channel.pv += views
        channel.bounced_visits += views == 1
        truth.pv += views
        self.counted_views += views
        if views == 1:
            truth.bounced_visits += 1
        else:
            truth.stay_seconds += moments[-1] - moments[0]

    def _dwell(self, buys: bool) -> int:
        seconds = int(self.day.random.lognormvariate(3.2, 0.9)) + 4
        return min(seconds, 110 if buys else LONGEST_DWELL)

    def _route(
        self, door: Door, buys: bool, cart: list[tuple[Item, int]]
    ) -> Iterator[tuple[Page, Item | None]]:
        """Pages one after another; what the visitor put into the cart meanwhile decides what follows."""
        draw = self.day.random.random
        kind = self._entry(door)
        entry = self._page(kind)
        yield entry
        if self.day.happening.drives_away(entry[0], self.began):
            return
        if buys:
            for _ in range(1 + int(draw() * 4)):
                kind = "item" if kind in ("list", "search") else ("list" if draw() < 0.4 else "item")
                yield self._page(kind)
            while not cart:
                yield self._page("item")
            for page in (CART, CHECKOUT, THANKS):
                yield page, None
            return
        if draw() < door.bounce:
            return
        more = 1 + min(int(self.day.random.expovariate(0.45)), 12)
        while more > 0:
            more -= 1
            if cart and draw() < 0.45:
                yield CART, None
                if draw() < 0.25:
                    yield CHECKOUT, None
                    return
                cart.clear()
                continue
            kind = self._next(kind)
            yield self._page(kind)

    def _entry(self, door: Door) -> str:
        chance = self.day.random.random()
        if door.source:
            return "campaign" if chance < 0.3 else ("item" if chance < 0.75 else "home")
        if door.referrer:
            return "item" if chance < 0.5 else ("list" if chance < 0.65 else "home")
        return "home" if chance < 0.65 else ("item" if chance < 0.9 else "list")

    def _next(self, kind: str) -> str:
        chance = self.day.random.random()
        if kind in ("list", "search", "campaign"):
            return "item" if chance < 0.72 else ("list" if chance < 0.93 else "search")
        if kind == "home":
            return "list" if chance < 0.5 else ("item" if chance < 0.78 else "search")
        return (
            "item"
            if chance < 0.38
            else ("list" if chance < 0.72 else ("home" if chance < 0.86 else "search"))
        )

    def _page(self, kind: str) -> tuple[Page, Item | None]:
        if kind == "item":
            item = self.day.item()
            return self.day.teller._pages[item.ref], item
        if kind == "list":
            return self.day.random.choice(LISTS), None
        return {"home": HOME, "search": SEARCH, "campaign": CAMPAIGN}[kind], None

    def _doings(
        self,
        at: int,
        page: Page,
        item: Item | None,
        cart: list[tuple[Item, int]],
        buys: bool,
        registers: bool,
    ) -> int:
        """Events on the page just seen; returns the second of the last one."""
        draw = self.day.random.random
        if item is not None:
            if draw() < 0.7:
                at = self._track(at + 1, "Product Viewed", product(item))
            if draw() < (0.7 if buys else 0.09):
                quantity = 1 if draw() < 0.86 else 2
                at = self._track(at + 2, "Product Added", product(item, quantity))
                cart.append((item, quantity))
                self.day.truth.carts += at <= self.day.cut
        elif page is SEARCH:
            at = self._track(at + 1, "Products Searched", f'{{"query":"{self.day.random.choice(QUERIES)}"}}')
        elif page is CART:
            at = self._track(at + 1, "Cart Viewed", f'{{"products":{basket(cart)}}}')
        elif page is CHECKOUT and cart:
            if registers and not self.is_logged_in:
                self._register(at)
            at = self._track(at + 1, "Checkout Started", f'{{"products":{basket(cart)},"currency":"CNY"}}')
        elif page is THANKS and cart:
            at = self._order(at, cart)
        return at

    def _track(self, second: int, name: str, properties: str) -> int:
        """Tell an event, at most two seconds after its page: `last` leaves room for it."""
        self.day.say(
            second, self.voice.track(self.day.message_id(), self.day.clock.at(second), name, properties)
        )
        return second

    def _register(self, second: int) -> None:
        self.log_in(second)
        self.day.truth.registrations += second <= self.day.cut

    def _order(self, second: int, cart: list[tuple[Item, int]]) -> int:
        """Complete the order, and draw whether it will be cancelled or returned."""
        day, draw = self.day, self.day.random.random
        day.orders += 1
        order_ref = f"LL{day.cast.day:%y%m%d}{day.part}{day.orders:05d}"
        goods = sum(item.price_minor * quantity for item, quantity in cart)
        discount = goods // 10 if draw() < 0.2 else 0
        shipping = 1000 if goods - discount < 19900 else 0
        total = goods - discount + shipping
        coupon = ',"coupon":"LINEN10"' if discount else ""
        self._track(
            second,
            "Order Completed",
            f'{{"order_id":"{order_ref}","total":{amount(total)},"revenue":{amount(goods - discount)},'
            f'"shipping":{amount(shipping)},"discount":{amount(discount)}{coupon},"currency":"CNY",'
            f'"products":{basket(cart)}}}',
        )
        if second <= day.cut:
            day.truth.orders += 1
            day.truth.units += sum(quantity for _item, quantity in cart)
            day.truth.paid_minor += total
            day.truth.buyers += 1
            day.teller.truth.buyers.add(self.member)
            channel = day.truth.channel(self.channel)
            channel.orders += 1
            channel.paid_minor += total
            day.happening.sold(cart, day.teller.prices)
        chance = draw()
        if chance < 0.03:
            self._give_back(second + 120 + int(draw() * 1800), order_ref, "Order Cancelled", total, 0)
        elif chance < 0.09:
            back = total if draw() < 0.6 else cart[0][0].price_minor
            later = 1 + int(draw() * LONGEST_RETURN_DAYS)
            self._give_back(
                9 * 3600 + int(draw() * 9 * 3600), order_ref, "Order Refunded", min(back, total), later
            )
        return second

    def _give_back(self, second: int, order_ref: str, name: str, minor: int, later: int) -> None:
        """The shop's server tells that money goes back, `later` days after the order."""
        day = self.day
        midnight = datetime.combine(day.cast.day + timedelta(days=later), time(), tzinfo=day.teller.zone)
        moment = int(midnight.timestamp()) + min(second, LAST_SECOND)
        if moment <= day.teller.until:
            truth = day.teller.truth.day(midnight.date().isoformat())
            truth.cancelled += name == "Order Cancelled"
            truth.refunded += name == "Order Refunded"
            truth.returned_minor += minor
            truth.events += 1
        at = Clock(midnight).at(min(second, LAST_SECOND))
        properties = f'{{"order_id":"{order_ref}","total":{amount(minor)},"currency":"CNY"}}'
        text = messages.server_track(
            f"{day.prefix}{order_ref}", at, member_ref(self.member), name, properties
        )
        day.told.append((moment, text))
