"""Who may give which role to whom: pure functions, from roles to a verdict with reasons."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.verdicts import Reason, Verdict
from shuke.shops.roles import TABLE, Deed, Role

_RANK = {role: rank for rank, role in enumerate(Role)}  # 0 is the most trusted

NOT_YOURS = Reason("role_not_allowed", _("Your role may not manage members or keys."))
ABOVE_YOU = Reason("role_above_yours", _("You may not give or take a role above your own."))
LAST_OWNER = Reason("last_owner", _("A shop keeps at least one owner. Make someone else owner first."))


def may_set_role(
    *,
    own: Role | None,
    before: Role | None,
    after: Role | None,
    owners: int,
    deed: Deed = Deed.MANAGE_MEMBERS,
) -> Verdict:
    """May an actor of role `own` (None: the system) move someone from `before` to `after`?

    `before` None: someone new (or a new key); `after` None: out of the shop. `owners` counts the owners before.
    """
    if own is not None:
        if own not in TABLE[deed]:
            return Verdict.no(NOT_YOURS)
        if any(role is not None and _RANK[role] < _RANK[own] for role in (before, after)):
            return Verdict.no(ABOVE_YOU)
    if before is Role.OWNER and after is not Role.OWNER and owners <= 1:
        return Verdict.no(LAST_OWNER)
    return Verdict.yes()
