"""The tracker's queue: whatever the line, the collector and the visitor do, each event counts, and counts once."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from shuke.intake import wsgi
from shuke.kernel.periods import Period, local_day
from shuke.warehouse import reads as warehouse
from tests.test_tracker_visits import browser
from tests.tracker_site import START, commit_all, tracked_site
from tests.tracker_walk import BLOCKED, NOWHERE, Tabs

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.row("T1"),
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
STEPS = 60
TELL = "numbers => numbers.forEach((n) => window.shuke.track('Told', {n}))"


@pytest.fixture
def site(shop, monkeypatch):
    monkeypatch.setattr(wsgi, "_collectors", {})
    with tracked_site(shop) as found:
        yield found


class Sender:
    """A page that tells numbers, under a drawn fate."""

    def __init__(self, browser, site) -> None:
        self.site, self.tabs = site, Tabs(browser, site)
        self.page = self.tabs.fresh()
        self.page.context.add_cookies([{"name": "shop_consent", "value": "yes", "url": site.url}])
        self.told = 0
        self.open()

    def open(self) -> None:
        self.page.goto(self.site.url + "/pages/privacy", wait_until="load")

    def tell(self, count: int) -> None:
        self.page.evaluate(TELL, list(range(self.told, self.told + count)))
        self.told += count

    def tick(self, milliseconds: int) -> None:
        self.site.milliseconds += milliseconds
        self.page.clock.run_for(milliseconds)
        self.page.wait_for_timeout(5)  # an answer may come meanwhile, or later: both are fine

    def waiting(self) -> int:
        """How many events this page and those before it still keep."""
        kept = "Object.keys(localStorage).filter((one) => one.startsWith('shuke.q.'))"
        return self.page.evaluate(
            f"{kept}.reduce((n, one) => n + JSON.parse(localStorage.getItem(one)).length, 0)"
        )


def numbers_told(shop, site, settings) -> Counter[int]:
    commit_all(settings)
    period = Period.inclusive(local_day(START, shop.zone), local_day(site.now, shop.zone))
    rows = warehouse.ask(
        shop,
        period,
        lambda snapshot: snapshot.engine.run(snapshot.raw("events").select("name", "properties")),
    ).to_pylist()
    return Counter(json.loads(row["properties"])["n"] for row in rows if row["name"] == "Told")


def test_queue__a_law_over_drawn_fates__no_event_is_lost_and_none_is_repeated(
    browser, site, shop, settings, capsys
) -> None:
    rng = random.Random(3)
    sender = Sender(browser, site)
    fates: Counter[str] = Counter()
    is_offline = False
    for _step in range(STEPS):
        fate = rng.choice(["tell", "tell", "wait", "refused", "lost", "taken", "line", "load", "burst"])
        if fate in ("refused", "lost", "taken"):
            site.answers = fate
        elif fate == "line":
            is_offline = not is_offline
            sender.page.context.set_offline(is_offline)
        elif fate == "load":
            if is_offline:
                continue  # there is no page without a line
            sender.open()
        elif fate == "burst":
            sender.tell(rng.randint(30, 60))
        else:
            sender.tell(rng.randint(1, 4))
        fates["offline" if fate == "line" and is_offline else fate] += 1
        sender.tick(rng.choice([20, 150, 1_000, 70_000]) if fate == "wait" else 120)
    site.answers = "taken"
    sender.page.context.set_offline(False)
    for _again in range(60):
        sender.tick(2_000)
        if not sender.waiting():
            break
    assert sender.waiting() == 0
    told = numbers_told(shop, site, settings)
    outcomes = Counter(site.outcomes)
    with capsys.disabled():
        print(
            f"\n{sender.told} events over {dict(fates)}; requests {dict(outcomes)}, {site.repeated} told again",
            end=" ",
        )
    assert told == Counter(range(sender.told))
    assert min(fates[kind] for kind in ("refused", "lost", "taken", "offline", "load", "burst")) >= 3, fates
    assert outcomes["refused"] >= 3
    assert outcomes["lost"] >= 3
    assert site.repeated >= 10  # what was told again, and counted once
    sender.page.context.close()


def test_queue__two_tabs_and_no_storage__neither_takes_from_the_other(browser, site, shop, settings) -> None:
    first = Sender(browser, site)
    site.answers = "refused"
    first.tell(5)
    first.tick(150)
    second = first.page.context.new_page()  # the same visitor; takes over what waits, and both send it
    second.clock.install(time=site.now)
    second.goto(site.url + "/pages/privacy", wait_until="load")
    first.tell(5)
    site.answers = "taken"
    for _again in range(30):
        first.tick(1_000)
        second.clock.run_for(1_000)
        if not first.waiting():
            break
    blocked = first.page.context.new_page()
    blocked.add_init_script(BLOCKED)
    blocked.clock.install(time=site.now)
    blocked.goto(site.url + "/pages/privacy", wait_until="load")
    blocked.evaluate(TELL, [100, 101])
    before = site.told
    blocked.goto(site.url + NOWHERE)  # nothing was sent yet: the beacon takes it
    assert site.has_come(before + 3, seconds=20)  # with the view of the page
    assert numbers_told(shop, site, settings) == Counter([*range(10), 100, 101])
    first.page.context.close()
