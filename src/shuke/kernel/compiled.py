"""Loops over arrays as machine code (numba), for what no column operation does well.

Import a module that uses this only where many rows are at hand: numba takes a second to load, and the first call of a
function some more, until its machine code lies beside the module (`__pycache__`) or, where that may not be written, in
the user's cache. Where neither may be written it is made anew in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code that holds no lock while it runs, so that threads run it beside one another."""
    try:
        made = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no place where it could be kept
        made = numba.njit(nogil=True)(function)
    return made
