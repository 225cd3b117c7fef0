"""What customers are worth and where they stand, before any moment: value, bands, RFM, super users, regulars, lifecycle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.utils.translation import gettext_lazy as _

from shuke.audience import purchases
from shuke.audience.identities import reads as identities
from shuke.audience.purchases import LeftOut, Purchases, Version
from shuke.audience.value import decisions, questions
from shuke.audience.value.decisions import STATES, Band, Cutoffs, Span, State
from shuke.audience.value.leaders import Standing, sayings, standing_of
from shuke.audience.value.scoring import PLAIN, check_which, places_of, scored, summed
from shuke.audience.value.shapes import (
    BandRow,
    Basis,
    CustomerLife,
    Flow,
    GridCell,
    Lifecycle,
    LivingCustomer,
    LivingCustomers,
    TopCustomers,
    Value,
    ValuedCustomer,
    ValuedCustomers,
    ValueReport,
    ValueRules,
)
from shuke.kernel.errors import Invalid
from shuke.kernel.money import exponent
from shuke.kernel.periods import ONE_DAY, day_start, local_day
from shuke.kernel.verdicts import Reason
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView

__all__ = [
    "LARGEST_PAGE",
    "METRIC_OF",
    "PLAIN",
    "STATES",
    "Band",
    "BandRow",
    "Basis",
    "CustomerLife",
    "Flow",
    "GridCell",
    "LeftOut",
    "Lifecycle",
    "LivingCustomer",
    "LivingCustomers",
    "Span",
    "Standing",
    "State",
    "TopCustomers",
    "Value",
    "ValueReport",
    "ValueRules",
    "ValuedCustomer",
    "ValuedCustomers",
    "Version",
    "life_of",
    "life_of_identities",
    "lifecycle",
    "lifecycle_customers",
    "lifecycle_of",
    "rules_of",
    "sayings",
    "standing_of",
    "super_users_of",
    "value",
    "value_customers",
]

LARGEST_PAGE = 1_000
# What money per customer means in each version (rules/common/value_metrics.yaml).
METRIC_OF: dict[str, str] = {"gross": "customer_money.v1", "netted": "customer_money.v2"}
NO_VISITS = _("The shop has no visits of known people that reach far enough back: an order is activity here.")
_EPOCH = date(1970, 1, 1)


def rules_of(shop: ShopView, day: date) -> ValueRules:
    """What the rulebook says in a shop on its day."""
    own = rulebook.own_values(shop)

    def of(name: str) -> Any:
        return rulebook.value_for(shop, decisions.RULES + name, day, own).value

    def minor(name: str) -> tuple[int, ...]:
        return tuple(edge * 10 ** exponent(shop.currency) for edge in of(name))

    return ValueRules(
        half_year_months=of("half_year_months"),
        regular_days=of("regular_days"),
        amount_edges=minor("order_amount_edges"),
        frequency_edges=tuple(of("order_frequency_edges")),
        is_fixed=of("rfm_is_fixed"),
        recency_edges=_four(of("rfm_recency_edges")),
        order_edges=_four(of("rfm_frequency_edges")),
        money_edges=_four(minor("rfm_money_edges")),
        super_share=float(of("super_income_share")),
        best_share=float(of("best_share")),
    )


def _four(edges: Sequence[int]) -> tuple[int, ...]:
    """Four edges make the scores 1 to 5; a shop that names more keeps its first four, one that names fewer uses fewer scores."""
    return tuple(edges[: decisions.SCORES - 1])


# --- value


def value(shop: ShopView, *, at: datetime, versions: Sequence[Version] = purchases.VERSIONS) -> ValueReport:
    """What a shop's customers are worth before a moment, in each of the versions asked for."""
    day = local_day(at, shop.zone)
    rules = rules_of(shop, day)
    half_year = decisions.half_year(day, rules.half_year_months)
    said = sayings(shop)

    def question(one: Purchases) -> tuple[date, tuple[Value, ...]]:
        return one.period.start, tuple(
            summed(scored(one, version, rules, half_year, said), rules, one.left_out(version))
            for version in versions
        )

    first, told = purchases.ask(shop, at, question) or (None, ())
    return ValueReport(at, day, shop.currency, half_year, rules, first, told)


def value_customers(
    shop: ShopView,
    *,
    which: str = "all",
    version: Version = "netted",
    at: datetime,
    page: int = 1,
    size: int = 50,
) -> ValuedCustomers:
    """The customers behind a number, the highest amounts first; `which` as of `scoring.check_which`, which raises Invalid."""
    if version not in purchases.VERSIONS:
        raise Invalid(field="version", value=version)
    check_which(which)
    day = local_day(at, shop.zone)
    rules = rules_of(shop, day)
    half_year = decisions.half_year(day, rules.half_year_months)
    page, size = max(1, page), max(1, min(size, LARGEST_PAGE))
    said = sayings(shop)

    def question(one: Purchases) -> ValuedCustomers:
        of = scored(one, version, rules, half_year, said)
        found = places_of(of, which, rules)
        shown = found[(page - 1) * size : page * size]
        refs = purchases.names_of(one, of.ids[shown].tolist())
        rows = of.table.take(shown).to_pylist()
        told = tuple(
            ValuedCustomer(
                customer_id=row["customer_id"],
                ref=refs.get(row["customer_id"]),
                orders=row["orders"],
                days=row["days"],
                first_day=row["first_day"],
                last_day=row["last_day"],
                recency_days=int(of.age[place] // 86_400) if row["orders"] else None,
                amount_minor=row["amount_minor"],
                average_minor=round(row["amount_minor"] / row["orders"]) if row["orders"] else None,
                half_year_orders=int(of.half_orders[place]),
                half_year_days=int(of.half_days[place]),
                standing=said[row["customer_id"]].standing if row["customer_id"] in said else "unknown",
                scores=(int(of.scores[0][place]), int(of.scores[1][place]), int(of.scores[2][place]))
                if row["orders"]
                else None,
            )
            for place, row in zip(shown, rows, strict=True)
        )
        return ValuedCustomers(told, len(found), decisions.sum_of(of.amounts[found]), page, size)

    return purchases.ask(shop, at, question) or ValuedCustomers((), 0, 0, page, size)


# --- lifecycle


def lifecycle(shop: ShopView, *, day: date, since: date, at: datetime) -> Lifecycle:
    """The states at the end of `day`, and from which states of `since` they came. Raises Invalid where `since` is not before
    `day`, or `day` lies ahead."""
    moment = _end_of(shop, day, at)
    if since >= day:
        raise Invalid(field="since", value=since)

    def question(one: Purchases) -> Lifecycle:
        bases, lives = _lives(one, (since, day))
        then, now = lives
        rows = one.run(questions.flows(then, now)).to_pylist()
        found = tuple(
            Flow(r["was"], r["is_now"], int(r["customers"]))
            for r in sorted(rows, key=lambda r: (_rank(r["was"]), _rank(r["is_now"])))
        )

        def counted(name: str) -> tuple[tuple[State, int], ...]:
            return tuple((s, sum(f.customers for f in found if getattr(f, name) == s)) for s in STATES)

        return Lifecycle(
            day=day,
            since=since,
            until=at if moment == at else None,
            basis=bases[1],
            basis_then=bases[0],
            states=counted("is_now"),
            states_then=counted("was"),
            flows=found,
            customers=sum(f.customers for f in found),
            first_day=one.period.start,
            notes=(Reason("by_orders", NO_VISITS),) if bases[1].name == "orders" else (),
        )

    found = purchases.ask(shop, moment, question)
    if found is not None:
        return found
    basis = _basis(shop, None, day)
    nobody = tuple((state, 0) for state in STATES)
    return Lifecycle(day, since, None, basis, basis, nobody, nobody, (), 0, None, ())


def lifecycle_of(one: Purchases) -> ibis.Table:
    """(customer_id, state) on the moment's day, for whoever asks about several things of one shop at once."""
    _bases, (lives,) = _lives(one, [local_day(one.at, one.shop.zone)])
    return lives.select("customer_id", "state")


def super_users_of(one: Purchases, version: Version = "netted") -> np.ndarray:
    """The ids of the super users before the moment."""
    day = local_day(one.at, one.shop.zone)
    rules = rules_of(one.shop, day)
    of = scored(one, version, rules, decisions.half_year(day, rules.half_year_months), sayings(one.shop))
    return of.ids[places_of(of, "super", rules)]


def lifecycle_customers(
    shop: ShopView,
    *,
    day: date,
    state: str = "",
    since: date | None = None,
    was: str | None = None,
    at: datetime,
    page: int = 1,
    size: int = 50,
) -> LivingCustomers:
    """Customers in a state at the end of a day (all states: ""), those active last first.

    With `since` also what they were then; `was` keeps those who were that ("none": not yet a customer). Raises Invalid.
    """
    if state and state not in STATES:
        raise Invalid(field="state", value=state)
    if was is not None and was not in (*STATES, "none"):
        raise Invalid(field="was", value=was)
    if was is not None and since is None:
        raise Invalid(field="since", value="")
    if since is not None and since >= day:
        raise Invalid(field="since", value=since)
    moment = _end_of(shop, day, at)
    page, size = max(1, page), max(1, min(size, LARGEST_PAGE))

    def question(one: Purchases) -> LivingCustomers:
        _bases, lives = _lives(one, (since, day) if since is not None else (day,))
        now = lives[-1]
        rows = now.mutate(was=ibis.null("string"))
        if since is not None:
            then = lives[0].select(of_customer="customer_id", was="state")
            rows = now.left_join(then, now.customer_id == then.of_customer).drop("of_customer")
        if state:
            rows = rows.filter(rows.state == state)
        if was is not None:
            rows = rows.filter(rows.was.isnull() if was == "none" else rows.was == was)
        count = one.run(rows.aggregate(n=rows.count()))["n"][0].as_py()
        ordered = rows.order_by([ibis.desc("last"), "customer_id"]).limit(size, offset=(page - 1) * size)
        shown = one.run(ordered).to_pylist()
        refs = purchases.names_of(one, [row["customer_id"] for row in shown])
        return LivingCustomers(tuple(_living(row, refs) for row in shown), int(count), page, size)

    return purchases.ask(shop, moment, question) or LivingCustomers((), 0, page, size)


def _living(row: dict[str, Any], refs: dict[int, str]) -> LivingCustomer:
    return LivingCustomer(
        customer_id=row["customer_id"],
        ref=refs.get(row["customer_id"]),
        state=row["state"],
        was=row["was"],
        first_day=_EPOCH + timedelta(days=int(row["first"])),
        last_day=_EPOCH + timedelta(days=int(row["last"])),
        by="visit" if row["by_visit"] else "order",
        active_days=int(row["days"]),
    )


def life_of(shop: ShopView, customer_id: int, *, day: date, at: datetime) -> CustomerLife:
    """What one customer was at the end of a day, and every state until then."""
    customer_id = identities.customer_of(shop, customer_id)
    links = identities.customer_map(shop)
    same = links.filter(pc.equal(links["customer_id"], pa.scalar(customer_id, pa.int64())))
    return life_of_identities(
        shop, customer_id, {customer_id, *same["identity_id"].to_pylist()}, day=day, at=at
    )


def life_of_identities(
    shop: ShopView, customer_id: int, mine: Collection[int], *, day: date, at: datetime
) -> CustomerLife:
    """The same for a customer who is these identities."""
    moment = _end_of(shop, day, at)

    def question(one: Purchases) -> CustomerLife:
        basis = _basis(shop, one, day)
        acts = _activity(one, basis, mine)
        acts = acts.filter((acts.customer_id == customer_id) & (acts.day <= questions.day_number(day)))
        rows = sorted(one.run(acts.select("day", "by_visit")).to_pylist(), key=lambda r: r["day"])
        days = [_EPOCH + timedelta(days=int(r["day"])) for r in rows]
        return CustomerLife(
            customer_id=customer_id,
            day=day,
            state=decisions.state_on(days, day, basis.cutoffs),
            basis=basis,
            by=("visit" if rows[-1]["by_visit"] else "order") if rows else None,
            last_day=days[-1] if days else None,
            spans=decisions.spans(days, day, basis.cutoffs),
        )

    found = purchases.ask(shop, moment, question, only=mine)
    return found or CustomerLife(customer_id, day, None, _basis(shop, None, day), None, None, ())


def _end_of(shop: ShopView, day: date, at: datetime) -> datetime:
    """The end of a day, of a running one the moment. Raises Invalid for a day that has not begun."""
    if day > local_day(at, shop.zone):
        raise Invalid(field="day", value=day)
    return min(day_start(day + ONE_DAY, shop.zone).astimezone(UTC), at)


def _rank(state: str | None) -> int:
    return -1 if state is None else STATES.index(state)


def _lives(one: Purchases, days: Sequence[date]) -> tuple[list[Basis], list[ibis.Table]]:
    """The basis and LIFE of each of these days."""
    bases = [_basis(one.shop, one, day) for day in days]
    acts = {basis.name: _activity(one, basis) for basis in bases}
    lives = [
        questions.life_on(acts[basis.name], day, basis.cutoffs)
        for basis, day in zip(bases, days, strict=True)
    ]
    return bases, lives


def _activity(one: Purchases, basis: Basis, mine: Collection[int] | None = None) -> ibis.Table:
    visits = one.before.derived("visits") if basis.name == "visits" else None
    if visits is not None and mine is not None:
        known = sorted(mine)
        visits = visits.filter(visits.person_id.isin(known) | visits.visitor_id.isin(known))
    return questions.activity(one.orders, visits, one.links)


def _basis(shop: ShopView, one: Purchases | None, day: date) -> Basis:
    """Visits, once those of known people reach back as far as a silence is long: the day on which the first was told of
    does not make everybody silent who only bought before. Else orders."""
    own = rulebook.own_values(shop)

    def cutoffs(name: str) -> Cutoffs:
        def of(rule: str) -> int:
            return int(rulebook.value_for(shop, f"{decisions.RULES}{rule}_days_{name}", day, own).value)

        return Cutoffs(of("new"), of("silent"), of("returning"))

    by_visits = cutoffs("visits")
    first = None if one is None else _first_visit(one)
    if first is not None and first <= day - timedelta(days=by_visits.silent):
        return Basis("visits", by_visits)
    return Basis("orders", cutoffs("orders"))


def _first_visit(one: Purchases) -> date | None:
    visits = one.before.derived("visits")
    known = visits.filter(visits.person_id.notnull())
    found: date | None = one.run(known.aggregate(first=known.local_day.min()))["first"][0].as_py()
    return found
