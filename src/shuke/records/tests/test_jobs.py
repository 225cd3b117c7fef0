"""Jobs: chunks saved with their effects, leases, stop and resume, errors in a person's words, the sweeper."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation
from django_scopes import scopes_disabled
from hypothesis import given
from hypothesis import strategies as st

from shuke.kernel import clock
from shuke.kernel.errors import Invalid, NotFound
from shuke.records import jobs, machine, reads
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry, Job
from shuke.records.tests import counting_job

AT = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
ACTOR = Actor("member", 3, "Li", "operator")


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """Messages to the workers, kept instead of sent; kinds of this test's own."""
    found: list[int] = []
    monkeypatch.setattr(jobs, "_kinds", {})
    monkeypatch.setattr(jobs, "dispatch", found.append)
    counting_job.cut_at.clear()
    counting_job.register()
    with clock.frozen(AT):
        yield found


def _start(total=25, **given):
    values = {"shop_id": 1, "kind": counting_job.KIND, "params": {"total": total}, "actor": ACTOR, "at": AT}
    return jobs.start_job(**(values | given))


def _counted() -> list[int]:
    with scopes_disabled():
        rows = AuditEntry.objects.filter(deed="count").values_list("subject_id", flat=True)
        return sorted(int(number) for number in rows)


def _row(job) -> Job:
    with scopes_disabled():
        return Job.objects.get(id=job.pk)


@pytest.mark.django_db
def test_run_to_end__three_chunks__does_each_number_once():
    job = jobs.run_to_end(_start(25).pk)
    assert (job.state, job.done, job.total, job.cursor) == (
        machine.DONE,
        25,
        25,
        {"next": 25, "pid": os.getpid()},
    )
    assert (job.started_at, job.ended_at) == (AT, AT)
    assert _counted() == list(range(25))


@pytest.mark.django_db
def test_start_job__same_key__is_the_same_job():
    first, second = _start(key="file:1"), _start(key="file:1")
    assert first.pk == second.pk
    assert _start(key="file:2").pk != first.pk
    assert _start(key="file:1", shop_id=2).pk != first.pk
    assert _start().pk != _start().pk


@pytest.mark.django_db
def test_start_job__unknown_kind__is_refused_and_nothing_is_written():
    with pytest.raises(NotFound):
        _start(kind="tests.unknown")
    with scopes_disabled():
        assert (Job.objects.count(), AuditEntry.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_start_job__after_the_commit__is_dispatched(sent):
    job = _start()
    assert sent == [job.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("cut", [10, 20, 25])
def test_worker_dies_between_effects_and_progress__saving__resumes_exactly(cut):
    job = _start(25)
    counting_job.cut_at.add(cut)
    with pytest.raises(counting_job.Killed):
        jobs.run_to_end(job.pk)
    with clock.frozen(AT + jobs.LEASE):
        assert jobs.run_to_end(job.pk).state == machine.DONE
    assert _counted() == list(range(25))


@pytest.mark.django_db
def test_worker_dies_between_effects_and_progress__guard_off__repeats_a_chunk():
    """The fault that `saving` prevents, so that the test above is known to be able to fail."""
    counting_job.register(is_saving=False)
    job = _start(25)
    counting_job.cut_at.add(20)
    with pytest.raises(counting_job.Killed):
        jobs.run_to_end(job.pk)
    with clock.frozen(AT + jobs.LEASE):
        jobs.run_to_end(job.pk)
    assert _counted() == sorted([*range(25), *range(10, 20)])


@pytest.mark.django_db
def test_claim__job_is_leased__nobody_else_gets_it_until_the_lease_ends():
    job = _start()
    assert jobs.claim(job.pk, AT) is not None
    assert jobs.claim(job.pk, AT + jobs.LEASE - timedelta(microseconds=1)) is None
    assert jobs.claim(job.pk, AT + jobs.LEASE) is not None


@pytest.mark.django_db
def test_saving__overtaken_worker__loses_its_chunk():
    job = _start(25)
    slow = jobs.claim(job.pk, AT)
    fast = jobs.claim(job.pk, AT + jobs.LEASE)
    step = jobs.kind(counting_job.KIND).step
    assert step(fast) == "more"
    with pytest.raises(jobs.LeaseLost):
        step(slow)
    assert _counted() == list(range(10))
    with pytest.raises(jobs.LeaseLost):
        slow.progress(99, 99)
    assert _row(job).done == 10


@pytest.mark.django_db
def test_request_stop__running__stops_after_the_chunk_and_resumes_where_it_stood():
    job = _start(25)
    run = jobs.claim(job.pk, AT)
    jobs.request_stop(shop_id=1, job_id=job.pk, actor=ACTOR, at=AT)
    assert run.is_stop_wanted()
    assert jobs._one_chunk(run) is False
    assert (_row(job).state, _row(job).done) == (machine.STOPPED, 10)
    assert jobs.run_chunk(job.pk) is False
    assert _row(job).done == 10

    jobs.resume(shop_id=1, job_id=job.pk, actor=ACTOR, at=AT)
    assert jobs.run_to_end(job.pk).state == machine.DONE
    assert _counted() == list(range(25))
    deeds = [row.deed for row in reads.list_audit(1, subject_kind="job").rows]
    assert deeds == ["resume_job", "stop_job", "start_job"]


@pytest.mark.django_db
def test_request_stop__waiting__stops_at_once():
    job = _start()
    jobs.request_stop(shop_id=1, job_id=job.pk, actor=ACTOR, at=AT)
    assert _row(job).state == machine.STOPPED
    assert jobs.run_chunk(job.pk) is False
    assert _counted() == []


@pytest.mark.django_db
def test_request_stop__worker_died_while_stopping__the_next_worker_marks_it_stopped():
    job = _start()
    jobs.claim(job.pk, AT)
    jobs.request_stop(shop_id=1, job_id=job.pk, actor=ACTOR, at=AT)
    assert jobs.claim(job.pk, AT + jobs.LEASE) is None
    assert _row(job).state == machine.STOPPED


@pytest.mark.django_db
def test_stop_and_resume__wrong_state_or_other_shop__are_refused_and_change_nothing():
    job = jobs.run_to_end(_start(5).pk)
    entries = reads.list_audit(1).count
    for deed in (jobs.request_stop, jobs.resume):
        with pytest.raises(jobs.JobCanNot):
            deed(shop_id=1, job_id=job.pk, actor=ACTOR, at=AT)
        with pytest.raises(NotFound):
            deed(shop_id=2, job_id=job.pk, actor=ACTOR, at=AT)
    assert _row(job).state == machine.DONE
    assert reads.list_audit(1).count == entries


@pytest.mark.django_db
def test_step__refuses_with_words__fails_at_once_in_every_language():
    @jobs.job_kind("tests.refuse", "Refuse")
    def refuse(job):
        raise Invalid(field="separator", value=";")

    job = jobs.run_to_end(_start(kind="tests.refuse").pk)
    assert (job.state, job.error["code"]) == (machine.FAILED, "invalid")
    assert set(job.error["words"]) == {"zh-hans", "en"}
    with translation.override("en"):
        assert reads.get_job(1, job.pk).error == "separator can not be “;”."


@pytest.mark.django_db
def test_step__keeps_breaking__is_tried_again_then_fails_with_a_reference_only():
    tries = []

    @jobs.job_kind("tests.break", "Break")
    def broken(job):
        tries.append(1)
        raise RuntimeError("secret detail")

    job = _start(kind="tests.break")
    at = AT
    for _turn in range(jobs.MAX_ATTEMPTS):
        with clock.frozen(at):
            assert jobs.run_chunk(job.pk) is False
        at += timedelta(minutes=5)
    assert len(tries) == jobs.MAX_ATTEMPTS
    view = reads.get_job(1, job.pk)
    assert (view.state, view.error_code, view.may_resume) == (machine.FAILED, "internal", True)
    assert "secret detail" not in str(_row(job).error)


@pytest.mark.django_db
def test_claim__job_keeps_killing_its_workers__fails_instead_of_going_on_for_ever():
    job = _start()
    at = AT
    for _turn in range(jobs.MAX_ATTEMPTS):
        assert jobs.claim(job.pk, at) is not None
        at += jobs.LEASE
    assert jobs.claim(job.pk, at) is None
    assert (_row(job).state, _row(job).error["code"]) == (machine.FAILED, "internal")


@pytest.mark.django_db
def test_sweep__lost_message_or_dead_worker__is_sent_once_each_time_it_is_due(sent):
    waiting, running, done = _start(), _start(), _start(5)
    jobs.claim(running.pk, AT)
    jobs.run_to_end(done.pk)
    sent.clear()

    assert jobs.sweep(AT) == 0
    assert jobs.sweep(AT + jobs.KICK_AGAIN) == 1
    assert jobs.sweep(AT + jobs.KICK_AGAIN) == 0
    assert sent == [waiting.pk]
    assert jobs.sweep(AT + jobs.LEASE) == 2
    assert sorted(sent) == sorted([waiting.pk, waiting.pk, running.pk])


@pytest.mark.django_db
def test_run_chunk__burst_is_over__sends_the_next_one(sent):
    job = _start(25)
    assert jobs.run_chunk(job.pk, burst_seconds=0) is True
    assert sent == [job.pk]
    assert (_row(job).state, _row(job).done, _row(job).lease) == (machine.RUNNING, 10, "")


@pytest.mark.django_db
def test_list_jobs__filters__only_this_shop_newest_first():
    first, second = _start(5), _start(5, at=AT + timedelta(seconds=1))
    _start(shop_id=2)
    jobs.run_to_end(first.pk)
    assert [job.id for job in reads.list_jobs(1)] == [second.pk, first.pk]
    assert [job.id for job in reads.list_jobs(1, states=[machine.DONE])] == [first.pk]
    assert reads.count_jobs(1, kinds=["tests.other"]) == 0
    assert reads.get_job(1, first.pk).share == 1.0
    with pytest.raises(NotFound):
        reads.get_job(2, first.pk)


def test_machine__every_state__is_in_both_tables_and_reaches_an_end():
    assert set(machine.MAY_FOLLOW) == set(machine.ALLOWS)
    for follows in machine.MAY_FOLLOW.values():
        assert follows <= set(machine.STATES)
    assert machine.MAY_FOLLOW[machine.DONE] == frozenset()
    assert machine.states_that("resume") == (machine.STOPPED, machine.FAILED)


@pytest.mark.django_db(transaction=True)
@given(cuts=st.sets(st.integers(1, 4)), total=st.integers(1, 40))
def test_law__killed_anywhere_any_number_of_times__counts_each_number_once(cuts, total):
    with scopes_disabled():
        AuditEntry.objects.all().delete()
    counting_job.cut_at.clear()
    counting_job.cut_at.update(cut * counting_job.CHUNK for cut in cuts)
    job = _start(total)
    at = AT
    for _turn in range(6):
        at += jobs.LEASE
        with clock.frozen(at):
            try:
                state = jobs.run_to_end(job.pk).state
                break
            except counting_job.Killed:
                continue
    assert state == machine.DONE
    assert _counted() == list(range(total))
