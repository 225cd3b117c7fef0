"""A shop's real year, altered by a seed so that no number of it is known beforehand, against the same numbers in plain Python."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from tests.needs import data_folder

from shuke.audience.value import reads
from shuke.intake.files import actions as files
from shuke.kernel import clock
from shuke.kernel.surrogates import surrogate
from shuke.records import jobs
from shuke.records.actor import Actor

pytestmark = [
    pytest.mark.data,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.timeout(300),
]
FILE = data_folder() / "uci_online_retail" / "online_retail.csv.gz"
SEED = 20_261_122
LONDON = ZoneInfo("Europe/London")
HEADER = ("Bill", "Units", "When", "Price", "Client")
SPEC = {
    "v": 1,
    "name": "altered_year",
    "kind": "orders",
    "source": "altered_year",
    "file": {"separator": ";", "encoding": "utf-8", "header": True},
    "time": {"formats": ["%d.%m.%Y %H:%M"], "zone": "Europe/London"},
    "currency": "GBP",
    "columns": {
        "order_ref": "Bill",
        "kind": {"column": "Bill", "prefixes": {"C": "cancellation", "A": "adjustment"}, "otherwise": "sale"},
        "at": "When",
        "buyer_ref": "Client",
        "quantity": "Units",
        "unit_price": "Price",
    },
}
Line = tuple[str, int, datetime, str, str]  # bill, units, when (London's clock), price, client


def _altered(seed: int, most: int) -> tuple[list[Line], timedelta]:
    """A tenth of the customers gone, every day moved, the first `most` lines of each bill; the columns have other names."""
    rng = random.Random(seed)
    moved = timedelta(days=rng.randint(100, 2_000))
    gone: dict[str, bool] = {}
    told: Counter[str] = Counter()
    found: list[Line] = []
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if row[0] == "InvoiceNo":
                continue
            client = row[6].removesuffix(".0")
            if client and gone.setdefault(client, rng.random() < 0.1):
                continue
            told[row[0]] += 1
            if told[row[0]] <= most:
                when = datetime.fromisoformat(row[4]) + moved
                found.append((row[0], int(row[3]), when, row[5], client))
    return found, moved


def _content(lines: list[Line]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(HEADER)
    writer.writerows((b, u, w.strftime("%d.%m.%Y %H:%M"), p, c) for b, u, w, p, c in lines)
    return out.getvalue().encode()


def _minor(units: int, price: str) -> int:
    return int((100 * units * Decimal(price)).quantize(Decimal(1), ROUND_HALF_UP))


def _oracle(lines: list[Line], at: datetime, half_year: tuple[date, date]) -> dict:
    """Every number of both versions, and how many are in which state at the end of the day."""
    first_of: dict[str, datetime] = {}
    for bill, _units, when, _price, _client in lines:
        first_of[bill] = min(first_of.get(bill, when), when)
    net: dict[str, int] = defaultdict(int)
    gross: dict[str, int] = defaultdict(int)
    orders: dict[str, set[str]] = defaultdict(set)
    nobody: dict[str, int] = defaultdict(int)
    for bill, units, _when, price, client in lines:
        is_good = bill[0] not in "CA" and units > 0 and Decimal(price) > 0
        if client:
            net[client] += _minor(units, price)
        if is_good and client:
            gross[client] += _minor(units, price)
            orders[client].add(bill)
        elif is_good:
            nobody[bill] += _minor(units, price)
    last = {client: max(first_of[bill] for bill in bills) for client, bills in orders.items()}
    halves = {
        client: {first_of[b].date() for b in bills if half_year[0] <= first_of[b].date() < half_year[1]}
        for client, bills in orders.items()
    }
    days = {client: sorted({first_of[bill].date() for bill in bills}) for client, bills in orders.items()}
    count = len(orders)
    return {
        "gross": (count, sum(gross.values()), Fraction(sum(gross.values()), count), *_best(gross)),
        "netted": (len(net), sum(net.values()), Fraction(sum(net.values()), len(net)), *_best(net)),
        "orders": sum(map(len, orders.values())),
        "one_time": sum(len(bills) == 1 for bills in orders.values()),
        "negative": sum(one < 0 for one in net.values()),
        "zero": sum(one == 0 for one in net.values()),
        "recency_days": Fraction(sum((at - one).days for one in last.values()), count),
        "recency_exact": sum((Fraction((at - one).total_seconds()) for one in last.values()), Fraction())
        / (86_400 * count),
        "half_year_buyers": sum(bool(one) for one in halves.values()),
        "regulars": sum(len(one) >= 2 for one in halves.values()),
        "nobody": (len(nobody), sum(nobody.values())),
        "states": _states(days, at.date()),
    }


def _best(amounts: dict[str, int]) -> tuple[int, int, int]:
    """How many bring four fifths, and how many the best fifth are and bring."""
    ordered = sorted(amounts.values(), reverse=True)
    total, running, enough = sum(ordered), 0, 0
    while 10 * running < 8 * total:
        running += ordered[enough]
        enough += 1
    fifth = -(-len(ordered) // 5)
    return enough, fifth, sum(ordered[:fifth])


def _states(days: dict[str, list[date]], today: date) -> dict[str, int]:
    """By orders: new for 30 days, silent after 180, returning for 30."""
    found = dict.fromkeys(("new", "active", "returning", "silent"), 0)
    for known in days.values():
        known = [day for day in known if day <= today]
        if not known:
            continue
        gaps = [b for a, b in pairwise(known) if (b - a).days > 180]
        if (today - known[-1]).days >= 180:
            found["silent"] += 1
        elif gaps and (today - gaps[-1]).days < 30:
            found["returning"] += 1
        elif (today - known[0]).days < 30:
            found["new"] += 1
        else:
            found["active"] += 1
    return found


def _told(value: reads.Value) -> tuple:
    assert value.super_users is not None
    assert value.best is not None
    return (
        value.customers,
        value.amount_minor,
        value.money_minor,
        value.super_users.customers,
        value.best.customers,
        value.best.amount_minor,
    )


def _everybody(ask) -> Iterator[reads.ValuedCustomer]:
    number = 1
    while (found := ask(number)).rows:
        yield from found.rows
        number += 1


@pytest.mark.row("A4")
@pytest.mark.row("A5")
@pytest.mark.row("A6")
@pytest.mark.parametrize("most", [3, pytest.param(10_000, marks=pytest.mark.soak)])
def test_value__a_real_year_altered_by_a_seed__as_plain_python_counts(most: int, make_shop) -> None:
    shop = make_shop("altered", currency="GBP", zone="Europe/London")
    lines, moved = _altered(SEED, most)
    common = {"shop": shop, "actor": Actor.system("tests"), "at": clock.now()}
    files.save_mapping(**common, spec=SPEC)
    upload = files.upload_file(**common, content=io.BytesIO(_content(lines)), name="altered.csv")
    jobs.run_to_end(
        files.start_import(**common, files={"": upload.sha256}, mapping=SPEC["name"], choices={}).job_id
    )

    at = datetime(2011, 12, 10, 12, 50) + moved
    report = reads.value(shop, at=at.replace(tzinfo=LONDON))
    expected = _oracle(lines, at, (report.half_year.start, report.half_year.end))
    gross, netted = report.version("gross"), report.version("netted")
    assert gross is not None
    assert netted is not None
    assert _told(gross) == expected["gross"]
    assert _told(netted) == expected["netted"]
    assert (gross.orders, gross.one_time) == (expected["orders"], expected["one_time"])
    assert (netted.negative, netted.zero) == (expected["negative"], expected["zero"])
    assert gross.recency_days == expected["recency_days"]
    assert gross.recency_exact == expected["recency_exact"]
    assert (gross.half_year_buyers, gross.regulars) == (expected["half_year_buyers"], expected["regulars"])
    left = {one.reason: (one.orders, one.amount_minor) for one in gross.left_out}
    assert left["no_person"] == expected["nobody"]

    # Bands hold everybody once, and so does the grid; each number leads to as many customers.
    for one in (gross, netted):
        for rows in (one.amount_bands, one.frequency_bands):
            assert sum(row.customers for row in rows) == one.customers
            assert sum(row.amount_minor for row in rows) == one.amount_minor
        assert sum(cell.customers for cell in one.grid) == one.buyers
    listed = list(
        _everybody(
            lambda page: reads.value_customers(
                shop, which="super", version="gross", at=report.at, page=page, size=1_000
            )
        )
    )
    assert len({row.customer_id for row in listed}) == len(listed) == expected["gross"][3]
    assert {row.customer_id for row in listed} <= {
        surrogate(shop.id, "person", client) for *_rest, client in lines if client
    }
    assert all(surrogate(shop.id, "person", row.ref) == row.customer_id for row in listed)

    life = reads.lifecycle(shop, day=at.date(), since=at.date() - timedelta(days=90), at=clock.now())
    assert dict(life.states) == expected["states"]
    assert min(expected["states"].values()) > 20
    assert life.basis.name == "orders"
