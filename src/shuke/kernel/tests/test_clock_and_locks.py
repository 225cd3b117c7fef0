"""The clock can be held, a demo's can be moved; a lock dies with its holder; a file is whole or absent."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from shuke.kernel import clock
from shuke.kernel.durable import FileLock, LockHeld, write_atomically, written_atomically
from shuke.kernel.surrogates import surrogate, surrogates


def test_now__frozen__stands_still_and_runs_again_afterwards():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with clock.frozen(at):
        assert clock.now() == at
    assert clock.now() > at


def test_move_demo_clock__outside_a_demo__is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SHUKE_HOME", str(tmp_path))
    monkeypatch.delenv("SHUKE_DEMO", raising=False)
    with pytest.raises(RuntimeError, match="demo"):
        clock.move_demo_clock(timedelta(days=1))
    assert not (tmp_path / "clock").exists()


def test_move_demo_clock__in_a_demo__moves_every_reader(monkeypatch, tmp_path):
    monkeypatch.setenv("SHUKE_HOME", str(tmp_path))
    monkeypatch.setenv("SHUKE_DEMO", "1")
    before = datetime.now(UTC)
    clock.move_demo_clock(timedelta(days=3))
    assert timedelta(days=2, hours=23) < clock.now() - before < timedelta(days=3, minutes=1)


def test_file_lock__holder_killed__is_free_again(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import sys,time;from pathlib import Path;from shuke.kernel.durable import FileLock\n"
        "with FileLock(Path(sys.argv[1])):\n print('held',flush=True);time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env=environment
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockHeld), FileLock(path, wait=0):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with FileLock(path, wait=5):
        pass


def test_written_atomically__writer_fails__leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, b"old")

    def fail_half_way() -> None:
        with written_atomically(path) as part:
            part.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_surrogates__many_at_once__equal_one_by_one_and_differ_by_shop_and_kind():
    refs = ["a", "b", "熟客", ""]
    assert surrogates(7, "visitor", refs).tolist() == [surrogate(7, "visitor", r) for r in refs]
    assert len({surrogate(s, k, "a") for s in (1, 2) for k in ("visitor", "person")}) == 4
