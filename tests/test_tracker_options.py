"""What a shop may say in the tracker's tag and call from its pages: consent withdrawn, the browser's refusals, own views."""

from __future__ import annotations

import pytest

from shuke.intake import wsgi
from tests.test_tracker_visits import browser
from tests.tracker_site import tracked_site
from tests.tracker_walk import SEEN, Tabs

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.row("T1"),
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
PAGE = """<!doctype html><title>plain</title><body>{before}<script src="{door}/t.js" data-key="{key}" {said}></script>
<button id="pressed" data-shuke-click style="position:absolute;left:0;top:0;width:100px;height:50px">Press</button>
<div style="height:3000px"></div>"""

PLAIN_UNASKED = """<!doctype html><script src="{door}/t.js" data-key="{key}"></script>"""
WITHDRAWN = ["shuke.off"]  # all that a withdrawal leaves
BACK = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
MARKED = """document.body.insertAdjacentHTML("afterbegin", `
<label id="size" style="position:absolute;left:200px" data-shuke-click="size">M <input type="radio" id="m"></label>
<a id="mail" style="position:absolute;top:200px" data-shuke-click href="mailto:li@example.com">${"x".repeat(79)}😀😀</a>`)"""


@pytest.fixture
def site(shop, monkeypatch):
    monkeypatch.setattr(wsgi, "_collectors", {})
    with tracked_site(shop) as found:
        yield found


class Plain:
    """A page of a shop with nothing but the tag."""

    def __init__(self, browser, site, said: str, before: str = "", start: str = "") -> None:
        self.site = site
        self.page = Tabs(browser, site).fresh()
        if start:
            self.page.add_init_script(start)
        site.plain = PAGE.format(door=site.door, key=site.write_key, said=said, before=before)
        self.first = len(site.events)
        self.page.goto(site.url + "/plain?utm_source=x", wait_until="load")

    def call(self, script: str) -> None:
        self.page.evaluate(script)

    def told(self, count: int) -> list[dict]:
        """The events that have come from this page, when there are `count`; a moment is left for one too many."""
        for _again in range(40):
            self.site.milliseconds += 150
            self.page.clock.run_for(150)
            if self.site.has_come(self.first + count, seconds=0.1):
                break
        self.page.clock.run_for(300)
        self.page.wait_for_timeout(30)
        found = self.site.events[self.first :]
        assert len(found) == count, found
        return found

    def stored(self) -> list[str]:
        return self.page.evaluate(
            "[...Object.keys(localStorage), ...document.cookie.split('; ').filter(Boolean)]"
        )

    def close(self) -> None:
        self.page.context.close()


@pytest.fixture
def plain(browser, site):
    """A function that opens a page with a tag; every one is closed afterwards."""
    opened: list[Plain] = []

    def make(said: str, **more: str) -> Plain:
        opened.append(Plain(browser, site, said, **more))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def names(events: list[dict]) -> list[str]:
    return [one.get("event") or one["type"] for one in events]


def test_consent__given_and_withdrawn__leaves_its_sign_alone_and_tells_nothing_more(plain) -> None:
    early = "<script>(window.shuke = window.shuke || []).push(['track', 'Early']); </script>"
    page = plain("", before=early)
    page.call("window.shuke.consent(false)")  # a no before any yes: not even that is stored
    page.call("window.shuke.track('Too early')")
    page.call("window.shuke.identify('li')")
    assert page.told(0) == []
    assert page.stored() == []
    page.call("window.shuke.consent(true)")
    page.call("for (const nobody of [undefined, null, '']) window.shuke.identify(nobody)")  # a guest
    page.call("window.shuke.identify('li', {name: 'Li'})")
    page.call("window.shuke.track('Later')")
    found = page.told(3)
    assert names(found) == ["page", "identify", "Later"]
    assert [one.get("userId") for one in found] == [None, "li", "li"]
    assert len(page.stored()) == 2
    page.call("window.shuke.consent(false)")
    page.call("window.shuke.track('Never')")
    page.told(3)
    assert page.stored() == WITHDRAWN
    page.call("window.shuke.consent(true)")
    again = page.told(4)[-1]
    assert again["type"] == "page"
    assert again["anonymousId"] != found[0]["anonymousId"]
    assert page.stored() == ["shuke.id"]
    # Come back from the browser's memory, without its id: whether that is a withdrawal can not be known, so it is one.
    page.call(f"localStorage.clear(), {BACK}")
    page.call("window.shuke.track('Never')")
    page.told(4)
    assert page.stored() == []
    # Withdrawn while the collector was away, agreed again when it was there.
    page.site.answers = "refused"
    page.call("window.shuke.consent(true)")
    page.told(4)
    page.call("window.shuke.consent(false)")
    page.page.clock.run_for(70_000)  # longer than any pause between two tries
    page.site.answers = "taken"
    page.call("window.shuke.consent(true)")
    assert names(page.told(5))[-1] == "page"


def test_consent__withdrawn_in_another_tab__ends_counting_in_this_one_and_leaves_its_sign_alone(
    plain,
) -> None:
    page = plain('data-consent="given"')
    page.told(1)
    page.site.answers = "refused"
    page.call("window.shuke.track('Waiting')")
    page.page.clock.run_for(200)
    other = page.page.context.new_page()
    page.site.plain = PLAIN_UNASKED.format(door=page.site.door, key=page.site.write_key)
    other.goto(page.site.url + "/plain/2", wait_until="load")
    assert len(page.stored()) == 2
    other.evaluate("window.shuke.consent(false)")  # its first call: nothing was begun here
    other.evaluate("localStorage.clear()")  # as tools for consent do: this tab hears the sign, and sees none
    page.page.wait_for_timeout(50)  # until this tab hears of it
    page.site.answers = "taken"
    page.call("window.shuke.track('Never')")
    page.told(1)
    assert page.stored() == []
    page.call("window.shuke.consent(true)")
    again = page.told(2)[-1]
    # A page that comes back from the browser's memory has heard of nothing meanwhile.
    page.call(f"localStorage.removeItem('shuke.id'), localStorage.setItem('shuke.off', 1), {BACK}")
    page.call("window.shuke.track('Never')")
    assert names(page.told(2)) == ["page", "page"]
    assert again["anonymousId"] != page.told(2)[0]["anonymousId"]
    assert page.stored() == WITHDRAWN


def test_storage__wiped_by_the_shop__ends_no_counting_and_loses_nothing(plain) -> None:
    page = plain('data-consent="given"')
    page.call("window.shuke.identify('li')")
    page.told(2)
    page.site.answers = "refused"
    page.call("window.shuke.track('Waiting')")
    page.page.clock.run_for(200)
    page.call("localStorage.clear()")  # the shop's way to sign out
    page.call(f"({SEEN})('hidden'), ({SEEN})('visible')")
    assert len(page.stored()) == 2  # the id, and what waits
    page.site.answers = "taken"
    page.call("history.pushState(null, '', '/plain/2'), localStorage.clear()")
    page.page.click("#pressed")
    page.call("window.shuke.track('Order Completed', {order_id: '1'})")
    found = page.told(7)
    deeds = ["Waiting", "Page Stayed", "page", "Element Clicked", "Order Completed"]
    assert names(found) == ["page", "identify", *deeds]
    assert len({one["anonymousId"] for one in found}) == 1
    assert [one.get("userId") for one in found] == [None, "li", "li", None, None, None, None]  # signed out
    # Where nothing was begun yet, a sign-out names another visitor, and other tabs take that one.
    page.site.plain = PLAIN_UNASKED.format(door=page.site.door, key=page.site.write_key)
    other = page.page.context.new_page()
    other.goto(page.site.url + "/plain/3", wait_until="load")
    other.evaluate("window.shuke.reset()")
    page.page.wait_for_timeout(50)
    page.call("window.shuke.track('Other')")
    assert page.told(8)[-1]["anonymousId"] != found[0]["anonymousId"]


def test_queue__of_another_shop_on_the_same_host__is_left_to_it(plain) -> None:
    page = plain('data-consent="given"')
    page.told(1)
    page.site.answers = "refused"
    page.call("window.shuke.track('Mine')")
    page.page.clock.run_for(200)
    mine = "Object.keys(localStorage).find((one) => localStorage.getItem(one).includes('Mine'))"
    kept = page.page.evaluate(mine)
    page.site.plain = page.site.plain.replace(page.site.write_key, "wk_other")
    page.page.goto(page.site.url + "/plain/fr", wait_until="load")
    assert page.page.evaluate(mine) == kept
    page.call("window.shuke.consent(false)")  # withdrawn: nothing of anybody stays
    assert page.stored() == WITHDRAWN


@pytest.mark.parametrize(
    ("said", "refusal", "is_counted"),
    [
        ("gpc dnt", "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})", False),
        ("gpc dnt", "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})", False),
        ("gpc", "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})", True),
    ],
)
def test_signals__of_the_browser__are_honoured_where_the_shop_says_so(
    plain, said, refusal, is_counted
) -> None:
    page = plain(f'data-consent="given" data-signals="{said}"', start=refusal)
    page.call("window.shuke.consent(true)")
    assert names(page.told(int(is_counted))) == ["page"] * is_counted
    assert bool(page.stored()) == is_counted


def test_views__of_addresses_that_change__as_the_howto_says(plain) -> None:
    page = plain('data-consent="given"')
    page.told(1)
    page.call("history.replaceState(null, '', '?sort=price')")  # rewritten: none
    page.call("history.pushState(null, '', '#reviews')")  # a fragment: none
    page.told(1)
    page.call("history.pushState(null, '', '?page=2')")
    page.call("history.replaceState(null, '', '/plain/2')")
    page.call("history.pushState(null, '', '/plain/2')")  # the same: none
    found = [one for one in page.told(4) if one["type"] == "page"]  # and the stay on the first
    assert [one["properties"]["url"].split("/", 3)[3] for one in found] == [
        "plain?utm_source=x",
        "plain?page=2",
        "plain/2",
    ]
    assert [one["properties"].get("referrer", "").rsplit("/", 1)[-1] for one in found] == [
        "",
        "plain?utm_source=x",
        "plain?page=2",
    ]


def test_views__told_by_the_shop_itself__are_the_only_ones_and_hold_what_happens_on_them(plain) -> None:
    page = plain('data-consent="given" data-views="own"')
    page.call("history.pushState(null, '', '/plain/2')")
    page.told(0)
    page.call("window.shuke.page('Second', {category: 'shirts'})")
    page.call("window.shuke.track('x'.repeat(99), {long: 'x'.repeat(20000)})")  # larger than may be sent
    page.call("window.shuke.reset()")
    page.call("window.shuke.track('Other')")
    first, other = page.told(2)
    assert (first["name"], first["properties"]["category"]) == ("Second", "shirts")
    assert other["event"] == "Other"
    assert other["anonymousId"] != first["anonymousId"]
    page.call(
        "window.shuke.page('Item', {path: '/item/1', search: {term: 'linen'}})"
    )  # a search of the shop's
    page.page.click("#pressed")
    page.page.clock.run_for(1000)
    page.call("window.shuke.page('Cart', {path: '/cart', url: 'https://linen.example/cart', search: ''})")
    page.call("window.shuke.track('Coupon Entered')")
    page.call("window.shuke.page()")
    found = page.told(9)[2:]
    on = [one["properties"] if one["type"] == "page" else one["context"]["page"] for one in found]
    assert [(one.get("event"), page["path"]) for one, page in zip(found, on, strict=True)] == [
        ("Page Stayed", "/plain/2"),
        (None, "/item/1"),
        ("Element Clicked", "/item/1"),
        ("Page Stayed", "/item/1"),
        (None, "/cart"),
        ("Coupon Entered", "/cart"),
        (None, "/plain/2"),
    ]
    assert [one["search"] for one in on[2:]] == ["", "", "", "", ""]
    assert on[5]["url"] == on[6]["referrer"] == "https://linen.example/cart"


def test_click__by_keyboard_and_beside_a_mark__lies_in_the_middle_of_what_was_pressed_or_is_none(
    plain,
) -> None:
    page = plain('data-consent="given"')
    page.page.focus("#pressed")
    page.page.keyboard.press("Enter")
    page.page.mouse.click(600, 600)  # nothing is marked there
    clicked = page.told(2)[-1]
    told = clicked["properties"]
    assert (clicked["event"], told["kind"], told["label"], told["x"]) == (
        "Element Clicked",
        "marked",
        "Press",
        0,
    )
    assert told["y"] == 25 * 100 // told["height"]
    assert clicked["context"]["page"]["path"] == "/plain"


def test_click__on_a_label_and_on_a_mail_address__is_one_and_says_no_more_than_it_may(plain) -> None:
    page = plain('data-consent="given"')
    page.call(MARKED)
    page.call("addEventListener('click', (click) => click.target.id === 'mail' && click.preventDefault())")
    page.page.click("#size", position={"x": 3, "y": 3})  # the browser clicks the control as well
    page.page.clock.run_for(10)
    page.page.click("#m")
    page.page.click("#mail")
    page.call("window.shuke.track('Cut', {title: 'linen \\ud83d'})")
    found = page.told(5)
    clicks = [one["properties"] for one in found if one["type"] == "track"]
    assert [one.get("label") for one in clicks[:3]] == ["size", "size", "x" * 79 + "\U0001f600"]
    assert "href" not in clicks[2]
    assert clicks[3] == {"title": "linen \ufffd"}  # half a character would have the event refused


def test_view__with_a_fragment__is_told_without_it(plain) -> None:
    page = plain('data-consent="given" data-views="own"')
    page.call("history.replaceState(null, '', '#token=secret')")
    page.call("window.shuke.page()")
    assert page.told(1)[0]["properties"]["url"].endswith("/plain?utm_source=x")


def test_views__of_a_router_behind_the_hash__are_told_by_its_path_and_nothing_else_of_it(plain) -> None:
    page = plain('data-consent="given" data-views="hash"')
    page.told(1)
    page.call("location.replace('#/')")  # how such a router begins: the page that was told
    page.call("history.replaceState(null, '', '#/')")
    page.told(1)
    page.call("location.hash = '#/item/1?token=secret'")
    page.call("history.replaceState(null, '', '#/item/1?sort=price')")  # rewritten: none
    page.call("history.pushState(null, '', '#/item/1?sort=price#secret')")  # a fragment of the fragment: none
    page.call("history.pushState(null, '', '#/item/1?page=2')")
    page.call("history.pushState(null, '', '#!/cart&state=secret')")
    page.page.click("#pressed")
    page.call("history.back()")
    page.page.wait_for_function("location.hash === '#/item/1?page=2'", polling=20)
    page.call("location.hash = '#token=secret'")
    found = page.told(8)
    views = [one["properties"] for one in found if one["type"] == "page"]
    assert [one["path"] for one in views] == ["/plain", "/item/1", "/item/1", "/cart", "/item/1", "/plain"]
    item, cart = "/plain?utm_source=x#/item/1", "/plain?utm_source=x#!/cart"
    addresses = [one["url"].removeprefix(page.site.url) for one in views]
    assert addresses == ["/plain?utm_source=x", item, item, cart, item, "/plain?utm_source=x"]
    assert {one["search"] for one in views} == {"?utm_source=x"}
    [clicked] = [one["context"]["page"] for one in found if one.get("event") == "Element Clicked"]
    assert clicked["path"] == "/cart"
    assert "secret" not in str(found)
