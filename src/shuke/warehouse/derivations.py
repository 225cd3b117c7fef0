"""Derived kinds: the warehouse owns their schemas, a room above registers how they are computed.

An expression is pure per (shop, local day, key): it looks neither across days nor across keys. That is why a day can be
derived again alone when a late fact comes, and why only the visitors or orders with open facts are computed on the fly.
Sums of a whole day have no key: of a day with open facts they are computed anew from the rows that they add up, or (where
they are sums over keys that come from raw facts) the touched keys' part is taken out and put in anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

import ibis
import pyarrow as pa

from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.warehouse import schemas


@dataclass(frozen=True)
class Context:
    """What an expression may know besides its facts: the shop, and the days asked for (rules hold as of a day)."""

    shop: ShopView
    period: Period


Expression = Callable[[Mapping[str, ibis.Table], Context], ibis.Table]


# From inputs (whole days, any order) to the rows of the kind. It asks nothing but its inputs, so any thread may run it.
Prepared = Callable[[Mapping[str, pa.Table]], pa.Table]


@dataclass(frozen=True)
class Kernel:
    """The same computation as array operations, for an engine in this process: `columns` names, per input, what it reads;
    `prepare` looks up the rules and gives the computation itself. The answer has the kind's schema. Held to the expression by the cases of its room.

    `fold` of sums: the computation gives rows to be added up, and `fold` makes the kind's rows of all of them, whether they
    were computed at once or piece by piece.
    """

    columns: Mapping[str, tuple[str, ...]]
    prepare: Callable[[Context], Prepared]
    fold: Callable[[pa.Table], pa.Table] | None = None
    # There is no expression beside it (it reads what was sent as JSON): rows are brought here whatever engine answers.
    is_alone: bool = False


@dataclass(frozen=True)
class Derivation:
    """How one derived kind comes from others. `keys` names, per input, the column of its key; all have the same name. None:
    a day is computed as a whole, from inputs that are derived (what an open day costs is then the input's to keep low).

    `variant` tells expressions apart that differ for the same inputs (other rules hold): equal variants, equal expressions.

    `sums` names the columns of a kind whose rows are sums over keys, and have no column of the key: the other columns tell
    the rows apart, and what one key adds can be taken out and put in again. The first counts: where it is 0, so is the row.

    `later`: of a large day it is derived after the day is sealed (later.py), so that sealing is not kept from other days by
    what only some pages ask. Until then questions compute it from the sealed facts. What reads such a kind is late as well.
    """

    kind: str
    inputs: tuple[str, ...]
    keys: Mapping[str, str]
    expression: Expression | None
    kernel: Kernel | None = None
    variant: Callable[[Context], Hashable] = lambda context: (context.shop.id, context.period)
    sums: tuple[str, ...] = ()
    later: bool = False

    @property
    def key(self) -> str | None:
        """The column whose values are computed apart from one another; None: none, a day is one."""
        names = set(self.keys.values())
        if not names:
            return None
        (name,) = names
        return name


_registered: dict[str, Derivation] = {}


def register(derivation: Derivation) -> None:
    """Called once per kind when its room starts. Raises ValueError for an unknown kind or a second claim."""
    if derivation.kind not in schemas.DERIVED:
        raise ValueError(f"{derivation.kind} is no derived kind of the warehouse")
    known = _registered.get(derivation.kind)
    if derivation.expression is None and not (derivation.kernel and derivation.kernel.is_alone):
        raise ValueError(f"{derivation.kind} has neither an expression nor a kernel that stands alone")
    if known is not None and known.expression is not derivation.expression:
        raise ValueError(f"{derivation.kind} has two owners")
    _registered[derivation.kind] = derivation


def derivation(kind: str) -> Derivation:
    return _registered[kind]


def in_order() -> list[Derivation]:
    """All, each after the derived kinds that it reads."""
    done: list[str] = []
    waiting = dict(_registered)
    while waiting:
        ready = [k for k, d in waiting.items() if all(i in schemas.RAW or i in done for i in d.inputs)]
        if not ready:
            raise ValueError(f"derivations wait for one another: {sorted(waiting)}")
        for kind in sorted(ready):
            done.append(kind)
            del waiting[kind]
    return [_registered[k] for k in done]


def later_kinds() -> frozenset[str]:
    """The kinds that a large day may lack for a while after it was sealed."""
    found: set[str] = set()
    for one in in_order():
        if one.later or found.intersection(one.inputs):
            found.add(one.kind)
    return frozenset(found)


def roots(kind: str) -> tuple[str, ...]:
    """The raw kinds from which a kind comes."""
    found: dict[str, None] = {}
    for source in _registered[kind].inputs:
        for root in (source,) if source in schemas.RAW else roots(source):
            found[root] = None
    return tuple(found)
