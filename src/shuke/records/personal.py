"""The register of personal data: each room names its stores of it, each exported and erased by its owner.

A person is named by the references under which a shop's sources know them. An erasure is noted in the installation's
list (records.erasures) before any store is asked, so that one that was cut short is known and can be done again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise

from shuke.records import erasures
from shuke.records.actor import Actor
from shuke.records.audit import record_audit


@dataclass(frozen=True)
class PersonRef:
    """One person of one shop: references as the sources wrote them."""

    shop_id: int
    person_refs: tuple[str, ...] = ()
    anonymous_refs: tuple[str, ...] = ()


@dataclass(frozen=True)
class PersonalStore:
    """A place where personal data lies. `export` returns JSON; `erase` removes it and returns how many things went.

    `erase_again` does the same by surrogates alone, when a restore has brought back an older backup; None where a
    backup holds nothing of the store. All must be repeatable. Stores are erased as they were registered, those with
    `is_fed` last: what another store puts there while it is being erased is found then.
    """

    name: str
    title: str | Promise
    export: Callable[[int, PersonRef], dict[str, Any]]
    erase: Callable[[int, PersonRef], int]
    erase_again: erasures.Again | None = None
    is_fed: bool = False


_stores: dict[str, PersonalStore] = {}


def register(store: PersonalStore) -> None:
    """Add a store; a second one of the same name is a mistake and refused."""
    known = _stores.get(store.name)
    if known is not None and known != store:
        raise ValueError(f"a store called {store.name} is registered already")
    _stores[store.name] = store
    if store.erase_again is not None:
        erasures.on_restore(store.name, store.erase_again)


def all_stores() -> tuple[PersonalStore, ...]:
    return tuple(sorted(_stores.values(), key=lambda store: store.is_fed))


def export_person(person: PersonRef) -> dict[str, dict[str, Any]]:
    """Everything known about a person, by store."""
    return {store.name: store.export(person.shop_id, person) for store in all_stores()}


def erase_person(*, person: PersonRef, actor: Actor, at: datetime) -> dict[str, int]:
    """Erase a person from every store; returns how many things went, by store. May be called again after a crash.

    The caller has checked who may. The audit and the list of erasures hold surrogates only.
    """
    erasure = erasures.of_person(
        person.shop_id, person_refs=person.person_refs, anonymous_refs=person.anonymous_refs, at=at
    )
    erasures.note(erasure)
    gone = {store.name: store.erase(person.shop_id, person) for store in all_stores()}
    record_audit(
        shop_id=person.shop_id,
        actor=actor,
        deed="erase_person",
        subject_kind="person",
        subject_id=",".join(str(i) for i in erasure.person_ids + erasure.visitor_ids),
        before=None,
        after={"erased": gone},
        at=at,
    )
    return gone
