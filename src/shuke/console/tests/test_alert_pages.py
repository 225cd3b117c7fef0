"""The pages of alerts without a browser: numbers in their units, the link to the funnel that is watched, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest
from django.urls import reverse
from django.utils import translation
from django_scopes import scope

from shuke.conditions.reads import All, Compare, Op
from shuke.kernel import clock
from shuke.kernel.periods import ONE_DAY
from shuke.records.actor import Actor
from shuke.shops.roles import Role
from shuke.traffic.alerts import actions, reads
from shuke.traffic.alerts.models import Alert, DayJudged
from shuke.traffic.alerts.tests.raised import raise_one
from shuke.traffic.tests.facts import event
from shuke.warehouse import actions as warehouse
from shuke.warehouse import schemas

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7"), pytest.mark.usefixtures("warehouse_home")]


@pytest.fixture
def page(client, shop, member_of):
    """A function (path name, *numbers) -> the page's text, as an operator reads it in English."""
    client.force_login(member_of(shop, Role.OPERATOR))
    client.cookies["shuke_language"] = "en"

    def look(name: str, *args: int) -> str:
        return client.get(reverse(f"console:{name}", args=[shop.slug, *args])).content.decode()

    return look


def test_pages__of_a_rule_on_a_mean__show_it_in_its_unit(page, shop) -> None:
    at, actor = clock.now(), Actor.system("tests")
    rule = actions.create_rule(
        shop=shop, kind="unusual", metric="views_per_visitor", direction="fall", actor=actor, at=at
    )
    lead = f"count.{rule.id}"
    alert = raise_one(shop, lead, at=at)
    with scope(shop=shop.id):
        Alert.objects.update(rule_id=rule.id)
        row = DayJudged.objects.order_by("-day")[0]
        row.judged[lead] = ["moved", 3200, None, 6100, 5500, 6700, 9.0, 1, 1]
        row.save()
    for text in (page("alerts"), page("alert", alert.id)):
        assert "3.2" in text
        assert "3,200" not in text
        assert "6,100" not in text


def test_page__of_a_step__leads_to_the_funnel_of_its_step_by_terminal(page, shop, client) -> None:
    alert = raise_one(shop, "step.payment|terminal=mobile", at=clock.now())
    day = datetime.combine(alert.since, datetime.min.time(), UTC).replace(tzinfo=None)
    rows = [
        event(shop.zone, shop_id=shop.id, at=day.replace(hour=0), page_path="/m/pay/2", page_type="other"),
        event(shop.zone, shop_id=shop.id, at=day.replace(hour=1), type="track", name="Checkout Started"),
    ]
    rows = [row | {"local_day": alert.since - ONE_DAY} for row in rows]
    warehouse.append(facts={"events": pa.Table.from_pylist(rows, schema=schemas.EVENTS)})
    look = reads.step_texts(shop, alert)
    assert look == ("Checkout Started", "*/pay/*")
    text = page("alert", alert.id).replace("&amp;", "&")
    (link,) = {part.split('"')[0] for part in text.split('href="') if part.startswith("/") and "w=1" in part}
    asked = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert (asked["from"], asked["to"]) == (alert.since.isoformat(), alert.last_day.isoformat())
    assert (asked["t1"], asked["n1"], asked["split"]) == ("track", "Checkout Started", "terminal")
    assert (asked["t2"], asked["f2"], asked["o2"], asked["v2"]) == ("view", "page_path", "contains", "/pay/")
    shown = client.get(link).content.decode()
    assert "Checkout Started" in shown
    assert "/pay/" in shown


def test_rule__of_a_share_beyond_all__is_refused_as_it_was_typed(page, shop, client) -> None:
    page("alerts")
    given = {"metric": "conversion", "direction": "below", "limit": "150"}
    answer = client.post(reverse("console:create_alert_rule", args=[shop.slug]), given)
    assert answer.status_code == 422
    assert "150%" in answer.content.decode()
    assert [rule.kind for rule in reads.list_rules(shop)] == ["watch"]


def test_page__of_a_step_on_days_without_facts__leads_to_the_first_that_shows_it(page, shop) -> None:
    alert = raise_one(shop, "step.order", at=clock.now())
    assert reads.step_texts(shop, alert) == ("Payment Info Entered", "Order Completed")
    assert "n2=Order+Completed" in page("alert", alert.id)
    assert reads.step_texts(shop, raise_one(shop, at=clock.now())) == ()


@pytest.mark.parametrize(
    ("condition", "said", "link"),
    [
        (Compare("channel", Op.EQ, "email"), "Email", "channel=email"),
        (
            All((Compare("channel", Op.EQ, "email"), Compare("terminal", Op.EQ, "pc"))),
            "Email, Computer",
            "channel=email&terminal=pc",
        ),
        (Compare("source", Op.NE, "baidu"), "source is not baidu", ""),
        (None, "", ""),
    ],
)
def test_alert__of_a_rule_on_some_visits__says_which_leads_to_them_and_keeps_its_limit(
    page, shop, condition, said, link
) -> None:
    at, actor = clock.now(), Actor.system("tests")
    given = {"kind": "limit", "metric": "visits", "direction": "below", "limit": Decimal(1000)}
    rule = actions.create_rule(shop=shop, condition=condition, actor=actor, at=at, **given)
    alert = raise_one(shop, f"limit.{rule.id}", at=at)
    kept = {
        "day": alert.last_day.isoformat(),
        "days": 1,
        "part": "225",
        "limit": "1000",
        "direction": "below",
    }
    with scope(shop=shop.id):
        Alert.objects.update(rule_id=rule.id, evidence=kept)
    text = page("alert", alert.id).replace("&amp;", "&")
    assert f"to={alert.last_day}" + (f"&{link}" if link else "") + '"' in text
    assert said in text
    told = []
    for _look in range(2):
        with translation.override("en"):
            found = reads.get_alert(shop, alert.id)
            told.append(reads.sentence(found, shop))
            words = reads.rule_words(found.rule, shop)
        actions.change_rule(shop=shop, rule_id=rule.id, limit=Decimal(1000), actor=actor, at=at)
        assert reads.get_alert(shop, alert.id).is_open == (not _look)
        actions.change_rule(
            shop=shop, rule_id=rule.id, direction="above", limit=Decimal(9), actor=actor, at=at
        )
    # Raised by the limit as it was: it is over, and says what it said.
    assert told[0] == told[1]
    assert told[0].endswith("below the limit of 1,000")
    assert "above 9" in words
    for one in (told[0], words):
        assert said in one
    assert ("(only" in words) == bool(said)
    with translation.override("zh-hans"):
        assert ("仅限" in reads.rule_words(rule, shop)) == bool(said)


def test_pages__of_a_shop_without_a_payment_that_is_seen__watch_the_steps_beside_it_and_say_so(
    page, shop
) -> None:
    alert = raise_one(shop, "step.order<checkout|terminal=mobile", at=clock.now())
    with scope(shop=shop.id):
        row = DayJudged.objects.order_by("-day")[0]
        of = row.judged[str(alert.lead)]
        row.judged |= {"step.cart": of, "step.checkout": of, "step.order<checkout": of}
        row.save()
    assert reads.standing(shop).missing_steps == ("payment",)
    assert "Hardly ever seen: payment." in page("alerts")
    assert "Step “checkout → order”, Mobile phone" in page("alert", alert.id)
    assert reads.step_texts(shop, alert) == ("Checkout Started", "Order Completed")
