"""A person in quarantine: entries whose text names one of the person's references, whatever their state.

After a restore only surrogates are known: entries go whose values have them, and those that can not be read, since
nobody can say whose they are.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.intake.erased import SETTING_ASIDE, names, values_of
from shuke.intake.models.quarantine import Quarantined
from shuke.records.erasures import Erasure
from shuke.records.locks import exclusive
from shuke.records.personal import PersonalStore, PersonRef


def _naming(person: PersonRef) -> QuerySet[Quarantined]:
    """Entries that hold a reference as a whole JSON value: as text, however it is escaped, or as a number."""
    wanted = Q(pk__in=())
    for ref in {*person.person_refs, *person.anonymous_refs} - {""}:
        for written in {json.dumps(ref), json.dumps(ref, ensure_ascii=False)}:
            wanted |= Q(payload__contains=written)
        if ref.isdigit():
            wanted |= Q(payload__regex=rf"[:\[, ]{ref}[,}}\] ]")
    return Quarantined.objects.filter(wanted)


def _export(shop_id: int, person: PersonRef) -> dict[str, Any]:
    with scope(shop=shop_id):
        return {
            "entries": [
                {"payload": row.payload, "received_at": row.received_at.isoformat(), "reason": row.reason}
                for row in _naming(person).order_by("id")
            ]
        }


def _erase(shop_id: int, person: PersonRef) -> int:
    with exclusive(SETTING_ASIDE), scope(shop=shop_id):
        return _naming(person).delete()[0]


def _erase_again(erasure: Erasure) -> int:
    gone = []
    with scope(shop=erasure.shop):
        older = Quarantined.objects.filter(received_at__lte=datetime.fromisoformat(erasure.at))
        for pk, payload in older.values_list("pk", "payload").iterator(chunk_size=500):
            values = values_of(payload)
            if values is None or names(erasure, values):
                gone.append(pk)
        for start in range(0, len(gone), 500):
            Quarantined.objects.filter(pk__in=gone[start : start + 500]).delete()
    return len(gone)


STORE = PersonalStore("intake.quarantine", _("Events and rows in quarantine"), _export, _erase, _erase_again)
