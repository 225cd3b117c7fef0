"""Which channels do peers live on? The shop's channels against an imported industry table, and what would be gained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.console import viewstate, words
from shuke.console.pages.search_ads import example_file
from shuke.kernel import clock
from shuke.kernel.errors import NotFound, ShukeError
from shuke.kernel.periods import local_day
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table, csv_rows
from shuke.traffic.peers import actions, reads

navigation.register(
    navigation.NavigationEntry(
        "peers",
        pgettext_lazy("sidebar", "Peers"),
        "chart-bar",
        "console:peers",
        Deed.VIEW_TRAFFIC,
        "traffic",
        70,
    )
)
TONES = {"uncovered": "warn", "high_conversion": "good", "high_traffic": "now"}
MOST_PAIRS = 14
RULE_OF = {
    "uncovered": ("common.peers.covered_part", "common.peers.least_share"),
    "high_conversion": ("common.peers.high_conversion_times",),
    "high_traffic": ("common.peers.high_traffic_share",),
    "unknown": ("common.peers.least_visitors",),
}
BY_WORDS = {
    "shop": pgettext_lazy("who named a channel", "the shop says"),
    "rulebook": pgettext_lazy("who named a channel", "the rulebook says"),
    "nobody": pgettext_lazy("who named a channel", "nobody knows"),
}
# Headings in the reader's language, as the mappings recognise them; the numbers are an example and nobody's.
EXAMPLES = {
    "zh": (
        "统计日期,类目,口径,流量来源,访客数,访客数占比,支付买家数,支付转化率,支付金额",
        "2026-03-01~2026-03-31,女装,行业整体,手淘搜索,420000,42%,12600,3.00%,2520000",
        "2026-03-01~2026-03-31,女装,行业整体,手淘推荐,260000,26%,3900,1.50%,702000",
        "2026-03-01~2026-03-31,女装,行业整体,直通车,120000,12%,3000,2.50%,540000",
        "2026-03-01~2026-03-31,女装,行业整体,淘宝直播,110000,11%,5500,5.00%,880000",
        "2026-03-01~2026-03-31,女装,行业整体,聚划算,90000,9%,1800,2.00%,252000",
    ),
    "en": (
        "period,industry,scope,channel,visitors,visitor share,buyers,conversion,amount",
        "2026-03-01~2026-03-31,Dresses,whole industry,Marketplace search,420000,42%,12600,3.00%,2520000",
        "2026-03-01~2026-03-31,Dresses,whole industry,Marketplace pages,260000,26%,3900,1.50%,702000",
        "2026-03-01~2026-03-31,Dresses,whole industry,Zhitongche,120000,12%,3000,2.50%,540000",
        "2026-03-01~2026-03-31,Dresses,whole industry,Live stream,110000,11%,5500,5.00%,880000",
        "2026-03-01~2026-03-31,Dresses,whole industry,Group buying,90000,9%,1800,2.00%,252000",
    ),
}
Titles = Mapping[str, rulebook.Words]


@dataclass(frozen=True)
class Pair:
    """One channel of the picture: both shares as lengths of bars, and in words."""

    title: str
    own: str
    own_words: str
    industry: str
    industry_words: str
    tone: str
    kind: str | Promise
    url: str


@require_safe
@page(Deed.VIEW_TRAFFIC)
def peers(request: PageRequest, shop: str) -> HttpResponseBase:
    """The page with its picture and table; `?format=csv` is the table as a file."""
    access = request.access
    at = clock.now()
    problems: list[str] = []
    found = _asked(request, at, problems)
    kind = request.GET.get("kind", "")
    kind = kind if kind in reads.CLASSES else ""
    titles = rulebook.channel_titles(local_day(at, access.shop.zone), access.shop)
    rows = [row for row in found.rows if not kind or row.kind == kind]
    columns = _columns(request, found, titles)
    if wants_csv(request.GET):
        header = [*(column.title for column in columns), pgettext("peers", "Why")]
        name = f"peers-{found.table.start}-{found.table.last}" if found.table else "peers"
        return csv_response(access, name, header, _csv(columns, rows))
    context = {
        "found": found,
        "problems": problems,
        "period_words": viewstate.period_words(found.table.period) if found.table else "",
        "table_words": table_words(found.table) if found.table else "",
        "tables": [
            (one.key, f"{viewstate.period_words(one.period)} · {table_words(one)}") for one in found.tables
        ],
        "kinds": [(key, reads.CLASS_WORDS[key], n) for key, n in found.counts.items() if n or key == kind],
        "kind": kind,
        "all": len(found.rows),
        "pairs": _pairs(request, found, rows, titles),
        "left_out": max(0, len([row for row in rows if row.industry or row.own.visitors]) - MOST_PAIRS),
        "sentence": _sentence(found, titles),
        "names": _names(found),
        "channels": [(key, str(title)) for key, title in titles.items()],
        "table": build_table(request, "peers", columns, rows),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "may_import": access.may(Deed.IMPORT_FILES),
        "may_assign": access.may(Deed.MANAGE_TRAFFIC),
        "own_conversion": _percent(found.own_conversion, 2),
        "industry_conversion": _percent(found.industry_conversion, 2),
    }
    return render(request, "console/peers.html", context)


def _asked(request: PageRequest, at: Any, problems: list[str]) -> reads.Peers:
    """The table that the address asks for; the newest where there is none of that name."""
    asked = request.GET.get("table", "")[:600]
    try:
        return reads.peers(shop=request.access.shop, table=asked, at=at)
    except NotFound:
        problems.append(gettext("There is no such industry table; the newest is shown."))
        return reads.peers(shop=request.access.shop, at=at)


def table_words(table: reads.TableKey) -> str:
    """What tells a table from others of the same days."""
    return " · ".join(part for part in (table.industry, table.scope) if part) or gettext("an industry")


@require_safe
@page(Deed.IMPORT_FILES)
def example(request: PageRequest, shop: str) -> HttpResponse:
    """A small industry table with the headings that are recognised, to fill in; its numbers are made up."""
    return example_file(EXAMPLES, "industry-example.csv")


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def assign(request: PageRequest, shop: str) -> HttpResponse:
    """Say which channel a name means; back to where it was said."""
    name, channel = request.POST.get("name", ""), request.POST.get("channel", "")
    try:
        actions.assign_channel(
            shop=request.access.shop,
            name=name,
            channel=channel,
            actor=request.access.actor,
            at=clock.now(),
        )
    except ShukeError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, gettext("“%(name)s” is read as you said from now on.") % {"name": name})
    query = {"table": request.POST["table"]} if request.POST.get("table") else {}
    return redirect(
        reverse("console:peers", args=[shop]) + (f"?{urlencode(query)}" if query else "") + "#names"
    )


# --- one channel: why


@require_safe
@page(Deed.VIEW_TRAFFIC)
def channel(request: PageRequest, shop: str, name: str) -> HttpResponse:
    """One channel's class and gain with their reasons: in the drawer for htmx, a page of its own otherwise."""
    access = request.access
    at = clock.now()
    found = _asked(request, at, [])
    row = next((one for one in found.rows if one.channel == name), None)
    if row is None:
        raise NotFound(field=gettext("channel"), value=name)
    today = local_day(at, access.shop.zone)
    titles = rulebook.channel_titles(today, access.shop)
    rules = [*(rule for mark in row.marks for rule in RULE_OF.get(mark, ())), "common.peers.expected_gain"]
    context = {
        "row": row,
        "title": titles.get(row.channel, row.channel),
        "kind": reads.CLASS_WORDS[row.kind],
        "tone": TONES.get(row.kind, ""),
        "also": [reads.CLASS_WORDS[mark] for mark in row.marks[1:]],
        "numbers": _numbers(access, row),
        "rules": [
            {
                "title": rulebook.rule(rule).title,
                "words": rulebook.rule(rule).words,
                "sources": rulebook.value_for(access.shop, rule, today).sources,
                "is_own": rulebook.value_for(access.shop, rule, today).is_own,
                "url": reverse("console:rule", args=[shop, rule]),
            }
            for rule in dict.fromkeys(rules)
        ],
    }
    template = "console/pieces/peers_channel.html" if request.htmx else "console/peers_channel.html"
    return render(request, template, context)


def _numbers(access: Access, row: reads.Compared) -> list[tuple[str, str]]:
    theirs, currency = row.industry, access.shop.currency
    own_conversion = row.own.buyers / row.own.visitors if row.own.visitors else None
    return [
        (pgettext("peers", "Own visitors"), f"{words.count(row.own.visitors)} · {_percent(row.own_share)}"),
        (pgettext("peers", "Industry's share"), _percent(theirs.share if theirs else None)),
        (pgettext("peers", "Own conversion"), _percent(own_conversion, 2)),
        (pgettext("peers", "Industry's conversion"), _percent(theirs.conversion if theirs else None, 2)),
        (pgettext("peers", "Own amount"), words.money(row.own.amount_minor, currency)),
        (pgettext("peers", "Visitors to gain"), _told(row.gain.visitors, _heads)),
        (pgettext("peers", "Amount to gain"), _told(row.gain.amount_minor, _money(currency))),
    ]


# --- the table and the picture


def _percent(value: float | None, digits: int = 1) -> str:
    return words.UNKNOWN if value is None else words.percent(value, digits)


def _heads(value: float) -> str:
    return words.count(round(value))


def _money(currency: str) -> Any:
    return lambda value: words.money(round(value), currency, is_short=True)


def _told(expected: reads.Expected, say: Any) -> str:
    if expected.value is None:
        return f"{words.UNKNOWN} {expected.reason.text() if expected.reason else ''}".strip()
    shown = say(expected.value)
    if expected.low is None or expected.high is None:
        return shown
    return f"{shown} ({say(expected.low)} – {say(expected.high)})"


def _expected_cell(expected: reads.Expected, say: Any) -> dict[str, str]:
    if expected.value is None:
        return {"text": "", "why": expected.reason.text() if expected.reason else ""}
    if expected.low is None or expected.high is None:
        return {"text": say(expected.value), "sub": gettext("no range")}
    return {"text": say(expected.value), "sub": f"{say(expected.low)} – {say(expected.high)}"}


def _url(request: PageRequest, row: reads.Compared, found: reads.Peers) -> str:
    query = {"table": found.table.key} if found.table and request.GET.get("table") else {}
    path = reverse("console:peers_channel", args=[request.access.shop.slug, row.channel])
    return f"{path}?{urlencode(query)}" if query else path


def _columns(request: PageRequest, found: reads.Peers, titles: Titles) -> list[Column[reads.Compared]]:
    currency = request.access.shop.currency
    not_told = gettext("The table does not state it.")

    def share(key: str, title: str, value: Any, digits: int = 1) -> Column[reads.Compared]:
        def cell(row: reads.Compared) -> dict[str, str]:
            known = value(row)
            return {"text": "" if known is None else _percent(known, digits), "why": not_told}

        return Column(key, title, value, "stated", is_number=True, shown=cell)

    def conversion(row: reads.Compared) -> float | None:
        return row.own.buyers / row.own.visitors if row.own.visitors else None

    def own_conversion(row: reads.Compared) -> dict[str, str]:
        known = conversion(row)
        return {
            "text": "" if known is None else _percent(known, 2),
            "why": gettext("No visitor came through it."),
        }

    def name(row: reads.Compared) -> dict[str, str]:
        sub = ", ".join(row.industry.names) if row.industry else ""
        return {
            "text": str(titles.get(row.channel, row.channel)),
            "sub": sub,
            "url": _url(request, row, found),
        }

    def own_share(row: reads.Compared) -> dict[str, str]:
        return {"text": _percent(row.own_share), "sub": words.count(row.own.visitors)}

    money = _money(currency)
    return [
        Column("channel", pgettext("peers", "Channel"), lambda r: str(titles.get(r.channel, r.channel)), "channel", is_first=True, is_searched=True, shown=name),
        Column("kind", pgettext("peers", "Class"), lambda r: str(reads.CLASS_WORDS[r.kind]), "badge", shown=lambda r: {"text": str(reads.CLASS_WORDS[r.kind]), "tone": TONES.get(r.kind, "")}),
        Column("share", pgettext("peers", "Own share"), lambda r: r.own_share, "stated", is_number=True, shown=own_share),
        share("industry", pgettext("peers", "Industry's share"), lambda r: r.industry.share if r.industry else None),
        Column("conversion", pgettext("peers", "Own conversion"), conversion, "stated", is_number=True, shown=own_conversion),
        share("industry_conversion", pgettext("peers", "Industry's conversion"), lambda r: r.industry.conversion if r.industry else None, 2),
        Column("gain", pgettext("peers", "Visitors to gain"), lambda r: r.gain.visitors.value, "stated", is_number=True, shown=lambda r: _expected_cell(r.gain.visitors, _heads)),
        Column("amount", pgettext("peers", "Amount to gain"), lambda r: None if r.gain.amount_minor.value is None else round(r.gain.amount_minor.value), "stated", is_number=True, shown=lambda r: _expected_cell(r.gain.amount_minor, money)),
    ]  # fmt: skip


def _csv(columns: Sequence[Column[reads.Compared]], rows: Sequence[reads.Compared]) -> Iterator[list[Any]]:
    for row, cells in zip(rows, csv_rows(columns, rows), strict=True):
        reasons = (*row.why, *row.gain.assumptions)
        yield [*cells, " ".join(reason.text() for reason in reasons)]


def _pairs(
    request: PageRequest, found: reads.Peers, rows: Sequence[reads.Compared], titles: Titles
) -> list[Pair]:
    """Both shares of each channel, the industry's largest first; all bars on one scale."""

    def shares(row: reads.Compared) -> tuple[float, float]:
        return row.own_share or 0.0, row.industry.share if row.industry else 0.0

    ordered = sorted(rows, key=lambda row: (-shares(row)[1], -shares(row)[0], row.channel))
    shown = [row for row in ordered if any(shares(row))][:MOST_PAIRS]
    most = max((max(shares(row)) for row in found.rows), default=0.0) or 1.0
    return [
        Pair(
            title=str(titles.get(row.channel, row.channel)),
            own=f"{shares(row)[0] / most:.4f}",
            own_words=_percent(row.own_share),
            industry=f"{shares(row)[1] / most:.4f}",
            industry_words=_percent(row.industry.share if row.industry else None),
            tone=TONES.get(row.kind, ""),
            kind=reads.CLASS_WORDS[row.kind],
            url=_url(request, row, found),
        )
        for row in shown
    ]


def _sentence(found: reads.Peers, titles: Titles) -> str:
    """The answer in a sentence: where most is to be gained."""
    told = [
        row for row in found.rows if row.kind in ("uncovered", "high_conversion") and row.gain.visitors.value
    ]
    if not told:
        return gettext("No channel stands out where the shop is not yet.") if found.rows else ""
    best = max(told, key=lambda row: (row.gain.amount_minor.value or 0, row.gain.visitors.value or 0))
    said = {
        "uncovered": gettext(
            "%(channel)s is not covered yet and would bring about %(visitors)s more visitors."
        ),
        "high_conversion": gettext(
            "%(channel)s converts well in the industry: extended, it would bring about %(visitors)s more visitors."
        ),
    }[best.kind]
    return said % {
        "channel": titles.get(best.channel, best.channel),
        "visitors": _heads(best.gain.visitors.value or 0),
    }


def _names(found: reads.Peers) -> list[dict[str, Any]]:
    sizes = dict(found.unmatched)
    return [
        {
            "name": one.name,
            "channel": actions.LEFT_OUT if one.channel == "" else one.channel or "",
            "by": one.by,
            "by_words": pgettext("peers", "a sum of other rows") if one.is_sum else BY_WORDS[one.by],
            "share": _percent(sizes[one.name]) if one.name in sizes else "",
        }
        for one in found.names
    ]
