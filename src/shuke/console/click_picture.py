"""Where a page was clicked, as a drawing: its outline, the lines of its screens, and a cell for each place clicked.

The outline is schematic: the page's own proportions where clicks told them, its head, and a line per screen of the usual
height, below which nothing is seen without scrolling. Colours are classes, places are attributes.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from shuke.console import words
from shuke.traffic.single_pages.reads import GRID_COLUMNS, GRID_ROWS, ClickHeat

WIDTH = 200.0
# A page whose clicks told no size is drawn as a usual shop page.
USUAL_WIDTH, USUAL_HEIGHT = 1280, 2400
TALLEST, FLATTEST = 4.0, 0.5
SCREEN, HEAD = 800, 96  # usual heights in CSS pixels: of a screen, of a page's head
MOST_FOLDS, LEVELS = 12, 9


@dataclass(frozen=True)
class Cell:
    """`level` 1 to 9: more clicks, darker."""

    x: float
    y: float
    level: int
    hint: str


@dataclass(frozen=True)
class Row:
    """A cell as a line of the table."""

    place: str
    clicks: str
    share: str


@dataclass(frozen=True)
class Picture:
    width: float
    height: float
    cell_width: float
    cell_height: float
    head: float
    folds: tuple[float, ...]
    cells: tuple[Cell, ...]
    rows: tuple[Row, ...]
    size: str
    below: str

    @property
    def view_box(self) -> str:
        """With a margin for the outline's own line."""
        return f"-1 -1 {self.width + 2:g} {self.height + 2:g}"


def draw(found: ClickHeat) -> Picture:
    """The drawing of a page's clicks, and the same cells as a table, most clicked first."""
    wide, high = found.width or USUAL_WIDTH, found.height or USUAL_HEIGHT
    height = round(WIDTH * min(max(high / wide, FLATTEST), TALLEST), 1)
    cell_width, cell_height = WIDTH / GRID_COLUMNS, height / GRID_ROWS
    most, whole = max(found.cells.values(), default=1), sum(found.cells.values())
    cells, rows = [], []
    for (x, y), clicks in sorted(found.cells.items(), key=lambda one: (-one[1], one[0][1], one[0][0])):
        place = gettext("%(x)s%% from the left, %(y)s%% from the top") % {
            "x": x * 100 // GRID_COLUMNS,
            "y": y,
        }
        told = gettext("%(clicks)s clicks") % {"clicks": words.count(clicks)}
        level = max(1, -(-clicks * LEVELS // most))
        cells.append(Cell(x * cell_width, y * cell_height, level, f"{place}: {told}"))
        rows.append(Row(place, words.count(clicks), words.percent(clicks / whole, 1)))
    folds = tuple(round(height * SCREEN * n / high, 2) for n in range(1, MOST_FOLDS + 1) if SCREEN * n < high)
    below = sum(clicks for (_x, y), clicks in found.cells.items() if y * high >= SCREEN * GRID_ROWS)
    return Picture(
        width=WIDTH,
        height=height,
        cell_width=cell_width,
        cell_height=cell_height,
        head=round(min(height * HEAD / high, height / 4), 2),
        folds=folds,
        cells=tuple(cells),
        rows=tuple(rows),
        size=f"{words.count(wide)} × {words.count(high)}" if found.width else "",
        below=words.percent(below / whole, 1) if whole and folds else "",
    )
