"""The second core: the same facts as without it, whatever becomes of the process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shuke.intake import committer as committing
from shuke.intake.committer import Committer
from shuke.intake.journal import JournalWriter
from shuke.intake.models import JournalPosition, Quarantined, RememberedRun
from shuke.intake.second_core import SecondCore
from shuke.intake.segment_spec import Kind
from shuke.intake.tests.test_committer import NOW, NOW_US, Facts, event, send
from shuke.kernel import clock

START_SECONDS = 60.0


@pytest.fixture(scope="module")
def process() -> Iterator[SecondCore]:
    """One process for all tests here: it takes longer to start than everything else."""
    second = SecondCore()
    assert second.wait_until_ready(START_SECONDS)
    yield second
    second.close()


@pytest.fixture
def second(process, monkeypatch) -> Iterator[SecondCore]:
    monkeypatch.setattr(committing, "_WORTH_SHARING", 1)
    monkeypatch.setattr(process, "_not_before", float("-inf"))
    assert process.wait_until_ready(START_SECONDS)
    with clock.frozen(NOW):
        yield process
    process.close()


@pytest.fixture
def journal(tmp_path, shop, other_shop):
    """Forty requests of two shops; among their events some that repeat and some that can be no fact."""
    writer = JournalWriter(tmp_path / "journal")
    for n in range(40):
        of = shop if n % 3 else other_shop
        send(
            writer, of.id, event(f"m{n}"), event(f"m{n // 2}", timestamp="no moment" if n % 7 == 0 else None)
        )
    writer.append(shop_id=shop.id, received_us=NOW_US, kind=Kind.BATCH, body=b'{"batch":[{"type":"page"},{]}')
    writer.close()
    return tmp_path / "journal"


def everything(journal, second: SecondCore | None, **options) -> tuple[list[dict], list[tuple], int]:
    """The facts, what was set aside and how many runs it took, of one committer over all of a journal."""
    facts, runs = Facts(), 0
    committer = Committer(journal, append=facts, second=second, **options)
    while True:
        done = committer.run_once()
        runs += 1
        if not done.waits:
            break
    aside = sorted(Quarantined._base_manager.values_list("key", "reason", "column", "payload"))
    # Rows of a shop keep the order of arrival; how shops lie among one another says nothing.
    return sorted(facts.rows(), key=lambda row: row["shop_id"]), aside, runs


@pytest.mark.row("T1")
@pytest.mark.parametrize("at_most_bytes", [64 << 20, 1])
def test_second_core__shares_the_work__and_facts_and_refusals_are_the_same(
    journal, second, monkeypatch, at_most_bytes
):
    monkeypatch.setattr(committing, "_SMALLEST_SHARE", 600)
    alone_in = journal.parent / "alone" / "journal"
    shutil.copytree(journal, alone_in)
    asked: list[int] = []
    ask = second.ask
    monkeypatch.setattr(second, "ask", lambda share: asked.append(len(share.records)) or ask(share))
    shared = everything(journal, second, at_most_bytes=at_most_bytes)
    for model in (JournalPosition, RememberedRun, Quarantined):
        model._base_manager.all().delete()
    alone = everything(alone_in, None, at_most_bytes=at_most_bytes)
    assert shared[:2] == alone[:2]
    assert len(shared[0]) > 20
    assert shared[1]
    assert sum(asked) >= 10, "the second core was hardly asked"
    if at_most_bytes == 1:
        assert shared[2] > 3, "nothing was decoded ahead"


def test_second_core__killed_with_a_share_in_hand__costs_no_fact(journal, second, monkeypatch):
    answer = second.answer
    assert second._process is not None
    # Stopped, it takes the share and cannot have answered: what it had written would be read after its death too.
    second._process.send_signal(signal.SIGSTOP)

    def killed():
        assert second._process is not None
        second._process.send_signal(signal.SIGKILL)
        second._process.wait()
        monkeypatch.setattr(second, "answer", answer)
        return answer()

    monkeypatch.setattr(second, "answer", killed)
    facts = Facts()
    done = Committer(journal, append=facts, second=second).run_once()
    assert second._process is None
    assert done.events == len(set(facts.ids())) > 20
    assert second._stands() is False, "it is not started again at once"


def test_second_core__that_hangs__is_ended_and_costs_no_fact(journal, second, monkeypatch):
    assert second._process is not None
    second._process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr("shuke.intake.second_core._LONGEST_SECONDS", 0.2)
    facts = Facts()
    done = Committer(journal, append=facts, second=second).run_once()
    assert second._process is None
    assert done.events == len(set(facts.ids())) > 20


def test_second_core__that_can_not_start__leaves_the_work_to_the_committer(journal, second, monkeypatch):
    second.close()
    monkeypatch.setattr("shuke.intake.second_core._PROGRAM", "raise SystemExit(3)")
    assert not second.wait_until_ready(5)
    facts = Facts()
    assert Committer(journal, append=facts, second=second).run_once().events == len(facts.ids()) > 20


def test_second_core__of_a_committer_that_is_killed__ends(tmp_path):
    program = (
        "import django; django.setup()\n"
        "from shuke.intake.second_core import SecondCore\n"
        "import time\n"
        f"second = SecondCore(); assert second.wait_until_ready({START_SECONDS})\n"
        "print(second._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {
        **os.environ,
        "SHUKE_HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "DJANGO_SETTINGS_MODULE": "shuke.project.settings",
    }
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until = time.monotonic() + 20
    while _runs(child):
        assert time.monotonic() < until, "it outlived its committer"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
