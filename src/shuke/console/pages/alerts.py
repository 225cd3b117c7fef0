"""Alerts: what moved beyond what a weekday and a season explain, why, and what is watched; rules of the shop's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.conditions.reads import All, Compare, Node, Op, parse
from shuke.console import viewstate, words
from shuke.console.alerts_picture import draw
from shuke.console.deeds import attempt
from shuke.kernel import clock
from shuke.kernel.errors import NotFound, ShukeError
from shuke.kernel.money import exponent
from shuke.shops import navigation
from shuke.shops import reads as shops
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table
from shuke.traffic import reads as traffic
from shuke.traffic.alerts import actions, reads

navigation.register(
    navigation.NavigationEntry(
        "alerts",
        pgettext_lazy("sidebar", "Alerts"),
        "alert-triangle",
        "console:alerts",
        Deed.VIEW_TRAFFIC,
        "traffic",
        95,
    )
)

STATES = (
    ("", pgettext_lazy("alerts shown", "All")),
    ("open", pgettext_lazy("alerts shown", "Open")),
    ("ended", pgettext_lazy("alerts shown", "Over")),
)
TONES = {"open": "bad", "back": "good", "lasting": "warn"}
SNOOZES = (
    ("1", gettext_lazy("until tomorrow")),
    ("7", gettext_lazy("for a week")),
    ("28", gettext_lazy("for four weeks")),
)


class RuleForm(forms.Form):
    """A rule of the shop's own. Shares are typed as per cent and amounts in the shop's currency, as people say them."""

    metric = forms.ChoiceField(label=gettext_lazy("Metric"))
    direction = forms.ChoiceField(
        label=gettext_lazy("Raise an alert on"),
        choices=[
            ("below", gettext_lazy("a day below the limit")),
            ("above", gettext_lazy("a day above the limit")),
            ("fall", gettext_lazy("an unusual fall, by weekday and season")),
            ("rise", gettext_lazy("an unusual rise, by weekday and season")),
        ],
    )
    limit = forms.DecimalField(
        label=gettext_lazy("Limit"),
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=4,
        help_text=gettext_lazy(
            "Only for a limit. A share as per cent (35 is 35%), an amount in the shop's currency."
        ),
    )
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), required=False)
    terminal = forms.ChoiceField(label=gettext_lazy("Terminal"), required=False)
    readers = forms.MultipleChoiceField(
        label=gettext_lazy("Who gets a letter"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, access: Access, day: date, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = [("", pgettext("alert rule", "all"))]
        fields = viewstate.visit_fields()
        members = shops.list_members(access.shop)
        self._offer(
            metric=[(one.id, reads.metric_title(one.id)) for one in traffic.METRICS if one.is_default],
            channel=[*every, *viewstate.choices_of(fields["channel"], day, access.shop)],
            terminal=[*every, *viewstate.choices_of(fields["terminal"], day, access.shop)],
            readers=[(str(member.user_id), member.name or member.email) for member in members],
        )

    def _offer(self, **choices: list[tuple[str, str]]) -> None:
        """What the fields offer that only the shop knows."""
        for name, offered in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = offered

    def clean(self) -> dict[str, Any]:
        """A share is typed as per cent, so it is refused as per cent."""
        given = super().clean() or {}
        limit, metric = given.get("limit"), given.get("metric")
        is_limit = given.get("direction") in ("below", "above")
        if (
            is_limit
            and limit is not None
            and metric
            and traffic.metric(metric).unit == "ratio"
            and limit > 100
        ):
            said = gettext("A share can not be %(value)s%%: give a number from 0 to 100, as 35 for 35%%.")
            self.add_error("limit", said % {"value": f"{limit.normalize():f}"})
        return given

    def asked(self, currency: str) -> dict[str, Any]:
        """What `create_rule` takes."""
        given = self.cleaned_data
        metric = traffic.metric(given["metric"])
        limit = given["limit"]
        is_limit = given["direction"] in ("below", "above")
        if limit is not None and metric.unit == "ratio":
            limit /= 100
        elif limit is not None and metric.unit == "money":
            limit = limit.scaleb(exponent(currency))
        nodes: list[Node] = [
            Compare(name, Op.EQ, given[name]) for name in ("channel", "terminal") if given[name]
        ]
        return {
            "kind": "limit" if is_limit else "unusual",
            "metric": metric.id,
            "direction": given["direction"],
            "limit": limit if is_limit else None,
            "condition": None if not nodes else nodes[0] if len(nodes) == 1 else All(tuple(nodes)),
            "readers": [int(one) for one in given["readers"]],
        }


@require_safe
@page(Deed.VIEW_TRAFFIC)
def alerts(request: PageRequest, shop: str) -> HttpResponseBase:
    """The list with its states, what is watched, and the rules. `?format=csv` is the list as a file."""
    if wants_csv(request.GET):
        return _as_csv(request.access, reads.list_alerts(request.access.shop, state=_state(request)))
    return _page(request, None)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def alert(request: PageRequest, shop: str, alert_id: int) -> HttpResponseBase:
    """One alert: why, its course with the expected band, its segments, and where to look. `?format=csv`: the course."""
    access, at = request.access, clock.now()
    found = _found(access, alert_id)
    course = reads.course_of(access.shop, found)
    if wants_csv(request.GET):
        header = ["day", "actual", "expected", "low", "high", "is_off"]
        rows = ([p.day, p.actual, p.expected, p.low, p.high, p.is_off] for p in course)
        return csv_response(access, f"alert-{found.id}", header, rows)
    context = {
        "alert": found,
        "sentence": reads.sentence(found, access.shop),
        "cause": reads.cause(found, access.shop),
        "advice": reads.advice(found),
        "state": {"text": str(reads.STATES[found.state]), "tone": TONES[found.state]},
        "rule": reads.rule_words(found.rule, access.shop),
        "title": reads.series_words(found.lead, access.shop, found.raised_on, found.rule),
        "days": reads.days_words(found.since, found.last_day),
        "score": words.number(found.evidence.z, 1) if found.evidence.z is not None else "",
        "needed": words.number(found.evidence.needed, 1) if found.evidence.needed is not None else "",
        "bearable": words.number(reads.false_alerts_a_year(access.shop, found.raised_on), 1),
        "raised_on": words.short_day(found.raised_on),
        "ended_on": words.short_day(found.ended_on) if found.ended_on else "",
        "picture": draw(course, lambda value: reads.value_words(found.lead, value, access.shop, found.rule)),
        "segments": [_segment(one, found, access) for one in found.segments],
        "consequences": reads.consequences(found),
        "definitions": [
            {"title": _definition_title(version), "name": version, "url": _definition(access, version)}
            for version in sorted(found.definitions.values())
        ],
        "look": _look(found, access),
        "snoozes": SNOOZES,
        "is_quiet": found.is_quiet(at),
        "may_manage": access.may(Deed.MANAGE_TRAFFIC),
        "is_reader": access.actor.id in found.rule.readers,
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/alert.html", context)


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def seen(request: PageRequest, shop: str, alert_id: int) -> HttpResponse:
    """Somebody has it in hand."""
    _do(request, lambda: request.access.do(actions.mark_seen, alert_id=alert_id))
    return redirect("console:alert", shop, alert_id)


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def snooze(request: PageRequest, shop: str, alert_id: int) -> HttpResponse:
    """Off Today for some days, or back at once."""
    until = _until(request)
    _do(request, lambda: request.access.do(actions.snooze_alert, alert_id=alert_id, until=until))
    return redirect("console:alert", shop, alert_id)


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def create_rule(request: PageRequest, shop: str) -> HttpResponseBase:
    """A rule of the shop's own."""
    access = request.access
    form = RuleForm(access, _today(access), request.POST)
    made = attempt(form, lambda: access.do(actions.create_rule, **form.asked(access.shop.currency)))
    if made is None:
        return _page(request, form)
    messages.success(request, gettext("The rule is on. It is judged for the days that are over from now on."))
    return redirect("console:alerts", shop)


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def change_rule(request: PageRequest, shop: str, rule_id: int) -> HttpResponse:
    """On or off, put off for some days, or who reads."""
    access, given = request.access, request.POST

    def change() -> Any:
        if "is_on" in given:
            return access.do(actions.change_rule, rule_id=rule_id, is_on=given["is_on"] == "yes")
        if "snooze" in given:
            return access.do(actions.snooze_rule, rule_id=rule_id, until=_until(request))
        readers = [int(one) for one in given.getlist("readers") if one.isascii() and one.isdigit()]
        return access.do(actions.change_rule, rule_id=rule_id, readers=readers)

    _do(request, change)
    return redirect("console:alerts", shop)


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def remove_rule(request: PageRequest, shop: str, rule_id: int) -> HttpResponse:
    """The rule raises nothing any more."""
    _do(request, lambda: request.access.do(actions.remove_rule, rule_id=rule_id))
    return redirect("console:alerts", shop)


@require_POST
@page(Deed.VIEW_TRAFFIC)
def letters(request: PageRequest, shop: str, rule_id: int) -> HttpResponse:
    """The reader's own letters from a rule, wanted or not."""
    access = request.access
    wanted = request.POST.get("wanted") == "yes"
    _do(
        request,
        lambda: access.do(actions.set_letters, rule_id=rule_id, user_id=access.actor.id or 0, wanted=wanted),
    )
    return redirect("console:alerts", shop)


# --- the page


def _page(request: PageRequest, form: RuleForm | None) -> HttpResponse:
    access, at = request.access, clock.now()
    shop = access.shop
    chosen = _state(request)
    found = reads.list_alerts(shop, state=chosen)
    may_manage = access.may(Deed.MANAGE_TRAFFIC)
    standing = reads.standing(shop)
    members = {member.user_id: member.name or member.email for member in shops.list_members(shop)}
    context = {
        "table": build_table(request, "alerts", _columns(access), found, default_sort=""),
        "table_page": reverse("console:alerts", args=[shop.slug]),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "states": [(key, title, key == chosen) for key, title in STATES],
        "standing": standing,
        "until": words.day(standing.judged_until) if standing.judged_until else "",
        "watched": _watched(standing),
        "watch_table": build_table(request, "watched", _watch_columns(access, standing), standing.series),
        "missing": reads.listed([reads.step_words(step) for step in standing.missing_steps]),
        "few": standing.count("too_few"),
        "least": reads.least_days(shop, _today(access)),
        "rules": [_rule(one, access, members, at) for one in reads.list_rules(shop)],
        "form": form or (RuleForm(access, _today(access)) if may_manage else None),
        "may_manage": may_manage,
        "members": members.items(),
        "has_mail": reads.has_mail_server(),
        "snoozes": SNOOZES,
    }
    return render(request, "console/alerts.html", context, status=422 if form else 200)


def _watched(standing: reads.Standing) -> str:
    """What is watched, by kinds, in one line."""
    kinds: dict[str, int] = {}
    for one in standing.series:
        title = reads.what_words(one.name) if one.name.family in reads.FAMILIES else ""
        if title:
            kinds[title] = kinds.get(title, 0) + 1
    parts = [f"{title} ({words.count(number)})" if number > 1 else title for title, number in kinds.items()]
    return reads.listed(parts)


def _columns(access: Access) -> list[Column[reads.AlertView]]:
    shop = access.shop

    def lead(row: reads.AlertView) -> str:
        return reads.series_words(row.lead, shop, row.raised_on, row.rule)

    def linked(row: reads.AlertView) -> dict[str, str]:
        url = reverse("console:alert", args=[shop.slug, row.id])
        return {"text": lead(row), "url": url, "sub": reads.numbers(row, shop)}

    def state(row: reads.AlertView) -> dict[str, str]:
        return {"text": str(reads.STATES[row.state]), "tone": TONES[row.state]}

    return [
        Column("what", gettext("What moved"), lead, "link", is_first=True, is_searched=True, shown=linked),
        Column("state", gettext("State"), lambda row: row.state, "state", shown=state),
        Column("since", gettext("Since"), lambda row: row.since, "day"),
        Column(
            "length",
            gettext("Days"),
            lambda row: (row.last_day - row.since).days + 1,
            "count",
            is_number=True,
        ),
        Column("raised", gettext("Raised on"), lambda row: row.raised_on, "day"),
        Column("seen", gettext("Seen by"), lambda row: row.seen_by or None),
    ]


VERDICTS = {
    "quiet": (pgettext_lazy("verdict", "as usual"), "good"),
    "moved": (pgettext_lazy("verdict", "moved"), "bad"),
    "too_few": (pgettext_lazy("verdict", "too few to judge"), ""),
    "too_short": (pgettext_lazy("verdict", "too few days"), ""),
    "waiting": (pgettext_lazy("verdict", "orders have not come yet"), ""),
}
NO_VISITS = pgettext_lazy("verdict", "visits have not come yet")


def _watch_columns(access: Access, standing: reads.Standing) -> list[Column[reads.SeriesState]]:
    shop = access.shop
    day = standing.judged_until or date(2000, 1, 1)
    rules = {one.id: one for one in reads.list_rules(shop)}

    def rule_of(row: reads.SeriesState) -> reads.RuleView | None:
        return rules.get(int(row.name.step)) if row.name.family in ("count", "rate") else None

    def title(row: reads.SeriesState) -> str:
        return reads.series_words(row.name, shop, day, rule_of(row))

    def number(value: float | None, row: reads.SeriesState) -> str:
        return reads.value_words(row.name, value, shop, rule_of(row))

    def band(row: reads.SeriesState) -> str:
        if row.low is None or row.high is None:
            return "—"
        return f"{number(row.low, row)} – {number(row.high, row)}"

    def verdict(row: reads.SeriesState) -> dict[str, str]:
        text, tone = VERDICTS[row.verdict]
        if row.verdict == "waiting" and row.name.family in ("visits", "step", "bounce"):
            text = NO_VISITS
        return {"text": str(text), "tone": tone}

    return [
        Column("series", gettext("Series"), title, is_first=True, is_searched=True),
        Column(
            "actual",
            gettext("The day"),
            lambda r: r.actual,
            is_number=True,
            shown=lambda r: number(r.actual, r),
        ),
        Column("band", gettext("Expected"), lambda r: r.expected, is_number=True, shown=band),
        Column("verdict", gettext("Judged"), lambda r: r.verdict, "state", shown=verdict),
        Column(
            "seen_in",
            gettext("A promised move shows within"),
            lambda r: r.days_to_see,
            is_number=True,
            shown=lambda r: gettext("%(days)s days") % {"days": r.days_to_see} if r.days_to_see else "—",
        ),
    ]


def _rule(one: reads.RuleView, access: Access, members: dict[int, str], at: datetime) -> dict[str, Any]:
    is_quiet = one.snoozed_until is not None and at < one.snoozed_until
    return {
        "view": one,
        "words": reads.rule_words(one, access.shop),
        "readers": [(number, name, number in one.readers) for number, name in members.items()],
        "reader_names": reads.listed([members[n] for n in one.readers if n in members]),
        "is_mine": access.actor.id in one.readers,
        "is_quiet": is_quiet,
        "state": {
            "text": gettext("put off")
            if is_quiet
            else pgettext("alert rule", "on")
            if one.is_on
            else pgettext("alert rule", "off"),
            "tone": "" if is_quiet or not one.is_on else "good",
        },
    }


def _segment(one: reads.Segment, found: reads.AlertView, access: Access) -> dict[str, Any]:
    name = reads.Name.read(one.name)
    is_rate = name.kind == "rate"
    shop = access.shop
    return {
        "name": reads.segment_words(name, shop, found.raised_on),
        "actual": words.percent(one.part / one.whole, 1)
        if is_rate and one.whole
        else reads.amount_words(name, one.part, shop),
        "cases": f"{words.count(int(one.part))} / {words.count(int(one.whole))}" if one.whole else "",
        "expected": words.percent(one.expected / one.whole, 1)
        if is_rate and one.whole
        else reads.amount_words(name, one.expected, shop),
        "loss": words.number((-one.loss if name.worse < 0 else one.loss) if round(one.loss) else 0, 0),
        "share": {"value": f"{one.share:.4f}", "text": words.percent(one.share, 0)},
        "is_lead": one.name == str(found.lead),
    }


def _look(found: reads.AlertView, access: Access) -> dict[str, str] | None:
    """The page that shows it, with the days of the incident in its address."""
    name = found.lead
    days = {"range": "custom", "from": found.since.isoformat(), "to": found.last_day.isoformat()}
    if name.family == "step":
        days |= _funnel_of(reads.step_texts(access.shop, found))
    elif name.dimension in ("channel", "terminal"):
        days[name.dimension] = name.value
    else:
        days |= _filters_of(found.rule)
    places = {
        "visits": (("sources", gettext("See the sources of these days")),),
        "bounce": (
            ("entrances", gettext("See the entrances of these days")),
            ("overview", gettext("See the overview of these days")),
        ),
        "step": (
            ("funnels", gettext("See the funnel of these days")),
            ("overview", gettext("See the overview of these days")),
        ),
    }.get(name.family, (("overview", gettext("See the overview of these days")),))
    for place, title in places:
        try:
            url = reverse(f"console:{place}", args=[access.shop.slug])
        except NoReverseMatch:
            continue
        return {"url": f"{url}?{urlencode(days)}", "title": title}
    return None


def _filters_of(rule: reads.RuleView) -> dict[str, str]:
    """A rule's condition as the bar of a page writes it in its address; empty where the bar can not say it, since a part of it
    would show other numbers too."""
    node = parse(rule.condition, "visit") if rule.condition else None
    if node is None:
        return {}
    found: dict[str, str] = {}
    parts = node.parts if isinstance(node, All) else (node,)
    for part in parts:
        if isinstance(part, Compare) and part.field in viewstate.FILTERS:
            if part.op is Op.IS_UNKNOWN:
                found[part.field] = "-"
            elif part.op is Op.EQ:
                typed = {True: "yes", False: "no"}
                found[part.field] = typed[part.value] if isinstance(part.value, bool) else str(part.value)
    return found if len(found) == len(parts) else {}


def _definition_title(version: str) -> str:
    """A metric's name; what is no metric stands as it is kept."""
    metric, _dot, number = version.rpartition(".v")
    try:
        return reads.metric_title(metric, int(number))
    except (NotFound, ValueError):
        return version


def _funnel_of(texts: Sequence[str]) -> dict[str, str]:
    """The watched step as a funnel of one day, split by terminal: how the page of funnels writes it in its address."""
    if not texts:
        return {}
    found: dict[str, str] = {"w": "1", "u": "d", "split": "terminal"}
    for number, text in enumerate(texts, start=1):
        plain = text.strip("*")
        if text.startswith("page:"):
            part = {"t": "view", "f": "page_type", "o": "eq", "v": text.removeprefix("page:")}
        elif text.startswith(("/", "*")):
            how = "contains" if text.startswith("*") else "starts_with" if text.endswith("*") else "eq"
            part = {"t": "view", "f": "page_path", "o": how, "v": plain}
        else:
            part = {"t": "track", "n": text}
        found |= {f"{name}{number}": value for name, value in part.items()}
    return found


def _definition(access: Access, version: str) -> str:
    metric, _dot, number = version.rpartition(".v")
    try:
        traffic.metric(metric, int(number))
    except (NotFound, ValueError):
        return reverse("console:rulebook", args=[access.shop.slug]) + "?area=alerts"
    return reverse("console:definition", args=[access.shop.slug, metric]) + f"?version={number}"


def _state(request: PageRequest) -> str:
    asked = request.GET.get("state", "")
    return asked if asked in {key for key, _title in STATES} else ""


def _today(access: Access) -> date:
    return clock.now().astimezone(access.shop.zone).date()


def _until(request: PageRequest) -> datetime | None:
    days = request.POST.get("days", "")
    return clock.now() + timedelta(days=int(days)) if days in {key for key, _title in SNOOZES} else None


def _found(access: Access, alert_id: int) -> reads.AlertView:
    try:
        return reads.get_alert(access.shop, alert_id)
    except NotFound as error:
        raise Http404(str(error)) from None


def _do(request: PageRequest, deed: Any) -> None:
    """A deed of one button: done, or refused in words above the page."""
    try:
        deed()
    except NotFound as error:
        raise Http404(str(error)) from None
    except ShukeError as error:
        messages.error(request, str(error))


def _as_csv(access: Access, found: Sequence[reads.AlertView]) -> HttpResponseBase:
    header = [
        "id",
        "series",
        "what",
        "state",
        "since",
        "last_day",
        "raised_on",
        "ended_on",
        "sentence",
        "seen_by",
    ]
    rows = (
        [
            one.id,
            str(one.lead),
            reads.series_words(one.lead, access.shop, one.raised_on, one.rule),
            one.state,
            one.since,
            one.last_day,
            one.raised_on,
            one.ended_on,
            reads.sentence(one, access.shop),
            one.seen_by,
        ]
        for one in found
    )
    return csv_response(access, "alerts", header, rows)
