"""The table of role x deed, written a second time from the role's side; and who may give which role."""

from __future__ import annotations

import pytest

from shuke.shops.decisions import ABOVE_YOU, LAST_OWNER, NOT_YOURS, may_set_role
from shuke.shops.roles import DEED_TITLES, ROLE_TITLES, TABLE, Deed, Role, deeds_of, may

pytestmark = pytest.mark.row("E3")

LOOKING = {"view_today", "view_rulebook"}
WORKING = LOOKING | {
    "view_traffic", "manage_traffic", "view_customers", "manage_customers", "export_tables", "import_files",
    "manage_mappings", "view_quarantine", "mend_quarantine", "send_events", "view_jobs", "stop_jobs",
}  # fmt: skip
LEADING = WORKING | {"change_rulebook", "view_audit", "manage_members", "manage_keys", "erase_person"}
EXPECTED = {
    "read_only": LOOKING | {"view_traffic"},
    "support": LOOKING | {"view_customers"},
    "analyst": LOOKING | {"view_traffic", "manage_traffic", "export_tables", "view_jobs"},
    "operator": WORKING,
    "manager": LEADING,
    "owner": LEADING | {"manage_shop"},
}


@pytest.mark.parametrize("role", list(Role))
def test_role__its_deeds__are_exactly_these(role):
    assert {deed.value for deed in deeds_of(role)} == EXPECTED[role.value]


def test_table__every_deed_and_role__is_there_and_has_a_title():
    assert set(TABLE) == set(Deed) == set(DEED_TITLES)
    assert set(ROLE_TITLES) == set(Role) == {Role(name) for name in EXPECTED}
    assert all(Role.OWNER in roles for roles in TABLE.values())


@pytest.mark.parametrize("role", [None, "", "root", "Owner"])
def test_may__unknown_role__may_nothing(role):
    assert not any(may(role, deed) for deed in Deed)


W, M, P, R = Role.OWNER, Role.MANAGER, Role.OPERATOR, Role.READ_ONLY
CASES = [
    # own, before, after, owners, reason
    (None, None, W, 0, None),  # the system makes the first owner
    (None, W, None, 2, None),
    (None, W, None, 1, LAST_OWNER),  # not even the system leaves a shop without an owner
    (W, None, W, 1, None),
    (W, W, M, 1, LAST_OWNER),
    (W, W, W, 1, None),
    (W, W, M, 2, None),
    (W, M, W, 1, None),
    (M, None, M, 1, None),
    (M, None, R, 1, None),
    (M, None, W, 1, ABOVE_YOU),
    (M, P, W, 1, ABOVE_YOU),
    (M, W, M, 2, ABOVE_YOU),
    (M, W, None, 2, ABOVE_YOU),
    (M, M, None, 1, None),
    (P, None, R, 1, NOT_YOURS),
    (R, R, None, 1, NOT_YOURS),
]  # fmt: skip


@pytest.mark.parametrize(("own", "before", "after", "owners", "reason"), CASES)
def test_may_set_role__case__gives_the_reason(own, before, after, owners, reason):
    verdict = may_set_role(own=own, before=before, after=after, owners=owners)
    assert verdict.is_allowed is (reason is None)
    assert verdict.reasons == (() if reason is None else (reason,))
