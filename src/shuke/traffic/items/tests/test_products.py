"""The products that events name: what can be read is, what can not be is left out, and nothing fails."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.traffic.items.products import lines_of, title_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["products", "product_id", "price", "quantity", "name"]), inner)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ({"product_id": "A", "price": 12.5, "quantity": 2}, ("A", None, Decimal("2.000"), 2500, "CNY")),
        ({"sku": 7, "name": "Shirt", "price": "0.015"}, ("7", "Shirt", Decimal("1.000"), 2, "CNY")),
        ({"productId": "A", "price": 100, "currency": "jpy"}, ("A", None, Decimal("1.000"), 100, "JPY")),
        ({"product_id": "A"}, ("A", None, Decimal("1.000"), None, "CNY")),
        ({"product_id": "A", "price": 1, "quantity": -1}, ("A", None, None, None, "CNY")),
        ({"product_id": "A", "price": "free", "quantity": 1}, ("A", None, Decimal("1.000"), None, "CNY")),
        ({"product_id": "A", "price": True, "quantity": 1}, ("A", None, Decimal("1.000"), None, "CNY")),
        ({"product_id": "A", "price": "1e999999", "quantity": 1}, ("A", None, Decimal("1.000"), None, "CNY")),
        ({"product_id": "", "sku": None, "price": 1}, None),
        ({"product_id": True}, None),
        ("A", None),
    ],
)
def test_product__as_it_is_written__is_one_line_or_none(product, expected):
    found = lines_of(json.dumps({"products": [product]}), None, "CNY")
    told = [(one.product_ref, one.title, one.quantity, one.amount_minor, one.currency) for one in found]
    assert told == ([] if expected is None else [expected])


def test_products__without_a_list__are_the_one_that_the_event_names():
    assert lines_of('{"product_id": "A", "price": 3, "currency": "USD"}', None, "CNY")[0].amount_minor == 300
    assert lines_of('{"total": 3}', None, "CNY") == []
    assert title_of('{"name": "Shirt"}') == "Shirt"


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(JSON)
def test_products__of_any_json__never_fail(value):
    text = json.dumps(value)
    for line in lines_of(text, None, "CNY"):
        assert line.product_ref
        assert line.quantity is None or line.quantity >= 0
    title_of(text)
    assert lines_of(text[:-1] + "x", "CNY", "CNY") == []
    assert title_of(None) is None
