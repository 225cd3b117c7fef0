"""Prepared days hold visitors' surrogates and moments, nothing that the warehouse does not hold: an erasure forgets them.

They are removed after the warehouse's own facts (`is_fed`), so that none can be prepared again from what is still there.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.records.personal import PersonalStore
from shuke.traffic.funnels.prepared import forget

STORE = PersonalStore(
    "traffic.funnels",
    _("Days prepared for funnels"),
    lambda shop_id, person: {},
    lambda shop_id, person: forget(shop_id),
    lambda erasure: forget(erasure.shop),
    is_fed=True,
)
