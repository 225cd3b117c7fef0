"""Channels, purposes and kinds of contact points: the words of this room, with their titles (A-088, A-104)."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import pgettext_lazy

from shuke.audience.identities.reads import Kind


class PointKind(StrEnum):
    """What a contact point is. Values are kinds of surrogates and are stored; all but Weibo are kinds of identities too."""

    PHONE = Kind.PHONE.value
    EMAIL = Kind.EMAIL.value
    WECHAT = Kind.WECHAT_OPENID.value
    OFFICIAL_ACCOUNT = Kind.OFFICIAL_ACCOUNT_FAN.value
    WEIBO = "weibo"


class Channel(StrEnum):
    """By what somebody is reached."""

    SMS = "sms"
    CALL = "call"
    EMAIL = "email"
    WECHAT = "wechat"
    OFFICIAL_ACCOUNT = "official_account"
    WEIBO = "weibo"


class Purpose(StrEnum):
    """For what. A statement names one: consent for one purpose is none for another (B-225)."""

    MARKETING = "marketing"
    SERVICE = "service"
    SURVEY = "survey"


class Said(StrEnum):
    """What a statement says. `given` is unconfirmed where the channel wants a double opt-in (B-285)."""

    GIVEN = "given"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


POINT_OF = {
    Channel.SMS: PointKind.PHONE,
    Channel.CALL: PointKind.PHONE,
    Channel.EMAIL: PointKind.EMAIL,
    Channel.WECHAT: PointKind.WECHAT,
    Channel.OFFICIAL_ACCOUNT: PointKind.OFFICIAL_ACCOUNT,
    Channel.WEIBO: PointKind.WEIBO,
}

CHANNEL_TITLES = {
    Channel.SMS: pgettext_lazy("contact channel", "Text message"),
    Channel.CALL: pgettext_lazy("contact channel", "Call"),
    Channel.EMAIL: pgettext_lazy("contact channel", "E-mail"),
    Channel.WECHAT: pgettext_lazy("contact channel", "WeChat"),
    Channel.OFFICIAL_ACCOUNT: pgettext_lazy("contact channel", "Official account"),
    Channel.WEIBO: pgettext_lazy("contact channel", "Weibo"),
}
PURPOSE_TITLES = {
    Purpose.MARKETING: pgettext_lazy("purpose of contact", "Offers and news"),
    Purpose.SERVICE: pgettext_lazy("purpose of contact", "Orders and service"),
    Purpose.SURVEY: pgettext_lazy("purpose of contact", "Surveys"),
}
SAID_TITLES = {
    Said.GIVEN: pgettext_lazy("consent", "Consent given"),
    Said.CONFIRMED: pgettext_lazy("consent", "Consent confirmed"),
    Said.WITHDRAWN: pgettext_lazy("consent", "Consent withdrawn"),
}
POINT_TITLES = {
    PointKind.PHONE: pgettext_lazy("contact point", "Phone"),
    PointKind.EMAIL: pgettext_lazy("contact point", "E-mail"),
    PointKind.WECHAT: pgettext_lazy("contact point", "WeChat open id"),
    PointKind.OFFICIAL_ACCOUNT: pgettext_lazy("contact point", "Fan of the official account"),
    PointKind.WEIBO: pgettext_lazy("contact point", "Weibo"),
}
