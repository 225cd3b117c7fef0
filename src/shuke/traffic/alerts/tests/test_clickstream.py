"""The published clickstream, judged as shipped: what stands in it is raised, and nothing else is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shuke.traffic.alerts.tests.click import day_counts
from shuke.traffic.alerts.tests.shipped import shipped
from shuke.traffic.alerts.watching import replay

pytestmark = [pytest.mark.data, pytest.mark.row("T7")]
FIRST, LAST = date(2024, 1, 4), date(2024, 6, 29)
BUG = (date(2024, 4, 13), date(2024, 5, 9))


def test_clickstream__the_payment_incident_in_the_real_file__is_raised_by_the_eighth_day_and_named() -> None:
    counts = day_counts()
    assert (min(counts), max(counts)) == (FIRST, LAST)
    incident = [counts[date(2024, 5, 19) + timedelta(days=n)].get("step.order", (0, 0)) for n in range(20)]
    before = [counts[date(2024, 4, 19) + timedelta(days=n)].get("step.order", (0, 0)) for n in range(30)]
    assert tuple(map(sum, zip(*incident, strict=True))) == (46, 130)
    assert tuple(map(sum, zip(*before, strict=True))) == (121, 145)
    found = replay(counts, shipped()).incidents
    payment = [one for one in found if one.lead.startswith("step.order")]
    assert [one.lead for one in payment] == ["step.order"]
    assert date(2024, 5, 19) <= payment[0].raised_on <= date(2024, 5, 26)
    assert abs(payment[0].since - date(2024, 5, 19)) <= timedelta(days=1)
    assert payment[0].state == "back"
    assert date(2024, 6, 7) <= payment[0].last_day <= date(2024, 6, 14)
    # Besides it only the weeks of the checkout that failed on telephones; the growth of the file raises nothing.
    others = [one for one in found if one is not payment[0]]
    assert [one.lead for one in others] in ([], ["step.payment|terminal=mobile"])
    assert all(BUG[0] <= one.raised_on <= BUG[1] for one in others)
