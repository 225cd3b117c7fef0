"""Paths as browsers escape them become what people read, and stay where that would change what they mean."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.intake.places import readable_path

pytestmark = pytest.mark.row("T3")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("/%E5%95%86%E5%93%81/1", "/商品/1"),
        ("/caf%c3%a9", "/café"),
        ("/商品", "/商品"),
        ("/a%2Fb%2fc", "/a%2Fb%2fc"),  # another page than /a/b/c
        ("/50%25", "/50%25"),
        ("/a%3Fb%23c%2A", "/a%3Fb%23c%2A"),
        ("/a%20b", "/a%20b"),
        ("/%FF%FE", "/%FF%FE"),  # no UTF-8
        ("/%E5%95", "/%E5%95"),
        ("/a%00%0A%E2%80%AEb", "/a%00%0A%E2%80%AEb"),  # controls, a mark that turns the direction
        ("/%E5%95%86%2F%E5%93%81", "/商%2F品"),
        ("/100%", "/100%"),
        ("/%zz", "/%zz"),
        ("/%41%7E", "/A~"),
    ],
)
def test_path__escaped__reads_as_people_write_it(written, read):
    assert readable_path(written) == read


@settings(deadline=None, database=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_path__a_law__read_twice_is_read_once_and_names_the_same_page(text):
    path = "/" + quote(text, safe="")
    read = readable_path(path)
    assert readable_path(read) == read
    assert unquote(read) == unquote(path) == "/" + text
