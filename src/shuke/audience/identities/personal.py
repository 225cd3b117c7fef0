"""A person's identities, links and suggestions, for the register of personal data: told, and erased by surrogate.

With a person go the names that lead to nobody else: his phones, his devices. What another person stands with too stays, as
theirs. The facts go from the warehouse, so they say nothing again; what still waits to be read is left out by the list of
erasures (following.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.audience.identities import storing
from shuke.audience.identities.kinds import Kind
from shuke.audience.identities.models import Identity, KeptOut, Link, RelationFact, Suggestion
from shuke.audience.identities.refolding import chunks, forget_map, refold
from shuke.audience.identities.values import crowd_of
from shuke.kernel import clock
from shuke.kernel.surrogates import surrogate
from shuke.records.erasures import Erasure
from shuke.records.personal import PersonalStore, PersonRef
from shuke.shops.reads import ShopNotFound, ShopView, get_shop_by_id


def ids_of(person: PersonRef) -> list[int]:
    """The identities that a person is named by."""
    names = [("person", ref) for ref in person.person_refs]
    names += [("visitor", ref) for ref in (*person.anonymous_refs, *person.person_refs)]
    return [surrogate(person.shop_id, kind, ref) for kind, ref in names]


def with_their_own(ids: Collection[int]) -> set[int]:
    """These identities, and those that lead to them and to no other person: within the shop's scope."""
    found = set(ids)
    asked = set(ids)
    known: dict[int, str] = {}
    while asked:
        reached: set[int] = set()
        for one, other in _pairs_of(asked):
            reached |= {one, other} - found
        asked = set()
        for part in chunks(reached):
            known |= dict(Identity.objects.filter(id__in=part).values_list("id", "kind"))
        names = {node for node in reached if known.get(node) not in (None, Kind.PERSON)}
        near: dict[int, set[int]] = {}
        for one, other in _pairs_of(names):
            near.setdefault(one, set()).add(other)
            near.setdefault(other, set()).add(one)
        ends = {end for node in names for end in near.get(node, ())} - found
        people: set[int] = set()
        for part in chunks(ends):
            people |= set(Identity.objects.filter(id__in=part, kind=Kind.PERSON).values_list("id", flat=True))
        asked = {node for node in names if not near.get(node, set()) & people}
        found |= asked
    return found


def _pairs_of(ids: Collection[int]) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for part in chunks(ids):
        rows = Link.objects.filter(Q(one_id__in=part) | Q(other_id__in=part))
        found |= set(rows.values_list("one_id", "other_id"))
    return found


def erase_ids(shop: ShopView, ids: Sequence[int], at: datetime) -> int:
    """Remove identities, what is theirs alone, and every link and suggestion of theirs; returns how many rows went."""
    with transaction.atomic(), scope(shop=shop.id):
        register = storing.register_of(shop.id)
        going = with_their_own(ids)
        ends = {end for pair in _pairs_of(going) for end in pair} - going
        gone, homes = 0, set(going)
        for part in chunks(going):
            rows = Identity.objects.filter(id__in=part, shop_id=shop.id)
            homes |= set(rows.values_list("customer_id", flat=True))
            for doomed in (
                Link.objects.filter(Q(one_id__in=part) | Q(other_id__in=part)),
                Suggestion.objects.filter(Q(one_id__in=part) | Q(other_id__in=part) | Q(via_id__in=part)),
                KeptOut.objects.filter(holder_id__in=part),
                RelationFact.objects.filter(identity_id__in=part),
                rows,
            ):
                gone += doomed.delete()[0]
        if gone:
            forget_map(register)
            refold(register, ends, crowd_of(shop, at), went=homes)
            _drop_unsaid(shop.id, ends)
    return gone


def _drop_unsaid(shop_id: int, ids: Collection[int]) -> None:
    """Names that nothing speaks of any more."""
    said = {end for pair in _pairs_of(ids) for end in pair}
    for part in chunks(set(ids) - said):
        suggested = Suggestion.objects.filter(Q(one_id__in=part) | Q(other_id__in=part))
        kept = {end for pair in suggested.values_list("one_id", "other_id") for end in pair}
        Identity.objects.filter(id__in=set(part) - kept, shop_id=shop_id).delete()


def _export(shop_id: int, person: PersonRef) -> dict[str, Any]:
    with scope(shop=shop_id):
        ids = with_their_own(ids_of(person))
        told: dict[str, Any] = {"identities": [], "links": [], "suggestions": [], "relations": []}
        for part in chunks(ids):
            rows = Identity.objects.filter(id__in=part)
            told["identities"] += list(rows.values("kind", "ref", "given", "source"))
            links = Link.objects.filter(Q(one_id__in=part) | Q(other_id__in=part))
            told["links"] += [
                {"origin": link.origin, "source": link.source, "at": link.at.isoformat()} for link in links
            ]
            rows_of = Suggestion.objects.filter(Q(one_id__in=part) | Q(other_id__in=part))
            told["suggestions"] += [{"reason": one.reason, "at": one.at.isoformat()} for one in rows_of]
            told["relations"] += [
                {"relation": one.relation, "holds": one.holds, "at": one.at.isoformat()}
                for one in RelationFact.objects.filter(identity_id__in=part)
            ]
        return told


def _erase(shop_id: int, person: PersonRef) -> int:
    return erase_ids(get_shop_by_id(shop_id), ids_of(person), clock.now())


def _erase_again(erasure: Erasure) -> int:
    try:
        shop = get_shop_by_id(erasure.shop)
    except ShopNotFound:
        return 0
    return erase_ids(shop, [*erasure.person_ids, *erasure.visitor_ids], clock.now())


STORE = PersonalStore("audience.identities", _("Identities and links"), _export, _erase, _erase_again)
