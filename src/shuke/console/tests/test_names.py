"""Values of the audit as a person reads them."""

from __future__ import annotations

import pytest

from shuke.console import names


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (["own", "taobao"], "own, taobao"),
        ([], ""),
        ([1, None, "x"], "1, , x"),
        ({"a": 1}, '{"a": 1}'),
        (None, ""),
        ("x" * 200, None),
    ],
)
def test_value__of_the_audit__is_one_short_line_of_words(found, shown) -> None:
    told = names.value(found)
    assert told == shown if shown is not None else len(told) <= 81
