"""Channels: an ordered classification of where a visit came from; the first entry whose condition holds names it.

Conditions are in the one condition language, on the subject "landing": the UTM values, the referrer's host, the kind of
click id, and a channel that the source itself states. A referrer that is the shop's own host is no referrer: whoever
reads addresses (`landing.read_landing`) leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext_lazy

from shuke.conditions.reads import Field, Kind, Node, field_names, fields_of, holds, parse, register_field
from shuke.kernel.errors import ShukeError

from .wording import Words

OTHER = "other"
SUBJECT = "landing"
MAX_ENTRIES = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

for _field in (
    Field("channel_given", Kind.TEXT, pgettext_lazy("landing", "stated channel"), folds_case=True),
    Field("utm_source", Kind.TEXT, pgettext_lazy("landing", "UTM source"), folds_case=True),
    Field("utm_medium", Kind.TEXT, pgettext_lazy("landing", "UTM medium"), folds_case=True),
    Field("utm_campaign", Kind.TEXT, pgettext_lazy("landing", "UTM campaign"), folds_case=True),
    Field("click_id", Kind.TEXT, pgettext_lazy("landing", "kind of click id"), folds_case=True),
    Field("referrer_host", Kind.HOST, pgettext_lazy("landing", "referring host")),
):
    register_field(_field, SUBJECT)


@dataclass(frozen=True)
class ChannelRule:
    """One entry of the classification: when `when` holds, the visit is of `channel`, paid for or not (A-146)."""

    channel: str
    is_paid: bool
    title: Words
    when: Node


def channel_rules(value: Sequence[Mapping[str, Any]]) -> tuple[ChannelRule, ...]:
    """The entries of a rule's value, in the order in which they are tried."""
    return tuple(
        ChannelRule(entry["channel"], entry["paid"], Words(**entry["title"]), parse(entry["when"], SUBJECT))
        for entry in value
    )


def classify(landing: Mapping[str, Any], rules: Iterable[ChannelRule]) -> ChannelRule:
    """The entry that names a landing (field → value, None or missing: unknown). The last entry fits everything."""
    return next(rule for rule in rules if holds(rule.when, landing))


def check_channels(value: Any) -> None:
    """Raises ValueError unless `value` is an ordered list of {channel, paid, title, when} whose last fits everything."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_ENTRIES:
        raise ValueError("must be a list of {channel, paid, title, when}")
    titles: dict[str, Any] = {}
    for entry in value:
        if not isinstance(entry, dict) or set(entry) != {"channel", "paid", "title", "when"}:
            raise ValueError(f"each entry has exactly channel, paid, title and when, not {entry!r:.120}")
        channel, title = entry["channel"], entry["title"]
        if (
            not isinstance(channel, str)
            or not _NAME.fullmatch(channel)
            or not isinstance(entry["paid"], bool)
        ):
            raise ValueError(f"{channel!r}: channel is a snake_case name, paid is true or false")
        if not isinstance(title, dict) or set(title) != {"zh", "en"}:
            raise ValueError(f"{channel}: title needs zh and en")
        if not all(isinstance(words, str) and 0 < len(words) <= 60 for words in title.values()):
            raise ValueError(f"{channel}: a title is a short text")
        if titles.setdefault(channel, title) != title:
            raise ValueError(f"{channel} has two titles")
        try:
            node = parse(entry["when"], SUBJECT)
        except ShukeError as error:
            raise ValueError(f"{channel}: {error}") from None
        if not field_names(node) <= set(fields_of(SUBJECT)):
            raise ValueError(f"{channel}: asks for more than a landing has")
    if value[-1]["when"] != {"v": 1, "all": []}:
        raise ValueError("the last entry must fit everything: when: {v: 1, all: []}")
