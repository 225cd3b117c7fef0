"""What each operator of a condition means, in plain Python: shares no code with the conditions' own evaluators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ASCII = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _is_under(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith("." + domain) for domain in domains)


_MEANING: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda fact, value: fact == value,
    "ne": lambda fact, value: fact != value,
    "in": lambda fact, value: fact in value,
    "not_in": lambda fact, value: fact not in value,
    "lt": lambda fact, value: fact < value,
    "le": lambda fact, value: fact <= value,
    "gt": lambda fact, value: fact > value,
    "ge": lambda fact, value: fact >= value,
    "contains": lambda fact, value: value in fact,
    "starts_with": lambda fact, value: fact.startswith(value),
    "under": _is_under,
}


def holds(op: str, fact: Any, value: Any, *, folds_case: bool) -> bool:
    """Whether a comparison holds for a fact; of what is unknown nothing holds but that it is unknown."""
    if op in ("is_unknown", "is_known"):
        return (fact is None) == (op == "is_unknown")
    if fact is None:
        return False
    return _MEANING[op](_plain(fact, folds_case), _plain(value, folds_case))


def _plain(value: Any, folds_case: bool) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(one, folds_case) for one in value)
    if isinstance(value, str):
        return value.translate(_ASCII) if folds_case else value
    return value
