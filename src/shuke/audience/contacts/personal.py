"""A person's points and consents for the register of personal data: told, and erased with his identities.

Asked before the identities are erased (settings.INSTALLED_APPS), since they say which points are his.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.audience.contacts.models import Confirmation, ContactPoint, Statement
from shuke.audience.identities.personal import ids_of, with_their_own
from shuke.records.erasures import Erasure
from shuke.records.personal import PersonalStore, PersonRef


def _all_of(shop_id: int, ids: Iterable[int]) -> list[int]:
    """These identities, those that are theirs alone, and points that are held by nobody else; within the shop's scope."""
    own = with_their_own(list(ids))
    held = set(
        ContactPoint.objects.filter(shop_id=shop_id, holder_id__in=own).values_list("point_id", flat=True)
    )
    others = ContactPoint.objects.filter(shop_id=shop_id, point_id__in=held).exclude(holder_id__in=own)
    shared = set(others.exclude(holder_id__in=held).values_list("point_id", flat=True))
    return sorted(own | (held - shared))


def _export(shop_id: int, person: PersonRef) -> dict[str, Any]:
    with scope(shop=shop_id):
        ids = _all_of(shop_id, ids_of(person))
        points = ContactPoint.objects.filter(shop_id=shop_id, holder_id__in=ids)
        said = Statement.objects.filter(shop_id=shop_id, identity_id__in=ids).order_by("at", "id")
        return {
            "points": [
                {"kind": row.kind, "ref": row.ref, "source": row.source, "added_at": row.added_at.isoformat()}
                for row in points
            ],
            "consent": [
                {
                    "channel": row.channel,
                    "purpose": row.purpose,
                    "said": row.said,
                    "at": row.at.isoformat(),
                    "text_version": row.text_version,
                    "source": row.source,
                    "ip": row.ip,
                    "note": row.note,
                }
                for row in said
            ],
        }


def _gone(shop_id: int, ids: Iterable[int]) -> int:
    with scope(shop=shop_id), transaction.atomic():
        everything = _all_of(shop_id, ids)
        return sum(
            rows.delete()[0]
            for rows in (
                ContactPoint.objects.filter(shop_id=shop_id, holder_id__in=everything),
                Statement.objects.filter(shop_id=shop_id, identity_id__in=everything),
                Confirmation.objects.filter(shop_id=shop_id, identity_id__in=everything),
            )
        )


def _erase(shop_id: int, person: PersonRef) -> int:
    return _gone(shop_id, ids_of(person))


def _erase_again(erasure: Erasure) -> int:
    return _gone(erasure.shop, [*erasure.person_ids, *erasure.visitor_ids])


STORE = PersonalStore("audience.contacts", _("Contact points and consent"), _export, _erase, _erase_again)
