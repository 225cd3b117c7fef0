"""Whether a day moved a series: from counts per day to judgements, without database, clock or Django.

A series is scanned over runs of days that end with the day judged; the loudest run speaks. How loud it has to be follows
from the false alarms that a shop bears in a year, shared by all its series and runs. README tells the statistics and why.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from shuke.kernel.periods import ONE_DAY
from shuke.traffic.alerts import expectation as x
from shuke.traffic.alerts.shapes import STEPS, Counts, Judgement, Name, Run, Values, step_series

_POWER = 1.645  # 95 of 100: what a promised move has to have over the bar
_OWN_SCORES = 21  # past scores from which a series' own scatter of scores counts
_BAND = 1.96
_LOUDEST = 50.0
_SMALL_BASE = 28

Past = Mapping[str, Sequence[Mapping[int, float]]]


@dataclass(frozen=True)
class Table:
    """Counts as arrays [series, days] up to and including the day judged; `usable`: no incident, and the shop lived."""

    names: tuple[Name, ...]
    days: tuple[date, ...]
    parts: np.ndarray
    wholes: np.ndarray
    usable: np.ndarray
    closed: np.ndarray

    def of(self, kind: str) -> Table:
        return self.only([name.kind == kind for name in self.names])

    def only(self, kept: Sequence[bool]) -> Table:
        """Some of the series."""
        places = [i for i, is_kept in enumerate(kept) if is_kept]
        return Table(
            tuple(self.names[i] for i in places),
            self.days,
            self.parts[places],
            self.wholes[places],
            self.usable[places],
            self.closed[places],
        )

    def since(self, place: int) -> Table:
        """Without the days before the one at `place`."""
        return Table(
            self.names,
            self.days[place:],
            self.parts[:, place:],
            self.wholes[:, place:],
            self.usable[:, place:],
            self.closed[:, place:],
        )

    def until(self, day: date) -> Table:
        """The days up to this one; none where it lies before all."""
        end = max((day - self.days[0]).days + 1, 0)
        return Table(
            self.names,
            self.days[:end],
            self.parts[:, :end],
            self.wholes[:, :end],
            self.usable[:, :end],
            self.closed[:, :end],
        )


def table_of(
    day: date,
    history: Mapping[date, Counts],
    left_out: Mapping[str, Collection[date]],
    closed: Mapping[str, Collection[date]],
) -> Table:
    """The days that lie in `history` up to `day`, without gaps; a series that a day does not name had nothing (but before
    its first day: `_judged`)."""
    first = min(history)
    days = tuple(first + ONE_DAY * n for n in range((day - first).days + 1))
    texts = sorted({text for one in days for text in history.get(one, ())})
    parts = np.zeros((len(texts), len(days)))
    wholes = np.zeros((len(texts), len(days)))
    masks = {
        "usable": np.ones((len(texts), len(days)), bool),
        "closed": np.zeros((len(texts), len(days)), bool),
    }
    place = {text: i for i, text in enumerate(texts)}
    for j, one in enumerate(days):
        for text, (part, whole) in history.get(one, {}).items():
            parts[place[text], j], wholes[place[text], j] = part, whole or 0
    for mask, marked in (("usable", left_out), ("closed", closed)):
        for text, gone in marked.items():
            if text in place:
                for one in gone:
                    if first <= one <= day:
                        masks[mask][place[text], (one - first).days] = mask == "closed"
    return Table(tuple(Name.read(text) for text in texts), days, parts, wholes, **masks)


def judge_day(
    day: date,
    history: Mapping[date, Counts],
    values: Values,
    *,
    left_out: Mapping[str, Collection[date]] | None = None,
    closed: Mapping[str, Collection[date]] | None = None,
    past: Past | None = None,
    directions: Mapping[str, int] | None = None,
    late: Mapping[str, date | None] | None = None,
) -> dict[str, Judgement]:
    """Judge every series that `history` (days up to `day`, with it) knows.

    `left_out`: days per series that teach nothing (of its incidents); `closed`: those of them that no run may reach back to
    (of incidents that are over, and where the series could not be computed); `past`: its scores of earlier days, oldest first; `directions`: by what a series counts, 1
    where a rise is worse and -1 where a fall is, where that differs from the usual; `late`: what comes later than the rest,
    by what a series counts, and as of which day it is judged now (None: nothing new has come, it waits). The days after
    that one say nothing of it.
    """
    if day not in history:
        return {}
    table = _watched(table_of(day, history, left_out or {}, closed or {}), values)
    asked = _Asked(day, values, bar(len(table.names), values), past or {}, directions or {})
    late = late or {}
    found = _judged(asked, table.only([name.what not in late for name in table.names]))
    for what, as_of in late.items():
        part = table.only([name.what == what for name in table.names])
        found |= {str(name): waiting(str(name), day) for name in part.names}
        if as_of is not None and as_of >= table.days[0]:
            found |= _judged(replace(asked, day=as_of), part.until(as_of))
    return found


def _judged(asked: _Asked, table: Table) -> dict[str, Judgement]:
    """A series that began later than the others (the tracker of a shop whose orders were imported, a new channel) is judged
    as in a shop that began on that day: before it there was not nothing, there was no series."""
    began = _began(table, asked.values)
    found: dict[str, Judgement] = {}
    for place in sorted(set(began)):
        part = table.only([one == place for one in began]).since(place)
        if len(part.days) - 1 < asked.values.least_days:
            found |= {
                str(name): _too_short(str(name), asked.day, part, i) for i, name in enumerate(part.names)
            }
        else:
            found |= _judge_counts(asked, part.of("count")) | _judge_rates(asked, part.of("rate"))
    return found


def _began(table: Table, values: Values) -> list[int]:
    """The place of each series' first day with anything; 0 for all that began before what an expectation looks back at, so
    that they are judged together."""
    back = 2 * values.baseline_days + max(*values.windows, *values.slow_windows)
    early = max(0, len(table.days) - back)
    first = ((table.parts != 0) | (table.wholes != 0)).argmax(axis=1)  # 0 where there is nothing at all
    return [int(place) if place > early else 0 for place in first]


def waiting(text: str, day: date) -> Judgement:
    """Of a series of which nothing has come yet."""
    return Judgement(text, day, "waiting", None, None, None, None, None)


@dataclass(frozen=True)
class _Asked:
    """What holds for every series of the day judged."""

    day: date
    values: Values
    needed: float
    past: Past
    directions: Mapping[str, int]

    def sign(self, name: Name) -> int:
        """1: a rise is worse, -1: a fall."""
        return self.directions.get(name.what, name.worse)

    def told(
        self,
        name: Name,
        runs: Mapping[int, Run],
        seen: int | None,
        *,
        actual: float | None,
        cases: int | None,
        expected: float | None,
        band: float,
        is_young: bool = False,
    ) -> Judgement:
        """The verdict over the runs: what is scanned, the loudest, and since when it has been off. `is_young`: of a count
        whose place in the month is not known yet."""
        values, text = self.values, str(name)
        scanned = values.windows if seen is not None else values.slow_windows
        scores = {w: round(runs[w].score, 2) for w in scanned if w in runs}
        heard = {w: s / _scatter(self.past.get(text, ()), w) for w, s in scores.items()}
        loud = max(heard, key=lambda w: heard[w], default=0)
        is_moved = bool(
            loud
            and heard[loud] >= self.needed
            and self._is_material(name, runs[loud], seen is None, is_young)
        )
        since = None
        if is_moved:
            length = max((w for w in runs if w <= loud), key=lambda w: (runs[w].score, -w))
            since = self.day - ONE_DAY * (length - 1)
        return Judgement(
            text,
            self.day,
            "moved" if is_moved else "too_few" if seen is None else "quiet",
            actual,
            cases,
            expected,
            None if expected is None else max(0.0, expected - band),
            None
            if expected is None
            else (min(1.0, expected + band) if name.kind == "rate" else expected + band),
            round(heard.get(loud, 0.0), 2),
            loud,
            round(self.needed, 2),
            scores,
            runs,
            since,
            seen,
        )

    def _is_material(self, name: Name, run: Run, is_small: bool, is_young: bool) -> bool:
        """Large enough to matter, and on enough cases."""
        values, change = self.values, run.change(name.kind) * self.sign(name)
        if name.kind == "count":
            enough = not is_small or run.usual >= values.least_cases
            return enough and change >= values.smallest_fall * (2 if is_young else 1)
        if run.whole < values.least_cases:
            return False
        if self.sign(name) > 0:
            return change >= values.smallest_bounce_points
        return change >= run.usual * values.smallest_step_fall


def bar(series: int, values: Values) -> float:
    """How many standard deviations a run has to lie off: false alarms a year over days, series and runs of days. Runs
    of one end hold one another's days, so half of them count (ours; the simulated shops show that it is on the safe side)."""
    tries = 365 * max(series, 1) * max(len(values.windows) / 2, 1)
    return NormalDist().inv_cdf(1 - min(values.false_alerts_a_year / tries, 0.05))


def _steps_of(table: Table, values: Values) -> set[str]:
    """What the watched steps count: each from the one before it that the shop has. A step that hardly anybody is seen to
    reach (a payment that happens at the provider) would hide the one after it; one that came only lately is taken in when its
    days can teach."""
    seen: dict[str, np.ndarray] = {}
    for i, name in enumerate(table.names):
        if name.family == "step" and not name.dimension:
            for step, reached in ((name.before, table.wholes[i]), (name.step, table.parts[i])):
                seen[step] = np.maximum(seen.get(step, 0), reached)
    began = {step: int((days > 0).argmax()) for step, days in seen.items() if days.any()}
    last, least = len(table.days) - 1, values.least_days
    if not began or last - min(began.values()) < least:
        return {step_series(a, b) for a, b in pairwise(STEPS)}
    chosen = [
        step
        for step in STEPS
        if step in began
        and seen[step][max(0, last - values.baseline_days) : last].sum() >= values.least_cases
        and (last - began[step] >= least or began[step] - min(began.values()) < least)
    ]
    return {step_series(a, b) for a, b in pairwise(chosen)}


def _watched(table: Table, values: Values) -> Table:
    """Whole series always; entrances the most visited; other segments from a smallest number of cases a day on; steps that the
    shop has."""
    recent = slice(max(0, len(table.days) - 1 - values.baseline_days), len(table.days) - 1)
    daily = np.where(
        np.array([name.kind == "rate" for name in table.names]),
        table.wholes[:, recent].mean(1) if len(table.days) > 1 else 0.0,
        table.parts[:, recent].mean(1) if len(table.days) > 1 else 0.0,
    )
    entrances = [i for i, name in enumerate(table.names) if name.dimension == "entry_path"]
    steps = _steps_of(table, values)
    first = set(sorted(entrances, key=lambda i: (-daily[i], str(table.names[i])))[: values.most_entrances])
    kept = [
        i
        for i, name in enumerate(table.names)
        if daily[i] > 0
        and (not name.dimension or daily[i] >= 1)
        and (name.dimension != "entry_path" or i in first)
        and (name.family != "step" or name.what in steps)
    ]
    return Table(
        tuple(table.names[i] for i in kept),
        table.days,
        table.parts[kept],
        table.wholes[kept],
        table.usable[kept],
        table.closed[kept],
    )


def _too_short(text: str, day: date, table: Table, i: int) -> Judgement:
    part, whole = table.parts[i, -1], table.wholes[i, -1]
    is_rate = table.names[i].kind == "rate"
    actual = (part / whole if whole else None) if is_rate else part
    return Judgement(
        text, day, "too_short", actual, int(whole) if is_rate else None, None, None, None, needed=0.0
    )


# --- counts


def _judge_counts(asked: _Asked, table: Table) -> dict[str, Judgement]:
    if not table.names:
        return {}
    values = asked.values
    longest = min(max(values.windows), max(1, len(table.days) - values.least_days))
    split = len(table.days) - longest
    start = max(0, split - 2 * values.baseline_days)
    cast = x.forecast_counts(
        table.parts[:, start:split],
        table.usable[:, start:split],
        table.days[start:split],
        table.days[split:],
        values.half_life_days,
    )
    longest_asked = max(longest, values.promised_days)
    leans = {w: float(cast.leverage[-w:, -w:].mean()) for w in range(1, longest_asked + 1)}
    wanted_of, got_of = _sums_back(cast.mean), _sums_back(table.parts[:, split:])
    found = {}
    for i, name in enumerate(table.names):
        known = int(table.usable[i, start:split].sum())
        if cast.level[i] < values.least_daily or known < values.least_days:
            found[str(name)] = _small_count(asked, table, i)
            continue
        mean, factor, level = cast.mean[i], float(cast.factor[i]), float(cast.level[i])
        sign = asked.sign(name)

        def spread(window: int, wanted: float, factor: float = factor, level: float = level) -> float:
            return math.sqrt(factor * (wanted + wanted**2 * leans[window] / level))

        runs = {}
        for window in _open_windows(table.closed[i], longest):
            wanted, got = wanted_of[i][window - 1], got_of[i][window - 1]
            score = _bounded(sign * (got - wanted) / spread(window, wanted))
            runs[window] = Run(got, window, wanted, score)
        seen = next(
            (
                days
                for days in range(1, values.promised_days + 1)
                if values.promised_count_fall * level * days
                >= (asked.needed + _POWER) * spread(days, level * days)
            ),
            None,
        )
        own = spread(1, float(mean[-1]))
        found[str(name)] = asked.told(
            name,
            runs,
            seen,
            actual=_last_of(table, i),
            cases=None,
            expected=float(mean[-1]),
            band=_BAND * own,
            is_young=split - start < x.MONTH_FROM,
        )
    return found


def _last_of(table: Table, i: int) -> float | None:
    """What the day itself brought; None where it could not be computed."""
    return None if table.closed[i, -1] else float(table.parts[i, -1])


def _small_count(asked: _Asked, table: Table, i: int) -> Judgement:
    """Of a few a day: whole weeks against the four weeks before them, so that no weekday and no level is guessed."""
    name, made, values = table.names[i], table.parts[i], asked.values
    guard = max(values.slow_windows)
    before = slice(max(0, len(made) - guard - _SMALL_BASE), max(0, len(made) - guard))
    base = made[before][table.usable[i, before]]
    usual = float(base.mean()) if len(base) else 0.0
    squares = (base - usual) ** 2 / max(usual, 1e-9)
    factor = max(1.0, float(np.minimum(squares, 9.0).sum() / max(len(base) - 1, 1))) if len(base) else 1.0
    runs = {}
    if len(base) >= values.least_days and usual > 0:
        for window in _open_windows(table.closed[i], guard):
            got = float(made[-window:].sum())
            score = x.score_of_count(got, window, float(base.sum()), len(base), factor)
            runs[window] = Run(got, window, usual * window, _bounded(asked.sign(name) * score))
    return asked.told(
        name,
        runs,
        None,
        actual=_last_of(table, i),
        cases=None,
        expected=usual if len(base) else None,
        band=_BAND * float(np.sqrt(factor * usual)),
    )


# --- rates


def _judge_rates(asked: _Asked, table: Table) -> dict[str, Judgement]:
    if not table.names:
        return {}
    values = asked.values
    longest = min(max(*values.windows, *values.slow_windows), max(1, len(table.days) - values.least_days))
    split = len(table.days) - longest
    start = max(0, split - values.baseline_days)
    cast = x.forecast_rates(
        table.parts[:, start:split],
        table.wholes[:, start:split],
        table.usable[:, start:split],
        table.days[start:split],
        table.days[split:],
        values.half_life_days,
    )
    of_back, got_back = _sums_back(table.wholes[:, split:]), _sums_back(table.parts[:, split:])
    usual_back = _sums_back(table.wholes[:, split:] * cast.share)
    found = {}
    for i, name in enumerate(table.names):
        factor, rests, share = float(cast.factor[i]), float(cast.cases[i]), cast.share[i]
        parts, wholes = table.parts[i], table.wholes[i]
        runs = {}
        for window in _open_windows(table.closed[i], longest):
            of = of_back[i][window - 1]
            if of <= 0 or rests < values.least_cases:
                continue
            usual, got = usual_back[i][window - 1] / of, got_back[i][window - 1]
            score = x.score_of_share(got, of, usual, rests, factor)
            runs[window] = Run(got, of, usual, _bounded(asked.sign(name) * score))
        cases, expected = float(wholes[-1]), float(share[-1])
        spread = np.sqrt(factor * expected * (1 - expected) * (1 / max(cases, 1) + 1 / max(rests, 1)))
        found[str(name)] = asked.told(
            name,
            runs,
            _rate_days_to_see(asked, name, cast, i),
            actual=float(parts[-1] / cases) if cases else None,
            cases=int(cases),
            expected=expected if rests >= values.least_cases else None,
            band=_BAND * float(spread),
        )
    return found


def _rate_days_to_see(asked: _Asked, name: Name, cast: x.RateForecast, i: int) -> int | None:
    """At how many days a step at the promised part of its share, or a bounce of the promised points more, would show."""
    values, share, daily = asked.values, float(cast.share[i].mean()), float(cast.daily[i])
    moved = (
        min(share + values.promised_bounce_points, 0.99)
        if asked.sign(name) > 0
        else share * (1 - values.promised_step_fall)
    )
    for days in range(1, values.promised_days + 1):
        of = daily * days
        if of < values.least_cases:
            continue
        score = abs(x.score_of_share(of * moved, of, share, float(cast.cases[i]), float(cast.factor[i])))
        if score >= asked.needed + _POWER:
            return days
    return None


# --- scores


def _open_windows(closed: np.ndarray, longest: int) -> range:
    """The runs that reach back to no day of an incident that is over."""
    gone = np.flatnonzero(closed[-longest:])
    free = longest - 1 - int(gone[-1]) if len(gone) else longest
    return range(1, min(free, longest) + 1)


def _sums_back(rows: np.ndarray) -> list[list[float]]:
    """Per row the sums of its last 1, 2, … days."""
    return np.cumsum(rows[:, ::-1], axis=1).tolist()


def _scatter(past: Sequence[Mapping[int, float]], window: int) -> float:
    """How widely the series' own past scores scattered; at least the 1 that they claim."""
    own = [max(-4.0, min(one[window], 4.0)) for one in past if window in one]
    return max(1.0, math.sqrt(sum(score**2 for score in own) / len(own))) if len(own) >= _OWN_SCORES else 1.0


def _bounded(score: float) -> float:
    return max(-_LOUDEST, min(score, _LOUDEST)) if math.isfinite(score) else 0.0
