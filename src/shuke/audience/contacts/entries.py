"""Consent on a customer's time line."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_scopes import scope

from shuke.audience import timeline
from shuke.audience.contacts.kinds import CHANNEL_TITLES, PURPOSE_TITLES, Channel, Purpose, Said
from shuke.audience.contacts.models import ContactPoint, Statement
from shuke.kernel.verdicts import Reason

WORDS = {
    Said.GIVEN: _("Consented to %(channel)s for %(purpose)s"),
    Said.CONFIRMED: _("Confirmed %(channel)s for %(purpose)s"),
    Said.WITHDRAWN: _("Refused %(channel)s for %(purpose)s"),
}


def entries(asked: timeline.Asked) -> Iterable[timeline.Entry]:
    """What these identities and their points said."""
    comes = Q(at__lt=asked.at) if asked.after is None else Q(at__lte=asked.at)
    with scope(shop=asked.shop.id):
        points = ContactPoint.objects.filter(shop_id=asked.shop.id, holder_id__in=list(asked.identity_ids))
        ids = {*asked.identity_ids, *points.values_list("point_id", flat=True)}
        rows = Statement.objects.filter(comes, shop_id=asked.shop.id, identity_id__in=list(ids))
        # Of one moment there may be as many as channels and purposes.
        found = list(rows.order_by("-at")[: asked.limit + len(Channel) * len(Purpose)])
    told = [
        timeline.Entry(
            "consent",
            str(row.pk),
            row.at,
            Reason(
                f"consent_{row.said}",
                WORDS[Said(row.said)],
                {
                    "channel": CHANNEL_TITLES[Channel(row.channel)],
                    "purpose": PURPOSE_TITLES[Purpose(row.purpose)],
                },
            ),
            row.identity_id,
            tuple(
                timeline.Detail(label, value)
                for label, value in (
                    (_("Text version"), row.text_version),
                    (_("Where"), row.source),
                    (_("Recorded by"), row.made_by),
                )
                if value
            ),
        )
        for row in found
        if asked.holds(row.at, str(row.pk))
    ]
    return sorted(told, key=timeline.order)


KIND = timeline.Kind("consent", pgettext_lazy("time line", "Consent"), "check", entries)
