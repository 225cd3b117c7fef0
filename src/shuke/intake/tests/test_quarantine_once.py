"""Events of the quarantine sent again, by mends and by kept rules: once each, whatever is killed, and for how long."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django_scopes import scope

from shuke.intake import actions, reads
from shuke.intake import committer as committing
from shuke.intake.committer import Committer
from shuke.intake.journal import JournalWriter
from shuke.intake.models import Quarantined, RememberedRun, Settlement
from shuke.intake.quarantine import kept_events, mends, once, sending
from shuke.intake.quarantine.kept import NotKept
from shuke.intake.quarantine.once import CollectionBehind
from shuke.intake.second_core import SecondCore
from shuke.intake.segment_spec import Kind
from shuke.intake.tests.test_committer import Facts
from shuke.intake.tests.test_quarantine import BAD, commit, facts, set_aside
from shuke.kernel import clock
from shuke.kernel.errors import NotFound
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.records.processes import tend
from shuke.warehouse import actions as warehouse

__all__ = ["facts"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]
ACTOR = Actor.system("tests")
NOW = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
AS_TEXT = {"rule": "as_text", "column": "event"}
SHANGHAI = {"rule": "zone", "column": "timestamp", "zone": "Asia/Shanghai"}
EARLY = {"type": "track", "event": "X", "anonymousId": "a"}


class Killed(BaseException):
    pass


@pytest.fixture(autouse=True)
def moment(monkeypatch):
    monkeypatch.setattr(mends, "CHUNK_ROWS", 3)
    monkeypatch.setattr(kept_events, "CHUNK_ROWS", 3)
    monkeypatch.setattr(once, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(kept_events, "WAIT_SECONDS", 0.0)
    with clock.frozen(NOW):
        yield


def events(count: int, first: int = 0) -> list[dict]:
    return [BAD | {"messageId": f"m{i}", "anonymousId": f"a{i}"} for i in range(first, first + count)]


def group_of(shop, reason: str = "wrong_type", column: str = "event") -> reads.Group:
    return next(
        one.group
        for one in reads.waiting_groups(shop)
        if (one.group.reason, one.group.column) == (reason, column)
    )


def keep(shop, group: reads.Group, *rules: dict) -> None:
    found = actions.start_mend(
        shop=shop, group=group, rules=list(rules), is_kept=True, actor=ACTOR, at=clock.now()
    )
    jobs.run_to_end(found.job_id)


def send(settings, shop, *sent: dict) -> None:
    writer = JournalWriter(settings.JOURNAL)
    received_us = int(clock.now().timestamp()) * 1_000_000
    body = json.dumps({"batch": sent}).encode()
    writer.append(shop_id=shop.id, received_us=received_us, kind=Kind.BATCH, body=body)
    writer.close()


def settled(shop) -> list[Settlement]:
    with scope(shop=shop.id):
        return list(Settlement.objects.order_by("id"))


def killing(monkeypatch, holder, name: str, when: str) -> Callable[[], None]:
    """`holder.name` dies before or after its work, until what this returns is called."""
    real = getattr(holder, name)

    def dying(*args, **kwargs):
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(holder, name, dying)
    return lambda: monkeypatch.setattr(holder, name, real)


# --- a mend that lay still for longer than ids are remembered ---


@pytest.mark.parametrize(("is_guarded", "count"), [(False, 10), (True, 7)])
def test_mend__resumed_after_more_than_48_hours__counts_once_only_because_the_facts_are_asked(
    settings, shop, monkeypatch, is_guarded, count
) -> None:
    store = Stored()
    set_aside(settings, store, shop, *events(7))
    found = actions.start_mend(shop=shop, group=group_of(shop), rules=[AS_TEXT], actor=ACTOR, at=NOW)
    revive = killing(monkeypatch, sending, "send", "after")
    with pytest.raises(Killed):
        jobs.run_to_end(found.job_id)
    revive()
    commit(settings, store)
    assert len(store.rows()) == 3
    with clock.frozen(NOW + timedelta(hours=50)):
        send(settings, shop, EARLY | {"messageId": "other"})
        commit(settings, store)  # and what was committed two days ago is forgotten
        assert len(RememberedRun.objects.all()) == 1
        if not is_guarded:
            monkeypatch.setattr(once, "counted_ids", lambda *_: set())
        jobs.run_to_end(found.job_id)
        commit(settings, store)
        done = reads.get_mend(shop, found.id)
        assert (done.state, done.replayed, done.mended) == ("done", 7, 7)
    assert len(store.rows()) == count + 1


def test_mend__resumed_while_what_it_sent_lies_in_the_journal__waits_for_collection(
    settings, facts, shop, monkeypatch
) -> None:
    set_aside(settings, facts, shop, *events(2))
    found = actions.start_mend(shop=shop, group=group_of(shop), rules=[AS_TEXT], actor=ACTOR, at=NOW)
    revive = killing(monkeypatch, sending, "send", "after")
    with pytest.raises(Killed):
        jobs.run_to_end(found.job_id)
    revive()
    with clock.frozen(NOW + timedelta(minutes=2)):
        jobs.run_to_end(found.job_id)
        stood = reads.get_mend(shop, found.id)
        assert (stood.state, stood.replayed) == ("failed", 0)
        assert stood.error
        row = reads.list_quarantined(shop).rows[0]
        with pytest.raises(CollectionBehind):  # by hand as well
            actions.mend_and_replay(
                shop=shop,
                quarantined_id=row.id,
                payload=row.payload.replace("7", '"7"', 1),
                actor=ACTOR,
                at=clock.now(),
            )
        commit(settings, facts)
        actions.resume_mend(shop=shop, mend_id=found.id, actor=ACTOR, at=clock.now())
        jobs.run_to_end(found.job_id)
        commit(settings, facts)
        assert reads.get_mend(shop, found.id).replayed == 2
    assert len(facts.rows()) == 2


def test_mend__of_an_event_that_came_well_in_the_meantime__settles_it_and_counts_once(settings, shop) -> None:
    store = Stored()
    set_aside(settings, store, shop, *events(1))
    with clock.frozen(NOW + timedelta(hours=1)):
        send(settings, shop, BAD | {"messageId": "m0", "event": "7"})
        commit(settings, store)
    with clock.frozen(NOW + timedelta(days=4)):
        send(settings, shop, EARLY | {"messageId": "other"})
        commit(settings, store)
        row = reads.list_quarantined(shop).rows[0]
        text = json.dumps(json.loads(row.payload) | {"event": "7"})
        actions.mend_and_replay(shop=shop, quarantined_id=row.id, payload=text, actor=ACTOR, at=clock.now())
        commit(settings, store)
    assert len(store.rows()) == 2
    assert reads.count_waiting(shop) == 0


def test_mend__of_many_that_came_long_ago__asks_the_facts_for_all_of_them_at_once(
    settings, shop, monkeypatch
) -> None:
    store = Stored()
    set_aside(settings, store, shop, *events(10))
    send(settings, shop, BAD | {"messageId": "m7", "event": "7"})  # in good shape since
    commit(settings, store)
    asked: list[int] = []
    real = once.counted_ids

    def counting(of, ids):
        asked.append(len(ids))
        return real(of, ids)

    monkeypatch.setattr(once, "counted_ids", counting)
    with clock.frozen(NOW + timedelta(days=4)):
        rules = [AS_TEXT]
        found = actions.start_mend(shop=shop, group=group_of(shop), rules=rules, actor=ACTOR, at=clock.now())
        jobs.run_to_end(found.job_id)
        commit(settings, store)
        assert reads.get_mend(shop, found.id).replayed == 10
    assert asked == [10]  # of four chunks
    assert len(store.rows()) == len(set(store.ids())) == 10
    # A rule that gives events other ids: what was asked ahead is of no use, and is asked ahead only once.
    set_aside(settings, store, shop, *events(10, first=20))
    asked.clear()
    with clock.frozen(NOW + timedelta(days=4)):
        rules = [AS_TEXT, {"rule": "replace", "column": "messageId", "old": "m", "new": "n", "is_part": True}]
        found = actions.start_mend(shop=shop, group=group_of(shop), rules=rules, actor=ACTOR, at=clock.now())
        jobs.run_to_end(found.job_id)
    assert asked == [10, 3, 3, 1]


class Stored(Facts):
    """The real warehouse, and what was stored in it."""

    def __call__(self, *, facts, within=None):
        found = warehouse.append(facts=facts, within=within)
        if facts["events"].num_rows:
            self.tables.append(facts["events"])
        return found


# --- kept rules ---


def test_kept__for_events__mends_what_is_set_aside_later_and_is_on_record(
    settings, facts, shop, other_shop
) -> None:
    at = "2026-11-11 09:30:00"  # of Shanghai, which is 01:30 here; read as UTC it lies far ahead
    set_aside(settings, facts, shop, EARLY | {"messageId": "z0", "timestamp": at})
    keep(shop, group_of(shop, "far_future", "timestamp"), SHANGHAI)
    assert tend() == 0
    later = [EARLY | {"messageId": f"z{i}", "timestamp": at} for i in range(1, 6)]
    for of in (shop, other_shop):
        send(settings, of, *later, EARLY | {"messageId": "never", "timestamp": "never"})
    commit(settings, facts)
    assert reads.count_waiting(shop) == 6
    assert (tend(), tend(), tend()) == (3, 2, 0)  # in chunks of three
    commit(settings, facts)
    mine = [row for row in facts.rows() if row["shop_id"] == shop.id]
    assert [row["at"] for row in mine] == [datetime(2026, 11, 11, 1, 30)] * 6
    assert {row["received_at"] for row in mine} == {NOW.replace(tzinfo=None)}
    assert reads.count_waiting(shop) == 1  # for another reason
    assert reads.count_waiting(other_shop) == 6
    (kept,) = reads.list_kept(shop)
    assert (kept.origin, kept.mapping, kept.column, kept.rows) == ("api", "", "timestamp", 5)
    last = settled(shop)[-1]
    assert (last.kept_id, last.mend_id, last.by, last.changes) == (
        kept.id,
        None,
        "kept rules",
        [{"column": "timestamp", "before": at, "after": "2026-11-11 09:30:00+08:00"}],
    )
    assert reads.history_of(shop, last.entry_id)[0].rules == kept.words
    # The same events again, as they came and in good shape.
    send(settings, shop, *later, EARLY | {"messageId": "z1", "timestamp": "2026-11-11T01:30:00Z"})
    commit(settings, facts)
    assert tend() == 0
    commit(settings, facts)
    assert len(facts.rows()) == 6


def test_kept__for_an_event_wrong_in_two_fields__needs_a_rule_for_each(settings, facts, shop) -> None:
    both = [BAD | {"messageId": f"b{i}", "timestamp": "11.11.2026 01:00"} for i in range(3)]
    set_aside(settings, facts, shop, BAD, EARLY | {"messageId": "t", "timestamp": "11.11.2026 01:00"})
    keep(shop, group_of(shop), AS_TEXT)
    send(settings, shop, both[0])
    commit(settings, facts)
    assert tend() == 0
    dotted = {"rule": "time_format", "column": "timestamp", "format": "%d.%m.%Y %H:%M"}
    keep(shop, group_of(shop, "bad_timestamp", "timestamp"), dotted)
    send(settings, shop, *both[1:])
    commit(settings, facts)
    assert tend() == 2
    commit(settings, facts)
    assert len(facts.rows()) == 4
    assert [one.column for one in reads.list_quarantined(shop).rows] == ["event"]  # it was looked at before


def test_kept__removed_or_replaced__does_nothing_more(settings, facts, shop, other_shop) -> None:
    set_aside(settings, facts, shop, *events(1))
    group = group_of(shop)
    keep(shop, group, {"rule": "replace", "column": "event", "old": "8", "new": "eight"}, AS_TEXT)
    send(settings, shop, BAD | {"messageId": "r", "event": 8})
    commit(settings, facts)
    keep(shop, group, AS_TEXT)  # instead; this one mends what waits now by its mend
    ((kept),) = reads.list_kept(shop)
    with pytest.raises(NotFound):
        actions.remove_kept(shop=other_shop, kept_id=kept.id, actor=ACTOR, at=clock.now())
    send(settings, shop, *events(1, first=20))
    commit(settings, facts)
    actions.remove_kept(shop=shop, kept_id=kept.id, actor=ACTOR, at=clock.now())
    assert tend() == 0
    assert reads.list_kept(shop) == ()
    commit(settings, facts)
    assert sorted(row["name"] for row in facts.rows()) == ["7", "8"]
    assert reads.count_waiting(shop) == 1


@pytest.mark.parametrize("moment_of_death", ["before", "inside", "after"])
def test_kept__committer_killed_where_it_sets_aside__each_counts_once(
    settings, facts, shop, moment_of_death
) -> None:
    set_aside(settings, facts, shop, *events(1))
    keep(shop, group_of(shop), AS_TEXT)
    commit(settings, facts)
    for start in (1, 5):
        send(settings, shop, *events(4, first=start), EARLY | {"messageId": f"good{start}"})
        facts.fails = moment_of_death
        with pytest.raises(OSError, match="killed"):
            commit(settings, facts)
        tend()
        commit(settings, facts)
        while tend():
            # Where it takes the mended ones, too.
            facts.fails = moment_of_death
            with pytest.raises(OSError, match="killed"):
                commit(settings, facts)
        commit(settings, facts)
    assert len(facts.rows()) == len(set(facts.ids())) == 11
    assert reads.count_waiting(shop) == 0


@pytest.mark.parametrize(
    ("holder", "name", "when"),
    [
        (once, "to_send", "after"),
        (sending, "send", "before"),
        (sending, "send", "after"),
        (kept_events, "settle", "after"),
        (kept_events, "_mend_chunk", "after"),
    ],
)
def test_kept__killed_at_any_line__begins_again_and_counts_once(
    settings, facts, shop, monkeypatch, holder, name, when
) -> None:
    set_aside(settings, facts, shop, *events(1))
    keep(shop, group_of(shop), AS_TEXT)
    send(settings, shop, *events(2, first=1), {k: v for k, v in BAD.items() if k != "messageId"})
    commit(settings, facts)
    with monkeypatch.context() as broken:
        killing(broken, holder, name, when)
        with pytest.raises(Killed):
            tend()
    is_done = name == "_mend_chunk"
    assert reads.count_waiting(shop) == (0 if is_done else 3)
    if (name, when) == ("send", "after"):
        assert tend() == 0  # until collection has taken what was sent
    commit(settings, facts)
    assert tend() == (0 if is_done else 3)
    commit(settings, facts)
    assert len(facts.rows()) == len(set(facts.ids())) == 4
    assert len(settled(shop)) == 4
    assert reads.count_waiting(shop) == 0


def test_kept__beside_the_second_core__the_same(settings, facts, shop, monkeypatch) -> None:
    set_aside(settings, facts, shop, *events(1))
    keep(shop, group_of(shop), AS_TEXT)
    commit(settings, facts)
    monkeypatch.setattr(committing, "_WORTH_SHARING", 1)
    second = SecondCore()
    try:
        assert second.wait_until_ready(60)
        for start in range(1, 9, 2):  # two records at least, so that there is something to share
            send(settings, shop, *events(2, first=start), EARLY | {"messageId": f"good{start}"})
        asked = []
        ask = second.ask
        monkeypatch.setattr(second, "ask", lambda share: asked.append(len(share.records)) or ask(share))
        committer = Committer(settings.JOURNAL, append=facts, second=second)
        committer.run_once()
        while tend():
            committer.run_once()
    finally:
        second.close()
    assert asked
    assert len(facts.rows()) == len(set(facts.ids())) == 13


@pytest.mark.parametrize(
    ("reason", "rules"),
    [("wrong_type", []), ("wrong_type", [{"rule": "drop", "note": "x"}]), ("unreadable", [AS_TEXT])],
)
def test_kept__what_changes_nothing_drops_or_is_a_whole_request__is_refused(
    settings, facts, shop, reason, rules
) -> None:
    set_aside(settings, facts, shop, *events(1))
    with scope(shop=shop.id):
        Quarantined.objects.update(reason=reason)
    group = group_of(shop, reason)
    with pytest.raises(NotKept):
        actions.start_mend(shop=shop, group=group, rules=rules, is_kept=True, actor=ACTOR, at=NOW)
    assert reads.list_mends(shop).count == 0
    assert reads.list_kept(shop) == ()


def test_kept__event_with_a_number_that_nothing_holds__waits_and_holds_up_nobody(
    settings, facts, shop
) -> None:
    set_aside(settings, facts, shop, *events(1))
    keep(shop, group_of(shop), AS_TEXT)
    huge = json.dumps(events(1, first=1)[0] | {"properties": {"x": "@"}}).replace('"@"', f"1e{10**20}")
    writer = JournalWriter(settings.JOURNAL)
    body = f'{{"batch":[{huge},{json.dumps(events(1, first=2)[0])}]}}'.encode()
    writer.append(shop_id=shop.id, received_us=int(NOW.timestamp()) * 1_000_000, kind=Kind.BATCH, body=body)
    writer.close()
    commit(settings, facts)
    assert reads.count_waiting(shop) == 2
    assert (tend(), tend()) == (1, 0)
    commit(settings, facts)
    assert len(facts.rows()) == 2
    seen = actions.preview_mend(shop=shop, group=group_of(shop), rules=[AS_TEXT], actor=ACTOR, at=NOW)
    assert (seen.total, seen.would_load) == (1, 0)


# --- dropped after a mend that died had sent them ---


@pytest.mark.parametrize("is_by_rule", [False, True])
def test_drop__of_what_a_dead_mend_has_sent__is_on_record_as_sent(
    settings, shop, monkeypatch, is_by_rule
) -> None:
    store = Stored()
    unnamed = [{k: v for k, v in BAD.items() if k != "messageId"} | {"anonymousId": "u"}]
    set_aside(settings, store, shop, *events(2), *unnamed, *events(2, first=2))
    group = group_of(shop)
    found = actions.start_mend(shop=shop, group=group, rules=[AS_TEXT], actor=ACTOR, at=NOW)
    revive = killing(monkeypatch, sending, "send", "after")
    with pytest.raises(Killed):
        jobs.run_to_end(found.job_id)
    revive()
    with scope(shop=shop.id):
        ids = list(Quarantined.objects.order_by("id").values_list("id", flat=True))
    with pytest.raises(CollectionBehind):
        actions.drop(shop=shop, ids=ids, actor=ACTOR, at=NOW)
    assert reads.count_waiting(shop) == 5
    commit(settings, store)
    if is_by_rule:
        rules = [{"rule": "drop", "note": "x"}]
        drop = actions.start_mend(shop=shop, group=group, rules=rules, actor=ACTOR, at=NOW)
        jobs.run_to_end(drop.job_id)
        done = reads.get_mend(shop, drop.id)
        assert (done.state, done.replayed, done.dropped, done.refused) == ("done", 3, 2, 0)
    else:
        assert actions.drop(shop=shop, ids=ids, actor=ACTOR, at=NOW) == 2
    assert [one.state for one in settled(shop)] == ["replayed"] * 3 + ["dropped"] * 2
    with clock.frozen(NOW + timedelta(minutes=2)):
        jobs.run_to_end(found.job_id)  # whom it was taken from finds nothing left
    commit(settings, store)
    assert len(store.rows()) == 3
