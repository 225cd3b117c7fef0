"""What an address and its referrer say, and the types of pages."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuke.rulebook import reads

AT = date(2026, 11, 21)


@pytest.mark.row("T3")
def test_landing__a_tagged_address__gives_its_fields_and_no_click_value() -> None:
    landing = reads.landing_of(
        "https://WWW.shop.example/Item/1?UTM_Source=Baidu&utm_medium=cpc&utm_campaign=%E5%8F%8C11&bd_vid=secret#top",
        "https://www.baidu.com/link",
        AT,
    )
    assert landing.host == "www.shop.example"
    assert landing.page_path == "/Item/1"
    assert (landing.utm_source, landing.utm_medium, landing.utm_campaign) == ("Baidu", "cpc", "双11")
    assert (landing.click_id, landing.referrer_host) == ("bd_vid", "www.baidu.com")
    assert "secret" not in repr(landing)


def test_landing__two_click_ids__the_first_of_the_rule_wins() -> None:
    assert reads.landing_of("https://a.example/?fbclid=1&gclid=2", None, AT).click_id == "gclid"


def test_landing__a_path_alone__has_no_host_and_keeps_its_tags() -> None:
    landing = reads.landing_of("/item/1?utm_source=x", "https://a.example/", AT)
    assert (landing.host, landing.page_path, landing.utm_source) == (None, "/item/1", "x")
    assert landing.referrer_host == "a.example"


@pytest.mark.parametrize(
    ("referrer", "own", "left"),
    [
        ("www.shop.example", ["shop.example"], None),
        ("m.shop.example", ["www.shop.example"], None),
        ("othershop.example", ["shop.example"], "othershop.example"),
        (None, ["shop.example"], None),
    ],
)
def test_own_or_none__own_host__is_no_referrer(referrer, own, left) -> None:
    assert reads.own_or_none(referrer, own) == left


@given(st.text(max_size=200), st.text(max_size=200))
def test_landing__any_text__is_read_without_error(address, referrer) -> None:
    landing = reads.landing_of(address, referrer, AT)
    entry = reads.classify(landing.subject(), reads.channels(AT))
    assert entry.channel in reads.channel_titles(AT)
    assert reads.page_type_of(landing.page_path, reads.page_types(AT)) in (None, *reads.PAGE_TYPES)
