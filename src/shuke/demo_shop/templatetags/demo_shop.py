"""Amounts as the demo shop writes them."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def yuan(minor: int) -> str:
    """Fen as ¥1,234.00."""
    return f"¥{minor // 100:,}.{minor % 100:02d}"
