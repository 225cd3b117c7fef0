"""A person in quarantine: entries whose text names one of the person's references, whatever their state, as it came or
as it was mended. The record of how an entry was settled goes with it. A rule that looks for a reference or writes it is
made blind, and no longer kept.

After a restore only surrogates are known: entries go whose values have them, and those that can not be read, since
nobody can say whose they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.intake.erased import SETTING_ASIDE, names, values_of
from shuke.intake.models.quarantine import KeptMend, Mend, Quarantined, Settlement
from shuke.kernel import clock
from shuke.records.audit import MASK
from shuke.records.erasures import Erasure
from shuke.records.locks import exclusive
from shuke.records.personal import PersonalStore, PersonRef


def _naming(person: PersonRef) -> QuerySet[Quarantined]:
    """Entries that hold a reference as a whole JSON value: as text, however it is escaped, or as a number."""
    refs = {*person.person_refs, *person.anonymous_refs} - {""}
    wanted = Q(pk__in=_mended_to(refs))
    for ref in refs:
        for written in {json.dumps(ref), json.dumps(ref, ensure_ascii=False)}:
            wanted |= Q(payload__contains=written)
        if ref.isdigit():
            wanted |= Q(payload__regex=rf"[:\[, ]{ref}[,}}\] ]")
    return Quarantined.objects.filter(wanted)


def _mended_to(refs: set[str]) -> list[int]:
    """Entries into which a mend wrote a reference, as a whole value or somewhere in a whole text."""
    found = []
    changed = Settlement.objects.exclude(changes=[]).values_list("entry_id", "changes")
    for entry_id, changes in changed.iterator(chunk_size=500):
        texts = [one.get("after") or "" for one in changes if one.get("column")]
        wholes = [one.get("after") or "" for one in changes if not one.get("column")]
        if not refs.isdisjoint(texts) or any(ref in whole for ref in refs for whole in wholes):
            found.append(entry_id)
    return found


def _export(shop_id: int, person: PersonRef) -> dict[str, Any]:
    with scope(shop=shop_id):
        return {
            "entries": [
                {"payload": row.payload, "received_at": row.received_at.isoformat(), "reason": row.reason}
                for row in _naming(person).order_by("id")
            ]
        }


def _erase(shop_id: int, person: PersonRef) -> int:
    refs = {*person.person_refs, *person.anonymous_refs} - {""}
    with exclusive(SETTING_ASIDE), scope(shop=shop_id):
        gone = list(_naming(person).values_list("pk", flat=True))
        _delete(gone)
        return len(gone) + _blind(lambda value: value in refs)


def _delete(entries: list[int]) -> None:
    for start in range(0, len(entries), 500):
        Quarantined.objects.filter(pk__in=entries[start : start + 500]).delete()


def _blind(is_theirs: Callable[[str], bool]) -> int:
    """Mask a person's reference in the rules of mends; how many there were. Within the shop's scope."""
    blinded = 0
    for model in (Mend, KeptMend):
        for row in model.objects.all():
            rules = [
                {
                    k: MASK if k in ("old", "new", "value") and is_theirs(str(v).strip()) else v
                    for k, v in one.items()
                }
                for one in row.rules
            ]
            if rules != row.rules:
                model.objects.filter(pk=row.pk).update(rules=rules)
                if model is KeptMend:
                    KeptMend.objects.filter(pk=row.pk, removed_at=None).update(removed_at=clock.now())
                blinded += 1
    return blinded


def _erase_again(erasure: Erasure) -> int:
    gone = []
    with scope(shop=erasure.shop):
        moment = datetime.fromisoformat(erasure.at)
        older = Quarantined.objects.filter(received_at__lte=moment)
        for pk, payload in older.values_list("pk", "payload").iterator(chunk_size=500):
            values = values_of(payload)
            if values is None or names(erasure, values):
                gone.append(pk)
        settled = Settlement.objects.exclude(changes=[]).filter(entry__received_at__lte=moment)
        for pk, changes in settled.values_list("entry_id", "changes").iterator(chunk_size=500):
            if any(not one.get("column") for one in changes) or names(
                erasure, [one["after"] for one in changes if one.get("after")]
            ):
                gone.append(pk)
        _delete(gone)
        blinded = _blind(lambda value: names(erasure, [value]))
    return len(set(gone)) + blinded


STORE = PersonalStore("intake.quarantine", _("Events and rows in quarantine"), _export, _erase, _erase_again)
