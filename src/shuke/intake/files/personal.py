"""A person in given files and in their refused rows: found by the reference as the mapping reads it.

A file is removed when the reference stands in it anywhere, in whatever encoding: it is only needed to go on with an
unfinished import and to place a mended row. A refused row is removed when the mapping would have read the person in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.intake.files import cells, uploads
from shuke.intake.files.mending import NotARow, read_payload
from shuke.intake.files.reasons import BadCell
from shuke.intake.files.spec import MappingSpec, parse
from shuke.intake.models.imports import Import, Upload
from shuke.intake.models.quarantine import Quarantined
from shuke.kernel import clock
from shuke.records.personal import PersonalStore, PersonRef

_NAMES = ("buyer_ref", "person_ref", "anonymous_ref")


def _refs(person: PersonRef) -> frozenset[str]:
    return frozenset((*person.person_refs, *person.anonymous_refs)) - {""}


def _files(shop_id: int, refs: frozenset[str]) -> Iterator[Upload]:
    for row in Upload.objects.filter(shop_id=shop_id, removed_at=None).order_by("id"):
        if uploads.mentions(uploads.path_of(shop_id, row.sha256), refs):
            yield row


def _rows(shop_id: int, refs: frozenset[str]) -> Iterator[Quarantined]:
    specs: dict[int, MappingSpec] = {}
    for ref in sorted(refs):
        found = Quarantined.objects.filter(shop_id=shop_id, origin="import", payload__contains=ref)
        for row in found.order_by("id").iterator(chunk_size=500):
            number = row.import_id or 0
            if number not in specs:
                specs[number] = parse(Import.objects.get(id=number).spec)
            if ref in _people(specs[number], row.payload):
                yield row


def _people(spec: MappingSpec, payload: str) -> set[str]:
    try:
        texts = read_payload(payload)
    except NotARow:
        return set()
    people = set()
    for name in _NAMES:
        origin = spec.columns.get(name)
        if origin is not None and origin.column in texts:
            shaped = cells.shaped(origin)(texts[origin.column])
            if not isinstance(shaped, BadCell):
                people.add(shaped.removeprefix("'").strip())
    return people


def _export(shop_id: int, person: PersonRef) -> dict[str, object]:
    refs = _refs(person)
    with scope(shop=shop_id):
        return {
            "files": [row.name for row in _files(shop_id, refs)],
            "refused_rows": [row.payload for row in _rows(shop_id, refs)],
        }


def _erase(shop_id: int, person: PersonRef) -> int:
    refs = _refs(person)
    gone = 0
    with scope(shop=shop_id):
        for upload in _files(shop_id, refs):
            uploads.path_of(shop_id, upload.sha256).unlink(missing_ok=True)
            upload.removed_at = clock.now()
            upload.save(update_fields=["removed_at"])
            gone += 1
        for row in list(_rows(shop_id, refs)):
            row.delete()
            gone += 1
    return gone


STORE = PersonalStore("intake.files", _("Files that were given"), _export, _erase)
