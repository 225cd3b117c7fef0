"""Words for what the records name by code: deeds, kinds of subject, actors, states of jobs."""

from __future__ import annotations

import json
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from shuke.kernel.errors import shortened
from shuke.shops.roles import ROLE_TITLES, Role

# Events that are known by name (Segment's e-commerce names and our own); any other stands as it was sent.
EVENTS: dict[str, str | Promise] = {
    "Product List Viewed": pgettext_lazy("event name", "Product List Viewed"),
    "Products Searched": pgettext_lazy("event name", "Products Searched"),
    "Product Clicked": pgettext_lazy("event name", "Product Clicked"),
    "Product Viewed": pgettext_lazy("event name", "Product Viewed"),
    "Product Added": pgettext_lazy("event name", "Product Added"),
    "Product Removed": pgettext_lazy("event name", "Product Removed"),
    "Product Added to Wishlist": pgettext_lazy("event name", "Product Added to Wishlist"),
    "Cart Viewed": pgettext_lazy("event name", "Cart Viewed"),
    "Checkout Started": pgettext_lazy("event name", "Checkout Started"),
    "Payment Info Entered": pgettext_lazy("event name", "Payment Info Entered"),
    "Order Completed": pgettext_lazy("event name", "Order Completed"),
    "Order Cancelled": pgettext_lazy("event name", "Order Cancelled"),
    "Order Refunded": pgettext_lazy("event name", "Order Refunded"),
    "Coupon Applied": pgettext_lazy("event name", "Coupon Applied"),
    "Element Clicked": pgettext_lazy("event name", "Element Clicked"),
    "Signed Up": pgettext_lazy("event name", "Signed Up"),
    "Signed In": pgettext_lazy("event name", "Signed In"),
}
DEEDS: dict[str, str | Promise] = {
    "create_shop": pgettext_lazy("audit", "Shop made"),
    "update_shop": pgettext_lazy("audit", "Shop changed"),
    "create_user": pgettext_lazy("audit", "Account made"),
    "set_password": pgettext_lazy("audit", "Password set"),
    "change_preferences": pgettext_lazy("audit", "Preferences changed"),
    "add_member": pgettext_lazy("audit", "Member added"),
    "change_role": pgettext_lazy("audit", "Role changed"),
    "remove_member": pgettext_lazy("audit", "Member removed"),
    "renew_invitation": pgettext_lazy("audit", "Invitation renewed"),
    "create_write_key": pgettext_lazy("audit", "Write key made"),
    "revoke_write_key": pgettext_lazy("audit", "Write key revoked"),
    "create_api_key": pgettext_lazy("audit", "API key made"),
    "revoke_api_key": pgettext_lazy("audit", "API key revoked"),
    "start_job": pgettext_lazy("audit", "Job started"),
    "stop_job": pgettext_lazy("audit", "Job stopped"),
    "resume_job": pgettext_lazy("audit", "Job resumed"),
    "start_import": pgettext_lazy("audit", "Import started"),
    "create_mapping": pgettext_lazy("audit", "Mapping made"),
    "save_mapping": pgettext_lazy("audit", "Mapping saved"),
    "delete_mapping": pgettext_lazy("audit", "Mapping deleted"),
    "upload_file": pgettext_lazy("audit", "File given"),
    "remove_mapping": pgettext_lazy("audit", "Mapping deleted"),
    "replay_quarantined": pgettext_lazy("audit", "Quarantined row sent again"),
    "change_rulebook": pgettext_lazy("audit", "Own rule value set"),
    "mend_quarantined": pgettext_lazy("audit", "Quarantined row mended"),
    "drop_quarantined": pgettext_lazy("audit", "Quarantined row dropped"),
    "set_own_value": pgettext_lazy("audit", "Own rule value set"),
    "erase_person": pgettext_lazy("audit", "Person erased"),
    "merge_customers": pgettext_lazy("audit", "Customers merged"),
    "split_customer": pgettext_lazy("audit", "Customer split"),
    "refuse_merge": pgettext_lazy("audit", "Merge refused"),
    "create_alert_rule": pgettext_lazy("audit", "Alert rule made"),
    "change_alert_rule": pgettext_lazy("audit", "Alert rule changed"),
    "remove_alert_rule": pgettext_lazy("audit", "Alert rule removed"),
    "snooze_alert_rule": pgettext_lazy("audit", "Alert rule put off"),
    "change_alert_letters": pgettext_lazy("audit", "Readers of alerts changed"),
    "see_alert": pgettext_lazy("audit", "Alert taken in hand"),
    "snooze_alert": pgettext_lazy("audit", "Alert put off"),
    "judge_alerts_again": pgettext_lazy("audit", "Alerts judged again"),
}
SUBJECTS: dict[str, str | Promise] = {
    "shop": pgettext_lazy("audit subject", "Shop"),
    "user": pgettext_lazy("audit subject", "Account"),
    "member": pgettext_lazy("audit subject", "Member"),
    "write_key": pgettext_lazy("audit subject", "Write key"),
    "api_key": pgettext_lazy("audit subject", "API key"),
    "job": pgettext_lazy("audit subject", "Job"),
    "import": pgettext_lazy("audit subject", "Import"),
    "file": pgettext_lazy("audit subject", "File"),
    "mapping": pgettext_lazy("audit subject", "Mapping"),
    "quarantined": pgettext_lazy("audit subject", "Quarantined row"),
    "rule": pgettext_lazy("audit subject", "Rule"),
    "person": pgettext_lazy("audit subject", "Person"),
    "identity_link": pgettext_lazy("audit subject", "Link of identities"),
    "suggestion": pgettext_lazy("audit subject", "Merge suggestion"),
    "alert": pgettext_lazy("audit subject", "Alert"),
    "alert_rule": pgettext_lazy("audit subject", "Alert rule"),
}
ACTORS: dict[str, str | Promise] = {
    "member": pgettext_lazy("actor", "member"),
    "api_key": pgettext_lazy("actor", "program"),
    "system": pgettext_lazy("actor", "system"),
    "write_key": pgettext_lazy("actor", "write key"),
}
JOB_STATES: dict[str, tuple[str | Promise, str]] = {
    "waiting": (pgettext_lazy("job state", "waiting"), ""),
    "running": (pgettext_lazy("job state", "running"), "now"),
    "stopping": (pgettext_lazy("job state", "stopping"), "warn"),
    "stopped": (pgettext_lazy("job state", "stopped"), "warn"),
    "done": (pgettext_lazy("job state", "done"), "good"),
    "failed": (pgettext_lazy("job state", "failed"), "bad"),
}


FIELDS: dict[str, str | Promise] = {
    "role": pgettext_lazy("audit field", "role"),
    "name": pgettext_lazy("audit field", "name"),
    "key": pgettext_lazy("audit field", "key"),
    "prefix": pgettext_lazy("audit field", "begins with"),
    "slug": pgettext_lazy("audit field", "short name"),
    "currency": pgettext_lazy("audit field", "currency"),
    "zone": pgettext_lazy("audit field", "time zone"),
    "platforms": pgettext_lazy("audit field", "platforms"),
    "category": pgettext_lazy("audit field", "category"),
    "state": pgettext_lazy("audit field", "state"),
    "email": pgettext_lazy("audit field", "e-mail address"),
    "kind": pgettext_lazy("audit field", "kind"),
    "params": pgettext_lazy("audit field", "details"),
    "mapping": pgettext_lazy("audit field", "mapping"),
    "files": pgettext_lazy("audit field", "files"),
    "size": pgettext_lazy("audit field", "size"),
    "reason": pgettext_lazy("audit field", "reason"),
    "is_mended": pgettext_lazy("audit field", "mended"),
    "since": pgettext_lazy("audit field", "since"),
    "value": pgettext_lazy("audit field", "value"),
    "is_own": pgettext_lazy("audit field", "own"),
    "revoked_at": pgettext_lazy("audit field", "revoked"),
    "language": pgettext_lazy("audit field", "language"),
    "theme": pgettext_lazy("audit field", "light or dark"),
}


def event_words(name: str) -> str:
    """An event's name in the reader's language, where it is a known one."""
    return str(EVENTS.get(name, name))


def field(code: str) -> str:
    """A changed field's name; one without a name shows its code."""
    return str(FIELDS.get(code, code.replace("_", " ")))


def deed(code: str) -> str:
    """A deed's name; a room's own deed without one shows its code in words."""
    return str(DEEDS.get(code, code.replace("_", " ")))


def subject(code: str) -> str:
    return str(SUBJECTS.get(code, code.replace("_", " ")))


def actor(kind: str, role: str | None) -> str:
    """What kind of actor, with the role where there is one."""
    name = str(ACTORS.get(kind, kind))
    return f"{name} · {ROLE_TITLES[Role(role)]}" if role in set(Role) else name


def value(found: Any, name: str = "") -> str:
    """A value of the audit on one short line; roles and states by their names."""
    if name == "role" and found in set(Role):
        return str(ROLE_TITLES[Role(found)])
    if name == "state" and found in JOB_STATES:
        return str(JOB_STATES[found][0])
    if found is None or found == "":
        return ""
    if isinstance(found, list):
        return shortened(", ".join(value(one) for one in found), 80)
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return shortened(text, 80)
