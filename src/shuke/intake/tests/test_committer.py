"""The committer: each event once, whatever is torn, repeated, killed or started twice."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from django.db import transaction
from django_scopes import scope
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.intake import committer as committing
from shuke.intake.committer import Committer, CommitterOvertaken
from shuke.intake.events_of import Reader
from shuke.intake.journal import JournalWriter, list_series
from shuke.intake.models import JournalPosition, Quarantined
from shuke.intake.segment_spec import Kind
from shuke.kernel import clock
from shuke.kernel.surrogates import surrogate

NOW = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000


class Facts:
    """A warehouse that remembers; `fails` raises at its next append: before the transaction or after its work."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []
        self.fails = ""

    def __call__(self, *, facts, within=None):
        if self.fails == "before":
            self.fails = ""
            raise OSError("killed")
        with transaction.atomic():
            if within is not None:
                within()
            if self.fails == "inside":
                self.fails = ""
                raise OSError("killed")
        if facts["events"].num_rows:
            self.tables.append(facts["events"])
        if self.fails == "after":  # the facts are listed, the committer did not live to hear it
            self.fails = ""
            raise OSError("killed")
        return len(self.tables)

    def rows(self) -> list[dict]:
        return [row for table in self.tables for row in table.to_pylist()]

    def ids(self) -> list[int]:
        return sorted(row["event_id"] for row in self.rows())


@pytest.fixture(autouse=True)
def moment():
    with clock.frozen(NOW):
        yield


@pytest.fixture
def facts():
    return Facts()


@pytest.fixture
def journal(tmp_path) -> Path:
    return tmp_path / "journal"


def event(message: str | None = "m1", **fields) -> dict:
    return {"type": "track", "event": "Clicked", "anonymousId": "a1", "messageId": message} | fields


def send(writer: JournalWriter, shop_id: int, *events: dict) -> None:
    body = json.dumps({"batch": events}).encode()
    writer.append(shop_id=shop_id, received_us=NOW_US, kind=Kind.BATCH, body=body)


def id_of(shop, message: str) -> int:
    return surrogate(shop.id, "message", message)


@pytest.mark.row("T1")
def test_events__of_two_shops_and_a_repeat__become_facts_once_each(journal, facts, shop, other_shop):
    writer = JournalWriter(journal)
    send(writer, shop.id, event("m1"), event("m2"), event("m1"))
    send(writer, other_shop.id, event("m1"))
    send(writer, shop.id, event("m2"))
    done = Committer(journal, append=facts).run_once()
    assert (done.events, done.repeated, done.set_aside, done.waits) == (3, 2, 0, False)
    assert facts.ids() == sorted([id_of(shop, "m1"), id_of(shop, "m2"), id_of(other_shop, "m1")])


@pytest.mark.row("T1")
def test_repeat__hours_later_and_after_a_restart__does_not_count_again(journal, facts, shop):
    writer = JournalWriter(journal)
    send(writer, shop.id, event("m1"))
    Committer(journal, append=facts).run_once()
    with clock.frozen(NOW + timedelta(hours=47)):
        send(writer, shop.id, event("m1"), event("m2"))
        assert Committer(journal, append=facts).run_once().repeated == 1
    with clock.frozen(NOW + timedelta(hours=49)):
        send(writer, shop.id, event("m2"))
        assert Committer(journal, append=facts).run_once().repeated == 1
    assert facts.ids() == sorted([id_of(shop, "m1"), id_of(shop, "m2")])


@pytest.mark.row("T1")
@pytest.mark.parametrize("moment_of_death", ["before", "inside", "after"])
def test_kill__around_the_transaction__counts_each_event_once(journal, facts, shop, moment_of_death):
    writer = JournalWriter(journal)
    send(writer, shop.id, event("m1"), event(None), event("m2"))
    facts.fails = moment_of_death
    with pytest.raises(OSError):
        Committer(journal, append=facts).run_once()
    send(writer, shop.id, event("m2"), event("m3"))
    Committer(journal, append=facts).run_once()
    assert len(facts.ids()) == len(set(facts.ids())) == 4
    assert {id_of(shop, m) for m in ("m1", "m2", "m3")} < set(facts.ids())


def test_event__without_a_message_id__gets_one_from_its_place(journal, facts, shop):
    writer = JournalWriter(journal)
    send(writer, shop.id, event(None), event(None))
    facts.fails = "after"
    with pytest.raises(OSError):
        Committer(journal, append=facts).run_once()
    JournalPosition.objects.all().delete()  # as if the positions were lost: the same records are read again
    committer = Committer(journal, append=facts)
    assert committer.run_once().repeated == 2
    assert len(facts.ids()) == 2


@pytest.mark.row("T1")
def test_malformed_event__among_good_ones__is_set_aside_once_and_they_load(journal, facts, shop):
    writer = JournalWriter(journal)
    for _ in range(2):
        send(writer, shop.id, event("m1"), event("m2", event=7), event("m3", userId=None))
    done = Committer(journal, append=facts).run_once()
    assert (done.events, done.set_aside) == (2, 2)
    with scope(shop=shop.id):
        (row,) = Quarantined.objects.all()
    assert (row.reason, row.column, row.origin, row.state) == ("wrong_type", "event", "api", "waiting")
    assert json.loads(row.payload)["messageId"] == "m2"
    assert row.received_at == NOW


def test_files__wholly_committed__are_removed_and_a_dead_writers_folder_too(journal, facts, shop):
    writer = JournalWriter(journal, rotate_bytes=400)
    for i in range(12):
        send(writer, shop.id, event(f"m{i}"))
    committer = Committer(journal, append=facts)
    committer.run_once()
    (series,) = list_series(journal)
    assert len(series.numbers) == 1
    writer.close()
    committer.run_once()
    assert list(list_series(journal)) == []
    committer.run_once()
    assert not JournalPosition.objects.exists()
    assert len(facts.ids()) == 12


def test_backlog__larger_than_one_commit__is_committed_in_parts_of_every_writer(
    journal, facts, shop, monkeypatch
):
    monkeypatch.setattr(committing, "_SMALLEST_SHARE", 1)
    first, second = JournalWriter(journal), JournalWriter(journal)
    for i in range(40):
        send(first, shop.id, event(f"a{i}"))
    send(second, shop.id, event("b0"))
    committer = Committer(journal, append=facts, at_most_bytes=1_000)
    done = committer.run_once()
    assert done.waits
    assert id_of(shop, "b0") in facts.ids()
    runs = 1
    while committer.run_once().waits:
        runs += 1
    assert runs > 5
    assert len(facts.ids()) == len(set(facts.ids())) == 41


def test_torn_tail__of_a_dead_writer__is_passed_over(journal, facts, shop):
    writer = JournalWriter(journal)
    send(writer, shop.id, event("m1"))
    send(writer, shop.id, event("m2"))
    writer.close()
    (series,) = list_series(journal)
    path = series.path(1)
    path.write_bytes(path.read_bytes()[:-5])
    Committer(journal, append=facts).run_once()
    assert facts.ids() == [id_of(shop, "m1")]
    assert list(list_series(journal)) == []


def test_records__of_a_shop_that_is_gone__are_passed_over(journal, facts, shop):
    writer = JournalWriter(journal)
    send(writer, 999_999, event("m1"))
    send(writer, shop.id, event("m2"))
    Committer(journal, append=facts).run_once()
    assert facts.ids() == [id_of(shop, "m2")]


def test_record__that_our_own_code_fails_on__is_set_aside_and_holds_nobody_up(
    journal, facts, shop, monkeypatch
):
    read = Reader._read_event

    def failing(self, event, *rest):
        if event.event == "Poison":
            raise KeyError("a mistake of ours")
        return read(self, event, *rest)

    monkeypatch.setattr(Reader, "_read_event", failing)
    writer = JournalWriter(journal)
    send(writer, shop.id, event("m1"))
    send(writer, shop.id, event("m2", event="Poison"))
    send(writer, shop.id, event("m3"))
    done = Committer(journal, append=facts).run_once()
    assert (done.events, done.set_aside) == (2, 1)
    assert facts.ids() == sorted([id_of(shop, "m1"), id_of(shop, "m3")])
    with scope(shop=shop.id):
        (row,) = Quarantined.objects.all()
    assert row.reason == "unreadable"
    assert "Poison" in row.payload


def two_at_once(journal: Path, facts: Facts) -> list[BaseException]:
    """A second committer starts on the same journal before the first has committed."""
    first, second = Committer(journal, append=facts), Committer(journal, append=facts)
    errors: list[BaseException] = []
    for committer in (first, second):
        try:
            committer.run_once()
        except CommitterOvertaken as error:
            errors.append(error)
    return errors


@pytest.mark.row("T1")
def test_two_committers__without_lock_and_fence__count_twice(journal, facts, shop, monkeypatch):
    """The race is real: this is what the lock and the positions prevent."""
    monkeypatch.setattr(Committer, "_move_positions", lambda self, positions: None)
    send(JournalWriter(journal), shop.id, event("m1"))
    assert two_at_once(journal, facts) == []
    assert facts.ids() == [id_of(shop, "m1")] * 2


@pytest.mark.row("T1")
def test_two_committers__without_the_lock__are_told_apart_by_the_positions(journal, facts, shop):
    writer = JournalWriter(journal)
    send(writer, shop.id, event("m0"))
    Committer(journal, append=facts).run_once()
    send(writer, shop.id, event("m1"))
    assert len(two_at_once(journal, facts)) == 1
    assert facts.ids() == sorted([id_of(shop, "m0"), id_of(shop, "m1")])


@pytest.mark.row("T1")
@pytest.mark.django_db(transaction=True)
def test_second_committer__started_by_mistake__waits_and_takes_over(
    warehouse_home, make_shop, monkeypatch, caplog
):
    shop = make_shop("linen")
    began = threading.Event()
    runs: list[str] = []

    def work(stop: threading.Event) -> None:
        runs.append(threading.current_thread().name)
        began.set()
        stop.wait(10)

    monkeypatch.setattr(committing, "_run", work)
    monkeypatch.setattr(committing, "_LOCK_SECONDS", 0.05)
    stops = [threading.Event(), threading.Event()]
    first = threading.Thread(target=committing.run_committer, args=(stops[0],), name="first")
    second = threading.Thread(target=committing.run_committer, args=(stops[1],), name="second")
    first.start()
    assert began.wait(5)
    began.clear()
    second.start()
    assert not began.wait(0.3)
    assert "takes over when it ends" in caplog.text
    stops[0].set()
    assert began.wait(5)
    stops[1].set()
    first.join(5)
    second.join(5)
    assert runs == ["first", "second"]
    assert shop.id


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.lists(st.integers(0, 9), min_size=1, max_size=4)),
        st.tuples(
            st.sampled_from(["commit", "restart", "tear", "new writer", "before", "inside", "after"]),
            st.none(),
        ),
    ),
    max_size=25,
)


@pytest.mark.row("T1")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order__of_repeats_kills_torn_tails_and_restarts__counts_each_message_once(
    steps, shop, tmp_path_factory
):
    """The law of collection: what was acknowledged counts, and counts once."""
    home = tmp_path_factory.mktemp("law")
    journal, facts = home / "journal", Facts()
    with transaction.atomic():
        writer = JournalWriter(journal)
        committer = Committer(journal, append=facts)
        acknowledged: set[int] = set()
        for step, numbers in steps:
            if step == "send":
                send(writer, shop.id, *(event(f"m{n}") for n in numbers))
                acknowledged |= {id_of(shop, f"m{n}") for n in numbers}
            elif step == "commit":
                committer.run_once()
            elif step == "restart":
                committer = Committer(journal, append=facts)
            elif step in ("tear", "new writer"):
                writer.close()
                if step == "tear":
                    series = [one for one in list_series(journal) if one.writer == writer.writer]
                    for one in series:
                        with one.path(one.numbers[-1]).open("ab") as file:
                            file.write(b"SKJ1 half a record, never acknowledged")
                writer = JournalWriter(journal)
            else:
                facts.fails = step
                try:
                    committer.run_once()
                except OSError:
                    committer = Committer(journal, append=facts)
                facts.fails = ""
        Committer(journal, append=facts).run_once()
        assert facts.ids() == sorted(acknowledged)
        writer.close()
        transaction.set_rollback(True)
