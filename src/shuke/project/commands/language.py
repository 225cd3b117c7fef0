"""In which language the command line answers."""

from __future__ import annotations

import locale
import os

from django.utils import translation

from shuke.kernel.errors import Invalid

KNOWN = {"zh": "zh-hans", "zh-hans": "zh-hans", "en": "en"}


def choose(given: str) -> None:
    """Answer in the language asked for, else in the terminal's: Chinese where that is Chinese, otherwise English."""
    if given and given.lower() not in KNOWN:
        raise Invalid(field="language", value=given)
    spoken = os.environ.get("LC_ALL") or os.environ.get("LANG") or (locale.getlocale()[0] or "")
    translation.activate(KNOWN[given.lower()] if given else ("zh-hans" if spoken.startswith("zh") else "en"))
