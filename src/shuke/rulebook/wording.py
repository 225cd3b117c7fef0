"""Words in both languages, as a rule file holds them; read in the language that is active."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import get_language


@dataclass(frozen=True)
class Words:
    """One text in 简体中文 and in English. `str()` of it is in the active language."""

    zh: str
    en: str

    def text(self, language: str | None = None) -> str:
        """In `language` ("zh-hans", "en"), or in the active one."""
        return self.zh if (language or get_language() or "en").lower().startswith("zh") else self.en

    def __str__(self) -> str:
        return self.text()
