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


def classified(table: ibis.Table, classification: Classification) -> ibis.Table:
    """`table` (with the fields of a landing as columns) and `channel` (text) and `is_paid` (true or false)."""
    *entries, last = classification
    # Whether an entry is paid follows from which one it was, so the conditions are asked once, not twice.
    which = ibis.cases(*((to_ibis(e.when, table), i) for i, e in enumerate(entries)), else_=len(entries))
    numbered = table.mutate(which=which)
    channel = ibis.cases(
        *((numbered.which == i, e.channel) for i, e in enumerate(entries)), else_=last.channel
    )
    paid = [i for i, entry in enumerate(classification) if entry.is_paid]
    is_paid = numbered.which.isin(paid) if paid else ibis.literal(False)
    return numbered.mutate(channel=channel, is_paid=is_paid).drop("which")


def channel_of(landing: Mapping[str, Any], classification: Classification) -> tuple[str, bool]:
    """The same for one landing: (channel, is_paid)."""
    entry = classify(landing, classification)
    return entry.channel, entry.is_paid
