"""What the rulebook announces: names, versions, fields."""

from __future__ import annotations

from typing import Final

RULE_CHANGED: Final = "rulebook.rule_changed.v1"  # rule, since (ISO day), override (id)
