"""Integer surrogates: 64-bit hashes that stand for a name within one shop (a visitor, a person, an order, a message).

Facts are joined, clustered and erased by these integers, so no file name or table statistic holds a person's name.
Signed, since Parquet, Spark and ClickHouse agree on int64. The kind is part of the name: equal texts of two kinds differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import xxhash

_SIGN = 1 << 63


def surrogate(shop_id: int, kind: str, ref: str) -> int:
    """The surrogate of one name; kind is `message`, `visitor`, `person`, `order`, `row` or `content`."""
    value = xxhash.xxh3_64_intdigest(f"{shop_id}\x1f{kind}\x1f{ref}".encode("utf-8", "surrogatepass"))
    return value - (1 << 64) if value & _SIGN else value


def surrogates(shop_id: int, kind: str, refs: Sequence[str]) -> np.ndarray:
    """The same for many, as int64."""
    prefix = f"{shop_id}\x1f{kind}\x1f".encode()
    digest = xxhash.xxh3_64_intdigest
    raw = np.fromiter(
        (digest(prefix + r.encode("utf-8", "surrogatepass")) for r in refs), dtype=np.uint64, count=len(refs)
    )
    return raw.view(np.int64)


def surrogates_of_shops(
    stretches: Iterable[tuple[int, int, int]], kind: str, refs: Sequence[str]
) -> np.ndarray:
    """The same for names of several shops: `stretches` are (shop, first, end) that cover `refs` in order.

    One array for all: with hundreds of shops of a few names each, an array a shop would take longer than the hashing.
    """
    digest = xxhash.xxh3_64_intdigest
    raw: list[int] = []
    for shop_id, first, end in stretches:
        prefix = f"{shop_id}\x1f{kind}\x1f".encode()
        raw += [digest(prefix + ref.encode("utf-8", "surrogatepass")) for ref in refs[first:end]]
    return np.array(raw, np.uint64).view(np.int64)
