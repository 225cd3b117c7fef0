"""A decision is a verdict with reasons, never a bare boolean: a code that a program counts, words that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise


@dataclass(frozen=True)
class Reason:
    """Why: `code` in snake case, `params` with the facts that decided, `words` as a lazy translation with %(name)s."""

    code: str
    words: str | Promise = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """In the reader's language."""
        return str(self.words) % dict(self.params) if self.words else self.code


@dataclass(frozen=True)
class Verdict:
    """Allowed or not, and why. `undecidable` marks a rule that is silent: neither yes nor no."""

    is_allowed: bool
    reasons: tuple[Reason, ...] = ()
    is_undecidable: bool = False

    @classmethod
    def yes(cls, *reasons: Reason) -> Verdict:
        return cls(True, reasons)

    @classmethod
    def no(cls, *reasons: Reason) -> Verdict:
        return cls(False, reasons)

    @classmethod
    def undecidable(cls, *reasons: Reason) -> Verdict:
        return cls(False, reasons, is_undecidable=True)
