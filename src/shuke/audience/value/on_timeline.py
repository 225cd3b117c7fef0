"""States on the time line: when a customer became new, active, returning or silent, by the cut-offs that hold today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shuke.audience import timeline
from shuke.audience.identities import reads as identities
from shuke.audience.value import reads
from shuke.audience.value.wording import ACTIVITY_TITLES
from shuke.kernel import clock
from shuke.kernel.periods import day_start, local_day
from shuke.kernel.verdicts import Reason

BECAME: Mapping[str, str | Promise] = {
    "new": _("Became a customer"),
    "active": _("Is an active customer"),
    "returning": _("Came back after a silence"),
    "silent": _("Fell silent"),
}


def states(asked: timeline.Asked) -> Sequence[timeline.Entry]:
    """Each state at the beginning of the day on which it began.

    All pages are cut by what holds today: the day of a page's place must not change the states of another page.
    """
    if not asked.identity_ids:
        return ()
    least, now = min(asked.identity_ids), max(clock.now(), asked.at)
    life = reads.life_of_identities(
        asked.shop,
        identities.customer_of(asked.shop, least),
        asked.identity_ids,
        day=local_day(now, asked.shop.zone),
        at=now,
    )
    told = (timeline.Detail(pgettext_lazy("time line", "By"), ACTIVITY_TITLES[_BASIS[life.basis.name]]),)
    return [
        timeline.Entry(
            kind="state",
            key=span.state,
            at=day_start(span.start, asked.shop.zone).astimezone(asked.shop.zone),
            words=Reason(f"became_{span.state}", BECAME[span.state]),
            identity_id=least,
            details=told,
        )
        for span in life.spans
    ]


_BASIS = {"visits": "visit", "orders": "order"}
KIND = timeline.Kind("state", pgettext_lazy("time line", "State"), "refresh", states)
