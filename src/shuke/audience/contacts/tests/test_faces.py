"""Consent over the API, as a command and as a page in a browser: the same numbers, and who may do what."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_scopes import scope
from typer.testing import CliRunner

from shuke.audience.contacts import coverage
from shuke.audience.contacts.kinds import Channel, Purpose
from shuke.audience.contacts.models import Statement
from shuke.audience.identities.kinds import Kind
from shuke.audience.identities.names import name_of
from shuke.audience.identities.tests.furnished import say
from shuke.kernel import clock
from shuke.kernel.surrogates import surrogate
from shuke.project.commands import app
from shuke.records.actor import Actor
from shuke.shops import actions as shops
from shuke.shops.roles import Role
from shuke.warehouse import actions as warehouse
from shuke.warehouse.tests.facts import line, lines_table

pytestmark = [
    pytest.mark.row("A8"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
PHONE = "13800138001"


@pytest.fixture
def regular(shop) -> Any:
    """Ann, who bought on two days of the half-year and has a phone, and Bob, who bought once."""
    now = clock.now()
    rows = []
    for number, (who, days) in enumerate((("ann", 5), ("ann", 9), ("bob", 7))):
        buyer = {"buyer_id": surrogate(shop.id, "person", who), "buyer_ref": who}
        rows.append(line(shop, f"o{number}", 1, now - timedelta(days=days), 1000, **buyer))
    warehouse.append(facts={"order_lines": lines_table(rows)})
    say(shop, ("person", "ann", "phone", PHONE))
    return shop


def _key(shop: Any, role: Role) -> dict[str, Any]:
    with scope(shop=shop.id):
        _key, secret = shops.create_api_key(
            shop=shop, name=role, role=role, actor=Actor.system("tests"), at=clock.now()
        )
    return {"headers": {"authorization": f"Bearer {secret}"}, "content_type": "application/json"}


def test_api__a_regular_consents_and_withdraws__coverage_and_lists_follow(regular) -> None:
    shop, api = regular, Client()
    url = f"/api/v1/shops/{shop.slug}/customers"
    owner, analyst = _key(shop, Role.OWNER), _key(shop, Role.ANALYST)

    def groups() -> dict[str, tuple[int, int, int, int]]:
        told = api.get(f"{url}/consent", **analyst).json()["groups"]
        return {
            g["name"]: (g["customers"], *(g["by_channel"]["sms"][k] for k in ("with_point", "permitted", "refused")))
            for g in told
        }  # fmt: skip

    assert groups()["regulars"] == (1, 1, 0, 0)
    assert groups()["buyers"] == (2, 1, 0, 0)
    said = {
        "said": "given",
        "kind": "phone",
        "text": f"+86 {PHONE}",
        "channel": "sms",
        "purpose": "marketing",
    }
    assert api.post(f"{url}/consent/statements", said, **analyst).status_code == 403
    assert api.post(f"{url}/consent/statements", said, **owner).status_code == 422  # no evidence
    with scope(shop=shop.id):
        assert not Statement.objects.exists()
    proof = {"text_version": "v3", "source": "checkout"}
    assert api.post(f"{url}/consent/statements", said | proof, **owner).status_code == 200
    assert groups()["regulars"] == (1, 1, 1, 0)
    listed = api.get(f"{url}/consent/reachable?channel=sms", **owner).json()["rows"]
    assert [row["point"] for row in listed] == ["+86•••01"]
    file = b"".join(api.get(f"{url}/consent/reachable?channel=sms&format=csv", **owner).streaming_content)
    assert PHONE not in file.decode()
    assert len(file.decode().strip().splitlines()) == 2
    # By e-mail it wants a confirmation; the token is told once.
    asked = {"kind": "email", "text": "ann@example.com", "channel": "email", "purpose": "survey", **proof}
    token = api.post(f"{url}/consent/confirmations", asked, **owner).json()["token"]
    confirmed = api.post(f"{url}/consent/confirmations/confirm", {"token": token}, **owner)
    assert confirmed.status_code == 200
    again = api.post(f"{url}/consent/confirmations/confirm", {"token": token}, **owner)
    assert again.status_code == 409
    # A customer's own: his points with every verdict, and all that was said.
    ann = name_of(shop, Kind.PERSON, "ann").id
    one = api.get(f"{url}/{ann}/consent", **owner).json()
    verdicts = {(v["channel"], v["purpose"]): v["reason"] for v in one["points"][0]["verdicts"]}
    assert verdicts["sms", "marketing"] == "permitted"
    assert verdicts["call", "marketing"] == "nothing_said"
    # Refused under her own name, without a word of why: every channel and purpose, from now on.
    gone = {"said": "withdrawn", "identity_id": str(ann)}
    assert len(api.post(f"{url}/consent/statements", gone, **owner).json()["statement_ids"]) == 18
    assert groups()["regulars"] == (1, 1, 0, 1)
    assert api.get(f"{url}/consent/reachable?channel=sms", **owner).json()["rows"] == []
    assert api.get(f"{url}/consent/statements", **owner).json()["count"] == 21
    assert api.get(f"{url}/consent/statements", **analyst).status_code == 403
    run = CliRunner().invoke(app, ["--language", "en", "report", "consent", "--shop", shop.slug, "--json"])
    assert json.loads(run.output) == api.get(f"{url}/consent", **owner).json()


@pytest.fixture
def browser() -> Iterator[Any]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield started
        started.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@pytest.mark.browser
def test_consent_page__in_a_browser__a_statement_written_down_counts_at_once(
    regular, browser, live_server, client, member_of
) -> None:
    from playwright.sync_api import expect

    shop = regular
    client.force_login(member_of(shop, Role.OPERATOR))
    client.cookies["shuke_language"] = "zh-hans"
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    context.add_cookies(
        [{"name": n, "value": m.value, "url": live_server.url} for n, m in client.cookies.items()]
    )
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(live_server.url + reverse("console:consent", args=[shop.slug]))
    expect(page.get_by_role("heading", level=1)).to_have_text("能联系到多少人，怎么联系？")
    page.get_by_text("记录某人的表示").click()
    page.get_by_label("手机号、邮箱或该渠道的账号").fill(PHONE)
    page.get_by_label("文本版本（同意时必填）").fill("v3")
    page.get_by_label("在哪里表示的").fill("门店")
    page.get_by_role("button", name="记录", exact=True).click()
    expect(page.get_by_text("已记录，即刻生效。")).to_be_visible()
    expect(page.locator("#table-statements tbody tr")).to_have_count(1)
    expect(page.locator("#table-statements")).not_to_contain_text(PHONE)  # masked
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []
    found = coverage.coverage(shop, Purpose.MARKETING, clock.now())
    assert found.groups[0].by_channel[Channel.SMS].permitted == 1


def test_months_back__from_a_long_month__the_last_day_there_is() -> None:
    from datetime import date

    assert coverage.months_back(date(2026, 8, 31), 6) == date(2026, 2, 28)
    assert coverage.months_back(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert coverage.months_back(date(2026, 5, 10), 6) == date(2025, 11, 10)
