"""`shuke import --look`: how the first rows would be read, and which kept rule changes which cell; nothing is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import translation

from shuke.intake import actions, reads
from shuke.intake.files.problems import MissingColumns
from shuke.intake.tests.books import BOOK, HEADER, load_book
from shuke.kernel import clock
from shuke.project.commands.data import _look
from shuke.records import jobs
from shuke.records.actor import Actor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]
ACTOR = Actor.system("tests")
DOTTED = {"rule": "time_format", "column": "at", "format": "%d.%m.%Y"}


def test_look__at_a_file_that_kept_rules_mend__lists_cells_and_problems_and_loads_nothing(
    shop, tmp_path: Path, capsys
) -> None:
    actions.save_mapping(shop=shop, spec=BOOK, actor=ACTOR, at=clock.now())
    load_book(shop, HEADER + "z,01.03.2026,p,1,1\n")
    (group,) = (one.group for one in reads.waiting_groups(shop))
    mend = actions.start_mend(
        shop=shop, group=group, rules=[DOTTED], is_kept=True, actor=ACTOR, at=clock.now()
    )
    jobs.run_to_end(mend.job_id)
    before = reads.list_imports(shop).count
    file = tmp_path / "later.csv"
    file.write_text(HEADER + "y,02.03.2026,p,1,1\nx,2026-03-01,p,many,1\n")
    capsys.readouterr()
    for language, said in (
        (
            "en",
            [
                "later.csv: of the first 2 rows 1 would wait, 1 would be mended by kept rules",
                "  line 3: “many” in “n” is not a number.",
                "  line 2: at: “02.03.2026” → “2026-03-02 00:00:00” (The times of “at” are written as %d.%m.%Y)",
            ],
        ),
        ("zh-hans", ["later.csv: 前 2 行中：1 行会进入隔离区，1 行由保留的规则修正", "第 3 行", "第 2 行"]),
    ):
        with translation.override(language):
            _look(shop, {"": file}, "book", {})
        lines = capsys.readouterr().out.splitlines()
        for words in said:
            assert any(words in line for line in lines), (words, lines)
    assert reads.list_imports(shop).count == before
    file.write_text("a,b\n1,2\n")
    with pytest.raises(MissingColumns):
        _look(shop, {"": file}, "book", {})
