"""Collection under load: how much is acknowledged, committed and soon countable; what a backlog and a full journal do.

    python bench/bench_collection.py                      every part, short
    python bench/bench_collection.py --full               the durations of the acceptance (some 25 minutes)
    python bench/bench_collection.py acks singles         some parts, --seconds each

Server, committer and load run in processes of their own on 127.0.0.1, in a folder that is removed. The generator shares the
two cores with what it measures, so it sends prepared bytes over kept connections and reads nothing but the status.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import gc
import json
import multiprocessing
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tools")]
HOME = Path(os.environ.setdefault("SHUKE_HOME", tempfile.mkdtemp(prefix="shuke-bench-")))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")
os.environ.setdefault("SHUKE_LOG", "ERROR")

CONNECTIONS = 16
SINGLE_CONNECTIONS = 64
PER_BATCH = 100
MARK = b"@@@@@@@@@@@@"


@dataclass(frozen=True)
class Result:
    part: str
    what: str
    seen: float
    need: float
    unit: str
    is_least: bool = True  # `need` is a floor; else a ceiling

    @property
    def is_met(self) -> bool:
        return self.seen >= self.need if self.is_least else self.seen <= self.need


# The load: processes that know nothing of Shuke but its public door


def event(i: int) -> dict:
    """A page view or a click, as a browser sends it."""
    fields = {"messageId": f"{MARK.decode()}-{i:03d}", "anonymousId": f"visitor-{i * 7919 % 20011}"}
    if i % 2:
        page = {"url": f"https://shop.example.com/item/{i % 50}", "path": f"/item/{i % 50}"}
        return {"type": "page", "name": "Item", **fields, "context": {"page": page}}
    return {"type": "track", "event": "Clicked", **fields, "properties": {"button": "buy", "n": i}}


def request(key: str, count: int) -> bytes:
    """A whole HTTP request; MARK stands where each sending puts a number of its own."""
    if count == 1:
        path, body = "/v1/track", json.dumps(event(0)).encode()
    else:
        path, body = "/v1/batch", json.dumps({"batch": [event(i) for i in range(count)]}).encode()
    user = base64.b64encode(f"{key}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {user}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def load(
    port: int, keys: list[str], count: int, rate: float, seconds: float, connections: int, series: int, told
) -> None:
    """Send for `seconds`, at most `rate` events/s (0: as fast as answered); puts (acknowledged events, refused requests)."""
    chosen = selectors.DefaultSelector()
    requests = [request(key, count) for key in keys]
    for _ in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        chosen.register(one, selectors.EVENT_READ)
    idle = [key.fileobj for key in chosen.get_map().values()]
    began = time.monotonic()
    sent = acknowledged = refused = 0
    while True:
        passed = time.monotonic() - began
        if passed < seconds:
            allowed = len(idle) if not rate else min(len(idle), int((passed * rate - sent * count) // count))
            for _ in range(max(0, allowed)):
                number = b"%02d%010d" % (series, sent)
                # In turn: a connection that idles too long is closed by the server.
                idle.pop(0).sendall(requests[sent % len(requests)].replace(MARK, number))
                sent += 1
        elif acknowledged + refused == sent:
            break
        for ready, _ in chosen.select(0.002 if rate else 0.05):
            answer = ready.fileobj.recv(65536)
            acknowledged += answer.startswith(b"HTTP/1.1 200")
            refused += not answer.startswith(b"HTTP/1.1 200")
            idle.append(ready.fileobj)
    told.put((acknowledged * count, refused))


def commit_beside(measuring, until, told) -> None:
    """The committer's own loop with a clock: puts (durations of commits, most open files, memory by minute)."""
    import django

    django.setup()
    from django.conf import settings

    from shuke.intake import committer as committing
    from shuke.intake.second_core import SecondCore

    gc.freeze()  # as run_committer does
    second = SecondCore()
    committer = committing.Committer(settings.JOURNAL, second=second)
    durations, most_files = [], 0
    while not until.is_set():
        began = time.monotonic()
        committing._sync_each_commit()
        done = committer.run_once()
        if done.events and measuring.is_set():
            durations.append(time.monotonic() - began)
        most_files = max(most_files, len(os.listdir("/proc/self/fd")))
        if not done.waits:
            committer.tidy()
            while time.monotonic() - began < 1.0 and committer.waiting_bytes() < committing._SOON_BYTES:
                time.sleep(0.05)
    second.close()
    told.put((durations, most_files))


# What is measured


class Bench:
    """One installation; parts run one after the other in it."""

    def __init__(self, shops: int) -> None:
        import django

        django.setup()
        from django.core.management import call_command

        from shuke.intake.tests.sdk_house import House
        from shuke.kernel import clock
        from shuke.records.actor import Actor
        from shuke.shops import actions, reads

        call_command("migrate", interactive=False, verbosity=0)
        system = Actor.system("bench")
        self.keys = []
        for i in range(shops):
            actions.create_shop(
                slug=f"shop{i}",
                name=f"Shop {i}",
                platforms=["taobao"],
                category="apparel",
                currency="CNY",
                zone="Asia/Shanghai",
                actor=system,
                at=clock.now(),
            )
            shop = reads.get_shop(f"shop{i}")
            self.keys.append(actions.create_write_key(shop=shop, name="w", actor=system, at=clock.now()).key)
        self.house = House(HOME, is_made=True, workers=2)
        self.spawned = multiprocessing.get_context("spawn")
        self.series = 0

    @contextlib.contextmanager
    def web(self, **environment: str) -> Iterator[None]:
        self.house.environment |= environment
        self.house.start("web")
        self.house.wait_for_web()
        try:
            yield
        finally:
            self.house.kill("web")

    @contextlib.contextmanager
    def committer(self) -> Iterator[None]:
        self.house.start("committer")
        try:
            yield
        finally:
            self.house.kill("committer")

    def begin(
        self,
        *,
        count: int,
        seconds: float,
        rate: float = 0,
        keys: list[str] | None = None,
        connections: int = CONNECTIONS,
    ):
        told = self.spawned.Queue()
        self.series += 1
        words = (
            self.house.port,
            keys or self.keys[:1],
            count,
            rate,
            seconds,
            connections,
            self.series % 100,
            told,
        )
        sender = self.spawned.Process(target=load, args=words)
        sender.start()
        return sender, told

    def send(self, **how) -> tuple[int, int, float]:
        """(acknowledged events, refused requests, seconds)."""
        sender, told = self.begin(**how)
        acknowledged, refused = told.get(timeout=how["seconds"] + 120)
        sender.join()
        return acknowledged, refused, how["seconds"]

    def warm(self) -> None:
        """Until the committer has started and committed."""
        before = self.committed()
        events, _, _ = self.send(count=PER_BATCH, seconds=2, rate=20_000, keys=self.keys)
        self.wait_for(before + events, 60)

    def committed(self) -> int:
        from django.db.models import Sum

        from shuke.warehouse.models import Segment

        return Segment.objects.filter(kind="events").aggregate(rows=Sum("rows"))["rows"] or 0

    def wait_for(self, count: int, seconds: float) -> float:
        """Seconds until so many are countable."""
        began = time.monotonic()
        while self.committed() < count and time.monotonic() - began < seconds:
            time.sleep(0.1)
        return time.monotonic() - began

    def clear(self) -> None:
        """Commit what lies there and begin the next part with an empty journal."""
        from django.conf import settings

        from shuke.intake.committer import Committer

        committer = Committer(settings.JOURNAL)
        while committer.run_once().waits:
            pass

    # Parts

    def acks(self, seconds: float) -> list[Result]:
        with self.web():
            self.send(count=PER_BATCH, seconds=1)
            events, _, took = self.send(count=PER_BATCH, seconds=seconds)
        shutil.rmtree(HOME / "journal")
        return [Result("acks", f"acknowledged in batches of {PER_BATCH}", events / took, 250_000, "events/s")]

    def singles(self, seconds: float) -> list[Result]:
        """By wrk: a sender in Python would take as much of the two cores as the one who answers."""
        if not shutil.which("wrk"):
            from set_up import install_from_packages

            install_from_packages("wrk", purpose="a sender of single requests")
        with self.web():
            self.send_singles(1)
            rate, refused = self.send_singles(seconds)
        shutil.rmtree(HOME / "journal")
        return [
            Result("singles", "acknowledged one by one", rate, 8_000, "requests/s"),
            Result("singles", "of them refused", refused, 0, "requests", is_least=False),
        ]

    def send_singles(self, seconds: float) -> tuple[float, float]:
        """(requests a second, refused ones) of wrk, each with a message id of its own."""
        self.series += 1
        body = json.dumps(event(0)).replace(MARK.decode(), f"{self.series:02d}' .. n .. '")
        user = base64.b64encode(f"{self.keys[0]}:".encode()).decode()
        script = HOME / "singles.lua"
        script.write_text(
            "local n = 0\n"
            'wrk.method = "POST"\n'
            f'wrk.headers["Authorization"] = "Basic {user}"\n'
            'wrk.headers["Content-Type"] = "application/json"\n'
            "request = function()\n"
            "  n = n + 1\n"
            f"  return wrk.format(nil, '/v1/track', nil, '{body}')\n"
            "end\n"
        )
        command = ["wrk", "-t1", f"-c{SINGLE_CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(script)]
        told = subprocess.run(
            [*command, f"http://127.0.0.1:{self.house.port}"], capture_output=True, text=True, check=True
        ).stdout
        found = dict(re.findall(r"(Requests/sec|Non-2xx or 3xx responses):\s+([\d.]+)", told))
        return float(found["Requests/sec"]), float(found.get("Non-2xx or 3xx responses", 0))

    def commit(self, seconds: float) -> list[Result]:
        """Sent somewhat faster than needed, so that the committer is never idle and the acknowledging goes on."""
        with self.web(), self.committer():
            self.warm()
            sender, told = self.begin(count=PER_BATCH, seconds=seconds + 4, rate=130_000)
            time.sleep(3)
            before, began = self.committed(), time.monotonic()
            time.sleep(seconds)
            rate = (self.committed() - before) / (time.monotonic() - began)
            told.get(timeout=60)
            sender.join()
        self.clear()
        return [Result("commit", "committed beside the acknowledging", rate, 100_000, "events/s")]

    def delay(self, seconds: float) -> list[Result]:
        """From arrival to being listed, of the oldest event of each segment."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq
        from django.conf import settings

        from shuke.warehouse.models import Segment

        with self.web(), self.committer():
            self.warm()
            first = Segment.objects.order_by("-id").values_list("id", flat=True).first() or 0
            self.send(count=PER_BATCH, seconds=seconds, rate=50_000)
            time.sleep(3)
        delays = []
        for row in Segment.objects.filter(id__gt=first, kind="events"):
            came = pc.min(
                pq.read_table(settings.OPEN_TIER / row.file, columns=["received_at"])["received_at"]
            ).as_py()
            delays.append((row.listed_at.replace(tzinfo=None) - came).total_seconds())
        return [
            Result("delay", "oldest event when countable, at 50,000/s", max(delays), 3, "s", is_least=False)
        ]

    def backlog(self, seconds: float) -> list[Result]:
        """`seconds` without a committer, then with it while the load goes on; the allowance is twice as long."""
        with self.web():
            before = self.committed()
            events, _, _ = self.send(count=PER_BATCH, seconds=seconds, rate=50_000)
            with self.committer():
                sender, told = self.begin(count=PER_BATCH, seconds=2 * seconds, rate=50_000)
                began = time.monotonic()
                took = self.wait_until_behind_at_most(1 << 24, 2 * seconds)
                more, _ = told.get(timeout=2 * seconds + 60)
                sender.join()
                self.wait_for(before + events + more, 60)
            print(
                f"  backlog: {events:,} events waited, caught up after {took:.1f} s ({time.monotonic() - began:.0f} s in all)"
            )
        return [
            Result("backlog", f"backlog of {seconds:.0f} s gone, load going on", took, 2 * seconds, "s", is_least=False),
            Result("backlog", "acknowledged and not counted", before + events + more - self.committed(), 0, "events", is_least=False),
        ]  # fmt: skip

    def wait_until_behind_at_most(self, size: int, seconds: float) -> float:
        from django.conf import settings

        from shuke.intake.committer import Committer

        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if Committer(settings.JOURNAL, append=lambda **_: None).waiting_bytes() <= size:
                break
            time.sleep(0.5)
        return time.monotonic() - began

    def bound(self, seconds: float) -> list[Result]:
        """A journal of 64 MB without a committer: refused above it, and all that was acknowledged counts."""
        with self.web(SHUKE_JOURNAL_BYTES=str(64 << 20)):
            before = self.committed()
            events, refused, _ = self.send(count=PER_BATCH, seconds=max(3, seconds / 4), rate=200_000)
            with self.committer():
                self.wait_for(before + events, 60)
                again, _, _ = self.send(count=PER_BATCH, seconds=2, rate=20_000)
                self.wait_for(before + events + again, 60)
        lost = before + events + again - self.committed()
        self.house.environment.pop("SHUKE_JOURNAL_BYTES")
        return [
            Result("bound", "requests answered 503 above the bound", refused, 1, "requests"),
            Result(
                "bound", "acknowledged and not counted exactly once", abs(lost), 0, "events", is_least=False
            ),
        ]

    def memory(self, seconds: float) -> list[Result]:
        """Resident memory of all processes early and late (`seconds` apart), at 20,000 events/s."""
        with self.web(), self.committer():
            self.warm()
            sender, told = self.begin(count=PER_BATCH, seconds=seconds * 1.25 + 2, rate=20_000)
            time.sleep(seconds / 4)
            early = self.resident()
            time.sleep(seconds)
            late = self.resident()
            told.get(timeout=60)
            sender.join()
        print("  memory in MB:", {name: f"{early[name]:.0f} -> {late[name]:.0f}" for name in early})
        worst = max((late[name] / early[name] - 1) * 100 for name in early)
        return [Result("memory", f"growth over {seconds:.0f} s", worst, 5, "%", is_least=False)]

    def resident(self) -> dict[str, float]:
        import psutil

        sizes = {}
        for name, process in self.house.running.items():
            tree = psutil.Process(process.pid)
            sizes[name] = sum(one.memory_info().rss for one in [tree, *tree.children(recursive=True)]) / 1e6
        return sizes

    def shops(self, seconds: float) -> list[Result]:
        """5,000 events/s over all shops, ten a request."""
        told, measuring, until = self.spawned.Queue(), self.spawned.Event(), self.spawned.Event()
        with self.web():
            committer = self.spawned.Process(target=commit_beside, args=(measuring, until, told))
            committer.start()
            self.warm()
            measuring.set()
            self.send(count=10, seconds=seconds, rate=5_000, keys=self.keys)
            until.set()
            durations, files = told.get(timeout=60)
            committer.join()
        durations.sort()
        p99 = durations[int(len(durations) * 0.99)] * 1000
        print(
            "  commits in ms: median",
            round(durations[len(durations) // 2] * 1000),
            "largest",
            [round(one * 1000) for one in durations[-3:]],
        )
        what = f"p99 of {len(durations)} commits of {len(self.keys)} shops"
        return [
            Result("shops", what, p99, 100, "ms", is_least=False),
            Result("shops", "open files of the committer", files, 200, "files", is_least=False),
        ]


PARTS = {
    "acks": 20,
    "singles": 20,
    "commit": 60,
    "delay": 60,
    "backlog": 60,
    "bound": 20,
    "memory": 240,
    "shops": 300,
}


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which (default: all)")
    words.add_argument("--seconds", type=float, default=5, help="of each part")
    words.add_argument("--full", action="store_true", help="the durations of the acceptance")
    given = words.parse_args()
    parts = given.parts or list(PARTS)
    bench = Bench(500 if "shops" in parts else 1)
    results: list[Result] = []
    try:
        for part in parts:
            results += getattr(bench, part)(PARTS[part] if given.full else given.seconds)
            for result in results[-2:]:
                if result.part == part:
                    sign = ">=" if result.is_least else "<="
                    verdict = "ok" if result.is_met else "NOT MET"
                    print(f"{part:8} {result.what:55} {result.seen:12,.1f} {sign} {result.need:>9,.0f} {result.unit:10} {verdict}", flush=True)  # fmt: skip
    finally:
        bench.house.end()
        shutil.rmtree(HOME, ignore_errors=True)
    return 0 if all(result.is_met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
