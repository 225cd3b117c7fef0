"""Idempotency keys: the first answer again, a different request refused, nothing kept of a failed deed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection
from django_scopes import scopes_disabled

from shuke.records.idempotency import KEPT, KeyUsedOtherwise, fingerprint_of, forget_answers, forget_old, once
from shuke.records.models import IdempotencyKey

AT = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
BODY = fingerprint_of(b'{"a": 1}')


@pytest.fixture
def counting():
    """A deed that counts how often it was done."""
    done: list[int] = []

    def act():
        done.append(1)
        return {"number": len(done)}

    act.done = done
    return act


def _once(act, **given):
    values = {"shop_id": 1, "key": "k1", "deed": "import", "fingerprint": BODY, "at": AT} | given
    return once(act=act, **values)


@pytest.mark.django_db
def test_once__same_key_and_body__gives_the_first_answer(counting):
    first, second = _once(counting), _once(counting)
    assert (first.answer, first.is_repeat) == ({"number": 1}, False)
    assert (second.answer, second.is_repeat) == ({"number": 1}, True)
    assert len(counting.done) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"shop_id": 2}, {"deed": "export"}, {"key": "k2"}])
def test_once__other_shop_deed_or_key__is_another_deed(counting, other):
    _once(counting)
    assert not _once(counting, **other).is_repeat
    assert len(counting.done) == 2


@pytest.mark.django_db
def test_once__same_key_other_body__is_refused_and_changes_nothing(counting):
    _once(counting)
    with pytest.raises(KeyUsedOtherwise) as refused:
        _once(counting, fingerprint=fingerprint_of(b"{}"))
    assert refused.value.status == 409
    assert len(counting.done) == 1
    assert _once(counting).answer == {"number": 1}


@pytest.mark.django_db
@pytest.mark.parametrize("error", [ValueError, IntegrityError])
def test_once__deed_fails__keeps_nothing_and_may_be_repeated(counting, error):
    def fail():
        raise error("no")

    with pytest.raises(error):
        _once(fail)
    with scopes_disabled():
        assert IdempotencyKey.objects.count() == 0
    assert _once(counting).answer == {"number": 1}


@pytest.mark.django_db
def test_once__answer_that_is_not_kept_or_forgotten__is_not_done_again(counting):
    _once(counting, keeps=False)
    assert _once(counting).answer is None
    _once(counting, key="k2")
    assert [forget_answers(2), forget_answers(1), forget_answers(1)] == [0, 1, 0]
    assert (_once(counting, key="k2").answer, len(counting.done)) == (None, 2)


@pytest.mark.django_db
def test_once__no_key__is_simply_done(counting):
    _once(counting, key=None)
    _once(counting, key="")
    assert len(counting.done) == 2


@pytest.mark.django_db(transaction=True)
def test_once__two_at_once__the_second_waits_and_reads_the_first_answer():
    began, go_on = threading.Event(), threading.Event()
    answers = []

    def slow():
        began.set()
        go_on.wait(5)
        return {"by": "first"}

    def first():
        answers.append(_once(slow))
        connection.close()

    def second():
        answers.append(_once(lambda: {"by": "second"}))
        connection.close()

    one = threading.Thread(target=first)
    one.start()
    assert began.wait(5)
    two = threading.Thread(target=second)
    two.start()
    two.join(0.3)
    assert two.is_alive()  # it can not answer before the first has
    go_on.set()
    one.join(10)
    two.join(10)
    assert [answer.answer for answer in answers] == [{"by": "first"}] * 2
    assert sorted(answer.is_repeat for answer in answers) == [False, True]  # either may note its answer first


@pytest.mark.django_db
def test_forget_old__after_two_days__the_key_may_be_used_again(counting):
    _once(counting)
    assert forget_old(AT + KEPT) == 0
    assert forget_old(AT + KEPT + timedelta(seconds=1)) == 1
    assert not _once(counting).is_repeat
