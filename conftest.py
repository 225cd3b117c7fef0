"""What every room's tests share: shops, members, a warehouse in a folder of its own, and what they need of the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.needs import (
    data_folder,
    pytest_collection_modifyitems,
    pytest_report_header,
    pytest_runtest_setup,
)

__all__ = ["pytest_collection_modifyitems", "pytest_report_header", "pytest_runtest_setup"]

os.environ["SHUKE_DATA"] = str(data_folder())  # the tests that read it are only run where it is


@pytest.fixture(autouse=True)
def _language():
    """Every test begins in the language of the settings: a request leaves its own active in the thread."""
    from django.utils import translation

    translation.deactivate()


@pytest.fixture
def warehouse_home(tmp_path: Path, settings) -> Path:
    """Journal, both tiers and locks in a folder of this test's own."""
    settings.HOME = tmp_path
    for name, folder in {
        "JOURNAL": "journal",
        "LAKE": "lake",
        "OPEN_TIER": "open",
        "LOCKS": "locks",
        "UPLOADS": "uploads",
    }.items():
        path = tmp_path / folder
        path.mkdir()
        setattr(settings, name, path)
    return tmp_path


def _make_shop(slug: str, **fields):
    from shuke.kernel import clock
    from shuke.records.actor import Actor
    from shuke.shops import actions, reads

    values = {
        "name": slug,
        "platforms": ["taobao"],
        "category": "apparel",
        "currency": "CNY",
        "zone": "Asia/Shanghai",
    } | fields
    actions.create_shop(slug=slug, **values, actor=Actor.system("tests"), at=clock.now())
    return reads.get_shop(slug)


@pytest.fixture
def make_shop(db):
    """A function (slug, **fields) -> ShopView."""
    return _make_shop


@pytest.fixture
def shop(db):
    """A shop in Shanghai that sells in CNY, as ShopView."""
    return _make_shop("linen")


@pytest.fixture
def other_shop(db):
    """A second shop; nothing of the first may be seen from it."""
    return _make_shop("tea")


@pytest.fixture
def member_of(db):
    """A function (shop, role) -> User who is a member of it."""
    from django_scopes import scope

    from shuke.kernel import clock
    from shuke.records.actor import Actor
    from shuke.shops import actions

    def make(shop, role):
        role_name = getattr(role, "value", role)
        user = actions.create_user(
            email=f"{role_name}.{shop.slug}@example.com",
            name=f"{role_name} {shop.slug}",
            password="correct horse 7 staple",
            actor=Actor.system("tests"),
            at=clock.now(),
        )
        with scope(shop=shop.id):
            actions.add_member(
                shop=shop, user=user, role=role_name, actor=Actor.system("tests"), at=clock.now()
            )
        return user

    return make
