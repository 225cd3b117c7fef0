"""What the traits of an identify call tell of who somebody is: phones, e-mails, ids of WeChat, relations to the shop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from shuke.audience.identities.kinds import Kind, Relation

# As SDKs, mini programmes and exports write them; compared without case, `_`, `-` and spaces.
NAMES: Mapping[str, Kind] = {
    "phone": Kind.PHONE,
    "phonenumber": Kind.PHONE,
    "mobile": Kind.PHONE,
    "mobilephone": Kind.PHONE,
    "tel": Kind.PHONE,
    "手机": Kind.PHONE,
    "手机号": Kind.PHONE,
    "email": Kind.EMAIL,
    "emailaddress": Kind.EMAIL,
    "邮箱": Kind.EMAIL,
    "openid": Kind.WECHAT_OPENID,
    "wechatopenid": Kind.WECHAT_OPENID,
    "unionid": Kind.WECHAT_UNIONID,
    "wechatunionid": Kind.WECHAT_UNIONID,
    "officialaccountopenid": Kind.OFFICIAL_ACCOUNT_FAN,
    "fanopenid": Kind.OFFICIAL_ACCOUNT_FAN,
    "appuserid": Kind.APP_USER,
}
RELATIONS: Mapping[str, Relation] = {
    "follower": Relation.FOLLOWER,
    "subscriber": Relation.SUBSCRIBER,
    "favourite": Relation.FAVOURITE,
    "favorite": Relation.FAVOURITE,
    "member": Relation.MEMBER,
}
_DROPPED = str.maketrans("", "", "_- ")
_DECODER = msgspec.json.Decoder(dict[str, Any])


def read_traits(text: str) -> tuple[list[tuple[Kind, str]], list[tuple[Relation, bool]]]:
    """(kind, as written) of each name, (relation, whether it holds) of each relation. What is no object tells nothing; an empty
    text or null says that nothing is known, which is no mistake."""
    try:
        traits = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return [], []
    names: list[tuple[Kind, str]] = []
    relations: list[tuple[Relation, bool]] = []
    for key, value in traits.items():
        plain = key.lower().translate(_DROPPED)
        if plain in NAMES and value not in (None, "") and not isinstance(value, bool):
            names.append((NAMES[plain], value if isinstance(value, str) else str(value)))
        elif plain in RELATIONS and isinstance(value, bool):
            relations.append((RELATIONS[plain], value))
    return names, relations
