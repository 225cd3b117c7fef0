"""The audit: who did what to what, with the values before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from shuke.console import names
from shuke.records import reads
from shuke.records.actor import name_in_words
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, page_number

SIZE = 50
CSV_CHUNK = 1_000


@require_safe
@page(Deed.VIEW_AUDIT)
def audit(request: PageRequest, shop: str) -> HttpResponseBase:
    """Newest first, a page at a time."""
    access = request.access
    deed = request.GET.get("deed") or None
    kind = request.GET.get("kind") or None
    columns: list[Column[reads.Audited]] = [
        Column("at", gettext("When"), lambda e: e.at, "moment", is_first=True),
        Column("actor", gettext("Who"), lambda e: e.actor_name, "link", shown=_actor),
        Column("deed", gettext("Deed"), lambda e: e.deed, "link", shown=_deed),
        Column("subject", gettext("On what"), _subject, "link", shown=_drawn_subject),
        Column("changes", gettext("Before and after"), _changes, "changes", shown=_drawn_changes),
    ]
    if wants_csv(request.GET):
        header = [
            "at",
            "actor_kind",
            "actor",
            "role",
            "deed",
            "subject_kind",
            "subject_id",
            "before",
            "after",
        ]
        return csv_response(access, "audit", header, _lines(access.shop.id, deed, kind))
    number = page_number(request)
    found = reads.list_audit(access.shop.id, deed=deed, subject_kind=kind, page=number, size=SIZE)
    context = {
        "table": build_paged_table(
            request, "audit", columns, found.rows, count=found.count, page=number, size=SIZE
        ),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "deed": names.deed(deed) if deed else "",
        "kind": names.subject(kind) if kind else "",
    }
    return render(request, "console/audit.html", context)


def _actor(entry: reads.Audited) -> dict[str, str]:
    name = name_in_words(entry.actor_name) if entry.actor_kind == "system" else entry.actor_name
    return {"text": name, "sub": names.actor(entry.actor_kind, entry.actor_role)}


def _deed(entry: reads.Audited) -> dict[str, str]:
    return {"text": names.deed(entry.deed), "url": f"?deed={entry.deed}"}


def _subject(entry: reads.Audited) -> str:
    return f"{entry.subject_kind} {entry.subject_id}"


def _drawn_subject(entry: reads.Audited) -> dict[str, str]:
    return {
        "text": names.subject(entry.subject_kind),
        "sub": entry.subject_id,
        "url": f"?kind={entry.subject_kind}",
    }


def _changes(entry: reads.Audited) -> str:
    return json.dumps(entry.changes, ensure_ascii=False, default=str)


def _drawn_changes(entry: reads.Audited) -> list[dict[str, str]]:
    return [
        {
            "field": names.field(field),
            "before": names.value(before, field),
            "after": names.value(after, field),
        }
        for field, (before, after) in entry.changes.items()
    ]


def _lines(shop_id: int, deed: str | None, kind: str | None) -> Iterator[list[Any]]:
    number = 1
    while True:
        found = reads.list_audit(shop_id, deed=deed, subject_kind=kind, page=number, size=CSV_CHUNK)
        for entry in found.rows:
            yield [
                entry.at,
                entry.actor_kind,
                entry.actor_name,
                entry.actor_role,
                entry.deed,
                entry.subject_kind,
                entry.subject_id,
                json.dumps(entry.before, ensure_ascii=False) if entry.before else "",
                json.dumps(entry.after, ensure_ascii=False) if entry.after else "",
            ]
        if number * CSV_CHUNK >= found.count:
            return
        number += 1
