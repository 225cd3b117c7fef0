"""The journal: what was acknowledged is there, whole, in order, whatever happened to its writer."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.intake import journal
from shuke.intake.errors import JournalFull
from shuke.intake.journal import JournalWriter, Series, journal_bytes, list_series, read_records


def laid(writer: JournalWriter, *bodies: bytes) -> None:
    for body in bodies:
        writer.append(shop_id=7, received_us=1_000, kind=0, body=body)


def read_all(series: Series) -> list[bytes]:
    bodies: list[bytes] = []
    for number in series.numbers:
        offset = 0
        while True:
            records, end = read_records(series.path(number), offset, 4096)
            bodies += [record.body for record in records]
            if end == offset:
                break
            offset = end
    return bodies


def only(folder: Path) -> Series:
    (series,) = list_series(folder)
    return series


def test_record__is_appended__is_read_back_with_all_its_parts(tmp_path):
    writer = JournalWriter(tmp_path)
    writer.append(shop_id=3, received_us=1_700_000_000_000_001, kind=2, body=b'{"a":1}')
    records, end = read_records(only(tmp_path).path(1), 0, 1 << 20)
    (record,) = records
    assert (record.shop_id, record.received_us, record.kind, record.body, record.offset) == (
        3,
        1_700_000_000_000_001,
        2,
        b'{"a":1}',
        0,
    )
    assert end == only(tmp_path).path(1).stat().st_size


def test_series__its_writer_lives__has_not_ended(tmp_path):
    writer = JournalWriter(tmp_path)
    assert not only(tmp_path).is_ended
    writer.close()
    assert only(tmp_path).is_ended


def test_files__grow_past_the_size__rotate_and_keep_order(tmp_path):
    writer = JournalWriter(tmp_path, rotate_bytes=300)
    bodies = [b"%04d" % i * 20 for i in range(20)]
    laid(writer, *bodies)
    series = only(tmp_path)
    assert len(series.numbers) > 3
    assert read_all(series) == bodies


def test_record__is_larger_than_what_is_read_at_once__is_read(tmp_path):
    writer = JournalWriter(tmp_path)
    laid(writer, b"x" * 100_000, b"y")
    assert read_all(only(tmp_path)) == [b"x" * 100_000, b"y"]


def test_append__of_many_threads__stores_each_once(tmp_path):
    writer = JournalWriter(tmp_path, rotate_bytes=4_000)
    bodies = [b"%d-%d" % (t, i) for t in range(8) for i in range(50)]

    def work(t: int) -> None:
        for i in range(50):
            laid(writer, b"%d-%d" % (t, i))

    threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_all(only(tmp_path))) == sorted(bodies)


def test_append__above_the_bound__is_refused_and_writes_nothing(tmp_path):
    writer = JournalWriter(tmp_path, bound_bytes=1_000, rotate_bytes=400)
    laid(writer, b"x" * 300, b"x" * 300)
    before = journal_bytes(tmp_path)
    with pytest.raises(JournalFull):
        laid(writer, b"x" * 400)
    assert journal_bytes(tmp_path) == before
    assert read_all(only(tmp_path)) == [b"x" * 300, b"x" * 300]


def test_append__after_files_were_removed__is_taken_again(tmp_path):
    writer = JournalWriter(tmp_path, bound_bytes=1_000, rotate_bytes=10_000)
    laid(writer, b"x" * 600)
    with pytest.raises(JournalFull):
        laid(writer, b"x" * 600)
    series = only(tmp_path)
    assert series.numbers == (
        1,
        2,
    )  # the full journal began a next file, so the first can go once it is committed
    series.path(1).unlink()
    writer._measured_at = 0.0
    laid(writer, b"y" * 600)
    assert read_all(only(tmp_path)) == [b"y" * 600]


def test_append__counts_the_bytes_of_other_writers(tmp_path):
    laid(JournalWriter(tmp_path, bound_bytes=1_000), b"x" * 600)
    with pytest.raises(JournalFull):
        laid(JournalWriter(tmp_path, bound_bytes=1_000), b"x" * 600)


def test_append__when_the_disk_fails__tells_the_sender_and_writes_on_in_a_new_file(tmp_path, monkeypatch):
    writer = JournalWriter(tmp_path)
    laid(writer, b"one")
    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError):
        laid(writer, b"two")
    monkeypatch.setattr(os, "fdatasync", sync)
    laid(writer, b"three")
    assert read_all(only(tmp_path)) == [b"one", b"three"]


def failing(monkeypatch, target, name: str, times: int) -> None:
    """The first `times` calls of a function of the disk raise."""
    real, left = getattr(target, name), [times]

    def call(*given):
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(f"{name} fails")
        return real(*given)

    monkeypatch.setattr(target, name, call)


def test_append__when_cutting_half_a_record_fails_too__what_comes_later_is_read(tmp_path, monkeypatch):
    writer = JournalWriter(tmp_path)
    laid(writer, b"one")
    write = os.write

    def half(fd: int, content: memoryview) -> int:
        monkeypatch.setattr(os, "write", write)
        write(fd, content[: len(content) // 2])
        raise OSError("no space")

    failing(monkeypatch, os, "ftruncate", 1)
    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="could not be written"):
        laid(writer, b"two")
    laid(writer, b"three")
    assert read_all(only(tmp_path)) == [b"one", b"three"]


def test_append__while_no_new_file_can_be_made__refuses_and_recovers(tmp_path, monkeypatch):
    writer = JournalWriter(tmp_path)
    laid(writer, b"one")
    failing(monkeypatch, os, "fdatasync", 1)
    failing(monkeypatch, journal, "sync_folder", 2)
    for refused in (b"two", b"three"):  # its sync and the next file's folder; then only the folder's
        with pytest.raises(OSError, match="could not be written"):
            laid(writer, refused)
    laid(writer, b"four")
    series = only(tmp_path)
    assert read_all(series) == [b"one", b"four"]
    assert len(series.numbers) == 2


def test_append__when_rotation_fails__writes_no_more_to_the_file_that_readers_may_have_left(
    tmp_path, monkeypatch
):
    writer = JournalWriter(tmp_path, rotate_bytes=100)
    laid(writer, b"x" * 60)
    failing(monkeypatch, journal, "sync_folder", 1)
    with pytest.raises(OSError, match="could not be written"):
        laid(writer, b"y" * 60)
    size = only(tmp_path).path(1).stat().st_size
    laid(writer, b"z")
    assert only(tmp_path).path(1).stat().st_size == size
    assert read_all(only(tmp_path)) == [b"x" * 60, b"z"]


@settings(max_examples=60, deadline=None)
@given(
    bodies=st.lists(st.binary(min_size=0, max_size=60), min_size=1, max_size=8),
    cut=st.integers(min_value=0, max_value=10_000),
    flip=st.booleans(),
)
def test_reading__of_a_torn_tail__gives_the_whole_records_before_it(tmp_path_factory, bodies, cut, flip):
    folder = tmp_path_factory.mktemp("journal")
    writer = JournalWriter(folder)
    ends = []
    for body in bodies:
        laid(writer, body)
        ends.append(only(folder).path(1).stat().st_size)
    path = only(folder).path(1)
    content = bytearray(path.read_bytes())
    place = cut % len(content)
    if flip:
        content[place] ^= 0x41
    else:
        del content[place:]
    path.write_bytes(content)
    whole = sum(1 for end in ends if end <= place)
    assert read_all(only(folder)) == bodies[:whole]
    writer.close()
