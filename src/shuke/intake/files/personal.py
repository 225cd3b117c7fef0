"""A person in given files and in their refused rows: found by the reference as the mapping reads it.

A file is removed when the reference stands in it anywhere, in whatever encoding: it is only needed to go on with an
unfinished import and to place a mended row. A refused row is removed when the mapping would have read the person in it.

After a restore only surrogates are known. A text file that was loaded is read through its mapping; any other file that
is older than the erasure goes, since nobody can say whom it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.intake.erased import SETTING_ASIDE, names
from shuke.intake.files import cells, uploads
from shuke.intake.files.load import CHUNK_ROWS
from shuke.intake.files.mending import NotARow, read_payload
from shuke.intake.files.parts import open_parts
from shuke.intake.files.reasons import BadCell
from shuke.intake.files.spec import MappingSpec, parse
from shuke.intake.models.imports import Import, Upload
from shuke.intake.models.quarantine import Quarantined
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.records.erasures import Erasure
from shuke.records.locks import exclusive
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
    with exclusive(SETTING_ASIDE), scope(shop=shop_id):
        for upload in _files(shop_id, refs):
            uploads.path_of(shop_id, upload.sha256).unlink(missing_ok=True)
            upload.removed_at = clock.now()
            upload.save(update_fields=["removed_at"])
            gone += 1
        for row in list(_rows(shop_id, refs)):
            row.delete()
            gone += 1
    return gone


def _erase_again(erasure: Erasure) -> int:
    before = datetime.fromisoformat(erasure.at)
    gone = 0
    with scope(shop=erasure.shop):
        imports = list(Import.objects.order_by("id"))
        for upload in Upload.objects.filter(removed_at=None, created_at__lte=before).order_by("id"):
            if _may_name(upload, imports, erasure):
                uploads.path_of(erasure.shop, upload.sha256).unlink(missing_ok=True)
                upload.removed_at = clock.now()
                upload.save(update_fields=["removed_at"])
                gone += 1
        specs = {row.pk: parse(row.spec) for row in imports}
        refused = Quarantined.objects.filter(origin="import", received_at__lte=before)
        theirs = [
            row.pk
            for row in refused.iterator(chunk_size=500)
            if row.import_id not in specs or names(erasure, _people(specs[row.import_id], row.payload))
        ]
        for start in range(0, len(theirs), 500):
            gone += Quarantined.objects.filter(pk__in=theirs[start : start + 500]).delete()[0]
    return gone


def _may_name(upload: Upload, imports: list[Import], erasure: Erasure) -> bool:
    """Whether the person stands in a file as its imports read it, or in a whole cell; yes where that can not be said."""
    uses = [row for row in imports if any(f["sha256"] == upload.sha256 for f in row.files.values())]
    if not uses or any(row.files[""]["sha256"] != upload.sha256 for row in uses):
        return True  # never read, or looked up by key: rows without a partner would not be seen
    return any(_reads(row, erasure) for row in uses)


def _reads(row: Import, erasure: Erasure) -> bool:
    try:
        spec = parse(row.spec)
        table = open_parts(row.shop_id, row.files, spec, row.choices)
        if table.detected.kind == "workbook":
            return True  # its other sheets are not read
        named = [spec.columns[name] for name in _NAMES if name in spec.columns]
        shapes = [cells.shaped(origin) for origin in named]
        while (batch := table.take(CHUNK_ROWS)) is not None:
            found = {cells.cleaned(cell) for line in batch.rows for cell in line}
            for shape in shapes:
                found |= {text for cell in tuple(found) if not isinstance(text := shape(cell), BadCell)}
            if names(erasure, {text.removeprefix("'").strip() for text in found}):
                return True
    except (ShukeError, OSError, EOFError, ValueError):
        return True
    return False


STORE = PersonalStore("intake.files", _("Files that were given"), _export, _erase, _erase_again)
