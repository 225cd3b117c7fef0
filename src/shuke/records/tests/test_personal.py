"""The register of personal data, and the list of erasures that outlives a restore."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shuke.kernel.surrogates import surrogate
from shuke.records import erasures, personal, reads
from shuke.records.actor import Actor
from shuke.records.personal import PersonalStore, PersonRef

AT = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
PERSON = PersonRef(1, person_refs=("li@example.com",), anonymous_refs=("anon-1",))
MANAGER = Actor("member", 3, "Wang", "manager")


@pytest.fixture
def stores(monkeypatch, warehouse_home):
    """Two stores over dictionaries, and the order in which they were asked."""
    monkeypatch.setattr(personal, "_stores", {})
    monkeypatch.setattr(erasures, "_again", {})
    content = {"profiles": {"li@example.com": {"city": "Xi'an"}}, "notes": {"li@example.com": ["called"]}}
    asked = []

    def store(name):
        def export(shop_id, person):
            return {ref: content[name][ref] for ref in person.person_refs if ref in content[name]}

        def erase(shop_id, person):
            asked.append(name)
            return sum(content[name].pop(ref, None) is not None for ref in person.person_refs)

        return PersonalStore(name, name.title(), export, erase)

    for name in content:
        personal.register(store(name))
    return content, asked


@pytest.mark.django_db
def test_export_person__every_store__by_name(stores):
    assert personal.export_person(PERSON) == {
        "profiles": {"li@example.com": {"city": "Xi'an"}},
        "notes": {"li@example.com": ["called"]},
    }


@pytest.mark.django_db
def test_erase_person__every_store_in_order__and_again_changes_nothing(stores):
    content, asked = stores
    assert personal.erase_person(person=PERSON, actor=MANAGER, at=AT) == {"profiles": 1, "notes": 1}
    assert asked == ["profiles", "notes"]
    assert content == {"profiles": {}, "notes": {}}
    assert personal.erase_person(person=PERSON, actor=MANAGER, at=AT) == {"profiles": 0, "notes": 0}


@pytest.mark.row("E3")
@pytest.mark.django_db
def test_erase_person__its_traces__are_surrogates_only(stores):
    personal.erase_person(person=PERSON, actor=MANAGER, at=AT)
    (entry,) = reads.list_audit(1).rows
    traces = json.dumps([entry.subject_id, entry.before, entry.after]) + erasures.list_file().read_text()
    assert "li@example.com" not in traces
    assert "anon-1" not in traces
    (erasure,) = erasures.list_erasures()
    assert erasure.person_ids == (surrogate(1, "person", "li@example.com"),)
    assert set(erasure.visitor_ids) == {
        surrogate(1, "visitor", "anon-1"),
        surrogate(1, "visitor", "li@example.com"),
    }


@pytest.mark.django_db
def test_erase_person__a_store_fails__the_erasure_is_on_the_list_already(stores, monkeypatch):
    def fail(shop_id, person):
        raise OSError("disk")

    personal.register(PersonalStore("broken", "Broken", lambda shop_id, person: {}, fail))
    with pytest.raises(OSError):
        personal.erase_person(person=PERSON, actor=MANAGER, at=AT)
    assert len(erasures.list_erasures()) == 1


def test_register__store_that_erases_again__is_asked_after_a_restore(stores):
    seen = []
    store = PersonalStore(
        "facts", "Facts", lambda s, p: {}, lambda s, p: 0, lambda erasure: seen.append(erasure) or 3
    )
    personal.register(store)
    personal.register(store)
    one = erasures.of_person(1, person_refs=["a"], anonymous_refs=[], at=AT)
    erasures.note(one)
    assert erasures.apply_again() == {"facts": 3}
    assert seen == [one]


def test_register__same_name_other_store__is_refused(stores):
    with pytest.raises(ValueError):
        personal.register(PersonalStore("notes", "Others", lambda s, p: {}, lambda s, p: 0))


def test_list_erasures__last_line_was_cut_by_a_crash__the_others_stand_and_the_next_is_whole(warehouse_home):
    one = erasures.of_person(1, person_refs=["a"], anonymous_refs=[], at=AT)
    two = erasures.of_person(2, person_refs=[], anonymous_refs=["b"], at=AT)
    erasures.note(one)
    with open(erasures.list_file(), "a") as file:
        file.write('{"shop": 9, "person')
    assert erasures.list_erasures() == (one,)
    erasures.note(two)
    assert erasures.list_erasures() == (one, two)


def test_apply_again__every_listed_erasure__reaches_every_callback(stores):
    seen = []
    erasures.on_restore("facts", lambda erasure: seen.append(erasure.shop) or 2)
    for shop in (1, 2):
        erasures.note(erasures.of_person(shop, person_refs=["a"], anonymous_refs=[], at=AT))
    assert erasures.apply_again() == {"facts": 4}
    assert seen == [1, 2]
