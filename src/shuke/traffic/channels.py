"""The channel of a visit, and whether it was paid for: the rulebook's ordered classification as one portable expression.

The first entry whose condition holds names the channel; the last fits everything. What a source states itself
(`channel_given`) wins because the classification asks it first. The shop's own hosts never arrive here as referrers:
whoever reads addresses leaves them out (rulebook.landing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from shuke.conditions.reads import to_ibis
from shuke.rulebook.reads import ChannelRule, classify

Classification = Sequence[ChannelRule]
LANDING = ("channel_given", "utm_source", "utm_medium", "utm_campaign", "click_id", "referrer_host")


def classified(table: ibis.Table, classification: Classification) -> ibis.Table:
    """`table` (with LANDING as columns) and `channel` (text) and `is_paid` (true or false).

    A day has many visits and few different landings, so the conditions are asked once per landing and joined back.
    A join finds no null, hence '' stands for a field that is not stated; blank texts count as not stated anyway.
    """
    marked = table.mutate(**{f"landing_{name}": table[name].coalesce("") for name in LANDING})
    keys = [f"landing_{name}" for name in LANDING]
    landings = marked.group_by(keys).aggregate(visits=marked.count())
    known = landings.select(*keys, **{name: landings[f"landing_{name}"].nullif("") for name in LANDING})
    *entries, last = classification
    # Whether an entry is paid follows from which one it was, so the conditions are asked once, not twice.
    which = ibis.cases(*((to_ibis(e.when, known), i) for i, e in enumerate(entries)), else_=len(entries))
    numbered = known.select(*keys, which=which)
    paid = [i for i, entry in enumerate(classification) if entry.is_paid]
    named = numbered.select(
        *keys,
        channel=ibis.cases(
            *((numbered.which == i, e.channel) for i, e in enumerate(entries)), else_=last.channel
        ),
        is_paid=numbered.which.isin(paid) if paid else ibis.literal(False),
    )
    return marked.join(named, keys).select(*table.columns, "channel", "is_paid")


def channel_of(landing: Mapping[str, Any], classification: Classification) -> tuple[str, bool]:
    """The same for one landing: (channel, is_paid)."""
    entry = classify(landing, classification)
    return entry.channel, entry.is_paid
