"""`python -m shuke_simulator`: send a shop's history, and let it live on.

The life of a shop is told by `--seed`, `--first` and `--visitors`: the same three tell the same messages, so sending
again what was sent adds nothing. `--state FILE` remembers how far was sent, and goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from shuke_simulator.history import Delivered, send_history
from shuke_simulator.life import Life
from shuke_simulator.live import send_live
from shuke_simulator.sender import DeliveryFailed, Sender
from shuke_simulator.story import Teller

HOST = "https://linen-life.example.com"


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(prog="shuke simulate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "mode", choices=("history", "live", "both"), help="the past, what happens now, or both"
    )
    parser.add_argument("--url", required=True, help="where the shop's door is, e.g. http://127.0.0.1:8000")
    parser.add_argument("--write-key", default=os.environ.get("SHUKE_WRITE_KEY", ""))
    parser.add_argument("--days", type=int, default=90, help="days of history, today included")
    parser.add_argument("--visitors", type=int, default=3000, help="visitors on an ordinary day")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--zone", default="Asia/Shanghai", help="the shop's time zone")
    parser.add_argument("--until", type=datetime.fromisoformat, help="end of the history (default: now)")
    parser.add_argument("--truth", type=Path, help="write the counts of the history's days here, as JSON")
    parser.add_argument("--state", type=Path, help="remember here how far was sent, and go on from there")
    parser.add_argument("--connections", type=int, default=4)
    return parser.parse_args(words)


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


def main(words: Sequence[str] | None = None) -> int:
    asked = arguments(words)
    zone = ZoneInfo(asked.zone)
    until: datetime = asked.until or datetime.now(zone)
    until = until.astimezone(zone) if until.tzinfo else until.replace(tzinfo=zone)
    state = State(asked.state)
    first = date.fromisoformat(str(state.values.get("first", until.date() - timedelta(days=asked.days - 1))))
    visitors = int(str(state.values.get("visitors", asked.visitors)))
    seed = int(str(state.values.get("seed", asked.seed)))
    after = int(str(state.values.get("sent_until", 0)))
    state.note(first=first.isoformat(), visitors=visitors, seed=seed)
    life = Life(seed=seed, visitors=visitors, first=first)
    try:
        with Sender(asked.url, asked.write_key, connections=asked.connections) as sender:
            if asked.mode != "live":
                _past(asked, life, zone, until, after, sender)
                after = int(until.timestamp())
                state.note(sent_until=after)
            if asked.mode != "history":
                teller = Teller(seed=seed, zone=zone, host=HOST)
                send_live(
                    life, teller, sender, zone=zone, after=after or int(until.timestamp()),
                    on_sent=lambda moment: state.note(sent_until=moment),
                )  # fmt: skip
    except DeliveryFailed as problem:
        print(f"simulator: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _past(
    asked: argparse.Namespace, life: Life, zone: ZoneInfo, until: datetime, after: int, sender: Sender
) -> None:
    """Send the history and write its truth."""
    teller = Teller(seed=life.seed, zone=zone, host=HOST, until=until)
    began = time.monotonic()

    def on_day(day: date, done: Delivered) -> None:
        if sys.stdout.isatty():
            print(f"\rhistory: {day}  {done.messages:,} messages", end="", flush=True)

    start = datetime.fromtimestamp(after, zone).date() if after else life.first
    done = send_history(life, teller, sender, first=start, last=until.date(), after=after, on_day=on_day)
    sender.wait()
    took = time.monotonic() - began
    print(
        f"\rhistory: {done.messages:,} messages of {(until.date() - start).days + 1} days in {took:.1f} s"
        f" ({done.repeats:,} repeated, {done.late:,} late, {sender.waits} waits)",
        flush=True,
    )
    if asked.truth:
        told = {"seed": life.seed, "visitors": life.visitors, "zone": zone.key, "until": until.isoformat()}
        sums = {"messages": done.messages, "repeats": done.repeats, "late": done.late}
        asked.truth.write_text(json.dumps(told | sums | teller.truth.as_dict(), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    sys.exit(main())
