"""Every page that exists, with the objects and in the states that it needs, in a real browser: axe finds nothing, nothing
is wider than a phone, and no Han character stands on an English page but the shop's own data.

The pages are found by walking the addresses, so that a new one is looked at without being written down here.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.urls import reverse
from django.utils.http import urlencode
from playwright.sync_api import expect

from shuke.intake import reads as desk
from shuke.intake.files import actions as files
from shuke.intake.files import load
from shuke.kernel import clock
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.shops.roles import Role
from tests.routes import Route, routes
from tests.test_journeys import browser
from tests.walk_objects import HEADER, furnish
from tests.walking import Asked, client_of, own_routes, shop_routes

__all__ = ["browser"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
AXE = Path(__file__).resolve().parent.parent / "browser" / "node_modules" / "axe-core" / "axe.min.js"
ACTOR = Actor.system("tests")
PASSWORD = "correct horse 7 staple"
HAN = re.compile(r"[\u3400-\u9fff]")
PHONE, WIDE = 360, 1280
# What is written as it stands in the files is marked so that nothing translates it, and is the shop's own.
OURS = """() => {
  const page = document.documentElement.cloneNode(true);
  page.querySelectorAll("[translate=no], script").forEach((part) => part.remove());
  return page.outerHTML;
}"""
# A page that asks again by itself is still while axe looks at it, also when an answer is on its way.
STILL = """for (const name of ["htmx:beforeRequest", "htmx:beforeSwap"])
  document.addEventListener(name, (event) => event.preventDefault())"""
ASKED = "axe.run(document, {resultTypes: ['violations'], preload: false})"
# A phone hides words that name a button or a field when there is room.
ASKED_OF_NAMES = """axe.run(document, {resultTypes: ['violations'], preload: false, runOnly: {type: 'rule',
  values: ['button-name', 'link-name', 'summary-name', 'label', 'select-name']}})"""
# One look at everything in the ordinary run, the other pairs of language and theme in the long one.
LOOKS = [
    ("en", "light"),
    pytest.param(("zh-hans", "dark"), marks=pytest.mark.soak),
    pytest.param(("en", "dark"), marks=pytest.mark.soak),
    pytest.param(("zh-hans", "light"), marks=pytest.mark.soak),
]
HEALTH = {
    "performanceMetrics": [
        {
            "marketplaceId": "A1EXAMPLE",
            "lateShipmentRate": {
                "reportingDateRange": {"reportingDateFrom": "2026-02-01", "reportingDateTo": "2026-02-28"},
                "status": "GOOD",
                "targetValue": 0.04,
                "targetCondition": "LESS_THAN",
                "orderCount": 500,
                "lateShipmentCount": 50,
                "rate": 0.02,
            },
        }
    ],
    "accountStatuses": [{"marketplaceId": "A1EXAMPLE", "status": "NORMAL"}],
}


@pytest.fixture(params=LOOKS)
def looker(request, browser, live_server) -> Iterator[Looker]:
    assert AXE.exists(), "the browser packages are not set up: make setup-tests"
    language, theme = request.param
    # axe is put into the page by the test, which the policy would rightly refuse.
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce", color_scheme=theme)
    page = context.new_page()
    page.set_content("<main><img src='data:,'></main>")
    page.evaluate(AXE.read_text())
    found = [one["id"] for one in page.evaluate(ASKED)["violations"]]
    assert "image-alt" in found  # so that its silence means something
    yield Looker(page, live_server.url, language)
    context.close()


class Looker:
    """Looks at addresses one after another and keeps what it finds."""

    def __init__(self, page: Any, url: str, language: str) -> None:
        self.page, self.url, self.language = page, url, language
        self.found: list[tuple[str, ...]] = []
        self.seen: set[str] = set()

    def set_cookies(self, **cookies: str) -> None:
        given = [{"name": name, "value": value, "url": self.url} for name, value in cookies.items()]
        self.page.context.add_cookies(given)

    def be(self, client: Any) -> None:
        """From now on the browser is who the client is."""
        self.page.context.clear_cookies()
        self.set_cookies(shuke_language=self.language, shuke_theme="auto")
        if "sessionid" in client.cookies:
            self.set_cookies(sessionid=client.cookies["sessionid"].value)

    def look(self, name: str, path: str) -> None:
        """Wide for axe, then as narrow as a phone."""
        self.seen.add(name)
        self.page.set_viewport_size({"width": WIDE, "height": 900})
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert (answer.status, self.page.url) == (200, self.url + path), name
        expect(self.page.locator(".skeleton")).to_have_count(0)
        self.page.evaluate(STILL)
        self.page.evaluate(AXE.read_text())
        self.ask_axe(name, ASKED)
        if self.page.locator("h1").count() != 1:
            self.found.append((name, "not one heading"))
        self.page.set_viewport_size({"width": PHONE, "height": 900})
        if self.page.evaluate("document.documentElement.scrollWidth") > PHONE:
            self.found.append((name, "wider than a phone"))
        self.ask_axe(f"{name} on a phone", ASKED_OF_NAMES)
        han = HAN.findall(self.page.evaluate(OURS))
        if bool(han) is (self.language == "en"):
            self.found.append((name, "".join(han)[:20] or "no Chinese"))

    def ask_axe(self, name: str, question: str) -> None:
        for one in self.page.evaluate(question)["violations"]:
            places = [node["html"][:160] for node in one["nodes"][:2]]
            self.found.append((name, one["id"], one["impact"], *places))


def is_page(answer: Any) -> bool:
    """Whether it is a whole page: no part of one, no file, no way to another."""
    is_html = answer.status_code == 200 and answer.get("Content-Type", "").startswith("text/html")
    return is_html and b"<html" in answer.content


def test_pages__of_a_shop_with_everything__have_nothing_serious(looker, shop, member_of, monkeypatch) -> None:
    # A file that is mostly broken is given up after its first rows were set aside.
    monkeypatch.setattr(load, "CHUNK_ROWS", 4)
    monkeypatch.setattr(load, "MOST_BAD", 6)
    objects = furnish(shop)
    owner = client_of(member_of(shop, Role.OWNER))
    asked = Asked(shop.slug, objects)
    pages, elsewhere = {}, []
    for route, _deed in shop_routes():
        answer = asked.read(owner, route)
        if is_page(answer):
            query = asked.query(route)
            pages[route.path] = asked.url(route) + (f"?{urlencode(query)}" if query else "")
        elif answer.status_code not in (200, 405):  # a part of a page, or a deed
            elsewhere.append((route.path, answer.status_code))
    # A page that leads elsewhere, because its sample names nothing, would not be looked at.
    assert elsewhere == []
    pages |= states(shop, objects)
    pages |= {route.path: route.url({}) for route in own_routes() if is_page_without_shop(owner, route)}
    looker.be(owner)
    for name, path in pages.items():
        looker.look(name, path)
    assert not looker.found, "\n".join(map(str, looker.found))
    assert len(looker.seen) >= 35


def is_page_without_shop(client: Any, route: Route) -> bool:
    return not route.arguments and is_page(client.get(route.url({})))


def states(shop, objects: dict[str, Any]) -> dict[str, str]:
    """Pages whose look depends on the state of what they show: name -> address."""
    common = {"shop": shop, "actor": ACTOR, "at": clock.now()}

    def imported(content: bytes, name: str, mapping: str) -> desk.ImportView:
        kept = files.upload_file(**common, content=io.BytesIO(content), name=name)
        return files.start_import(**common, files={"": kept.sha256}, mapping=mapping, choices={})

    rows = [f"x-{number},{'2026-04-01' if number < 3 else 'never'},tom,1,5\n" for number in range(20)]
    failed = imported((HEADER + "".join(rows)).encode(), "failed.csv", objects["mapping"])
    report = imported(json.dumps(HEALTH).encode(), "accountHealthReport.json", "amazon_reports")
    for one in (failed, report):
        jobs.run_to_end(one.job_id)
    jobs.run_to_end(desk.get_mend(shop, objects["mend"]).job_id)
    ended = desk.get_import(shop, failed.id)
    assert ended.state == "failed"
    assert ended.rows_bad
    assert len(desk.list_report_lines(shop)) == 2
    unknown = files.upload_file(**common, content=io.BytesIO(b"a;b\n1;2\n"), name="unknown.csv")

    def page(name: str, *more: Any, **query: Any) -> str:
        told = f"?{urlencode(query)}" if query else ""
        return reverse(f"intake:{name}", args=[shop.slug, *more]) + told

    rules = json.dumps([{"rule": "time_format", "column": "at", "format": "%d.%m.%Y"}])
    group = {"origin": "import", "mapping": objects["mapping"], "reason": objects["reason"]}
    return {
        "an import that waits": page("import", objects["waiting_import"]),
        "an import that was stopped": page("import", objects["stopped_import"]),
        "an import that failed": page("import", failed.id),
        "a mend that was stopped": page("mend", objects["stopped_mend"]),
        "an entry that is settled": page("quarantined", objects["settled"]),
        "a mend looked at": page("mend_group", column=objects["column"], **group, rules=rules, look=1),
        "a preview without a mapping": page("preview", file=unknown.sha256),
        "one report": page("reports", report="account_health"),
        "quarantine, everything": page("quarantine", state="any"),
    }


def test_pages__of_sign_in_and_second_factor__have_nothing_serious(looker, shop, member_of) -> None:
    anna, ben = member_of(shop, Role.OWNER), member_of(shop, Role.ANALYST)
    TOTP.activate(ben, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(ben)
    of_library = [route for route in routes() if route.module.startswith("allauth.") and not route.arguments]
    second, reset = reverse("mfa_authenticate"), reverse("account_reset_password")
    nobody, between = client_of(None), client_of(None)
    visits = {"nobody": (nobody, [*pages_of(nobody, of_library), reset])}
    between.post(reverse("account_login"), {"login": ben.email, "password": PASSWORD})
    visits["between both steps"] = (between, [second])
    for name, user in (("without a second factor", anna), ("with a second factor", ben)):
        client = client_of(user)
        visits[f"{name}, not asked again"] = (client, [reverse("account_reauthenticate")])
        client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
        visits[name] = (client, pages_of(client, of_library))
    for name, (client, paths) in visits.items():
        looker.be(client)
        for path in paths:
            looker.look(f"{path} {name}", path)
    assert not looker.found, "\n".join(map(str, looker.found))
    shown = {name.partition(" ")[0] for name in looker.seen}
    assert {"/accounts/login/", second, "/accounts/2fa/", reset} <= shown
    assert {"/accounts/2fa/totp/activate/", "/accounts/2fa/recovery-codes/"} <= shown


def pages_of(client: Any, found: list[Route]) -> list[str]:
    return [route.url({}) for route in found if is_page(client.get(route.url({})))]
