"""A person's facts in the warehouse, for the register of personal data: told as they lie, and erased by surrogate."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from shuke.kernel.surrogates import surrogate
from shuke.records.erasures import Erasure
from shuke.records.personal import PersonalStore, PersonRef
from shuke.shops.reads import get_shop_by_id
from shuke.warehouse import reads, schemas
from shuke.warehouse.erasure import PERSON_COLUMNS, erase


def surrogates_of(person: PersonRef) -> list[int]:
    """Under which surrogates a person's facts lie. A known person without a device id is his own visitor."""
    names = [("person", ref) for ref in person.person_refs]
    names += [("visitor", ref) for ref in (*person.anonymous_refs, *person.person_refs)]
    return [surrogate(person.shop_id, kind, ref) for kind, ref in names]


def _export(shop_id: int, person: PersonRef) -> dict[str, Any]:
    """Every raw fact of the person; what is derived follows from these."""
    period = reads.whole_life(shop_id)
    if period is None:
        return {kind: [] for kind in schemas.RAW}
    ids = surrogates_of(person)

    def question(snapshot: reads.Snapshot) -> dict[str, Any]:
        told = {}
        for kind, schema in schemas.RAW.items():
            table = snapshot.raw(kind)
            hits = [table[name].isin(ids) for name in PERSON_COLUMNS if name in schema.names]
            theirs = table.filter(hits[0] if len(hits) == 1 else hits[0] | hits[1])
            told[kind] = [
                {
                    name: value if isinstance(value, int | str | None) else str(value)
                    for name, value in row.items()
                }
                for row in reads.run(theirs).to_pylist()
            ]
        return told

    return reads.ask(get_shop_by_id(shop_id), period, question)


def _erase(shop_id: int, person: PersonRef) -> int:
    return erase(shop_id=shop_id, surrogates=surrogates_of(person))


def _erase_again(erasure: Erasure) -> int:
    return erase(shop_id=erasure.shop, surrogates=[*erasure.person_ids, *erasure.visitor_ids])


STORE = PersonalStore("warehouse", _("Events and orders"), _export, _erase, _erase_again, is_fed=True)
