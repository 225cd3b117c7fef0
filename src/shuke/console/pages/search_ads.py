"""Which keywords are worth their bid? What is advised for each, why, and what another bid or quality would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import viewstate, words
from shuke.console.search_ads_view import NO_ITEM, item_words, read_trial, read_view
from shuke.kernel import clock
from shuke.kernel.errors import NotFound
from shuke.kernel.money import exponent
from shuke.kernel.periods import local_day
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table, csv_rows
from shuke.traffic.search_ads import reads

navigation.register(
    navigation.NavigationEntry(
        "search_ads",
        pgettext_lazy("sidebar", "Search ads"),
        "list-search",
        "console:search_ads",
        Deed.VIEW_TRAFFIC,
        "traffic",
        80,
    )
)
TONES = {"drop": "bad", "look_at_rank": "warn", "lower_or_mend": "warn", "keep": "good"}
TRIAL_WORDS = {
    "as_is": pgettext_lazy("trial", "as it is"),
    "bid_raised": pgettext_lazy("trial", "the bid raised"),
    "quality_raised": pgettext_lazy("trial", "the quality raised"),
}
# Headings in the reader's language, as the mappings recognise them; the numbers are an example and nobody's.
EXAMPLES = {
    "zh": (
        "日期,推广计划,宝贝ID,关键词,出价,质量分,平均展现排名,展现量,点击量,花费,总成交金额,总成交笔数,下一名出价,下一名质量分",
        "2026-03-01~2026-03-07,夏装,1001,亚麻连衣裙,1.50,9,2.4,18200,640,688.20,5120.00,32,1.20,8",
        "2026-03-01~2026-03-07,夏装,1001,连衣裙,2.10,4,9.8,9100,210,398.00,310.00,2,,",
        "2026-03-01~2026-03-07,夏装,1002,棉麻衬衫,0.60,7,,0,0,0.00,0.00,0,0.90,7",
    ),
    "en": (
        "day,keyword,item,campaign,bid,quality,rank,impressions,clicks,cost,orders,amount,next bid,next quality",
        "2026-03-01~2026-03-07,linen dress,1001,Summer,1.50,9,2.4,18200,640,688.20,32,5120.00,1.20,8",
        "2026-03-01~2026-03-07,dress,1001,Summer,2.10,4,9.8,9100,210,398.00,2,310.00,,",
        "2026-03-01~2026-03-07,cotton shirt,1002,Summer,0.60,7,,0,0,0.00,0,0.00,0.90,7",
    ),
}


@require_safe
@page(Deed.VIEW_TRAFFIC)
def search_ads(request: PageRequest, shop: str) -> HttpResponseBase:
    """The page with its table; `?format=csv` is the table as a file."""
    access = request.access
    view = read_view(request)
    found = reads.keywords(
        shop=access.shop, period=view.period, advice=view.advice, item=view.item, at=clock.now()
    )
    columns = _columns(access, request)
    if wants_csv(request.GET):
        # On the page item and campaign stand below the keyword; a file needs them to tell equal keywords apart.
        columns[1:1] = [
            Column("item", pgettext("search ads", "Item"), lambda r: r.item),
            Column("campaign", pgettext("search ads", "Campaign"), lambda r: r.campaign),
        ]
        header: list[Any] = [column.title for column in columns]
        name = f"keywords-{found.period.start}-{found.period.last}"
        return csv_response(access, name, [*header, pgettext("search ads", "Why")], _csv(columns, found.rows))
    known = {column.key for column in columns}
    shown = (set(request.GET.getlist("cols")) & known) or set(DEFAULT_COLUMNS)
    context = {
        "view": view,
        "found": found,
        "period_words": viewstate.period_words(found.period),
        "advices": [
            (code, reads.ADVICE_WORDS[code], found.counts[code], TONES.get(code, ""))
            for code in reads.ADVICE
            if found.counts[code] or code == view.advice
        ],
        "advice_words": reads.ADVICE_WORDS.get(view.advice, ""),
        "items": [(item or NO_ITEM, item_words(item)) for item in found.items],
        "table": build_table(
            request,
            "keywords",
            [one for one in columns if one.key in ("keyword", "advice", *shown)],
            found.rows,
        ),
        "columns": [(one.key, one.title, one.key in shown) for one in columns[2:]],
        "rest": sum(found.counts.values()),
        "sentence": _sentence(access, found) if not view.advice else "",
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "may_import": access.may(Deed.IMPORT_FILES),
    }
    return render(request, "console/search_ads.html", context)


def _sentence(access: Access, found: reads.Keywords) -> str:
    """What the keywords cost together, and how much of it went to those that should be dropped."""
    if all(row.stated.cost_minor is None for row in found.rows):
        return ""

    def spent(rows: Sequence[reads.Keyword]) -> str:
        cost = sum(row.stated.cost_minor or 0 for row in rows)
        return words.money(cost, access.shop.currency, is_short=True)

    said = gettext("%(count)s keywords cost %(cost)s and brought %(orders)s orders.") % {
        "count": words.count(len(found.rows)),
        "cost": spent(found.rows),
        "orders": words.count(sum(row.stated.orders or 0 for row in found.rows)),
    }
    dropped = [row for row in found.rows if row.advice.code == reads.ADVICE[0]]
    if not dropped:
        return said
    more = gettext("%(cost)s of it went to %(count)s that should be dropped.") % {
        "cost": spent(dropped),
        "count": words.count(len(dropped)),
    }
    return f"{said}{'' if words.locale().language == 'zh' else ' '}{more}"


def _csv(columns: Sequence[Column[reads.Keyword]], rows: Sequence[reads.Keyword]) -> Iterator[list[Any]]:
    for row, cells in zip(rows, csv_rows(columns, rows), strict=True):
        yield [*cells, " ".join(reason.text() for reason in row.advice.reasons)]


@require_safe
@page(Deed.IMPORT_FILES)
def example(request: PageRequest, shop: str) -> HttpResponse:
    """A small report with the headings that are recognised, to fill in; its numbers are made up."""
    return example_file(EXAMPLES, "keywords-example.csv")


def example_file(lines: Mapping[str, tuple[str, ...]], name: str) -> HttpResponse:
    """A file of these lines in the reader's language, in UTF-8 with a mark that spreadsheets read."""
    told = lines["zh" if words.locale().language == "zh" else "en"]
    response = HttpResponse("\ufeff" + "\r\n".join(told) + "\r\n", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- the table


DEFAULT_COLUMNS = ("quality", "impressions", "clicks", "cost", "orders", "per_order", "return")


def _columns(access: Access, request: PageRequest) -> list[Column[reads.Keyword]]:
    """Every column; which of them stand on the page the address says (`cols`)."""
    currency = access.shop.currency

    def number(key: str, title: str, value: Any, shown: Any, why: Any = None) -> Column[reads.Keyword]:
        def cell(row: reads.Keyword) -> dict[str, str]:
            found = value(row)
            return {"text": "" if found is None else shown(found), "why": _why(row, why)}

        return Column(key, title, value, "stated", is_number=True, shown=cell)

    def amount(key: str, title: str, minor: Any, why: Any = None) -> Column[reads.Keyword]:
        """Files hold the major unit, as money is written."""

        def value(row: reads.Keyword) -> Decimal | None:
            return None if minor(row) is None else _major(minor(row), currency)

        def cell(row: reads.Keyword) -> dict[str, str]:
            found = minor(row)
            text = "" if found is None else words.money(_rounded(found), currency)
            return {"text": text, "why": _why(row, why)}

        return Column(key, title, value, "stated", is_number=True, shown=cell)

    def name(row: reads.Keyword) -> dict[str, str]:
        sub = " · ".join(part for part in (row.item, row.campaign) if part)
        return {"text": row.keyword, "sub": sub, "url": _url(request, row)}

    def advice(row: reads.Keyword) -> dict[str, str]:
        return {"text": str(reads.ADVICE_WORDS[row.advice.code]), "tone": TONES.get(row.advice.code, "")}

    return [
        Column("keyword", pgettext("search ads", "Keyword"), lambda r: r.keyword, "keyword", is_first=True, is_searched=True, shown=name),
        Column("advice", pgettext("search ads", "Advice"), lambda r: str(reads.ADVICE_WORDS[r.advice.code]), "badge", shown=advice),
        amount("bid", pgettext("search ads", "Bid"), lambda r: r.stated.bid_minor),
        number("quality", pgettext("search ads", "Quality score"), lambda r: r.stated.quality, _plain),
        number("rank", pgettext("search ads", "Average rank"), lambda r: r.stated.rank, _plain),
        number("impressions", pgettext("search ads", "Impressions"), lambda r: r.stated.impressions, _count),
        number("clicks", pgettext("search ads", "Clicks"), lambda r: r.stated.clicks, _count),
        amount("per_click", pgettext("search ads", "Cost per click"), lambda r: r.cost_per_click, _no_clicks),
        amount("expected", pgettext("search ads", "Expected cost per click"), lambda r: r.click_cost.minor, _no_cost),
        amount("cost", pgettext("search ads", "Cost"), lambda r: r.stated.cost_minor),
        number("orders", pgettext("search ads", "Orders"), lambda r: r.stated.orders, _count),
        amount("per_order", pgettext("search ads", "Cost per order"), lambda r: r.cost_per_order, _no_orders),
        amount("amount", pgettext("search ads", "Amount"), lambda r: r.stated.amount_minor),
        Column(
            "return",
            pgettext("search ads", "Return"),
            lambda r: None if r.returned is None else round(float(r.returned), 4),
            "stated",
            is_number=True,
            shown=_return_cell,
        ),
    ]  # fmt: skip


def _why(row: reads.Keyword, why: Any) -> str:
    """Why a cell is empty: its own reason, else that nobody stated it."""
    return (why(row) if why else "") or gettext("The report does not state it.")


def _no_cost(row: reads.Keyword) -> str:
    return row.click_cost.reason.text() if row.click_cost.reason else ""


def _no_clicks(row: reads.Keyword) -> str:
    return gettext("Nobody clicked.") if row.stated.clicks == 0 else ""


def _no_orders(row: reads.Keyword) -> str:
    return gettext("Nobody ordered.") if row.stated.orders == 0 else ""


def _return_cell(row: reads.Keyword) -> dict[str, str]:
    if row.returned is None:
        why = gettext("Nothing was spent.") if row.stated.cost_minor == 0 else _why(row, None)
        return {"text": "", "why": why}
    few = pgettext("search ads", "few orders") if row.is_few else ""
    return {"text": words.number(float(row.returned)), "sub": few}


def _plain(value: Decimal | None) -> str:
    return words.UNKNOWN if value is None else f"{value.normalize():f}"


def _count(value: Decimal | None) -> str:
    return words.UNKNOWN if value is None else words.count(value)


def _rounded(value: int | Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _major(value: int | Fraction, currency: str) -> Decimal:
    return round(_rounded(value).scaleb(-exponent(currency)), 4)


def _url(request: PageRequest, row: reads.Keyword) -> str:
    """The way to one keyword, in the same days."""
    query = {name: request.GET[name] for name in ("from", "to") if request.GET.get(name)}
    query |= {"keyword": row.keyword, "item": row.item, "campaign": row.campaign}
    return reverse("console:search_ads_keyword", args=[request.access.shop.slug]) + "?" + urlencode(query)


# --- one keyword: why, and what another bid would give


@require_safe
@page(Deed.VIEW_TRAFFIC)
def keyword(request: PageRequest, shop: str) -> HttpResponse:
    """One keyword: in the drawer for htmx, a page of its own otherwise."""
    access = request.access
    at = clock.now()
    found = reads.keywords(shop=access.shop, period=read_view(request).period, at=at)
    asked = tuple(request.GET.get(name, "") for name in ("keyword", "item", "campaign"))
    row = next((one for one in found.rows if (one.keyword, one.item, one.campaign) == asked), None)
    if row is None and asked[0]:
        raise NotFound(field=gettext("keyword"), value=asked[0])
    typed = read_trial(request, row, access.shop.currency)
    tried = (
        reads.try_out(shop=access.shop, own=typed.bidders[0], rivals=typed.bidders[1:], at=at)
        if typed.bidders
        else ()
    )
    today = local_day(at, access.shop.zone)
    context = {
        "row": row,
        "period_words": viewstate.period_words(found.period),
        "advice_words": reads.ADVICE_WORDS[row.advice.code] if row else "",
        "tone": TONES.get(row.advice.code, "") if row else "",
        "rules": [_rule(access, rule_id, today) for rule_id in row.advice.rules] if row else [],
        "numbers": _numbers(row, access.shop.currency) if row else [],
        "typed": typed,
        "trials": [_trial(one, access.shop.currency) for one in tried],
        "leads": _leads(typed.bidders, access.shop.currency),
        "formula": _rule(access, "taobao.search_ads.click_cost_formula", today),
    }
    template = "console/pieces/search_ads_keyword.html" if request.htmx else "console/search_ads_keyword.html"
    return render(request, template, context)


def _rule(access: Access, rule_id: str, today: Any) -> dict[str, Any]:
    value = rulebook.value_for(access.shop, rule_id, today)
    rule = rulebook.rule(rule_id)
    return {
        "title": rule.title,
        "words": rule.words,
        "note": value.words,
        "source": value.source,
        "is_own": value.is_own,
        "url": reverse("console:rule", args=[access.shop.slug, rule_id]),
    }


def _numbers(row: reads.Keyword, currency: str) -> list[tuple[str, str]]:
    stated = row.stated

    def money(value: int | Fraction | None) -> str:
        return words.UNKNOWN if value is None else words.money(_rounded(value), currency)

    score = words.UNKNOWN if row.score is None else words.number(float(row.score))
    next_words = (
        f"{money(stated.next.bid_minor)} × {_plain(stated.next.quality)}" if stated.next else words.UNKNOWN
    )
    cost = row.click_cost
    expected = money(cost.minor) if cost.reason is None else f"{words.UNKNOWN} {cost.reason.text()}"
    return [
        (gettext("Bid × quality score"), f"{money(stated.bid_minor)} × {_plain(stated.quality)} = {score}"),
        (gettext("Next bidder"), next_words),
        (gettext("A click is expected to cost"), expected),
        (gettext("A click did cost"), money(row.cost_per_click)),
        (pgettext("search ads", "Average rank"), _plain(stated.rank)),
        (
            pgettext("search ads", "Impressions and clicks"),
            f"{_count(stated.impressions)} · {_count(stated.clicks)}",
        ),
        (pgettext("search ads", "Cost"), money(stated.cost_minor)),
        (
            pgettext("search ads", "Orders and amount"),
            f"{_count(stated.orders)} · {money(stated.amount_minor)}",
        ),
        (pgettext("search ads", "Cost per order"), money(row.cost_per_order)),
        (gettext("Rows of reports"), words.count(row.rows)),
    ]


def _trial(one: reads.Trial, currency: str) -> dict[str, Any]:
    place = one.place
    rank = (
        gettext("%(best)s or %(worst)s") % {"best": place.best, "worst": place.worst}
        if place.is_tie
        else str(place.best)
    )
    cost = one.cost
    return {
        "title": TRIAL_WORDS[one.code],
        "bid": words.money(one.bidder.bid_minor, currency),
        "quality": _plain(one.bidder.quality),
        "score": words.number(float(one.bidder.score)),
        "rank": rank,
        "cost": words.money(cost.minor, currency) if cost.minor is not None else words.UNKNOWN,
        "why": cost.reason.text() if cost.reason else "",
        "is_above_bid": cost.is_above_bid,
    }


def _leads(bidders: Sequence[reads.Bidder], currency: str) -> list[str]:
    """What the own bid would have to be to stand ahead of those who are ahead now, the nearest first."""
    if not bidders:
        return []
    own, *rivals = bidders
    ahead = sorted({reads.bid_to_lead(own, one) for one in rivals if one.score >= own.score})
    return [words.money(minor, currency) for minor in ahead]
