"""By which door a visit comes in: channel, the referrer that the browser names, and what the link carries.

The channel is what the simulator means by the door; that the shop calls it the same is for the shop to find out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Door:
    """`weight`: share of visits; `buys`: factor on the chance to buy; `campaigns`: one of them stands in the link."""

    channel: str
    weight: float
    buys: float
    bounce: float
    referrer: str = ""
    source: str = ""
    medium: str = ""
    campaigns: tuple[str, ...] = ()
    click_id: str = ""

    @property
    def is_tagged(self) -> bool:
        """Whether the link carries campaign parameters or a click id."""
        return bool(self.source or self.click_id)


DOORS = (
    Door("direct", 0.21, 1.5, 0.34),
    Door("organic_search", 0.10, 1.0, 0.45, referrer="https://www.baidu.com/"),
    Door("organic_search", 0.05, 1.0, 0.42, referrer="https://cn.bing.com/"),
    Door("organic_search", 0.03, 1.1, 0.42, referrer="https://www.google.com/"),
    Door(
        "paid_search",
        0.10,
        1.2,
        0.47,
        "https://www.baidu.com/",
        "baidu",
        "cpc",
        ("linen-shirts", "bedding", "brand"),
        "bd_vid",
    ),
    Door(
        "paid_search",
        0.05,
        1.1,
        0.48,
        "https://www.google.com/",
        "google",
        "cpc",
        ("brand", "summer-dress"),
        "gclid",
    ),
    Door("social", 0.09, 0.7, 0.55, referrer="https://www.xiaohongshu.com/"),
    Door("weibo", 0.04, 0.6, 0.56, referrer="https://weibo.com/"),
    Door("wechat", 0.08, 1.4, 0.40, "", "wechat", "social", ("member-day", "new-season")),
    Door(
        "paid_social",
        0.07,
        0.8,
        0.58,
        "https://weibo.com/",
        "weibo",
        "paid_social",
        ("new-season", "lookalike"),
    ),
    Door("email", 0.06, 1.9, 0.30, "", "newsletter", "email", ("weekly-31", "weekly-32", "birthday")),
    Door("referral", 0.05, 0.9, 0.44, referrer="https://linen-notes.example.org/"),
    Door(
        "affiliate", 0.04, 1.0, 0.46, "https://deals.example.net/", "deals", "affiliate", ("spring-coupon",)
    ),
    Door("display", 0.03, 0.5, 0.66, "https://news.example.net/", "adnet", "display", ("retarget",)),
)

BROWSERS = (
    (
        "pc",
        0.30,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
    ),
    (
        "mobile",
        0.38,
        "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Mobile Safari/537.36",
    ),
    (
        "mobile",
        0.29,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    ),
    (
        "tablet",
        0.03,
        "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    ),
)
