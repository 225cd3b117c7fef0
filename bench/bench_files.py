"""A million order lines of an export from the file to facts: time, peak memory, progress; and a load killed half-way.

    python bench/bench_files.py                 one million lines (the acceptance: under 40 s and 1.5 GB)
    python bench/bench_files.py --lines 100000

The file is Tmall's list of order lines as it is exported: GBK, 18 columns, numbers wrapped in ="…", 400,000 orders. It
is made first by a process of its own and does not count. A second shop's load is killed (kill -9) when half of its lines
are in, and goes on in another process: no line is lost, and none stands twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")
os.environ.setdefault("SHUKE_LOG", "ERROR")
HEADER = (
    "子订单编号,主订单编号,标题,价格,购买数量,外部系统编号,商品属性,套餐信息,备注,订单状态,商家编码,支付单号,"
    "买家应付货款,买家实际支付金额,退款状态,退款金额,订单创建时间,订单付款时间"
)


def make(path: Path, lines: int) -> dict[str, int]:
    """Write the file; returns lines, orders and the paid amount in fen."""
    luck = random.Random(7)
    paid = orders = done = 0
    with path.open("w", encoding="gb18030", newline="") as file:
        file.write(HEADER + "\r\n")
        while done < lines:
            orders += 1
            order = f"{1_930_500_000_000_000_000 + orders * 37}"
            day, second = 1 + orders % 28, orders % 86_400
            at = f"2026-04-{day:02} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            for k in range(min(luck.choice((1, 2, 2, 3, 4)), lines - done)):
                sku, price, units = (
                    luck.randrange(5_000),
                    luck.randrange(990, 29_900),
                    luck.choice((1, 1, 1, 2, 3)),
                )
                amount = price * units - luck.randrange(300)
                paid += amount
                done += 1
                file.write(
                    f'="{order}{k}",="{order}",亚麻衬衫夏季新款{sku % 300}号,{price / 100:.2f},{units},S{sku:05},'
                    f"颜色分类:藏青;尺码:M,,,卖家已发货，等待买家确认,S{sku:05},,{price * units / 100:.2f},"
                    f"{amount / 100:.2f},没有申请退款,,{at},{at}\r\n"
                )
    return {"lines": done, "orders": orders, "paid": paid}


def prepare(path: Path, lines: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from shuke.kernel import clock
    from shuke.records.actor import Actor
    from shuke.shops import actions

    call_command("migrate", verbosity=0)
    for slug in ("whole", "killed"):
        actions.create_shop(
            slug=slug,
            name=slug,
            platforms=["taobao"],
            category="apparel",
            currency="CNY",
            zone="Asia/Shanghai",
            actor=Actor.system("bench"),
            at=clock.now(),
        )
    print(json.dumps(make(path, lines)))


def load(slug: str, path: Path) -> None:
    """Start the load of a shop, or go on with the one that was killed; prints progress, then what came of it."""
    import django

    django.setup()
    from shuke.commerce.reads import order_totals
    from shuke.intake import actions, reads
    from shuke.kernel import clock
    from shuke.records import jobs
    from shuke.records.actor import Actor
    from shuke.shops.reads import get_shop
    from shuke.warehouse import reads as warehouse

    actor = Actor.system("bench")
    shop = get_shop(slug)
    begun = reads.list_imports(shop).rows
    started = time.perf_counter()
    steps = 0

    def watch(job: object) -> None:
        nonlocal steps
        steps += 1
        print(json.dumps({"done": job.done, "total": job.total}), flush=True)  # type: ignore[attr-defined]

    if begun:
        time.sleep(61)  # the lease of the dead process runs out
        started = time.perf_counter()
        job_id = begun[0].job_id
    else:
        kept = actions.upload_path(shop=shop, path=path, actor=actor, at=clock.now())
        job_id = actions.start_import(
            shop=shop, files={"": kept.sha256}, mapping="tmall_sub_order_2020", actor=actor, at=clock.now()
        ).job_id
    assert job_id is not None
    jobs.run_to_end(job_id, watch=watch)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak, cpu = used.ru_maxrss // 1024, used.ru_utime + used.ru_stime
    (ended,) = reads.list_imports(shop).rows
    life = warehouse.whole_life(shop.id)
    assert life is not None, ended.error
    totals = order_totals(shop, life)
    told = {
        "seconds": round(seconds, 1),
        "cpu": round(cpu, 1),
        "peak_mb": peak,
        "steps": steps,
        "lines": ended.rows_new,
        "bad": ended.rows_bad,
        "orders": totals.sales,
        "paid": totals.paid_minor,
    }
    print(json.dumps(told))


def run(*words: str) -> dict[str, int]:
    done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    answer: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return answer


def kill_half_way(path: Path, lines: int) -> int:
    """Start the second shop's load and kill it when half of its lines are in; returns how many were."""
    words = [sys.executable, __file__, "--load", "killed", "--file", str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            done = int(json.loads(line).get("done") or 0)
            if done >= lines // 2:
                process.send_signal(signal.SIGKILL)
                return done
    sys.exit("the load ended before it could be killed")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--lines", type=int, default=1_000_000)
    asked.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    asked.add_argument("--load", default="", help=argparse.SUPPRESS)
    asked.add_argument("--file", default="", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.prepare:
        prepare(Path(given.file), given.lines)
        return 0
    if given.load:
        load(given.load, Path(given.file))
        return 0
    home = Path(tempfile.mkdtemp(prefix="bench-files-"))
    os.environ["SHUKE_HOME"] = str(home)
    try:
        path = home / "ExportItemList.csv"
        truth = run("--prepare", "--lines", str(given.lines), "--file", str(path))
        whole = run("--load", "whole", "--file", str(path))
        print(f"{truth['lines']:,} lines of {truth['orders']:,} orders, {path.stat().st_size >> 20} MB")
        print(
            f"loaded in {whole['seconds']} s, peak {whole['peak_mb']:,} MB, {whole['steps']} steps of progress"
        )
        is_whole = all(whole[name] == truth[name] for name in ("lines", "orders", "paid"))
        print(f"as the file says: {'yes' if is_whole else f'NO: {whole} against {truth}'}")
        killed_at = kill_half_way(path, given.lines)
        again = run("--load", "killed", "--file", str(path))
        is_again = all(again[name] == truth[name] for name in ("lines", "orders", "paid"))
        print(f"killed after {killed_at:,} lines, went on for {again['seconds']} s")
        print(f"as the file says: {'yes' if is_again else f'NO: {again} against {truth}'}")
        return 0 if is_whole and is_again else 1
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
