"""Imports: give a file, see how it is read through a mapping, start, watch, stop, resume; and what was loaded before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, cast

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.intake import actions, reads
from shuke.intake.files.actions import MAIN
from shuke.intake.files.origins import FILE_NAME
from shuke.intake.files.problems import FileProblem, MissingPart
from shuke.intake.pages import facts
from shuke.intake.pages.field_words import KIND_WORDS
from shuke.intake.pages.jobs import is_running, job_context, job_view
from shuke.intake.quarantine.said import is_masked
from shuke.kernel import clock
from shuke.kernel.errors import NotFound, ShukeError
from shuke.records.actor import name_in_words
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, page_number

navigation.register(
    navigation.NavigationEntry(
        "imports",
        pgettext_lazy("sidebar", "Imports"),
        "file-import",
        "intake:imports",
        Deed.IMPORT_FILES,
        "data",
        10,
    )
)

SIZE = 30
MOST_CSV = 500
ENCODINGS = ("utf-8", "gb18030", "utf-16", "windows-1252")
SEPARATORS = (
    (",", pgettext_lazy("separator", "comma")),
    (";", pgettext_lazy("separator", "semicolon")),
    ("tab", pgettext_lazy("separator", "tab")),
    ("|", pgettext_lazy("separator", "bar")),
)
KINDS = KIND_WORDS


def _columns(access: Access) -> list[Column[reads.ImportView]]:
    def url(one: reads.ImportView) -> str:
        return reverse("intake:import", args=[access.shop.slug, one.id])

    return [
        Column(
            "file",
            gettext("File"),
            lambda i: i.file_name,
            "link",
            is_first=True,
            shown=lambda i: {"text": i.file_name, "sub": i.mapping_name, "url": url(i)},
        ),
        Column("state", gettext("State"), lambda i: i.state, "job_state"),
        Column("read", gettext("Rows read"), lambda i: i.rows_read, "count", is_number=True),
        Column("new", gettext("New"), lambda i: i.rows_new, "count", is_number=True),
        Column("changed", gettext("Changed"), lambda i: i.rows_changed, "count", is_number=True),
        Column("known", gettext("Known already"), lambda i: i.rows_known, "count", is_number=True),
        Column("bad", gettext("In quarantine"), lambda i: i.rows_bad, "count", is_number=True),
        Column("created", gettext("Started"), lambda i: i.created_at, "moment"),
        Column("by", gettext("By"), lambda i: name_in_words(i.created_by)),
    ]


@require_safe
@page(Deed.IMPORT_FILES)
def imports(request: PageRequest, shop: str) -> HttpResponseBase:
    """The form that takes a file, and the history."""
    access = request.access
    columns = _columns(access)
    if wants_csv(request.GET):
        found = reads.list_imports(access.shop, size=MOST_CSV)
        header = ["id", *(column.title for column in columns)]
        lines = ([row.id, *(column.value(row) for column in columns)] for row in found.rows)
        return csv_response(access, "imports", header, lines)
    number = page_number(request)
    found = reads.list_imports(access.shop, page=number, size=SIZE)
    context = {
        "mappings": reads.list_mappings(access.shop),
        "table": build_paged_table(
            request, "imports", columns, found.rows, count=found.count, page=number, size=SIZE
        ),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "is_running": any(is_running(one) for one in found.rows),
    }
    return render(request, "intake/imports.html", context)


@require_POST
@page(Deed.IMPORT_FILES)
def upload(request: PageRequest, shop: str) -> HttpResponse:
    """Keep the given files and go on to the preview; `part` names a second file that a mapping joins."""
    access = request.access
    typed = request.POST.dict()
    query = {key: str(value) for key, value in typed.items() if key.startswith("file") or _is_choice(key)}
    query["mapping"] = request.POST.get("mapping", "")
    given = {
        name: file
        for name, file in request.FILES.items()
        if name.startswith("file") and isinstance(file, UploadedFile)
    }
    if not given:
        messages.error(request, gettext("Choose a file first."))
        return redirect("intake:imports", shop)
    try:
        for name, file in given.items():
            kept = actions.upload_file(
                shop=access.shop,
                content=cast(IO[bytes], file),
                name=file.name or "",
                actor=access.actor,
                at=clock.now(),
            )
            query[name] = kept.sha256
            if name == "file" and not query["mapping"]:
                query["mapping"] = _recognised(access, kept.sha256, query)
    except ShukeError as error:
        messages.error(request, str(error))
        return redirect("intake:imports", shop)
    return redirect(f"{reverse('intake:preview', args=[shop])}?{urlencode(_set(query))}")


_CHOICES = ("separator", "encoding", "header", "name")


def _is_choice(key: str) -> bool:
    """What says how the main file is read; `column.<name>` is the file's column for one that the mapping wants."""
    return key in _CHOICES or key.startswith("column.")


def _recognised(access: Access, sha256: str, query: Mapping[str, str]) -> str:
    """The mapping whose format the file is; blank when none is sure, or the file can not be read."""
    try:
        found = actions.recognise(shop=access.shop, file=sha256, choices=_choices(query), actor=access.actor)
    except ShukeError:
        return ""
    return found[0].mapping.name if found else ""


def _set(query: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if value}


def _files(query: Mapping[str, str]) -> dict[str, str]:
    """`file` is the main one, `file.<part>` a joined one."""
    found = {MAIN: query.get("file", "")}
    found |= {key.partition(".")[2]: value for key, value in query.items() if key.startswith("file.")}
    return {part: sha256 for part, sha256 in found.items() if sha256}


def _choices(query: Mapping[str, str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {name: query.get(name, "") for name in ("separator", "encoding", "name")}
    chosen["columns"] = {
        key.partition(".")[2]: value for key, value in query.items() if key.startswith("column.") and value
    }
    header = query.get("header", "")
    if header in ("yes", "no"):
        chosen["header"] = header == "yes"
    return {name: value for name, value in chosen.items() if value not in ("", {})}


@require_safe
@page(Deed.IMPORT_FILES)
def preview(request: PageRequest, shop: str) -> HttpResponse:
    """How the file would be read: first rows, what each becomes, what is wrong. Nothing is loaded yet."""
    access = request.access
    files = _files(request.GET.dict())
    if MAIN not in files:
        return redirect("intake:imports", shop)
    mapping = request.GET.get("mapping", "")
    known = {one.name: one for one in reads.list_mappings(access.shop)}
    found, refusal = _look(request, access, files, mapping if mapping in known else None)
    fitting = {one.name for one in reads.fitting_mappings(access.shop, found.columns)} if found else set()
    chosen = known.get(mapping)
    # A part that is another sheet of the workbook is not asked for.
    joins = [join for join in chosen.spec.joins if not join.layout.sheet] if chosen else []
    context = {
        "files": files,
        "found": found,
        "rows": _rows(found),
        "fact_heads": facts.heads_of(found),
        "facts": facts.facts_of(found),
        "refusal": refusal or (found.refusal if found else None),
        "mapping": mapping,
        "chosen": chosen,
        "mappings": sorted(known.values(), key=lambda one: (one.name not in fitting, one.name)),
        "fitting": fitting,
        "parts": [{"part": join.part, "sha256": files.get(join.part, "")} for join in joins],
        "encodings": ENCODINGS,
        "separators": SEPARATORS,
        "choices": request.GET.dict(),
        "kind": KINDS.get(chosen.spec.kind, "") if chosen else "",
        "is_recognised": bool(chosen and chosen.spec.header and chosen.name in fitting),
        "wanted": _wanted(chosen, found, request.GET.dict()),
        "file_columns": _file_columns(files, access, request.GET.dict()) if chosen else (),
        "wants_name": bool(chosen and FILE_NAME in chosen.spec.named_columns()),
        "chosen_columns": {k: v for k, v in request.GET.items() if _is_choice(k) and v},
        "may_map": access.may(Deed.MANAGE_MAPPINGS),
        "is_ready": bool(found and chosen and not refusal and not found.refusal and found.rows_looked_at),
    }
    return render(request, "intake/preview.html", context)


def _rows(found: Any) -> list[dict[str, Any]]:
    """The first rows as the table draws them: each cell, and what stood there where a kept rule changes it."""
    drawn = []
    for row in found.rows if found is not None else ():
        before = {one.column: one.before for one in reversed(row.mended)}
        rules = {one.column: one.rules for one in row.mended}
        cells = [
            {"text": cell, "before": before.get(column), "rules": rules.get(column, "")}
            for column, cell in zip(found.columns, row.cells, strict=False)
        ]
        extra = [{"text": cell} for cell in row.cells[len(found.columns) :]]
        drawn.append({"line": row.line, "fields": row.fields, "mended": row.mended, "cells": cells + extra})
    return drawn


def _wanted(chosen: Any, found: Any, query: Mapping[str, str]) -> list[dict[str, str]]:
    """Columns that the mapping needs: those that the file lacks, and those that were pointed at."""
    if chosen is None or found is None:
        return []
    told = _choices(query).get("columns", {})
    lacking = chosen.spec.lacks(found.columns, "", {})
    return [{"name": name, "column": told.get(name, "")} for name in dict.fromkeys((*lacking, *told))]


def _file_columns(files: dict[str, str], access: Access, query: Mapping[str, str]) -> tuple[str, ...]:
    """The columns under the names that they have in the file."""
    common = {"shop": access.shop, "choices": _choices(query), "actor": access.actor, "at": clock.now()}
    bare = _bare(files, common)
    return () if bare is None else tuple(c for c in bare.columns if c)


def _look(
    request: PageRequest, access: Access, files: dict[str, str], mapping: str | None
) -> tuple[Any, ShukeError | None]:
    """The preview through the mapping; when that is not possible, the bare file and why."""
    common: dict[str, Any] = {
        "shop": access.shop,
        "choices": _choices(request.GET.dict()),
        "actor": access.actor,
        "at": clock.now(),
    }
    try:
        return actions.preview(files=files, mapping=mapping, **common), None
    except MissingPart as error:
        return _bare(files, common), error
    except FileProblem as error:
        return (_bare(files, common) if mapping else None), error
    except NotFound as error:
        return None, error


def _bare(files: dict[str, str], common: dict[str, Any]) -> Any:
    try:
        return actions.preview(files={MAIN: files[MAIN]}, mapping=None, **common)
    except ShukeError:
        return None


@require_POST
@page(Deed.IMPORT_FILES)
def start(request: PageRequest, shop: str) -> HttpResponse:
    """Start loading; a refusal goes back to the preview with what was chosen."""
    access = request.access
    query = request.POST.dict()
    try:
        started = actions.start_import(
            shop=access.shop,
            files=_files(query),
            mapping=query.get("mapping", ""),
            choices=_choices(query),
            actor=access.actor,
            at=clock.now(),
        )
    except ShukeError as error:
        messages.error(request, str(error))
        kept = {key: value for key, value in query.items() if key != "csrfmiddlewaretoken"}
        return redirect(f"{reverse('intake:preview', args=[shop])}?{urlencode(_set(kept))}")
    return redirect("intake:import", shop, started.id)


@require_safe
@page(Deed.IMPORT_FILES)
def one(request: PageRequest, shop: str, import_id: int) -> HttpResponse:
    """One import: its progress while it runs, its counts, what went to quarantine."""
    access = request.access
    found = reads.get_import(access.shop, import_id)
    waiting = (
        reads.waiting_by_reason(access.shop, import_id=import_id, is_masked=is_masked(access))
        if found.rows_bad
        else ()
    )
    context = {
        "one": found,
        "by": name_in_words(found.created_by),
        "kind": KINDS.get(found.kind, found.kind),
        **job_context(access, found, noun="import", deed=Deed.IMPORT_FILES),
        "waiting": waiting,
        "may_see_quarantine": access.may(Deed.VIEW_QUARANTINE),
        "may_see_traffic": access.may(Deed.VIEW_TRAFFIC),
    }
    template = "intake/pieces/import_state.html" if request.htmx else "intake/import.html"
    return render(request, template, context)


stop = job_view(
    actions.stop_import,
    noun="import",
    deed=Deed.IMPORT_FILES,
    said=gettext_lazy("The import stops after the part that is running; what is loaded stays."),
)
resume = job_view(
    actions.resume_import,
    noun="import",
    deed=Deed.IMPORT_FILES,
    said=gettext_lazy("The import goes on from where it stood."),
)
