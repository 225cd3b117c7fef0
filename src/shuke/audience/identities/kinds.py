"""Kinds of names, where links come from, and relations that are kept apart: the words of this room, with their titles."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import pgettext_lazy


class Kind(StrEnum):
    """What a name is. The value is the kind of its surrogate (kernel.surrogates), and is stored: it never changes."""

    PERSON = "person"  # a platform's buyer id, or the shop's own user id
    VISITOR = "visitor"  # a device, or the browser on it
    PHONE = "phone"
    EMAIL = "email"
    WECHAT_OPENID = "wechat_openid"  # of a mini programme or an app
    WECHAT_UNIONID = "wechat_unionid"
    OFFICIAL_ACCOUNT_FAN = "official_account_fan"  # the open id under which an official account knows a fan
    APP_USER = "app_user"


class Origin(StrEnum):
    """Who said that two identities are one customer."""

    IDENTIFY = "identify"
    ALIAS = "alias"
    IMPORT = "import"
    HAND = "hand"


class Relation(StrEnum):
    """What somebody is to the shop (A-062: a follower and a favourite are different things). Each is a fact with a date;
    none of them says who is who."""

    FOLLOWER = "follower"
    SUBSCRIBER = "subscriber"
    FAVOURITE = "favourite"
    MEMBER = "member"
    BUYER = "buyer"


class Reason(StrEnum):
    """Why two identified people may be one."""

    PHONE = "phone"
    EMAIL = "email"
    UNION_ID = "wechat_unionid"
    ALIAS = "alias"


# Two identified people who share one of these may be one.
SUGGESTING = {
    Kind.PHONE: Reason.PHONE,
    Kind.EMAIL: Reason.EMAIL,
    Kind.WECHAT_UNIONID: Reason.UNION_ID,
}

KIND_TITLES = {
    Kind.PERSON: pgettext_lazy("identity", "Buyer or user id"),
    Kind.VISITOR: pgettext_lazy("identity", "Device"),
    Kind.PHONE: pgettext_lazy("identity", "Phone"),
    Kind.EMAIL: pgettext_lazy("identity", "E-mail"),
    Kind.WECHAT_OPENID: pgettext_lazy("identity", "WeChat open id"),
    Kind.WECHAT_UNIONID: pgettext_lazy("identity", "WeChat union id"),
    Kind.OFFICIAL_ACCOUNT_FAN: pgettext_lazy("identity", "Fan of the official account"),
    Kind.APP_USER: pgettext_lazy("identity", "App user"),
}

ORIGIN_TITLES = {
    Origin.IDENTIFY: pgettext_lazy("link", "told by the page or app"),
    Origin.ALIAS: pgettext_lazy("link", "told as another name"),
    Origin.IMPORT: pgettext_lazy("link", "from a file"),
    Origin.HAND: pgettext_lazy("link", "merged by a person"),
}

RELATION_TITLES = {
    Relation.FOLLOWER: pgettext_lazy("relation", "Follower"),
    Relation.SUBSCRIBER: pgettext_lazy("relation", "Subscriber of messages"),
    Relation.FAVOURITE: pgettext_lazy("relation", "Shop in favourites"),
    Relation.MEMBER: pgettext_lazy("relation", "Member"),
    Relation.BUYER: pgettext_lazy("relation", "Buyer"),
}

REASON_TITLES = {
    Reason.PHONE: pgettext_lazy("suggestion", "the same phone"),
    Reason.EMAIL: pgettext_lazy("suggestion", "the same e-mail"),
    Reason.UNION_ID: pgettext_lazy("suggestion", "the same WeChat union id"),
    Reason.ALIAS: pgettext_lazy("suggestion", "told as another name of the same person"),
}
