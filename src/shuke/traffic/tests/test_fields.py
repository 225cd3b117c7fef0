"""What can be asked of a visit: each field is a column, and has a name in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils.translation import override

from shuke.conditions.reads import fields_of
from shuke.traffic.fields import SUBJECT
from shuke.warehouse import schemas

PO = Path(__file__).parent.parent / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


@pytest.mark.row("T3")
def test_fields__of_a_visit__are_its_columns():
    columns = set(schemas.VISITS.names)
    assert [name for name in fields_of(SUBJECT) if name not in columns] == ["is_one_page"]


def test_fields__each__has_a_chinese_name():
    words = PO.read_text(encoding="utf-8")
    with override("en"):
        labels = [str(field.label) for field in fields_of(SUBJECT).values()]
    for label in labels:
        assert f'msgid "{label}"' in words
