"""Mends: choose rules for a group and look at what they would do; what mends did and do; the rules that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields as fields_of
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.intake import actions, reads
from shuke.intake.pages.jobs import is_running, job_context, job_view
from shuke.intake.quarantine.kept import is_keepable
from shuke.intake.quarantine.rules import RULES, Rule, rules_for, words_of_rules
from shuke.intake.quarantine.said import is_masked
from shuke.kernel import clock
from shuke.kernel.errors import NotFound, ShukeError
from shuke.records.actor import name_in_words
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, page_number

SIZE = 50
CHUNK = 500
MASK = "•••"
LONGEST = 20_000
LABELS = {
    "column": gettext_lazy("Column"),
    "source": gettext_lazy("Column to take it from"),
    "zone": gettext_lazy("Time zone"),
    "ignores_offset": gettext_lazy("Also where the text states an offset or Z"),
    "format": gettext_lazy("Form of the time"),
    "unit": gettext_lazy("Unit"),
    "old": gettext_lazy("This value"),
    "new": gettext_lazy("becomes this"),
    "is_part": gettext_lazy("Also as a part of a longer text"),
    "value": gettext_lazy("Value to use"),
    "note": gettext_lazy("Why they are worth nothing"),
}
USUAL = {"zone": "Asia/Shanghai", "format": "%d.%m.%Y %H:%M"}
UNITS = {"s": gettext_lazy("seconds"), "ms": gettext_lazy("milliseconds")}
STATES = {
    "replayed": (pgettext_lazy("quarantine", "sent again"), "good"),
    "dropped": (pgettext_lazy("quarantine", "dropped"), ""),
}


def group_in(query: Mapping[str, str]) -> reads.Group | None:
    """The group that an address or a form names."""
    number = query.get("import", "")
    raw = {name: query.get(name, "") for name in ("origin", "reason", "mapping", "column")}
    is_number = number.isascii() and number.isdigit() and len(number) < 18
    try:
        return reads.Group.of({**raw, "import_id": int(number) if is_number else None})
    except ShukeError:
        return None


def address_of(group: reads.Group) -> dict[str, str]:
    """A group as an address names it."""
    named = {"origin": group.origin, "reason": group.reason, "mapping": group.mapping, "column": group.column}
    return named if group.import_id is None else {**named, "import": str(group.import_id)}


@require_safe
@page(Deed.MEND_QUARANTINE)
def mend(request: PageRequest, shop: str) -> HttpResponse:
    """Choose a rule for a group, look at ten entries before and after, add another rule; then start."""
    access = request.access
    group = group_in(request.GET)
    found = next(
        (
            one
            for one in reads.waiting_groups(access.shop, is_masked=is_masked(access))
            if group and _is_of(one, group)
        ),
        None,
    )
    if group is None or found is None:
        messages.warning(request, gettext("Nothing waits in this group any more."))
        return redirect("intake:quarantine", shop)
    chain, kind = _chain(request.GET.get("rules", "")), RULES.get(request.GET.get("rule", ""))
    is_looking = "look" in request.GET
    asked = [*chain, _given(kind, request.GET)] if kind is not None and is_looking else chain
    preview, problem = None, ""
    if is_looking or chain:
        try:
            preview = actions.preview_mend(
                shop=access.shop,
                group=group,
                rules=asked,
                is_masked=is_masked(access),
                actor=access.actor,
                at=clock.now(),
            )
        except ShukeError as error:
            problem = str(error)
    columns = reads.columns_of(access.shop, group)
    context = {
        "group": found,
        "hidden": address_of(group),
        "chain": json.dumps(chain, ensure_ascii=False) if chain else "",
        "chain_words": words_of_rules(preview.rules) if preview and asked else "",
        "kinds": [(one.name, one.title, one is kind) for one in rules_for(group.origin)],
        "has_kind": kind is not None,
        "fields": _form(kind, request.GET, group, columns) if kind is not None else [],
        "columns": columns,
        "is_file": group.origin == "import",
        "preview": preview,
        "problem": problem,
        "table": _preview_table(request, access, preview) if preview is not None else None,
        "asked": json.dumps(asked, ensure_ascii=False),
        "another": "?" + urlencode({**address_of(group), "rules": json.dumps(asked, ensure_ascii=False)}),
        "may_keep": bool(asked) and preview is not None and is_keepable(group, preview.rules),
    }
    return render(request, "intake/quarantine_mend.html", context, status=422 if problem else 200)


def _is_of(one: reads.GroupView, group: reads.Group) -> bool:
    return (one.group.origin, one.group.reason, one.group.mapping, one.group.column) == (
        group.origin,
        group.reason,
        group.mapping,
        group.column,
    )


def _chain(text: str) -> list[Any]:
    """Rules that were chosen before, as the address carries them; the action checks them."""
    if not text or len(text) > LONGEST:
        return []
    try:
        chain = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return chain if isinstance(chain, list) else []


def _given(kind: type[Rule], query: QueryDict) -> dict[str, Any]:
    given: dict[str, Any] = {"rule": kind.name}
    for one in fields_of(kind):
        if one.type in ("bool", bool):
            given[one.name] = query.get(f"f.{one.name}") == "on"
        else:
            given[one.name] = query.get(f"f.{one.name}", "")
    return given


def _form(
    kind: type[Rule], query: QueryDict, group: reads.Group, columns: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The fields of a rule as the form draws them, with what was typed."""
    usual = {"column": group.column or (columns[0] if columns else ""), **USUAL}
    drawn = []
    for one in fields_of(kind):
        is_flag = one.type in ("bool", bool)
        is_column = one.name in ("column", "source")
        value = query.get(f"f.{one.name}", usual.get(one.name, ""))
        drawn.append(
            {
                "name": f"f.{one.name}",
                "label": LABELS.get(one.name, one.name),
                "value": value,
                "is_flag": is_flag,
                "is_set": value == "on",
                "choices": [(key, title, key == value) for key, title in UNITS.items()]
                if one.name == "unit"
                else [(name, name, name == value) for name in columns]
                if is_column and group.origin == "import"
                else [],
                "lists": is_column and group.origin != "import",
            }
        )
    return drawn


def _preview_table(request: PageRequest, access: Access, preview: actions.MendPreview) -> Any:
    def result(row: Any) -> dict[str, Any]:
        if row.would_load:
            return {"text": gettext("would load"), "tone": "good"}
        if preview.would_drop:
            return {"text": gettext("would be dropped"), "tone": ""}
        return {"text": gettext("still waits"), "tone": "warn"}

    columns: list[Column[Any]] = [
        Column(
            "entry",
            gettext("Entry"),
            lambda r: r.id,
            "link",
            is_first=True,
            shown=lambda r: _entry(access, r),
        ),
        Column(
            "changes",
            gettext("Before → after"),
            lambda r: "",
            "changes",
            shown=lambda r: changes_of(access, r),
        ),
        Column("result", gettext("Result"), lambda r: r.would_load, "state", shown=result),
        Column("why", gettext("Why"), lambda r: r.why),
    ]
    return build_paged_table(
        request, "preview", columns, preview.rows, count=len(preview.rows), page=1, size=SIZE
    )


def _entry(access: Access, row: Any) -> dict[str, str]:
    number = getattr(row, "entry_id", row.id)
    text = (
        gettext("line %(line)s") % {"line": row.line}
        if row.line
        else gettext("entry %(id)s") % {"id": number}
    )
    return {"text": text, "url": reverse("intake:quarantined", args=[access.shop.slug, number])}


def changes_of(access: Access, row: Any) -> list[dict[str, str]]:
    """Changes as the cell draws them; the values name people."""
    may = not is_masked(access)
    return [
        {
            "field": one["column"] or gettext("the whole text"),
            "before": (one["before"] if may else MASK) or "",
            "after": (one["after"] if may else MASK) or gettext("(empty)"),
        }
        for one in row.changes[:12]
    ]


@require_POST
@page(Deed.MEND_QUARANTINE)
def start(request: PageRequest, shop: str) -> HttpResponse:
    """Start the mend that was looked at."""
    access = request.access
    group = group_in(request.POST)
    try:
        if group is None:
            raise NotFound(field="group", value=request.POST.get("origin", ""))
        started = actions.start_mend(
            shop=access.shop,
            group=group,
            rules=_chain(request.POST.get("rules", "")),
            is_kept=request.POST.get("is_kept") == "on",
            actor=access.actor,
            at=clock.now(),
        )
    except ShukeError as error:
        messages.error(request, str(error))
        return redirect("intake:quarantine", shop)
    return redirect("intake:mend", shop, started.pk)


@require_safe
@page(Deed.VIEW_QUARANTINE)
def mends(request: PageRequest, shop: str) -> HttpResponseBase:
    """What was mended by rules, newest first; and the rules that are kept for later loads and events."""
    access = request.access
    kept = reads.list_kept(access.shop, is_masked=is_masked(access))
    failing = [one for one in kept if one.failing_since is not None]
    if wants_csv(request.GET) and request.GET.get("table") == "kept":
        header = ["id", "origin", "mapping", "reason", "column", "rules", "rows", "created_at", "created_by"]
        header += ["problem", "failing_since", "next_try_at"]
        lines = (
            [
                *(k.id, k.origin, k.mapping, k.reason, k.column, k.words, k.rows, k.created_at, k.created_by),
                *(k.problem, k.failing_since, k.next_try_at),
            ]
            for k in kept
        )
        return csv_response(access, "kept-rules", header, lines)
    if wants_csv(request.GET):
        return csv_response(access, "mends", _MEND_HEADER, _mend_lines(access))
    number = page_number(request)
    found = reads.list_mends(access.shop, page=number, size=SIZE, is_masked=is_masked(access))
    context = {
        "table": build_paged_table(
            request, "mends", _mend_columns(access), found.rows, count=found.count, page=number, size=SIZE
        ),
        "kept": build_table(request, "kept", _kept_columns(access), kept),
        "has_kept": bool(kept),
        "failing": failing[0] if failing else None,
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "is_running": any(is_running(row) for row in found.rows),
    }
    return render(request, "intake/quarantine_mends.html", context)


_MEND_HEADER = [
    "id",
    "origin",
    "reason",
    "mapping",
    "column",
    "rules",
    "state",
    "total",
    "waiting",
    "mended",
    "replayed",
    "dropped",
    "refused",
    "created_at",
    "created_by",
]


def _mend_lines(access: Access) -> Iterator[list[Any]]:
    number = 1
    while True:
        found = reads.list_mends(access.shop, page=number, size=CHUNK, is_masked=is_masked(access))
        for m in found.rows:
            g = m.group
            counts = [m.total, m.waiting, m.mended, m.replayed, m.dropped, m.refused]
            yield [
                m.id,
                g.origin,
                g.reason,
                g.mapping,
                g.column,
                m.words,
                m.state,
                *counts,
                m.created_at,
                m.created_by,
            ]
        if number * CHUNK >= found.count:
            return
        number += 1


def _mend_columns(access: Access) -> list[Column[reads.MendView]]:
    def title(one: reads.MendView) -> dict[str, str]:
        where = " · ".join(part for part in (one.group.mapping, one.group.column, one.group.reason) if part)
        return {
            "text": one.words,
            "sub": where,
            "url": reverse("intake:mend", args=[access.shop.slug, one.id]),
        }

    return [
        Column("rules", gettext("Rules"), lambda m: m.words, "link", is_first=True, shown=title),
        Column("state", gettext("State"), lambda m: m.state, "job_state"),
        Column("waiting", gettext("Not looked at"), lambda m: m.waiting, "count", is_number=True),
        Column("mended", gettext("Mended"), lambda m: m.mended, "count", is_number=True),
        Column("replayed", gettext("Sent again"), lambda m: m.replayed, "count", is_number=True),
        Column("dropped", gettext("Dropped"), lambda m: m.dropped, "count", is_number=True),
        Column("refused", gettext("Still refused"), lambda m: m.refused, "count", is_number=True),
        Column("created", gettext("When"), lambda m: m.created_at, "moment"),
        Column("by", gettext("By"), lambda m: name_in_words(m.created_by)),
    ]


def _kept_columns(access: Access) -> list[Column[reads.KeptView]]:
    def deeds(one: reads.KeptView) -> dict[str, Any]:
        return {"kept": one, "may": access.may(Deed.MEND_QUARANTINE)}

    def rules(one: reads.KeptView) -> dict[str, str]:
        where = (one.mapping or gettext("events of the API"), one.column, one.reason)
        return {"text": one.words, "sub": " · ".join(part for part in where if part)}

    def state(one: reads.KeptView) -> dict[str, Any]:
        if one.failing_since is None:
            return {"text": pgettext("kept rules", "applied"), "tone": "good"}
        return {
            "text": pgettext("kept rules", "can not be applied: %(problem)s") % {"problem": one.problem},
            "tone": "bad",
        }

    return [
        Column("rules", gettext("Rules"), lambda k: k.words, "link", is_first=True, shown=rules),
        Column("state", gettext("State"), lambda k: k.problem, "state", shown=state),
        Column("rows", gettext("Mended so far"), lambda k: k.rows, "count", is_number=True),
        Column("created", gettext("Since"), lambda k: k.created_at, "moment"),
        Column("by", gettext("By"), lambda k: name_in_words(k.created_by)),
        _Deeds("deeds", "", lambda k: k.id, "kept_deeds", is_sortable=False, shown=deeds),
    ]


class _Deeds(Column[Any]):
    """A column whose cell is drawn by this room."""

    @property
    def template(self) -> str:
        return f"intake/cells/{self.tag}.html"


@require_safe
@page(Deed.VIEW_QUARANTINE)
def one(request: PageRequest, shop: str, mend_id: int) -> HttpResponseBase:
    """One mend: how far it is, what it did entry by entry, why some still wait."""
    access = request.access
    found = reads.get_mend(access.shop, mend_id, is_masked=is_masked(access))
    if wants_csv(request.GET):
        header = ["entry", "line", "state", "column", "before", "after", "note", "at", "by"]
        return csv_response(access, f"mend-{mend_id}", header, _settled_lines(access, mend_id))
    after = _number(request, "after")
    settled = reads.settled_by_mend(access.shop, mend_id, after=after, size=SIZE)
    context = {
        "one": found,
        "by": name_in_words(found.created_by),
        **job_context(access, found, noun="mend", deed=Deed.MEND_QUARANTINE),
        "group_url": reverse("intake:quarantine", args=[shop]) + "?" + urlencode(address_of(found.group)),
        "table": build_paged_table(
            request,
            "settled",
            _settled_columns(access),
            settled.rows,
            count=found.replayed + found.dropped,
            page=1,
            size=max(SIZE, found.replayed + found.dropped),
        ),
        "is_first": not after,
        "next_after": settled.next_after,
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    template = "intake/pieces/mend_state.html" if request.htmx else "intake/quarantine_mend_one.html"
    return render(request, template, context)


def _settled_columns(access: Access) -> list[Column[reads.SettledView]]:
    def state(row: reads.SettledView) -> dict[str, Any]:
        text, tone = STATES.get(row.state, (row.state, ""))
        return {"text": text, "tone": tone}

    return [
        Column(
            "entry",
            gettext("Entry"),
            lambda r: r.id,
            "link",
            is_first=True,
            shown=lambda r: _entry(access, r),
        ),
        Column(
            "changes",
            gettext("Before → after"),
            lambda r: "",
            "changes",
            shown=lambda r: changes_of(access, r),
        ),
        Column("state", gettext("State"), lambda r: r.state, "state", shown=state),
        Column("at", gettext("When"), lambda r: r.at, "moment"),
        Column("by", gettext("By"), lambda r: r.by),
    ]


def _settled_lines(access: Access, mend_id: int) -> Iterator[list[Any]]:
    after: int | None = 0
    may = not is_masked(access)
    while after is not None:
        found = reads.settled_by_mend(access.shop, mend_id, after=after, size=CHUNK)
        for row in found.rows:
            for change in row.changes or ({"column": "", "before": None, "after": None},):
                values = [change["before"], change["after"]] if may else [MASK, MASK]
                yield [row.entry_id, row.line, row.state, change["column"], *values, row.note, row.at, row.by]
        after = found.next_after


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


stop = job_view(
    actions.stop_mend,
    noun="mend",
    deed=Deed.MEND_QUARANTINE,
    said=gettext_lazy("The mend stops after the part that is running; what is mended stays."),
)
resume = job_view(
    actions.resume_mend,
    noun="mend",
    deed=Deed.MEND_QUARANTINE,
    said=gettext_lazy("The mend goes on from where it stood."),
)


@require_POST
@page(Deed.MEND_QUARANTINE)
def remove_kept(request: PageRequest, shop: str, kept_id: int) -> HttpResponse:
    """Such rows and events wait again from now on."""
    access = request.access
    actions.remove_kept(shop=access.shop, kept_id=kept_id, actor=access.actor, at=clock.now())
    messages.success(request, gettext("The rules are no longer kept; what they mended stays."))
    return redirect("intake:mends", shop)
