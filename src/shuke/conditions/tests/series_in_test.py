"""Series of a subject that exists only in tests: deeds, and tags that end."""

from __future__ import annotations

from shuke.conditions.reads import Field, Kind, Series, register_field, register_series

from .fields_in_test import SUBJECT

DEED, TAG = "conditions-test-deed", "conditions-test-tag"
PRODUCT = Field("d_product", Kind.TEXT, "product", folds_case=True)
AMOUNT = Field("d_amount", Kind.MONEY, "amount")
PAGES = Field("d_pages", Kind.NUMBER, "pages")
LABEL = Field("g_label", Kind.TEXT, "tag")
DEEDS = Series("t_deeds", "deeds", DEED)
TAGS = Series("t_tags", "tags", TAG, ends=True)
COLUMNS = {
    "t_deeds": {"d_product": "string", "d_amount": "int64", "d_pages": "int64"},
    "t_tags": {"g_label": "string", "until": "timestamp(6)"},
}

for _field in (PRODUCT, AMOUNT, PAGES):
    register_field(_field, DEED)
register_field(LABEL, TAG)
register_series(DEEDS, SUBJECT)
register_series(TAGS, SUBJECT)
