"""Made-up people. Nobody can be reached by these: example.com is reserved, and no carrier has numbers in +86 111."""

from __future__ import annotations

_FAMILY = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何"
_GIVEN = ("小麻", "阿棉", "清和", "知夏", "未央", "南枝", "木槿", "初晴", "云舒", "半夏", "青禾", "若水")


def member_ref(number: int) -> str:
    """The shop's own name for a member."""
    return f"member-{number:07d}"


def traits(number: int) -> dict[str, str]:
    """What a member told the shop, as Segment names it."""
    return {
        "name": _FAMILY[number % len(_FAMILY)] + _GIVEN[number // len(_FAMILY) % len(_GIVEN)],
        "email": f"guest{number}@example.com",
        "phone": f"+86111{number % 100_000_000:08d}",
        "username": f"linen{number}",
    }
