"""The product's answers, through its own doors: the reads that pages ask, and the derived tables where no page asks yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from bench.questions import data
from bench.questions import funnel as funnels
from bench.questions.asked import NEWEST, Answer

SUMS = (
    "visits",
    "views",
    "one_view_visits",
    "measured_visits",
    "stay_seconds",
    "carts",
    "orders",
    "paid_minor",
)


def make(slug: str) -> dict[str, Callable[[], Answer]]:
    """Question -> a function that asks it of this shop."""
    import ibis

    from shuke.kernel.periods import ONE_DAY, Period, day_start
    from shuke.shops.reads import get_shop
    from shuke.traffic import reads
    from shuke.traffic.funnels import reads as funnel_reads
    from shuke.traffic.funnels.shapes import Funnel, Step
    from shuke.traffic.reads.asking import Scene
    from shuke.traffic.reads.cohort_shapes import Behaviour
    from shuke.traffic.reads.cohorts import cohorts
    from shuke.traffic.reads.summing import sums
    from shuke.warehouse import reads as warehouse

    shop = get_shop(slug)
    period = Period(data.FIRST, data.FIRST + timedelta(days=data.DAYS))
    after = day_start(period.end + ONE_DAY, shop.zone)
    scene = Scene(shop, period)

    def daily_by_channel() -> Answer:
        found = sums(scene, ("views", "visitor_days", "one_view_days"), ("local_day", "channel"))
        return {
            "rows": [
                [*group, s["views"], s["visitor_days"], s["one_view_days"]] for group, s in found.items()
            ]
        }

    def overview() -> Answer:
        found = reads.overview(shop=shop, period=period, against=(), at=after)
        figure = {(row.metric.id, row.metric.version): row for row in found.rows}

        def by_day(name: str, version: int = 1) -> tuple:
            return figure[name, version].spark

        def now(name: str, version: int = 1):
            return figure[name, version].now

        counts = ("visits", "pv", "carts", "orders", "amount_paid", "uv_day", "buyers")
        days = [
            [day, *(by_day(name)[i] or 0 for name in counts), round(1_000_000 * by_day("bounce_visitor")[i])]
            for i, day in enumerate(period.days())
        ]
        stay = now("stay_per_visit")
        totals = [
            now("uv_period").value, now("bounce_visitor", 2).numerator, now("cart_rate").numerator, now("buyers").value,
            now("bounce_entrance").numerator, stay.numerator, stay.denominator,
        ]  # fmt: skip
        return {"days": days, "totals": [totals]}

    def sources() -> Answer:
        found = reads.sources(shop=shop, period=period, by=("channel",), at=after)
        names = [one.id for one in found.metrics]

        def row(keys: list, figures: tuple) -> list:
            f = dict(zip(names, figures, strict=True))
            stay = f["stay_per_visit"]
            return [
                *keys, f["visits"].value, f["pv"].value, f["bounce_entrance"].numerator, stay.denominator, stay.numerator,
                f["orders"].value or 0, f["amount_paid"].value or 0, f["uv_period"].value, f["cart_rate"].numerator,
                f["buyers"].value or 0,
            ]  # fmt: skip

        total = row([], found.total.figures)
        rows = [row([one.keys["channel"]], one.figures) for one in found.rows]
        return {"rows": rows, "total": [[total[7], total[8]]]}

    def entrances() -> Answer:
        found = reads.entrances(shop=shop, period=period, at=after)
        return {"rows": [[r.path, r.sums["viewed_visits"], r.sums["one_view_visits"]] for r in found.rows]}

    def flows() -> Answer:
        found = reads.flows(
            shop=shop,
            period=period,
            by=("from_path", "to_path"),
            where={"kind": ("move", "exit", "order")},
            limit=100,
        )
        return {"rows": [[*flow.keys.values(), flow.moves, found.count] for flow in found.rows]}

    def retention() -> Answer:
        found = cohorts(shop=shop, starting=Behaviour("visit"), who="visitor", grain="week", at=after)
        cells = [
            [(row.period.start - period.start).days // 7, cell.offset, cell.figure.numerator or 0]
            for row in found.rows
            for cell in row.cells
        ]
        return {"cohorts": [cell for cell in cells if cell[2]]}

    def order_profile() -> Answer:
        def question(snapshot: warehouse.Snapshot) -> list:
            facts = snapshot.derived("order_facts")
            sales = facts.filter((facts.kind == "sale") & facts.buyer_id.notnull())
            buyers = sales.group_by("buyer_id").aggregate(
                last=sales.local_day.max(), orders=sales.count(), paid=sales.paid_minor.sum()
            )
            profile = buyers.select("last", orders=ibis.least(buyers.orders, 5), money=buyers.paid // 20_000)
            grouped = profile.group_by("last", "orders", "money").aggregate(n=profile.count())
            return warehouse.run(grouped).to_pylist()

        counted: Counter[tuple] = Counter()
        for row in warehouse.ask(shop, period, question):
            recency = (period.last - row["last"]).days // 7
            counted[recency, int(row["orders"]), min(int(row["money"]), 20)] += row["n"]
        return {"rows": [[*key, n] for key, n in counted.items()]}

    def evidence() -> Answer:
        found = reads.evidence(shop=shop, period=period, metric_id="visits", size=NEWEST, at=after)
        return {"count": [[found.count]], "rows": [[row["visit_id"]] for row in found.rows]}

    def funnel() -> Answer:
        steps = tuple(Step("track", name) for name in funnels.NAMES)
        asked = Funnel(steps, timedelta(days=funnels.DAYS))
        found = funnel_reads.funnel(shop=shop, funnel=asked, period=period, at=after)
        return {"steps": [[int(step.reached.value or 0) for step in found.steps]]}

    asked = (
        daily_by_channel,
        overview,
        sources,
        entrances,
        flows,
        retention,
        order_profile,
        funnel,
        evidence,
    )
    return {one.__name__: one for one in asked}


def same_form(question: str, answer: Answer) -> Answer:
    """A peer's answer in the form of the product's: what pages show, folded from the rows that SQL gives."""
    if question == "overview":
        buyers = {row[0]: row[1] for row in answer["buyers"]}
        days = [
            [r[0], r[1], r[2], r[6], r[7], r[8], r[9], buyers.get(r[0], 0), round(1_000_000 * r[10] / r[9])]
            for r in answer["days"]
        ]
        visitors, one_view, with_cart = answer["visitors"][0]
        totals = [visitors, one_view, with_cart, answer["all_buyers"][0][0]]
        totals += [sum(r[3] for r in answer["days"]), sum(r[5] for r in answer["days"])]
        totals += [sum(r[4] for r in answer["days"])]
        return {"days": days, "totals": [totals]}
    if question == "sources":
        # Without the sum of carts, which the product's sources do not show.
        rows = [[*r[:6], *r[7:]] for r in answer["rows"]]
        visitors, _one_view, with_cart = answer["visitors"][0]
        return {"rows": rows, "total": [[visitors, with_cart]]}
    if question == "retention":
        returned: Counter[tuple[int, int]] = Counter()
        for mask, n in answer["masks"]:
            weeks = [i for i in range(8) if mask >> i & 1]
            for week in weeks:
                returned[weeks[0], week - weeks[0]] += n
        return {"cohorts": [[*key, n] for key, n in returned.items()]}
    return answer
