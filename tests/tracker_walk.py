"""Scripted visits of the demo shop, and what is true of them: written down by the script, never asked of the tracker."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.tracker_site import START, Site

COLUMNS, ROWS = 20, 100
HEARTBEAT_MS = 300_000  # after so long a part of a stay is told
EVENTS_OF_PAGES = (
    "/list/",
    "/item/",
    "/cart",
    "/checkout",
)  # pages that tell one e-commerce event when shown
VISITS_OF_TAB = 12  # every move of the clock is told anew to each page that loads
ALONE = ("outbound", "offline", "blocked", "closed")  # change their browser, or end it
NOWHERE = "/static/demo_shop/shop.css"  # a page of this host that has no tracker: whoever leaves goes there
LOOKS = ("morning", "market", "evening", "at-home")
LANDINGS: dict[str, tuple[str, str, str | None, str | None]] = {  # name -> query, referrer, source, campaign
    "direct": ("", "", None, None),
    "campaign": ("?utm_source=baidu&utm_medium=cpc&utm_campaign=linen", "", "baidu", "linen"),
    "referred": ("", "https://www.google.com/", "www.google.com", None),
    "clicked ad": ("?gclid=abc", "", None, None),
}
WHERE = """([selector, fx, fy]) => {
  const found = [...document.querySelectorAll(selector)].find((one) => one.offsetParent !== null);
  found.scrollIntoView({block: "nearest"});
  const box = found.getBoundingClientRect(), root = document.documentElement;
  return {x: Math.round(box.x + box.width * fx), y: Math.round(box.y + box.height * fy),
    left: Math.round(scrollX), top: Math.round(scrollY), width: root.scrollWidth, height: root.scrollHeight,
    isMarked: !!found.closest("[data-shuke-click]")};
}"""
SEEN = """(state) => {
  Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
BLOCKED = """
  Object.defineProperty(window, "localStorage", {get() { throw new DOMException("blocked", "SecurityError"); }});
"""
NO_COOKIES = """
  Object.defineProperty(document, "cookie", {get: () => "shop_consent=yes", set() {}});
"""


@dataclass
class Visit:
    """What is true of one visit. Moments are milliseconds since START."""

    kind: str
    source: str | None = None
    campaign: str | None = None
    views: list[str] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)  # of views and deeds
    stays: Counter[str] = field(default_factory=Counter)  # path -> ms in which it could be seen
    clicks: list[tuple[str, str, int, int]] = field(default_factory=list)  # path, kind, x, y
    carts: int = 0
    orders: int = 0
    paid_minor: int = 0
    is_second: bool = False  # of the same visitor


class Tabs:
    """Tabs for visitors: one is lent again, its storage emptied, since a new one costs more than a whole visit."""

    def __init__(self, browser: Any, site: Site) -> None:
        self._browser, self._site = browser, site
        self._kept: Any = None
        self._visits = 0

    def fresh(self) -> Any:
        """A tab of a context of its own."""
        context = self._browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
        context.set_default_timeout(120_000)
        return self.opened(context)

    def opened(self, context: Any) -> Any:
        """A new tab, at the clock's moment."""
        page = context.new_page()
        at = START.timestamp() * 1000 + self._site.milliseconds
        page.clock.install(time=(at - 1000) / 1000)
        page.clock.pause_at(at / 1000)
        return page

    def used(self) -> Any:
        """The tab of the visitor before, as if nobody had used it."""
        if self._kept is None or self._visits >= VISITS_OF_TAB:
            self.close()
            self._kept, self._visits = self.fresh(), 0
            return self._kept
        self._visits += 1
        self._kept.evaluate("localStorage.clear()")
        self._kept.context.clear_cookies()
        self._kept.clock.pause_at(START.timestamp() + self._site.milliseconds / 1000)
        return self._kept

    def close(self) -> None:
        if self._kept is not None:
            self._kept.context.close()
            self._kept = None


class Walk:
    """One visitor. `expected` counts the events that the collector should have been sent."""

    def __init__(self, tabs: Tabs, site: Site, rng: random.Random, kind: str) -> None:
        self.tabs, self.site, self.rng, self.kind = tabs, site, rng, kind
        self.visits: list[Visit] = []
        self.consents, self.is_online, self.is_seen = True, True, True
        self.expected = site.told
        self.untold = 0  # ms of stay that is not told yet
        self.path = ""
        self.is_alone = kind in ALONE
        self.page = tabs.fresh() if self.is_alone else tabs.used()
        self.context = self.page.context

    def say_yes_beforehand(self) -> None:
        cookie = {"name": "shop_consent", "value": "yes", "url": self.site.url}
        self.context.add_cookies([cookie])

    @property
    def visit(self) -> Visit:
        return self.visits[-1]

    # ---- time

    def tick(self, milliseconds: int) -> None:
        """The browser's clock and the collector's move on together."""
        while milliseconds > 0:
            step = min(milliseconds, 60_000)
            self.site.milliseconds += step
            self.page.clock.run_for(step)
            milliseconds -= step
            if self.consents and self.is_seen and self.path:
                self.visit.stays[self.path] += step
                before, self.untold = self.untold, self.untold + step
                if before < HEARTBEAT_MS <= self.untold:
                    self.expected += 1
                    self.untold = 0  # told within this step; its rest belongs to the next part

    def stay(self, seconds: float) -> None:
        """Look at the page; what was told on arriving reaches the collector first."""
        self.tick(150)
        self.settle()
        self.tick(int(seconds * 1000) - 150)

    def settle(self) -> None:
        """Until the collector has everything. The clock moves on by a little, as the queue may wait for an answer first."""
        if not self.is_online or not self.consents:
            return
        for _again in range(100):
            if self.site.has_come(self.expected, seconds=0.2):
                return
            if self.path:
                self.tick(20)
        raise AssertionError(f"{self.kind}: {self.site.told} of {self.expected} events came")

    # ---- pages

    def _left(self) -> None:
        """The page is left: what is untold of its stay is told."""
        if self.path and self.consents and self.untold > 0:
            self.expected += 1
        self.untold = 0

    def _viewed(self, path: str, *, is_new: bool = False) -> None:
        self.path = path
        if not self.consents:
            return
        if is_new or not self.visits:
            self.visits.append(Visit(self.kind, is_second=bool(self.visits)))
        self.visit.views.append(path)
        self._deed()

    def _deed(self) -> None:
        self.visit.moments.append(self.site.milliseconds)
        self.expected += 1

    def _page_tells(self, path: str) -> None:
        """The event that the shop's own script tells on some pages."""
        if self.consents and path.startswith(EVENTS_OF_PAGES):
            self.expected += 1

    def arrive(self, path: str, landing: str = "direct", *, is_new: bool = False) -> None:
        query, referrer, source, campaign = LANDINGS[landing]
        self._left()
        self.page.goto(self.site.url + path + query, referer=referrer or None, wait_until="load")
        self._viewed(path, is_new=is_new)
        self._page_tells(path)
        if self.consents and len(self.visit.views) == 1:
            self.visit.source, self.visit.campaign = source, campaign

    def _point(self, selector: str, fx: float = 0.5, fy: float = 0.5) -> tuple[int, int, bool, int, int]:
        found = self.page.evaluate(WHERE, [selector, fx, fy])
        x, y = found["x"], found["y"]
        column = (x + found["left"]) * COLUMNS // found["width"]
        row = (y + found["top"]) * ROWS // found["height"]
        return x, y, found["isMarked"], column, row

    def press(self, selector: str, fx: float = 0.5, fy: float = 0.5, *, is_out: bool = False) -> None:
        """Click somewhere on an element; where it is marked or leads out, the click is told with its cell."""
        x, y, is_marked, column, row = self._point(selector, fx, fy)
        if self.consents and (is_marked or is_out):
            self.visit.clicks.append((self.path, "outbound" if is_out else "marked", column, row))
            self._deed()
        self.page.mouse.click(x, y)

    def follow(self, selector: str, path: str) -> None:
        """Click a link or button that loads another page."""
        with self.page.expect_navigation(wait_until="load"):
            self.press(selector)
            self._left()
        assert self.page.url.split("?")[0] == self.site.url + path, self.page.url
        self._viewed(path)
        self._page_tells(path)

    def look(self, slug: str) -> None:
        """Another view of the campaign page, without loading."""
        path = f"/campaign/new-season/{slug}"
        if self.path == path:
            return
        self._left()
        x, y, *_cell = self._point(f"[data-look={slug}]")
        self.page.mouse.click(x, y)
        self._viewed(path)

    def back(self, path: str) -> None:
        """The browser's back button within the campaign page."""
        self._left()
        self.page.evaluate("history.back()")
        self.page.wait_for_function("path => location.pathname === path", arg=path, polling=20)
        self._viewed(path)

    def show(self, is_seen: bool) -> None:
        """The tab is hidden, or seen again."""
        if not is_seen:
            self._left()
        self.page.evaluate(SEEN, "visible" if is_seen else "hidden")
        self.is_seen = is_seen

    def go_offline(self, is_offline: bool) -> None:
        self.context.set_offline(is_offline)
        self.is_online = not is_offline

    def leave(self) -> None:
        self._left()
        self.page.goto(self.site.url + NOWHERE)
        self.path = ""

    def close_tab(self) -> None:
        self._left()
        self.page.close(run_before_unload=False)
        self.path = ""

    def end(self) -> None:
        if self.path:
            self.leave()
        self.settle()
        if self.is_alone:
            self.context.close()
        self.site.milliseconds += 60_000

    def stored(self) -> list[str]:
        """What the tracker has stored on the shop's host: names in localStorage and cookies."""
        names = self.page.evaluate("Object.keys(localStorage)")
        return [*names, *(one["name"] for one in self.context.cookies() if one["name"].startswith("shuke."))]


# ---- kinds of visits: each walks, and writes down what is true -----------------------------------------------------------

ENTRIES = ("/", "/list/shirts", "/item/1001", "/item/1016", "/campaign/new-season", "/search")


def single_page(walk: Walk) -> None:
    walk.arrive(walk.rng.choice(ENTRIES), walk.rng.choice(list(LANDINGS)))
    walk.stay(walk.rng.choice([2.4, 17, 61.25, 299, 430, 1500]))  # the last two outlast the heartbeat's part


def spa(walk: Walk) -> None:
    walk.arrive("/campaign/new-season", walk.rng.choice(list(LANDINGS)))
    walk.stay(walk.rng.randint(2, 40))
    seen = ["/campaign/new-season"]
    for slug in walk.rng.sample(LOOKS, walk.rng.randint(1, 3)):
        walk.look(slug)
        walk.stay(walk.rng.randint(1, 90))
        seen.append(walk.path)
    walk.back(seen[-2])
    walk.stay(walk.rng.randint(1, 30))


def outbound(walk: Walk) -> None:
    walk.context.route("https://en.wikipedia.org/**", lambda route: route.fulfill(body="linen"))
    walk.arrive("/item/1001", walk.rng.choice(list(LANDINGS)))
    walk.stay(walk.rng.randint(3, 50))
    with walk.page.expect_navigation():
        walk.press("footer a[href*=wikipedia]", is_out=True)
        walk._left()
    walk.path = ""


def clicks(walk: Walk) -> None:
    slug = walk.rng.choice(LOOKS)
    path = f"/campaign/new-season/{slug}"
    walk.arrive(path, walk.rng.choice(list(LANDINGS)))
    for _again in range(walk.rng.randint(2, 6)):
        walk.stay(walk.rng.randint(1, 20))
        walk.press(f"#look-{slug} .scene", walk.rng.uniform(0.02, 0.98), walk.rng.uniform(0.02, 0.98))


def offline(walk: Walk) -> None:
    """The line is gone for some minutes; then either it comes back, or the visitor leaves and comes back the next hour."""
    walk.arrive("/campaign/new-season", "campaign")
    walk.stay(5)
    walk.go_offline(True)
    for slug in walk.rng.sample(LOOKS, 2):
        walk.look(slug)
        walk.tick(walk.rng.randint(1, 200) * 1000)
        walk.press(f"#look-{slug} .scene", walk.rng.uniform(0.1, 0.9), walk.rng.uniform(0.1, 0.9))
    if walk.rng.random() < 0.5:
        walk.go_offline(False)
        walk.tick(150)
        walk.settle()
        return
    walk.close_tab()
    walk.site.milliseconds += 45 * 60_000
    walk.go_offline(False)
    walk.page = walk.tabs.opened(walk.context)
    walk.arrive("/", is_new=True)  # brings what was left behind
    walk.stay(9)


def blocked(walk: Walk) -> None:
    """No localStorage; half of them without cookies as well, who are then known for one loaded page only."""
    has_cookies = walk.rng.random() < 0.5
    walk.page.add_init_script(BLOCKED + ("" if has_cookies else NO_COOKIES))
    walk.arrive("/campaign/new-season", walk.rng.choice(list(LANDINGS)))
    walk.stay(walk.rng.randint(2, 60))
    walk.look(walk.rng.choice(LOOKS))
    walk.stay(walk.rng.randint(2, 60))
    if has_cookies:
        walk.follow("nav a[href='/list/shirts']", "/list/shirts")
        walk.stay(walk.rng.randint(2, 60))


def _walk_unasked(walk: Walk) -> None:
    """Two pages before any answer; not a request and nothing stored."""
    walk.consents = False
    before = walk.site.requests
    walk.arrive("/", "campaign")
    walk.stay(walk.rng.randint(3, 90))
    walk.press("a.banner", 0.3, 0.2)
    walk.page.wait_for_url("**/campaign/new-season")
    walk.path = "/campaign/new-season"
    walk.look(walk.rng.choice(LOOKS))
    walk.press(f"#look-{walk.path.rsplit('/', 1)[1]} .scene")
    walk.tick(walk.rng.randint(3, 90) * 1000)
    assert walk.stored() == []
    assert walk.site.requests == before


def consent_late(walk: Walk) -> None:
    """From the yes on, the page that is seen then is the first of the visit."""
    _walk_unasked(walk)
    walk.consents = True
    x, y, *_cell = walk._point("#consent [data-consent=yes]")
    walk.page.mouse.click(x, y)
    walk._viewed(walk.path)
    walk.stay(walk.rng.randint(2, 60))
    walk.follow("nav a[href='/list/dresses']", "/list/dresses")
    walk.stay(walk.rng.randint(2, 60))


def consent_refused(walk: Walk) -> None:
    _walk_unasked(walk)
    before = walk.site.requests
    x, y, *_cell = walk._point("#consent [data-consent=no]")
    walk.page.mouse.click(x, y)
    walk.tick(30_000)
    walk.follow("nav a[href='/list/dresses']", "/list/dresses")
    walk.tick(30_000)
    assert walk.stored() == []
    walk.leave()
    assert walk.site.requests == before


def closed(walk: Walk) -> None:
    walk.arrive("/", walk.rng.choice(list(LANDINGS)))
    walk.stay(walk.rng.randint(1, 30))
    walk.follow(".cards li:nth-child(2) a", "/item/1007")
    walk.stay(walk.rng.randint(1, 200))
    walk.close_tab()


def order(walk: Walk) -> None:
    number, price = walk.rng.choice([(1001, 25900), (1016, 79900)])
    walk.arrive(f"/item/{number}", walk.rng.choice(list(LANDINGS)))
    walk.stay(walk.rng.randint(5, 60))
    walk._deed()  # Product Added
    walk.follow("main form button", "/cart")
    walk.visit.carts += 1
    walk.stay(walk.rng.randint(2, 20))
    walk.follow("main a.button", "/checkout")
    walk.stay(walk.rng.randint(10, 120))
    walk.follow("main form.fields button", "/checkout/thanks")
    walk.visit.orders, walk.visit.paid_minor = 1, price
    walk.stay(walk.rng.randint(1, 10))
    if walk.rng.random() < 0.5:  # loaded again: another view, the same order
        walk.arrive("/checkout/thanks")
        walk.stay(3)


def hidden(walk: Walk) -> None:
    """The tab lies behind another one for a while: the visit goes on, the stay does not."""
    walk.arrive("/item/1001", walk.rng.choice(list(LANDINGS)))
    walk.stay(walk.rng.randint(5, 60))
    walk.show(False)
    walk.tick(walk.rng.choice([60, 600, 2700]) * 1000)
    walk.show(True)
    walk.stay(walk.rng.randint(5, 60))


KINDS = {
    kind.__name__: kind
    for kind in (
        single_page,
        spa,
        outbound,
        clicks,
        offline,
        blocked,
        consent_late,
        consent_refused,
        closed,
        order,
        hidden,
    )
}


def walk_all(browser: Any, site: Site, count: int, seed: int) -> tuple[list[Visit], Counter[str]]:
    """`count` scripted visits, all kinds equally often in a drawn order; what is true of them, and how many of each kind."""
    rng = random.Random(seed)
    names = [list(KINDS)[number % len(KINDS)] for number in range(count)]
    rng.shuffle(names)
    found: list[Visit] = []
    tabs = Tabs(browser, site)
    for name in names:
        _skip_night(site)
        walk = Walk(tabs, site, rng, name)
        if not name.startswith("consent"):
            walk.say_yes_beforehand()
        KINDS[name](walk)
        walk.end()
        found += walk.visits
    tabs.close()
    return found, Counter(names)


def _skip_night(site: Site) -> None:
    """No visit runs over the shop's midnight, which would make two of it: after 21:00 the next begins at 09:00."""
    day = 24 * 3_600_000
    if site.milliseconds % day > 12 * 3_600_000:
        site.milliseconds += day - site.milliseconds % day


def stays_by_page(visits: list[Visit]) -> dict[str, int]:
    added: dict[str, int] = defaultdict(int)
    for visit in visits:
        for path, milliseconds in visit.stays.items():
            added[path] += milliseconds
    return added
