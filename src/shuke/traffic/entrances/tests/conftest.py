from __future__ import annotations

from shuke.traffic.tests.conftest import life  # noqa: F401  (a shop with two weeks of visits)
