"""Tags, attributes and links on the time line: entries made of what people, files and pages said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shuke.audience import timeline
from shuke.audience.customers import described, wording
from shuke.audience.identities import reads as identities
from shuke.kernel.verdicts import Reason

SOURCE = pgettext_lazy("time line", "Source")
BY = pgettext_lazy("time line", "By")


def tags(asked: timeline.Asked) -> Sequence[timeline.Entry]:
    """A tag when it was given, and when it ended."""
    found = []
    for one in described.tags_of(asked.shop, asked.identity_ids):
        details = [timeline.Detail(SOURCE, wording.ORIGINS[one.origin])]
        details += [timeline.Detail(pgettext_lazy("time line", "Rule"), one.rule)] if one.rule else []
        details += [timeline.Detail(BY, one.given_by)]
        if one.until is not None:
            details.append(timeline.Detail(pgettext_lazy("time line", "Until"), one.until, "moment"))
        told = {"tag": one.tag}
        found.append(
            _entry(
                asked,
                "tag",
                one,
                one.given_at,
                "1",
                Reason("tag_given", _("Got the tag “%(tag)s”"), told),
                details,
            )
        )
        ends = [moment for moment in (one.until, one.taken_at) if moment is not None]
        if ends:
            was_taken = one.taken_at == min(ends)
            words = _("Lost the tag “%(tag)s”") if was_taken else _("The tag “%(tag)s” ran out")
            by = [timeline.Detail(BY, one.taken_by)] if was_taken else []
            reason = Reason("tag_taken" if was_taken else "tag_ended", words, told)
            found.append(_entry(asked, "tag", one, min(ends), "2", reason, by))
    return found


def _entry(
    asked: timeline.Asked,
    kind: str,
    one: described.Tag,
    at: datetime,
    part: str,
    words: Reason,
    details: Sequence[timeline.Detail],
) -> timeline.Entry:
    return timeline.Entry(
        kind,
        f"{one.key}:{part}",
        at.astimezone(asked.shop.zone),
        words,
        one.identity_id,
        tuple(details),
    )


def attributes(asked: timeline.Asked) -> Sequence[timeline.Entry]:
    """Each statement of an attribute."""
    found = []
    for known in described.attributes_of(asked.shop, asked.identity_ids, at=asked.at):
        for one in known.history:
            value = wording.value_words(known.definition, one.value, asked.shop.currency)
            told = {"attribute": known.definition.title, "value": value}
            details = [timeline.Detail(SOURCE, wording.ORIGINS[one.source])]
            details += [timeline.Detail(BY, one.made_by)] if one.made_by else []
            found.append(
                timeline.Entry(
                    "attribute",
                    f"{one.order:020d}:{known.definition.name}:{one.key}",
                    one.at.astimezone(asked.shop.zone),
                    Reason("attribute_told", _("%(attribute)s: %(value)s"), told),
                    one.identity_id,
                    tuple(details),
                )
            )
    return found


def links(asked: timeline.Asked) -> Sequence[timeline.Entry]:
    """When identities were joined, and when that was undone."""
    found = []
    seen: set[int] = set()
    for customer_id in {identities.customer_of(asked.shop, one) for one in sorted(asked.identity_ids)[:50]}:
        for link in identities.links_of(asked.shop, customer_id):
            ends = [end for end in (link.one, link.other) if end.id in asked.identity_ids]
            if not ends or link.id in seen:
                continue
            seen.add(link.id)
            kinds = {
                "one": identities.KIND_TITLES[link.one.kind],
                "other": identities.KIND_TITLES[link.other.kind],
            }
            details = [timeline.Detail(SOURCE, identities.ORIGIN_TITLES[link.origin])]
            details += [timeline.Detail(BY, link.made_by)] if link.made_by else []
            words = Reason("linked", _("Joined: %(one)s and %(other)s"), kinds)
            moments = [(link.at, "1", words, details)]
            if link.undone_at is not None:
                undone = Reason("unlinked", _("Parted: %(one)s and %(other)s"), kinds)
                moments.append((link.undone_at, "2", undone, [timeline.Detail(BY, link.undone_by)]))
            for moment, part, said, told in moments:
                found.append(
                    timeline.Entry(
                        "link",
                        f"{link.id:020d}:{part}",
                        moment.astimezone(asked.shop.zone),
                        said,
                        ends[0].id,
                        tuple(told),
                    )
                )
    return found


timeline.register(timeline.Kind("tag", pgettext_lazy("time line", "Tags"), "tag", tags))
timeline.register(
    timeline.Kind("attribute", pgettext_lazy("time line", "Attributes"), "user-circle", attributes)
)
timeline.register(timeline.Kind("link", pgettext_lazy("time line", "Identities"), "link", links))
