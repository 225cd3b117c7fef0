"""Whether a contact point may be used: a fold of what was said, without database or clock.

The rule (docs/decisions/0006). A point may be used for a channel and purpose when its own last word permits it, and no
identity of its customer has refusal as its own last word. So a merge never widens consent: another side's refusal counts for
all, another side's permission for its own point alone; and a split gives back exactly what was. What nobody said is no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shuke.audience.contacts.kinds import Said


@dataclass(frozen=True, order=True)
class Word:
    """One statement of an identity for one channel and purpose. Of one moment, a withdrawal is the last word."""

    at: datetime
    is_withdrawal: bool
    id: int
    said: Said

    @staticmethod
    def of(at: datetime, said: Said, id: int) -> Word:
        return Word(at, said is Said.WITHDRAWN, id, said)


@dataclass(frozen=True)
class Standing:
    """What stands of an identity: its last word's id and moment; `is_confirmed`: confirmed since the last withdrawal."""

    said: Said
    at: datetime
    id: int
    is_confirmed: bool

    @property
    def is_refused(self) -> bool:
        return self.said is Said.WITHDRAWN

    def permits(self, *, wants_confirmation: bool) -> bool:
        return not self.is_refused and (self.is_confirmed or not wants_confirmation)


def standing(words: Iterable[Word]) -> Standing | None:
    """The fold of one identity's words; None: nothing was said. The order in which they came does not count."""
    found: Standing | None = None
    for word in sorted(words):
        confirmed = word.said is Said.CONFIRMED or (
            word.said is Said.GIVEN and found is not None and found.is_confirmed
        )
        found = Standing(word.said, word.at, word.id, confirmed)
    return found


@dataclass(frozen=True)
class Verdict:
    """`reason`: permitted, nothing_said, unconfirmed, refused (the point itself) or refused_elsewhere (another identity of
    the customer, `by`)."""

    is_permitted: bool
    reason: str
    by: int | None = None
    since: datetime | None = None


def decide(
    point: int, members: Iterable[int], standings: Mapping[int, Standing], *, wants_confirmation: bool
) -> Verdict:
    """Whether `point` may be used. `members`: every identity and point of its customer; `standings`: of one channel and
    purpose, by identity."""
    own = standings.get(point)
    if own is not None and own.is_refused:
        return Verdict(False, "refused", point, own.at)
    for one in sorted(members):
        other = standings.get(one)
        if other is not None and other.is_refused:
            return Verdict(False, "refused_elsewhere", one, other.at)
    if own is None:
        return Verdict(False, "nothing_said")
    if not own.permits(wants_confirmation=wants_confirmation):
        return Verdict(False, "unconfirmed", point, own.at)
    return Verdict(True, "permitted", point, own.at)
