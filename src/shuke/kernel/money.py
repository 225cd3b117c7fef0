"""Money as integers of the minor unit with a currency; unit prices stay as they were written.

Rounding is half up, away from zero (商业四舍五入), per line; exponents come from ISO 4217 as CLDR holds it (Babel).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from babel.core import get_global


@lru_cache
def exponent(currency: str) -> int:
    """Digits after the point of a currency, e.g. CNY 2, JPY 0. Unknown codes have 2, as CLDR's default says."""
    fractions = get_global("currency_fractions")
    digits: tuple[int, ...] = fractions.get(currency, fractions["DEFAULT"])
    return digits[0]


@dataclass(frozen=True)
class Money:
    """An amount: `minor` units (fen, cents) of `currency` (ISO 4217)."""

    minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """In the major unit, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.minor + other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)


def to_minor(amount: Decimal, currency: str) -> int:
    """Minor units of a major amount, half up away from zero."""
    return int(amount.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def line_minor(quantity: Decimal, unit_price: Decimal, currency: str) -> int:
    """The amount of one line: quantity x unit price, rounded once."""
    return to_minor(quantity * unit_price, currency)


_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


def parse_decimal(text: str) -> Decimal:
    """A finite decimal as people and exports write it (`1,234.50`, `12.30元`, `¥12`). Raises ValueError.

    A comma parts thousands and nothing else: `2,50` is a decimal comma that was not announced, and never 250.
    """
    cleaned = text.strip().removesuffix("元").strip()
    sign = cleaned[:1] if cleaned[:1] in "+-" else ""
    cleaned = sign + cleaned.removeprefix(sign).lstrip("¥￥$£€").strip()
    if "," in cleaned:
        if not _THOUSANDS.fullmatch(cleaned):
            raise ValueError(text)
        cleaned = cleaned.replace(",", "")
    try:
        value = Decimal(cleaned)
    except InvalidOperation:
        raise ValueError(text) from None
    if not value.is_finite():
        raise ValueError(text)
    return value


def split_minor(total: int, shares: Sequence[float]) -> list[int]:
    """Round real `shares` of `total` to minor units so that they add up exactly (largest remainder)."""
    floors = [int(s // 1) for s in shares]
    rest = total - sum(floors)
    order = sorted(range(len(shares)), key=lambda i: (floors[i] - shares[i], i))
    for i in order[:rest] if rest >= 0 else []:
        floors[i] += 1
    for i in list(reversed(order))[: -rest if rest < 0 else 0]:
        floors[i] -= 1
    return floors
