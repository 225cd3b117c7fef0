"""What was said of a person, for the register of personal data: told, and erased by surrogate, every copy of a statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.audience.customers.models import AttributeValue, TagGiven
from shuke.kernel.surrogates import surrogate
from shuke.records.erasures import Erasure
from shuke.records.personal import PersonalStore, PersonRef


def _ids_of(person: PersonRef) -> list[int]:
    names = [("person", ref) for ref in person.person_refs]
    names += [("visitor", ref) for ref in (*person.anonymous_refs, *person.person_refs)]
    return [surrogate(person.shop_id, kind, ref) for kind, ref in names]


def _export(shop_id: int, person: PersonRef) -> dict[str, Any]:
    ids = _ids_of(person)
    with scope(shop=shop_id):
        values = AttributeValue.objects.filter(shop_id=shop_id, identity_id__in=ids).order_by("pk")
        tags = TagGiven.objects.filter(shop_id=shop_id, identity_id__in=ids).order_by("pk")
        return {
            "attributes": [
                {"name": row.name, "value": row.value, "at": row.at.isoformat(), "source": row.source}
                for row in values
            ],
            "tags": [
                {
                    "tag": row.tag,
                    "given_at": row.given_at.isoformat(),
                    "until": None if row.until is None else row.until.isoformat(),
                    "taken_at": None if row.taken_at is None else row.taken_at.isoformat(),
                }
                for row in tags
            ],
        }


def _erase(shop_id: int, ids: Sequence[int]) -> int:
    gone = 0
    with transaction.atomic(), scope(shop=shop_id):
        for model in (AttributeValue, TagGiven):
            rows = model.objects.filter(shop_id=shop_id)
            # What was typed on him while he was merged stands under the other side too: it goes whole.
            statements = list(rows.filter(identity_id__in=ids).values_list("statement", flat=True).distinct())
            for place in range(0, len(statements), 500):
                gone += rows.filter(statement__in=statements[place : place + 500]).delete()[0]
    return gone


STORE = PersonalStore(
    "audience.customers",
    _("Attributes and tags"),
    _export,
    lambda shop_id, person: _erase(shop_id, _ids_of(person)),
    lambda erasure: _erase_again(erasure),
)


def _erase_again(erasure: Erasure) -> int:
    return _erase(erasure.shop, [*erasure.person_ids, *erasure.visitor_ids])
