"""One of a crowd of processes over one home: a writer, a cleaner, a sealer or a reader. Run by test_crowd.

`--unlocked` takes the tiers' locks away and `--no-grace` their graces, to show what these are for. Writers note each
segment with its rows, readers note the newest segment they saw with what they counted: the test compares the two.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import time
from datetime import date, timedelta
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["writer", "cleaner", "sealer", "reader"])
    parser.add_argument("number", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--unlocked", action="store_true")
    parser.add_argument("--no-grace", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")
    import django

    django.setup()
    from shuke.shops.reads import get_shop
    from shuke.warehouse import open_tier, sealing

    if options.unlocked:

        def unlocked(name, wait=None):
            return contextlib.nullcontext()

        open_tier.exclusive = unlocked
        sealing.exclusive = unlocked
    home = Path(os.environ["SHUKE_HOME"])
    shop = get_shop("linen")
    work = {"writer": write, "cleaner": clean, "sealer": seal, "reader": read}[options.role]
    until = time.monotonic() + options.seconds
    errors = 0
    with (home / f"{options.role}-{options.number}.notes").open("w", buffering=1) as notes:
        steps = work(shop, options, notes)
        while time.monotonic() < until:
            try:
                next(steps)
            except StopIteration:
                break
            except Exception as error:
                errors += 1
                notes.write(f"error {type(error).__name__}: {' '.join(str(error).split())[:300]}\n")
                steps = work(shop, options, notes)
    sys.exit(1 if errors else 0)


def write(shop, options, notes):
    """Small batches, most of today, some late."""
    from shuke.warehouse import actions
    from shuke.warehouse.tests.facts import NOON, event, events_table

    rng = random.Random(f"{options.number} {os.getpid()}")
    serial = 0
    while True:
        late = rng.choice([0, 0, 0, -1, -2])
        rows = []
        for _ in range(rng.randint(1, 40)):
            serial += 1
            at = NOON + timedelta(days=late, minutes=rng.randint(0, 300))
            rows.append(event(shop, f"{options.number}-{os.getpid()}-{serial}", f"v{rng.randint(1, 30)}", at))
        number = actions.append(facts={"events": events_table(rows)})
        notes.write(f"{number} {len(rows)}\n")
        yield
        time.sleep(0.0 if options.unlocked else 0.03)


def clean(shop, options, notes):
    from shuke.warehouse import open_tier, processes

    grace = {"grace": timedelta(0)} if options.no_grace else {"grace": timedelta(seconds=4)}
    while True:
        open_tier.merge()
        processes.unlist_sealed(**grace)
        open_tier.clean(**grace)
        yield
        time.sleep(0.1)


def seal(shop, options, notes):
    from shuke.warehouse import actions

    while True:
        actions.seal(shop)
        yield
        time.sleep(0.3)


def read(shop, options, notes):
    from shuke.kernel.periods import Period
    from shuke.warehouse import open_tier, reads
    from shuke.warehouse.snapshots import Snapshot

    listed = open_tier.listed

    def listed_late(*arguments, **options):
        # A reader may be held up between the ledger and the list: by the machine, not by us.
        time.sleep(random.random() * 0.8)
        return listed(*arguments, **options)

    open_tier.listed = listed_late
    period = Period(date(2026, 2, 20), date(2026, 3, 10))

    def question(snapshot: Snapshot):
        counted = reads.run(snapshot.raw("events").aggregate(n=lambda t: t.count()))["n"][0].as_py()
        views = None
        if options.number % 2:
            views = reads.run(snapshot.derived("visits").aggregate(n=lambda t: t.views.sum()))["n"][0].as_py()
        return snapshot.plan.last_segment, counted, counted if views is None else views or 0

    while True:
        last, counted, views = reads.ask(shop, period, question)
        notes.write(f"{last} {counted} {views}\n")
        yield


if __name__ == "__main__":
    main()
