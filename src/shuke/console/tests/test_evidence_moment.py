"""The moment in the address of the rows behind a number: what no day can be told of is passed over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import RequestFactory

from shuke.console.pages.evidence import _until


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T10:00:00+08:00", datetime(2026, 3, 2, 2, tzinfo=UTC)),
        ("2026-03-02T10:00:00", None),
        ("9999-12-31T23:59-12:00", None),
        ("0001-01-01T00:00+14:00", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_until__any_text__is_a_moment_of_the_calendar_or_none(text, moment):
    assert _until(RequestFactory().get("/", {"until": text})) == moment
