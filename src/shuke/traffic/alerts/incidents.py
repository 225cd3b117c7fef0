"""From moved series to incidents: what belongs together, which segment stands first, and when it is over. Pure functions.

One incident is one thing that happened: a step that fell in all and on every terminal, and the orders and the amount that
fell with it, are one. Orders and amount are consequences: they stand alone only where nothing that causes them moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from shuke.kernel.periods import ONE_DAY
from shuke.traffic.alerts.shapes import Judgement, Name, Values

State = Literal["open", "back", "lasting"]
STATES: Mapping[str, State] = {"open": "open", "back": "back", "lasting": "lasting"}
CONSEQUENCES = ("orders", "amount")
_CAUSES = ("step", "visits")  # what takes orders and amount with it
_TOGETHER_DAYS = 3  # segments of one series that move within as many days of one another moved together
_MOST_OF_IT = 0.5  # of the whole's loss that lies in one segment: then that segment is named, else the whole
_ONE_TERMINAL = 0.8
_REST_FELL = 0.5  # of the segment's own fall: when what lies beside it fell more than that, all fell, and the whole is named
_SURE_APART = 3.0  # standard deviations between usual and moved, for telling which of the two a run is


@dataclass(frozen=True)
class Incident:
    """`lead`: the series named first; `members`: every series that moved with it, and since when. `raised_on`: the day whose
    judgement raised it; `since`: its first day; `last_day`: the last day on which it was off (so far)."""

    id: int
    lead: str
    since: date
    raised_on: date
    last_day: date
    members: Mapping[str, date] = field(default_factory=dict)
    state: State = "open"
    ended_on: date | None = None
    change: float = 0.0  # of the lead at its loudest
    loudest: float = 0.0

    @property
    def group(self) -> str:
        return Name.read(self.lead).what


def fold(
    day: date, judged: Mapping[str, Judgement], open_ones: Sequence[Incident], values: Values
) -> list[Incident]:
    """The incidents after a day: those that were open, changed or ended, and new ones (id 0)."""
    moved = {text: one for text, one in judged.items() if one.verdict == "moved"}
    incidents = list(open_ones)
    groups = dict.fromkeys(sorted((Name.read(text).what for text in moved), key=_order))
    for what in groups:
        incidents = _take_in(
            day, what, {t: o for t, o in moved.items() if Name.read(t).what == what}, incidents
        )
    return [_led(_followed(day, one, judged, values), judged) for one in incidents]


def _order(what: str) -> tuple[int, str]:
    return (what in CONSEQUENCES, what)


def _take_in(
    day: date, what: str, moved: Mapping[str, Judgement], incidents: list[Incident]
) -> list[Incident]:
    found = list(incidents)
    for text in sorted(moved, key=lambda t: -moved[t].z):
        one = moved[text]
        since = one.since or day
        place = _home_of(text, since, found)
        if place is None:
            loud = abs(one.runs[one.window].change(Name.read(text).kind))
            found.append(Incident(0, text, since, day, one.day, {text: since}, change=loud, loudest=one.z))
            continue
        home = found[place]
        absorbed = home.group in CONSEQUENCES and what not in CONSEQUENCES
        members = {**home.members, text: min(home.members.get(text, since), since)}
        found[place] = replace(
            home,
            members=members,
            lead=text if absorbed else home.lead,
            since=min(home.since, since),
            last_day=max(home.last_day, one.day),
        )
    return found


def _home_of(text: str, since: date, incidents: Sequence[Incident]) -> int | None:
    """The open incident that a moved series belongs to: its own, its whole's or segments' of the same days, its cause's."""
    name = Name.read(text)
    near = _TOGETHER_DAYS * ONE_DAY
    for place, one in enumerate(incidents):
        if text in one.members:
            return place
    for place, one in enumerate(incidents):
        if one.group == name.what and (
            str(name.whole) in one.members or not name.dimension or since <= one.raised_on + near
        ):
            return place
    for place, one in enumerate(incidents):
        family = Name.read(one.lead).family
        if name.what in CONSEQUENCES and (
            family in CONSEQUENCES or (family in _CAUSES and since <= one.raised_on + near)
        ):
            return place
        if family in CONSEQUENCES and name.family in _CAUSES and since <= one.raised_on + near:
            return place
    return None


def _followed(day: date, one: Incident, judged: Mapping[str, Judgement], values: Values) -> Incident:
    """Is it still off, back, or the new level?"""
    lead = judged.get(one.lead)
    if one.raised_on == day:
        return one
    if lead is None:
        # Its series is gone, or an entrance that is not among the most visited any more: nothing tells when it is over.
        is_long = (day - one.since).days + 1 >= values.longest_days
        return replace(one, state="lasting", ended_on=day) if is_long else one
    if lead.verdict == "moved" and lead.z > one.loudest:
        change = abs(lead.runs[lead.window].change(Name.read(one.lead).kind))
        one = replace(one, loudest=lead.z, change=change)
    length = _back_for(one, lead, lead.day)
    if length:
        return replace(one, state="back", ended_on=day, last_day=max(one.since, lead.day - ONE_DAY * length))
    if (day - one.since).days + 1 >= values.longest_days:
        return replace(one, state="lasting", ended_on=day, last_day=lead.day)
    return replace(one, last_day=lead.day)


def _back_for(one: Incident, lead: Judgement, day: date) -> int:
    """For how many days the lead has been nearer to the usual than to the incident's level; 0: it is not, or not surely.

    Of the runs that lie within the incident the shortest that can tell the two apart decides.
    """
    kind = Name.read(one.lead).kind
    for length in sorted(lead.runs):
        run = lead.runs[length]
        if length < 2 or day - ONE_DAY * (length - 1) <= one.since:
            continue
        change = abs(run.change(kind)) if run.score > 0 else 0.0
        # The score a run at the incident's level would have had: scores grow with the change, all else equal.
        per = run.score / change if change > 0.01 else None
        told = per * one.change if per is not None else _SURE_APART
        if told >= _SURE_APART or length >= 7:
            return length if change < one.change / 2 and lead.verdict != "moved" else 0
    return 0


# --- who stands first


@dataclass(frozen=True)
class Segment:
    """A segment's part of an incident: what it brought and should have (counts, or parts of `whole` of a rate), `loss` the
    difference to the worse, `share` of all segments' losses."""

    name: str
    part: float
    whole: float | None
    expected: float
    loss: float
    share: float
    z: float


def segments_of(
    lead: str, judged: Mapping[str, Judgement], days: int, signs: Mapping[str, int] | None = None
) -> list[Segment]:
    """The segments of the lead's series over the last `days`, those that lost most first."""
    what = Name.read(lead)
    found = []
    for text, one in judged.items():
        name = Name.read(text)
        if name.what != what.what or not name.dimension or not one.runs:
            continue
        run = one.runs[max((w for w in one.runs if w <= max(days, 1)), default=min(one.runs))]
        expected = run.usual * run.whole if name.kind == "rate" else run.usual
        sign = (signs or {}).get(name.what, name.worse)
        found.append((text, run, expected, sign * (run.part - expected), one.z))
    total = sum(max(loss, 0.0) for *_rest, loss, _z in found)
    made = [
        Segment(
            text,
            run.part,
            run.whole if Name.read(text).kind == "rate" else None,
            expected,
            loss,
            max(loss, 0.0) / total if total else 0.0,
            run.score,
        )
        for text, run, expected, loss, _z in found
    ]
    return sorted(made, key=lambda one: (-one.loss, one.name))


def _stands_out(first: Segment, whole: Judgement) -> bool:
    """Whether a segment lost more than by its size. Where all fell alike the largest holds most of the loss as well, but what
    lies beside it fell as much, of what it should have brought."""
    if not first.expected:
        return False
    run = whole.runs[whole.window]
    name = Name.read(whole.name)
    expected = run.usual * run.whole if name.kind == "rate" else run.usual
    lost, rest = name.worse * (run.part - expected), expected - first.expected
    if rest <= 0:
        return False  # it is all there is
    return (lost - first.loss) / rest <= _REST_FELL * first.loss / first.expected


def _led(one: Incident, judged: Mapping[str, Judgement]) -> Incident:
    """Name the segment that moved most, where one segment makes the incident; else the whole."""
    if one.state != "open" or one.group in CONSEQUENCES:
        return one
    own: Iterable[str] = [text for text in one.members if Name.read(text).what == one.group]
    moved = {text: judged[text] for text in own if text in judged and judged[text].verdict == "moved"}
    if not moved:
        return one
    whole = str(Name.read(one.lead).whole)
    loudest = max(moved, key=lambda t: (moved[t].z, t))
    lead = loudest
    if whole in moved:
        ranked = segments_of(whole, judged, moved[whole].window)
        bar = _ONE_TERMINAL if Name.read(whole).family == "step" else _MOST_OF_IT
        is_one = (
            bool(ranked)
            and ranked[0].share >= bar
            and ranked[0].name in moved
            and _stands_out(ranked[0], judged[whole])
        )
        lead = ranked[0].name if is_one else whole
    if lead == one.lead:
        return one
    change = abs(moved[lead].runs[moved[lead].window].change(Name.read(lead).kind))
    return replace(one, lead=lead, change=change, loudest=moved[lead].z)
