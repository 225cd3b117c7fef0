"""Opinion leaders 意见领袖, by hand for now: nothing that is known yet computes it, so everybody else is unknown (A-095, A-178)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.audience.identities import reads as identities
from shuke.audience.value.models import SaidLeader
from shuke.kernel.surrogates import surrogate
from shuke.records.erasures import Erasure
from shuke.records.personal import PersonalStore, PersonRef
from shuke.shops.reads import ShopView

Standing = Literal["leader", "ordinary", "unknown"]


@dataclass(frozen=True)
class Saying:
    """What is said of a customer, by whom and when: of several identities what was said last, of one moment that he is one."""

    customer_id: int
    is_leader: bool
    made_by: str
    made_at: datetime

    @property
    def standing(self) -> Standing:
        return "leader" if self.is_leader else "ordinary"


def sayings(shop: ShopView) -> dict[int, Saying]:
    """Customer → what is said of him, of all of whom anything is."""
    with scope(shop=shop.id):
        rows = list(SaidLeader.objects.order_by("made_at", "is_leader", "id"))
    if not rows:
        return {}
    owners = identities.customers_of(shop, np.array([row.identity_id for row in rows], np.int64))
    return {
        int(owner): Saying(int(owner), row.is_leader, row.made_by, row.made_at)
        for owner, row in zip(owners, rows, strict=True)
    }


def standing_of(shop: ShopView, customer_id: int) -> Standing:
    """Leader or ordinary as somebody said, else unknown."""
    found = sayings(shop).get(identities.customer_of(shop, customer_id))
    return found.standing if found else "unknown"


# --- the register of personal data


def _ids(person: PersonRef) -> list[int]:
    names = [("person", ref) for ref in person.person_refs]
    names += [("visitor", ref) for ref in (*person.anonymous_refs, *person.person_refs)]
    return [surrogate(person.shop_id, kind, ref) for kind, ref in names]


def _export(shop_id: int, person: PersonRef) -> dict[str, Any]:
    with scope(shop=shop_id):
        rows = SaidLeader.objects.filter(identity_id__in=_ids(person))
        return {"opinion_leader": [{"is_leader": r.is_leader, "at": r.made_at.isoformat()} for r in rows]}


def _gone(shop_id: int, ids: Collection[int]) -> int:
    with scope(shop=shop_id):
        return SaidLeader.objects.filter(identity_id__in=list(ids)).delete()[0]


def _erase(shop_id: int, person: PersonRef) -> int:
    return _gone(shop_id, _ids(person))


def _erase_again(erasure: Erasure) -> int:
    return _gone(erasure.shop, [*erasure.person_ids, *erasure.visitor_ids])


STORE = PersonalStore("audience.value", _("Opinion leaders"), _export, _erase, _erase_again)
