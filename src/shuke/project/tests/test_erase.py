"""`shuke erase` and its operation: a person goes from facts and journal, others stay, and only who may can do it."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import translation
from typer.testing import CliRunner

from shuke.project.commands import app
from shuke.records import erasures, reads
from shuke.warehouse.tests.facts import views
from shuke.warehouse.tests.test_tiers import add, rows_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]


@pytest.fixture(autouse=True)
def _language():
    with translation.override("en"):
        yield


@pytest.fixture
def lived(shop, other_shop):
    """Ann and Bob have facts in the shop, Ann also in another."""
    add(shop, *views(shop, "ann", [0, 5]), *views(shop, "bob", [1]))
    add(other_shop, *views(other_shop, "ann", [0]))
    return shop


def who(shop) -> list[str]:
    return sorted(row["anonymous_ref"] for row in rows_of(shop, "events"))


def run(shop, *more: str, answer: str = ""):
    return CliRunner().invoke(
        app, ["--language", "en", "erase", "--shop", shop.slug, "--device", "ann", *more], input=answer
    )


def test_erase__with_yes__the_person_is_gone_and_others_stay(lived, other_shop):
    told = run(lived, "--yes")
    assert told.exit_code == 0, told.output
    assert "Events and orders\t2" in told.output
    assert (who(lived), who(other_shop)) == (["bob"], ["ann"])
    assert [row.deed for row in reads.list_audit(lived.id, deed="erase_person").rows] == ["erase_person"]


def test_erase__answered_no__nothing_changed(lived):
    assert run(lived, answer="n\n").exit_code == 1
    assert who(lived) == ["ann", "ann", "bob"]
    assert erasures.list_erasures() == ()


@pytest.mark.parametrize(("role", "status"), [("read_only", 403), ("owner", 200)])
def test_erasure_over_the_api__by_role__done_or_refused_with_nothing_changed(lived, member_of, role, status):
    client = Client()
    member = member_of(lived, role)
    client.force_login(getattr(member, "user", member), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(
        f"/api/v1/shops/{lived.slug}/erasures",
        json.dumps({"anonymous_refs": ["ann"]}),
        content_type="application/json",
    )
    assert answer.status_code == status, answer.content
    assert who(lived) == (["bob"] if status == 200 else ["ann", "ann", "bob"])


def test_erasure_over_the_api__of_nobody__refused(lived, member_of):
    client = Client()
    member = member_of(lived, "owner")
    client.force_login(getattr(member, "user", member), backend="django.contrib.auth.backends.ModelBackend")
    url = f"/api/v1/shops/{lived.slug}/erasures"
    answers = [
        client.post(url, body, content_type="application/json").status_code
        for body in ("{}", '{"person_refs": [" "]}')
    ]
    assert answers == [422, 422]
    assert len(who(lived)) == 3
