"""What a condition may ask of a visit."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from shuke.conditions.reads import Field, Kind, register_field

SUBJECT = "visit"


def register() -> None:
    """Offer the fields of a visit to the condition language; each is a column of visits but `is_one_page`."""
    for field in (
        Field("channel", Kind.TEXT, pgettext_lazy("visit", "channel")),
        Field("is_paid", Kind.FLAG, pgettext_lazy("visit", "paid traffic")),
        Field("source", Kind.TEXT, pgettext_lazy("visit", "source"), folds_case=True),
        Field("medium", Kind.TEXT, pgettext_lazy("visit", "medium"), folds_case=True),
        Field("campaign", Kind.TEXT, pgettext_lazy("visit", "campaign"), folds_case=True),
        Field("entry_path", Kind.TEXT, pgettext_lazy("visit", "entrance page")),
        Field("entry_type", Kind.TEXT, pgettext_lazy("visit", "type of the entrance page")),
        Field("terminal", Kind.TEXT, pgettext_lazy("visit", "device")),
        Field("is_one_page", Kind.FLAG, pgettext_lazy("visit", "one page only")),
    ):
        register_field(field, SUBJECT)
