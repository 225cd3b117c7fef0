"""Alerts on a hundred simulated shops: how many troubles are found within three days with the right segment first, and how
many false alerts ninety quiet days bring. Ends with 1 where a promise is not kept.

Each shop: 3,000 visits a day, variance 1.5 times the mean, weekday and monthly season, 5 % growth a month.
`python bench/bench_alerts.py [SEEDS]`; some twenty minutes on one core.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")


def main(seeds: int) -> int:
    import django

    django.setup()
    from shuke.traffic.alerts.tests import trials
    from shuke.traffic.alerts.tests.shipped import shipped

    values = shipped()
    wrong = 0
    for kind in trials.KINDS:
        began = time.perf_counter()
        found = [trials.with_trouble(seed, kind, values) for seed in range(seeds)]
        named, any_at_all = sum(one.is_first for one in found), sum(one.is_found for one in found)
        besides = sum(len(one.others) for one in found)
        print(
            f"{kind:8} found within {trials.WITHIN} days {any_at_all}/{seeds}, right segment first {named}/{seeds}, "
            f"besides it {besides} alerts ({time.perf_counter() - began:.0f} s)",
            flush=True,
        )
        wrong += named < 0.95 * seeds
    began = time.perf_counter()
    false = Counter(len(trials.quiet(seed, values)) for seed in range(seeds))
    print(
        f"quiet    false alerts in {trials.QUIET} days: "
        + ", ".join(f"{number} in {shops} shops" for number, shops in sorted(false.items()))
        + f" ({time.perf_counter() - began:.0f} s)"
    )
    wrong += max(false) > 1
    small = Counter(trials.last_day(0, values, visits_a_day=300).values())
    print(
        f"small    300 visits a day: {small['too_few']} of {sum(small.values())} series say too few to judge"
    )
    wrong += small["too_few"] <= sum(small.values()) / 2
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
