"""A report of keywords in a shop: given as a file, loaded as a person would."""

from __future__ import annotations

import io

from shuke.intake import actions, reads
from shuke.intake.files import actions as files
from shuke.kernel import clock
from shuke.records import jobs
from shuke.records.actor import Actor

ACTOR = Actor.system("tests")
REPORT = """日期,推广计划,宝贝ID,关键词,出价,质量分,平均展现排名,展现量,点击量,花费,总成交金额,总成交笔数,下一名出价,下一名质量分,备注
2026-03-01~2026-03-07,夏,1001,亚麻连衣裙,1.50,9,2.4,"18,200",640,688.20,5120.00,32,1.20,8,好词
2026-03-01~2026-03-07,夏,1001,连衣裙,2.10,4,9.8,9100,210,398.00,310.00,2,,,
2026-03-01~2026-03-07,夏,1002,棉麻衬衫,0.60,7,,0,0,0.00,0.00,0,0.90,7,
2026-03-01~2026-03-07,夏,1002,衬衫,0.80,6,5,3000,150,120.00,80.00,1,,,
2026-03-01~2026-03-07,夏,1002,男衬衫,0.80,6,5,300,12,9.00,80.00,1,,,
2026-03-01~2026-03-07,夏,1003,袜子,0.20,-,5,300,12,9.00,80.00,1,,,
"""


def load(shop, content: str | bytes, mapping: str = "zhitongche_keywords", name: str = "report.csv"):
    """Import a file through a mapping; returns the import as it ended."""
    data = content.encode() if isinstance(content, str) else content
    kept = files.upload_file(shop=shop, content=io.BytesIO(data), name=name, actor=ACTOR, at=clock.now())
    started = files.start_import(
        shop=shop, files={"": kept.sha256}, mapping=mapping, actor=ACTOR, at=clock.now()
    )
    jobs.run_to_end(started.job_id)
    ended = reads.get_import(shop, started.id)
    assert ended.error == ""
    assert ended.rows_read == ended.rows_new + ended.rows_changed + ended.rows_known + ended.rows_bad
    return ended


def recognised(shop, content: str) -> str:
    """The mapping that a file is told to be, as `shuke import` tells it."""
    kept = actions.upload_file(
        shop=shop, content=io.BytesIO(content.encode()), name="any.csv", actor=ACTOR, at=clock.now()
    )
    return actions.recognise(shop=shop, file=kept.sha256, actor=ACTOR)[0].mapping.name
