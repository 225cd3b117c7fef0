"""A small line beside a number, as SVG attributes only: no style, no script."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT, EDGE = 120, 32, 3


def spark(values: Sequence[Decimal | int | None], *, is_past: bool) -> SafeString:
    """The line of some values, oldest first; unknown ones leave a gap. Nothing for fewer than two."""
    known = [float(value) for value in values if value is not None]
    if len(known) < 2:
        return SafeString(f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true"></svg>')
    low, high = min(known), max(known)
    spread = (high - low) or 1.0
    step = (WIDTH - 2 * EDGE) / (len(values) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            y = HEIGHT - EDGE - (float(value) - low) / spread * (HEIGHT - 2 * EDGE)
            runs[-1].append((round(EDGE + place * step, 1), round(y, 1)))
    lines = format_html_join(
        "",
        '<polyline points="{}"/>',
        ((" ".join(f"{x},{y}" for x, y in run),) for run in runs if len(run) > 1),
    )
    ends = [run for run in runs if len(run) > 1]
    now = ""
    if ends and not is_past:
        (x1, y1), (x2, y2) = ends[-1][-2:]
        now = format_html('<polyline class="now" points="{},{} {},{}"/>', x1, y1, x2, y2)
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>',
        WIDTH,
        HEIGHT,
        lines,
        now,
    )
