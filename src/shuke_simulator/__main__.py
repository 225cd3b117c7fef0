"""`python -m shuke_simulator`: send a shop's history, and let it live on.

The life of a shop is told by `--seed`, `--first` and `--visitors` (or `--customers`) and its incidents: the same tell the
same messages, so sending again what was sent adds nothing. `--state FILE` remembers how far was sent, and goes on from there.
Several shops (a write key each) get a life each, told by seeds that follow one another.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from shuke_simulator import incidents
from shuke_simulator.crowd import Crowd
from shuke_simulator.history import Delivered, send_history
from shuke_simulator.incidents import BadIncident, Incident
from shuke_simulator.inside import Door, Inside
from shuke_simulator.life import Life
from shuke_simulator.live import send_live
from shuke_simulator.sender import Delivery, DeliveryFailed, Sender
from shuke_simulator.story import Teller

HOST = "https://linen-life.example.com"
MOST_CUSTOMERS = 10_000_000
Doors = Callable[[str], Door]  # the door of the shop that has this name


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(prog="shuke simulate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "mode", choices=("history", "live", "both"), help="the past, what happens now, or both"
    )
    parser.add_argument("--url", help="where the shop's door is, e.g. http://127.0.0.1:8000")
    parser.add_argument("--write-key", action="append", help="default: SHUKE_WRITE_KEY; once for each shop")
    parser.add_argument(
        "--inside", action="append", metavar="SHOP", help="hand over in this process, without a server"
    )
    parser.add_argument("--days", type=int, default=90, help="days of history, today included")
    parser.add_argument("--visitors", type=int, default=3000, help="visitors on an ordinary day")
    parser.add_argument(
        "--customers", type=int, default=0, help=f"so many in all instead, at most {MOST_CUSTOMERS:,}"
    )
    parser.add_argument(
        "--incident",
        action="append",
        default=[],
        help="e.g. traffic,channel=email,change=-40,from=2026-03-05,days=3",
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--zone", default="Asia/Shanghai", help="the shop's time zone")
    parser.add_argument("--until", type=datetime.fromisoformat, help="end of the history (default: now)")
    parser.add_argument("--truth", type=Path, help="write the counts of the history's days here, as JSON")
    parser.add_argument("--state", type=Path, help="remember here how far was sent, and go on from there")
    parser.add_argument("--connections", type=int, default=4)
    asked = parser.parse_args(words)
    asked.write_key = asked.write_key or [os.environ.get("SHUKE_WRITE_KEY", "")]
    if bool(asked.url) == bool(asked.inside):
        parser.error("one of --url and --inside is needed")
    if not 0 <= asked.customers <= MOST_CUSTOMERS:
        parser.error(f"--customers: {asked.customers} is not from 1 to {MOST_CUSTOMERS:,}")
    if len(asked.inside or asked.write_key) > 1 and asked.mode != "history":
        parser.error("several shops: only their history")
    try:
        asked.incidents = [incidents.read(text) for text in asked.incident]
    except BadIncident as problem:
        parser.error(f"--incident: {problem}")
    if (
        asked.incidents
        and not asked.customers
        and any("change" in t and "=-" not in t for t in asked.incident)
    ):
        parser.error("--incident: more traffic needs --customers, of whom more may come")
    return asked


class State:
    """How far the life has been sent: {first, visitors, seed, sent_until}. Without a file it is forgotten."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.values: dict[str, object] = {}
        if path is not None and path.exists():
            self.values = json.loads(path.read_text())

    def note(self, **values: object) -> None:
        self.values |= values
        if self._path is not None:
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self.values))
            part.replace(self._path)


@dataclass(frozen=True)
class _Shop:
    """One shop's life and the way to its door. `name` is empty where there is but one."""

    name: str
    seed: int
    delivery: AbstractContextManager[Delivery]

    def file(self, path: Path | None) -> Path | None:
        """This shop's own file beside those of others."""
        return path.with_name(f"{path.stem}-{self.name}{path.suffix}") if path and self.name else path


def main(words: Sequence[str] | None = None, doors: Doors | None = None) -> int:
    """Run the command line; `doors` gives the doors of `--inside`."""
    asked = arguments(words)
    if asked.inside and doors is None:
        print("simulator: --inside needs a shop in this process: use `shuke simulate`", file=sys.stderr)
        return 2
    try:
        for shop in _shops(asked, doors):
            _tell(asked, shop)
    except DeliveryFailed as problem:
        print(f"simulator: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _shops(asked: argparse.Namespace, doors: Doors | None) -> list[_Shop]:
    ways: list[tuple[str, AbstractContextManager[Delivery]]] = []
    if doors is not None and asked.inside:
        ways = [(name, Inside(doors(name))) for name in asked.inside]
    else:
        keys = enumerate(asked.write_key, start=1)
        ways = [(str(i), Sender(asked.url, key, connections=asked.connections)) for i, key in keys]
    is_one = len(ways) == 1
    return [_Shop("" if is_one else name, asked.seed + i, way) for i, (name, way) in enumerate(ways)]


def _tell(asked: argparse.Namespace, shop: _Shop) -> None:
    """One shop: its past, its present, or both."""
    zone = ZoneInfo(asked.zone)
    until: datetime = asked.until or datetime.now(zone)
    until = until.astimezone(zone) if until.tzinfo else until.replace(tzinfo=zone)
    state = State(shop.file(asked.state))
    first = date.fromisoformat(str(state.values.get("first", until.date() - timedelta(days=asked.days - 1))))
    visitors = int(str(state.values.get("visitors", asked.visitors)))
    customers = int(str(state.values.get("customers", asked.customers)))
    seed = int(str(state.values.get("seed", shop.seed)))
    after = int(str(state.values.get("sent_until", 0)))
    state.note(
        first=first.isoformat(),
        visitors=visitors,
        seed=seed,
        **({"customers": customers} if customers else {}),
    )
    happen: list[Incident] = asked.incidents
    life: Life | Crowd = Life(seed=seed, visitors=visitors, first=first)
    if customers:
        life = Crowd(seed=seed, customers=customers, first=first, incidents=happen)
    with shop.delivery as delivery:
        if asked.mode != "live":
            teller = Teller(seed=seed, zone=zone, host=HOST, until=until, incidents=happen)
            _past(teller, life, until, after, delivery, shop.file(asked.truth))
            after = int(until.timestamp())
            state.note(sent_until=after)
        if asked.mode != "history":
            teller = Teller(seed=seed, zone=zone, host=HOST, incidents=happen)
            send_live(
                life, teller, delivery, zone=zone, after=after or int(until.timestamp()),
                on_sent=lambda moment: state.note(sent_until=moment),
            )  # fmt: skip


def _past(
    teller: Teller, life: Life | Crowd, until: datetime, after: int, delivery: Delivery, truth: Path | None
) -> None:
    """Send the history and write its truth."""
    began = time.monotonic()

    def on_day(day: date, done: Delivered) -> None:
        if sys.stdout.isatty():
            print(f"\rhistory: {day}  {done.messages:,} messages", end="", flush=True)

    start = datetime.fromtimestamp(after, teller.zone).date() if after else life.first
    done = send_history(life, teller, delivery, first=start, last=until.date(), after=after, on_day=on_day)
    delivery.wait()
    took = time.monotonic() - began
    print(
        f"\rhistory: {done.messages:,} messages of {(until.date() - start).days + 1} days in {took:.1f} s"
        f" ({done.repeats:,} repeated, {done.late:,} late, {delivery.waits} waits)",
        flush=True,
    )
    if truth:
        size = {"customers": life.customers} if isinstance(life, Crowd) else {"visitors": life.visitors}
        told = {"seed": life.seed, **size, "zone": teller.zone.key, "until": until.isoformat()}
        sums = {"messages": done.messages, "repeats": done.repeats, "late": done.late}
        truth.write_text(json.dumps(told | sums | teller.truth.as_dict(), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    sys.exit(main())
