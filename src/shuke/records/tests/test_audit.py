"""Audit: what is written, what is masked, and what a shop can read of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django_scopes import scope
from django_scopes.exceptions import ScopeError

from shuke.records import reads
from shuke.records.actor import Actor
from shuke.records.audit import MASK, mask_personal, mask_secret, masked, record_audit
from shuke.records.models import AuditEntry

AT = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
MEMBER = Actor("member", 7, "Wang", "manager")


def _record(shop_id=1, **given):
    values = {
        "actor": MEMBER,
        "deed": "change_role",
        "subject_kind": "member",
        "subject_id": 9,
        "before": {"role": "analyst"},
        "after": {"role": "manager"},
        "at": AT,
    } | given
    record_audit(shop_id=shop_id, **values)


@pytest.mark.row("E3")
@pytest.mark.django_db
def test_record_audit__change__keeps_who_what_before_and_after():
    _record()

    page = reads.list_audit(1)
    assert page.count == 1
    entry = page.rows[0]
    assert (entry.actor_kind, entry.actor_id, entry.actor_name, entry.actor_role) == (
        "member",
        7,
        "Wang",
        "manager",
    )
    assert (entry.deed, entry.subject_kind, entry.subject_id, entry.at) == ("change_role", "member", "9", AT)
    assert entry.changes == {"role": ("analyst", "manager")}


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("password", "correct horse", MASK),
        ("secret", 12, MASK),
        ("token", None, None),
        ("email", "wang@example.com", "w" + MASK),
        ("email", "", ""),
        ("phone", 13800000000, "1" + MASK),
        ("name", "Wang", "Wang"),
        ("days", {date(2026, 3, 1)}, ["2026-03-01"]),
        ("price", Decimal("1.50"), "1.50"),
        ("is_on", True, True),
        ("nested", {"login": {"password": "x", "tries": [1, {"email": "li@example.com"}]}},
         {"login": {"password": MASK, "tries": [1, {"email": "l" + MASK}]}}),
    ],
)  # fmt: skip
def test_masked__by_field_name_at_any_depth__hides_secrets_and_shortens_personal(field, value, expected):
    assert masked({field: value}) == {field: expected}


def test_mask_registration__new_field__is_masked_from_then_on():
    assert masked({"licence_no": "440301", "app_key": "k"}) == {"licence_no": "440301", "app_key": "k"}
    mask_personal("licence_no")
    mask_secret("app_key")
    assert masked({"licence_no": "440301", "app_key": "k"}) == {"licence_no": "4" + MASK, "app_key": MASK}


@pytest.mark.django_db
def test_list_audit__filters_and_pages__newest_first_and_only_this_shop():
    for number in range(5):
        _record(subject_id=number)
    _record(deed="add_member", before=None)
    _record(shop_id=2)
    _record(shop_id=None)

    page = reads.list_audit(1, deed="change_role", page=2, size=2)
    assert (page.count, [row.subject_id for row in page.rows]) == (5, ["2", "1"])
    assert reads.list_audit(1, subject_id="9").rows[0].before is None
    assert reads.list_audit(2).count == 1
    assert reads.list_audit(None).count == 1


@pytest.mark.django_db
def test_audit_rows__outside_a_scope__fail_closed():
    _record()
    with pytest.raises(ScopeError):
        AuditEntry.objects.count()
    with scope(shop=1):
        assert AuditEntry.objects.count() == 1
    with scope(shop=2):
        assert AuditEntry.objects.count() == 0
