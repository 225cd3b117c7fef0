"""What each page's data costs at the server: every address of traffic, Today and the API, asked of a shop that lives.

    python bench/bench_pages.py                    90 days of 3,000 visitors a day, in an installation of 500 shops
    python bench/bench_pages.py --home H --shop S --from 2026-03-02 --to 2026-03-29      a shop that is there already

The pages are found by walking the addresses. Each is asked as its member's browser asks it, in one warm process, in
both ways: *computed* (the process is made to forget what it remembers of days that are over) and *again*. Time is that of
the server, from request to answer, without the network; a fragment counts as a page of its own, since it loads by itself.
Printed are the median, the longest of the runs and the size of the answer, slowest first. With --cpu it is processor time,
which of an answer on several cores is more than what passes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
SLUG = "linen-life"
ROOMS = ("shuke.console.pages.", "shuke.shops.", "shuke.traffic.", "shuke.commerce.")
GIVEN = {"metric_id": "pv"}
# Pages that are asked of something: what is usual in every shop.
OF_SOMETHING = {
    "/map/visits/": ("&kind=move&step=1&from_type=item", "&kind=exit&step=2&from_type=item"),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--visitors", type=int, default=3_000)
    parser.add_argument("--shops", type=int, default=500, help="how many there are; the others hold nothing")
    parser.add_argument("--home", type=Path, help="an installation that is there already")
    parser.add_argument("--shop", default=SLUG)
    parser.add_argument("--from", dest="first", type=date.fromisoformat)
    parser.add_argument("--to", dest="last", type=date.fromisoformat)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--most", type=int, default=300, help="milliseconds that are asked for")
    parser.add_argument(
        "--cpu", action="store_true", help="processor time of all threads, for a machine that others use"
    )
    parser.add_argument("--only", default="", help="addresses that hold this")
    asked = parser.parse_args()
    if asked.home:
        return _ask(asked.home, asked)
    with tempfile.TemporaryDirectory(prefix="shuke-bench-") as folder:
        began = time.perf_counter()
        _fill(Path(folder), asked)
        print(f"filled in {time.perf_counter() - began:,.0f} s", flush=True)
        return _ask(Path(folder), asked)


def _fill(home: Path, asked: argparse.Namespace) -> None:
    """The demo's life through intake's function in the process, sealed; and the other shops."""
    here = os.environ | {"SHUKE_HOME": str(home), "SHUKE_LOG": "ERROR", "PYTHONPATH": str(ROOT / "src")}
    shuke = [sys.executable, "-m", "shuke"]
    shop = ("--name", "亚麻生活", "--currency", "CNY", "--zone", "Asia/Shanghai")
    life = ("--days", asked.days, "--visitors", asked.visitors, "--seed", 7)
    for words in (
        ("setup",),
        ("shop", "create", asked.shop, *shop),
        ("simulate", "history", "--inside", asked.shop, *life, "--truth", home / "truth.json"),
        ("seal", "--shop", asked.shop),
    ):
        subprocess.run([*shuke, *map(str, words)], env=here, cwd=home, check=True, stdout=subprocess.DEVNULL)


def _ask(home: Path, asked: argparse.Namespace) -> int:
    os.environ |= {
        "SHUKE_HOME": str(home),
        "SHUKE_LOG": "CRITICAL",
        "DJANGO_SETTINGS_MODULE": "shuke.project.settings",
    }
    import django

    django.setup()
    from django.conf import settings
    from django.test import Client

    from shuke.kernel import clock
    from shuke.kernel.periods import local_day
    from shuke.shops.reads import get_shop
    from shuke.warehouse import at_hand, remembering

    settings.ALLOWED_HOSTS = ["*"]
    shop = get_shop(asked.shop)
    _others(asked.shops, at=clock.now())
    client = Client(HTTP_ACCEPT_LANGUAGE="zh-hans")
    client.force_login(_owner(asked.shop), backend="django.contrib.auth.backends.ModelBackend")
    last = asked.last or local_day(clock.now(), shop.zone)
    first = asked.first or last - timedelta(days=27)
    found: list[tuple[float, float, float, int, str]] = []
    now = time.process_time if asked.cpu else time.perf_counter
    for address in _addresses(asked.shop, first, last):
        if asked.only not in address:
            continue
        answer = client.get(address)  # warms up
        if answer.status_code != 200:
            print(f"left out, it answers {answer.status_code}: {address}", flush=True)
            continue
        times: dict[bool, list[float]] = {True: [], False: []}
        for _run in range(asked.runs):
            for forgets in (True, False):
                if forgets:
                    remembering.forget()
                    at_hand.forget()
                mark = now()
                answer = client.get(address)
                size = len(b"".join(answer) if answer.streaming else answer.content)
                times[forgets].append((now() - mark) * 1000)
        computed, again = times[True], times[False]
        found.append((statistics.median(computed), max(computed), statistics.median(again), size, address))
    found.sort(reverse=True)
    print(f"{'computed':>9} {'longest':>9} {'again':>9} {'bytes':>11}  address   (ms; {first} to {last})")
    for middle, longest, again_, size, address in found:
        print(f"{middle:9,.0f} {longest:9,.0f} {again_:9,.0f} {size:11,d}  {address}")
    slow = [address for middle, *_rest, address in found if middle > asked.most]
    print(
        f"{len(found)} addresses; above {asked.most} ms: {len(slow)}; load {os.getloadavg()[0]:.1f} at the end"
    )
    return 0


def _others(shops: int, *, at) -> None:
    from shuke.records.actor import Actor
    from shuke.shops import actions
    from shuke.shops.models import Shop

    for number in range(Shop.objects.count(), shops):
        actions.create_shop(
            slug=f"shop-of-{number}", name=f"Shop {number}", platforms=["own"], category="apparel", currency="CNY",
            zone="Asia/Shanghai", actor=Actor.system("bench"), at=at,
        )  # fmt: skip


def _owner(slug: str):
    from django_scopes import scope

    from shuke.kernel import clock
    from shuke.records.actor import Actor
    from shuke.shops import actions, reads

    shop, actor, at = reads.get_shop(slug), Actor.system("bench"), clock.now()
    user = reads.find_user("bench@example.com")
    if user is None:
        with scope(shop=shop.id):
            user = actions.create_user(
                email="bench@example.com", name="Bench", password="bench of 5 pages", actor=actor, at=at
            )
            actions.add_member(shop=shop, user=user, role="owner", actor=actor, at=at)
    return user


def _addresses(slug: str, first: date, last: date) -> Iterator[str]:
    """Every page, fragment and GET operation that needs nothing but a shop and a metric."""
    from tests.routes import operations, routes

    chosen = f"?range=custom&from={first}&to={last}"
    period = f"?start={first}&end={last + timedelta(days=1)}"
    for route in routes():
        if route.has_shop and route.module.startswith(ROOMS) and not set(route.arguments) - {"shop", *GIVEN}:
            asked = route.url({"shop": slug, **GIVEN}) + chosen
            kinds = [more for name, more in OF_SOMETHING.items() if name in asked]
            for more in kinds[0] if kinds else ("",):
                yield asked + more
    for operation in operations():
        known = not set(operation.arguments) - {"shop", *GIVEN}
        if operation.method == "GET" and operation.has_shop and known:
            yield operation.url({"shop": slug, **GIVEN}) + period


if __name__ == "__main__":
    sys.exit(main())
