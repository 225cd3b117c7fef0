"""A mapping by pointing: each field's column chosen beside ten rows of the file, seen at once, saved under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from shuke.intake import actions
from shuke.intake.files.kinds import FIELDS, KINDS, LISTS
from shuke.intake.files.pointing import guessed, pointed_spec
from shuke.intake.files.preview import Preview
from shuke.intake.files.spec import MappingSpec, parse
from shuke.intake.pages import facts
from shuke.intake.pages.field_words import FIELD_WORDS, KIND_WORDS
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.shops.access import Access, page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed

FORMS = ("", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y", "%Y%m%d%H%M%S", "%Y%m%d")
ZONES = (
    "Asia/Shanghai",
    "UTC",
    "America/New_York",
    "America/Los_Angeles",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Tokyo",
)
_CHOICES = ("separator", "encoding", "header")


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.MANAGE_MAPPINGS)
def point(request: PageRequest, shop: str) -> HttpResponse:
    """The file's first rows through what was pointed at so far; POST saves it and goes on to the preview."""
    access = request.access
    asked = {k: str(v) for k, v in (request.POST if request.method == "POST" else request.GET).items()}
    if request.method == "POST" and "look" in asked:
        shown = {k: v for k, v in asked.items() if v and k not in ("look", "csrfmiddlewaretoken")}
        return redirect(f"{reverse('intake:point', args=[shop])}?{urlencode(shown)}")
    sha256 = asked.get("file", "")
    kind = asked.get("kind", "")
    kind = kind if kind in KINDS else "orders"
    if not sha256:
        return redirect("intake:imports", shop)
    try:
        bare = _look(access, sha256, None, asked)
    except ShukeError as error:
        messages.error(request, str(error))
        return redirect("intake:imports", shop)
    pointed = _pointed(asked, kind, bare.columns)
    found, spec, problem = _through(access, sha256, kind, pointed, bare, asked)
    if request.method == "POST" and not asked.get("name", "").strip():
        problem = problem or gettext("Give the mapping a name.")
    elif request.method == "POST" and spec is not None:
        try:
            actions.save_mapping(shop=access.shop, spec=dict(spec.raw), actor=access.actor, at=clock.now())
        except ShukeError as error:
            problem = str(error)
        else:
            messages.success(request, gettext("The mapping “%(name)s” is saved.") % {"name": spec.name})
            kept = {k: v for k, v in asked.items() if k in ("file", *_CHOICES) and v}
            return redirect(
                f"{reverse('intake:preview', args=[shop])}?{urlencode(kept | {'mapping': spec.name})}"
            )
    context = {
        "asked": asked,
        "sha256": sha256,
        "kind": kind,
        "kinds": KIND_WORDS.items(),
        "columns": bare.columns,
        "fields": [
            {
                "name": f,
                "words": FIELD_WORDS.get(f, f),
                "column": pointed.get(f, ""),
                "is_needed": f in _needed(kind),
            }
            for f in FIELDS[kind]
        ],
        "heads": [
            {"column": c, "means": [FIELD_WORDS.get(f, f) for f, p in pointed.items() if p == c]}
            for c in bare.columns
        ],
        "rows": _rows(bare, found),
        "fact_heads": facts.heads_of(found),
        "facts": facts.facts_of(found),
        "found": found,
        "problem": problem,
        "forms": FORMS,
        "zones": ZONES,
        "file_name": bare.file,
        "is_ready": found is not None and found.refusal is None and not problem,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "intake/point.html", context, status=status)


def _needed(kind: str) -> tuple[str, ...]:
    if kind in LISTS and LISTS[kind].identity:
        return LISTS[kind].needed
    return {
        "orders": ("order_ref", "at"),
        "events": ("at", "anonymous_ref"),
        "settlements": ("at", "amount"),
        "returns": ("at", "order_ref", "quantity"),
    }.get(kind, ("at",))


def _pointed(asked: Mapping[str, str], kind: str, columns: tuple[str, ...]) -> dict[str, str]:
    """Field -> column as the form says; before it was sent once, as the names suggest."""
    if not any(key.startswith("f.") for key in asked):
        return guessed(kind, columns)
    have = set(columns)
    return {f: asked[f"f.{f}"] for f in FIELDS[kind] if asked.get(f"f.{f}") in have}


def _look(access: Access, sha256: str, spec: MappingSpec | None, asked: Mapping[str, str]) -> Preview:
    choices = {name: asked.get(name, "") for name in ("separator", "encoding") if asked.get(name)}
    return actions.preview(
        shop=access.shop, files={"": sha256}, spec=spec, choices=choices, actor=access.actor, at=clock.now()
    )


def _through(
    access: Access,
    sha256: str,
    kind: str,
    pointed: Mapping[str, str],
    bare: Preview,
    asked: Mapping[str, str],
) -> tuple[Preview | None, MappingSpec | None, str]:
    """(the preview, the mapping, why not)."""
    name = asked.get("name", "").strip() or "draft"
    raw = pointed_spec(
        kind=kind,
        name=name,
        title=asked.get("title", "").strip(),
        pointed=pointed,
        columns=bare.columns,
        zone=asked.get("zone", ""),
        currency=asked.get("currency", "").strip(),
        form=asked.get("form", ""),
        has_header=bare.detected.has_header,
    )
    try:
        spec = parse(raw)
        return _look(access, sha256, spec, asked), spec, ""
    except ShukeError as error:
        return None, None, f"{error.message()} {error.advice()}"


def _rows(bare: Preview, found: Preview | None) -> list[dict[str, Any]]:
    """The first rows with what is wrong at each cell."""
    wrong = {(p.line, p.column): f"{p.words} {p.remedy}" for p in found.problems} if found else {}
    whole = {p.line: f"{p.words} {p.remedy}" for p in found.problems} if found else {}
    rows = []
    for row in bare.rows:
        cells = [
            {"text": cell, "wrong": wrong.get((row.line, column), "")}
            for column, cell in zip(bare.columns, row.cells, strict=False)
        ]
        rows.append({"line": row.line, "cells": cells, "wrong": whole.get(row.line, "")})
    return rows
