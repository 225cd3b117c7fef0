"""What a person or a command may do with files and mappings: give a file, start an import, keep mappings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Mapping as Table
from datetime import datetime
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

from django.db import IntegrityError, transaction
from django_scopes import scope

from shuke.intake.files import problems, reads, tables, uploads
from shuke.intake.files.load import KIND
from shuke.intake.files.parts import sheets_of
from shuke.intake.files.preview import Preview, preview_of
from shuke.intake.files.reads import ImportView, MappingView, Recognised, UploadView
from shuke.intake.files.saying import MappingInvalid, check_storable
from shuke.intake.files.shipped import shipped_mappings
from shuke.intake.files.spec import MappingSpec, is_name, parse
from shuke.intake.models.imports import Import, Mapping
from shuke.kernel.errors import Conflict, Invalid, NotFound
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.locks import exclusive
from shuke.records.machine import RUNNING, STOPPING, WAITING
from shuke.shops.access import require
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

MAIN = ""
_OF_LAYOUT = ("separator", "encoding")
P = ParamSpec("P")
T = TypeVar("T")


def _in_shop(action: Callable[P, T]) -> Callable[P, T]:
    """Run an action inside its shop's scope."""

    @functools.wraps(action)
    def scoped(*args: P.args, **kwargs: P.kwargs) -> T:
        with scope(shop=kwargs["shop"].id):  # type: ignore[attr-defined]
            return action(*args, **kwargs)

    return scoped


@_in_shop
def upload_file(*, shop: ShopView, content: IO[bytes], name: str, actor: Actor, at: datetime) -> UploadView:
    """Keep a file; giving it again gives the one that is there. Raises EmptyFile, FileTooLarge, NotAllowed."""
    require(actor=actor, shop_id=shop.id, deed=Deed.IMPORT_FILES)
    row = uploads.keep(shop.id, content, name, at)
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed="upload_file",
        subject_kind="file",
        subject_id=row.sha256[:16],
        before=None,
        after={"name": row.name, "size": row.size},
        at=at,
    )
    return reads.upload_view(row)


def upload_path(*, shop: ShopView, path: Path, actor: Actor, at: datetime) -> UploadView:
    """Keep a file of this machine, for commands."""
    with path.open("rb") as content:
        return upload_file(shop=shop, content=content, name=path.name, actor=actor, at=at)


@_in_shop
def preview(
    *,
    shop: ShopView,
    files: Table[str, str],
    mapping: str | None = None,
    spec: MappingSpec | None = None,
    choices: Table[str, Any] | None = None,
    actor: Actor,
    at: datetime,
) -> Preview:
    """Look at a file through a saved mapping with its kept rules, a draft of one, or none. `files`: part ("" is the main

    file) -> sha256.

    Raises FileProblem, FileGone, NotFound, NotAllowed. Writes nothing.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.IMPORT_FILES)
    if mapping is not None:
        spec = reads.get_mapping(shop, mapping).spec
    return preview_of(
        shop=shop,
        files=_given(shop, files, spec),
        spec=spec,
        choices=_checked(choices),
        is_saved=mapping is not None,
        at=at,
    )


@_in_shop
def recognise(
    *, shop: ShopView, file: str, choices: Table[str, Any] | None = None, actor: Actor
) -> tuple[Recognised, ...]:
    """Which formats a kept file (sha256) looks like by the names of its columns, likest first; none when none is sure.

    Raises FileProblem, FileGone, NotAllowed. Writes nothing.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.IMPORT_FILES)
    kept = uploads.find(shop.id, file)
    layout = tables.Layout().with_choices(**{k: v for k, v in _checked(choices).items() if k in _OF_LAYOUT})
    found = sheets_of(shop.id, kept.sha256, kept.name, layout)
    return reads.recognised(shop, [columns for _sheet, columns in found])


@_in_shop
def start_import(
    *,
    shop: ShopView,
    files: Table[str, str],
    mapping: str,
    choices: Table[str, Any] | None = None,
    actor: Actor,
    at: datetime,
    key: str | None = None,
) -> ImportView:
    """Start loading kept files through a mapping. `files`: part ("" is the main file) -> sha256.

    `choices` may say separator, encoding and header for the main file. One import per source at a time, since a row's
    identity is its place in its source. Raises ImportUnderWay, NotFound, FileGone, NotAllowed.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.IMPORT_FILES)
    spec = reads.get_mapping(shop, mapping).spec
    given = _given(shop, files, spec)
    with exclusive(_starting(shop)), transaction.atomic():
        if reads.is_under_way(shop, spec.source, (WAITING, RUNNING, STOPPING)):
            raise problems.ImportUnderWay(field="source", value=spec.source)
        row = Import.objects.create(
            shop_id=shop.id,
            mapping_name=spec.name,
            spec=dict(spec.raw),
            kind=spec.kind,
            source=spec.source,
            files=given,
            choices=_checked(choices),
            created_at=at,
            created_by=actor.name,
        )
        job = jobs.start_job(
            shop_id=shop.id,
            kind=KIND,
            params={"import": row.pk},
            actor=actor,
            at=at,
            key=key or f"import:{row.pk}",
        )
        row.job_id = job.pk
        row.save(update_fields=["job_id"])
        record_audit(
            shop_id=shop.id,
            actor=actor,
            deed="start_import",
            subject_kind="import",
            subject_id=row.pk,
            before=None,
            after={"mapping": spec.name, "files": {part: f["name"] for part, f in given.items()}},
            at=at,
        )
    return reads.get_import(shop, row.pk)


@_in_shop
def stop_import(*, shop: ShopView, import_id: int, actor: Actor, at: datetime) -> None:
    """Stop after the running chunk; what is loaded stays. Raises NotFound, JobCanNot, NotAllowed."""
    require(actor=actor, shop_id=shop.id, deed=Deed.IMPORT_FILES)
    jobs.request_stop(shop_id=shop.id, job_id=_job_of(shop, import_id), actor=actor, at=at)


@_in_shop
def resume_import(*, shop: ShopView, import_id: int, actor: Actor, at: datetime) -> None:
    """Go on where the import stood. Raises ImportUnderWay, NotFound, JobCanNot, NotAllowed."""
    require(actor=actor, shop_id=shop.id, deed=Deed.IMPORT_FILES)
    view = reads.get_import(shop, import_id)
    with exclusive(_starting(shop)):
        if reads.is_under_way(shop, view.source, (WAITING, RUNNING, STOPPING), besides=import_id):
            raise problems.ImportUnderWay(field="source", value=view.source)
        jobs.resume(shop_id=shop.id, job_id=_job_of(shop, import_id), actor=actor, at=at)


@_in_shop
def save_mapping(
    *, shop: ShopView, spec: Any, actor: Actor, at: datetime, version: int | None = None
) -> MappingView:
    """Make a shop's mapping, or change the one of the same name. `version`: the one that was edited; another one since
    then raises Conflict. A shipped mapping's name is taken. Raises MappingInvalid, MappingLacks, NotAllowed."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_MAPPINGS)
    parsed = parse(spec)
    if parsed.name in shipped_mappings():
        raise MappingInvalid(field="name", value=parsed.name, allowed=f"{parsed.name}_2, …")
    with transaction.atomic():
        row = Mapping.objects.select_for_update().filter(shop_id=shop.id, name=parsed.name).first()
        before = None
        if row is None:
            if version is not None:
                raise NotFound(field="mapping", value=parsed.name)
            try:
                row = Mapping.objects.create(
                    shop_id=shop.id, name=parsed.name, spec=dict(parsed.raw), created_at=at, changed_at=at
                )
            except IntegrityError:
                raise Conflict(field="mapping", value=parsed.name) from None
        else:
            if version != row.version:
                raise Conflict(field="mapping", value=parsed.name)
            before = row.spec
            row.spec, row.version, row.changed_at = dict(parsed.raw), row.version + 1, at
            row.save()
        _audit_mapping("save_mapping", shop, row, before, row.spec, actor, at)
    return reads.get_mapping(shop, parsed.name)


@_in_shop
def remove_mapping(*, shop: ShopView, name: str, actor: Actor, at: datetime) -> None:
    """Remove a shop's mapping; imports that used it keep their own copy. Raises NotFound, NotAllowed."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_MAPPINGS)
    with transaction.atomic():
        row = Mapping.objects.filter(shop_id=shop.id, name=name).first() if is_name(name) else None
        if row is None:
            raise NotFound(field="mapping", value=name)
        _audit_mapping("remove_mapping", shop, row, row.spec, None, actor, at)
        row.delete()


def _audit_mapping(
    deed: str, shop: ShopView, row: Mapping, before: Any, after: Any, actor: Actor, at: datetime
) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=deed,
        subject_kind="mapping",
        subject_id=row.name,
        before=before,
        after=after,
        at=at,
    )


def _starting(shop: ShopView) -> str:
    """Of two imports that start or go on at once the second must see the first."""
    return f"import-start-{shop.id}"


def _job_of(shop: ShopView, import_id: int) -> int:
    job_id = reads.get_import(shop, import_id).job_id
    if job_id is None:
        raise NotFound(field="import", value=import_id)
    return job_id


def _given(shop: ShopView, files: Table[str, str], spec: MappingSpec | None) -> dict[str, Any]:
    if MAIN not in files:
        raise NotFound(field="file", value="")
    parts = {MAIN, *(join.part for join in spec.joins)} if spec is not None else {MAIN}
    for part in files:
        if part not in parts:
            raise Invalid(field="part", value=part)
    given = {}
    for part, sha256 in files.items():
        row = uploads.find(shop.id, sha256)
        given[part] = {"sha256": row.sha256, "name": row.name, "size": row.size}
    return given


def _checked(choices: Table[str, Any] | None) -> dict[str, Any]:
    """What a person chose for the main file: separator (one character or auto), encoding, header; `columns`: the
    mapping's name -> the file's; `name`: what stands for the file's name."""
    checked: dict[str, Any] = {}
    for name, value in (choices or {}).items():
        if value in (None, "", {}):
            continue
        if name == "columns" and isinstance(value, dict):
            check_storable(value)
            checked[name] = {str(k): str(v) for k, v in value.items() if v}
            continue
        if name == "name" and isinstance(value, str) and value.isprintable() and len(value) <= 200:
            checked[name] = value
            continue
        if name == "header" and isinstance(value, bool):
            checked[name] = value
        elif name == "encoding" and isinstance(value, str):
            if value != tables.AUTO and tables.known_encoding(value) is None:
                raise problems.UnknownEncoding(field=name, value=ascii(value))
            checked[name] = value
        elif name == "separator" and isinstance(value, str):
            checked[name] = {"tab": "\t", "\\t": "\t"}.get(value, value)
            if checked[name] != tables.AUTO and not tables.is_separator(checked[name]):
                raise Invalid(field="separator", value=ascii(value))
        else:
            raise Invalid(field=name, value=value)
    return checked
