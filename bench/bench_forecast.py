"""How honest the forecast's interval is, and how long ten million buyers take. Ends with 1 where a promise is not kept.

Shops of 50, 500 and 5,000 buyers are played order by order (the simulator shares no code with the fit), each of another kind;
the 80 % interval of the next quarter's orders, made before that quarter, must hold it in 75 to 85 % of them.
`python bench/bench_forecast.py [SEEDS] [MILLIONS]`; a thousand seeds take some half an hour on one core.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402

from shuke.audience.forecast import horizon, learning  # noqa: E402
from shuke.audience.forecast.tests import simulated  # noqa: E402

SHARE = 0.8
SIZES = (50, 500, 5_000)


def coverage(buyers: int, seeds: int) -> bool:
    """Whether the interval holds as often as it says; prints how often, and which side it errs on."""
    began = time.perf_counter()
    held, below, wide = 0, 0, []
    for seed in range(seeds):
        shop = simulated.play(buyers, seed)
        told = (shop.frequency, shop.recency, shop.age)
        people = horizon.People(*(np.array(v, float) for v in told), *np.zeros((2, buyers)))
        rng = np.random.default_rng(seed)
        learnt = learning.learn(people, rng)
        band = horizon.ahead(people, learnt.learnt, float(simulated.QUARTER), SHARE, rng).orders
        held += band.low <= shop.orders <= band.high
        below += shop.orders < band.low
        wide.append((band.high - band.low) / max(band.expected, 1.0))
    print(
        f"{buyers:>6,} buyers: {held} of {seeds} held ({held / seeds:.1%}), {below} came out below, "
        f"the interval is {np.median(wide):.0%} of the forecast ({time.perf_counter() - began:.0f} s)",
        flush=True,
    )
    return 0.75 <= held / seeds <= 0.85


def batch(buyers: int) -> None:
    """The fit and the forecast of very many buyers: seconds and memory."""
    rng = np.random.default_rng(0)
    known = 3 * 365
    age = rng.integers(1, known, buyers).astype(float)
    rate, leave = rng.gamma(0.6, 1 / 90.0, buyers), rng.beta(0.8, 2.6, buyers)
    frequency = np.minimum(rng.poisson(rate * age), rng.geometric(np.clip(leave, 1e-9, 1)) - 1).astype(float)
    recency = np.where(frequency > 0, np.ceil(age * rng.beta(np.maximum(frequency, 1), 1.0)), 0.0)
    recency = np.minimum(recency, age)
    frequency = np.minimum(frequency, recency)
    value = rng.gamma(6.0, 15.0, buyers) / rng.gamma(4.0, 0.25, buyers)
    people = horizon.People(frequency, recency, age, frequency, np.where(frequency > 0, value, 0.0))
    began = time.perf_counter()
    learnt = learning.learn(people, rng)
    fitted = time.perf_counter() - began
    told = horizon.ahead(people, learnt.learnt, float(simulated.QUARTER), SHARE, rng)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{buyers:>10,} buyers: learnt in {fitted:.1f} s, forecast in {time.perf_counter() - began - fitted:.1f} s, "
        f"peak {peak:.1f} GB; {told.orders.expected:,.0f} orders ({told.orders.low:,.0f} to {told.orders.high:,.0f})"
    )


def main(seeds: int, millions: float) -> int:
    kept = [coverage(buyers, seeds) for buyers in SIZES]
    if millions:
        batch(round(millions * 1_000_000))
    return int(not all(kept))


if __name__ == "__main__":
    asked = [float(word) for word in sys.argv[1:]] + [None, None]
    sys.exit(main(int(asked[0] or 1000), 10.0 if asked[1] is None else asked[1]))
