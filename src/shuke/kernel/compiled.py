"""Loops over arrays as machine code (numba), for what no column operation does well.

Import a module that uses this only where many rows are at hand: numba takes a second to load, and the first call of a
function some more, until its machine code lies beside the module (`__pycache__`) or, where that may not be written, in
the user's cache. Where neither may be written it is made anew in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code that holds no lock while it runs, so that threads run it beside one another."""
    try:
        made = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no place where it could be kept
        made = numba.njit(nogil=True)(function)
    return made


def _as_pointer(_context: Any, address: Any) -> Any:
    def made(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), made


_pointer: Any = intrinsic(_as_pointer)


# Arrays at addresses (`array.ctypes.data`), for loops over as many arrays as there happen to be, which a compiled function can
# not be given one by one. Whoever calls holds the arrays meanwhile; they lie without gaps.


@compiled
def int64_at(address: Any, count: Any) -> Any:
    return numba.carray(_pointer(address), (count,), dtype=np.int64)


@compiled
def int32_at(address: Any, count: Any) -> Any:
    return numba.carray(_pointer(address), (count,), dtype=np.int32)


@compiled
def uint16_at(address: Any, count: Any) -> Any:
    return numba.carray(_pointer(address), (count,), dtype=np.uint16)
