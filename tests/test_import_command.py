"""`shuke import`: what it says of a file before and after it is loaded; which mapping it takes when none is named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shuke.intake.tests.seller_exports import orders, taobao_details, taobao_orders, write

pytestmark = [pytest.mark.row("T1"), pytest.mark.timeout(240)]

FILE = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,A,Tea,2,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
"""
LOAD = ("--mapping", "uci_online_retail", "--no-report")


def test_import__of_a_file_in_another_currency__says_so_and_what_to_do(shuke, tmp_path) -> None:
    file = tmp_path / "tea.csv"
    file.write_text(FILE)
    shuke("setup")
    for slug, currency in (("yuan", "CNY"), ("pounds", "GBP")):
        shuke("shop", "create", slug, "--name", slug, "--currency", currency)
    told = shuke("import", file, "--shop", "yuan", *LOAD).stdout
    notice, counts = told.splitlines()
    assert notice.startswith("tea.csv: The file is in GBP, the shop sells in CNY")
    assert "do not count in the totals" in notice
    assert "load it into a shop that sells in GBP" in notice
    assert "new 1" in counts
    assert "GBP" not in shuke("import", file, "--shop", "pounds", *LOAD).stdout


def state_of(home: Path) -> dict[str, list[str]]:
    """Every row of the installation's database, and which files lie in its home."""
    with closing(sqlite3.connect(home / "shuke.sqlite3")) as database:
        names = [n for (n,) in database.execute("select name from sqlite_master where type = 'table'")]
        rows = {name: sorted(map(repr, database.execute(f'select * from "{name}"'))) for name in names}
    kept = [path for path in home.rglob("*") if path.is_file() and not path.match("*.lock")]
    return {**rows, "files": sorted(str(path) for path in kept if "sqlite3" not in path.name)}


@pytest.mark.data
def test_import__without_a_mapping__takes_the_format_of_the_columns_or_changes_nothing(
    shuke, home, tmp_path
) -> None:
    found = orders()
    lines, list_, odd = (tmp_path / name for name in ("lines.csv", "orders.csv", "odd.csv"))
    lines.write_bytes(write(taobao_details(found), shuffled=True, unknown=2))
    list_.write_bytes(write(taobao_orders(orders(16))))  # two orders more than lines are known of
    odd.write_text("Stock[/red],InvoiceNo,Quantity,UnitPrice\nA,1,2,2.55\n")
    shuke("setup")
    shuke("shop", "create", "yuan", "--name", "yuan")
    loading = ("--shop", "yuan", "--no-report")

    before = state_of(home)
    refused = shuke("import", lines, list_, odd, *loading, expect=2).stderr
    assert "file_format_unknown “odd.csv” is of no format that is known." in refused
    assert "Its columns are: Stock[/red], InvoiceNo, Quantity, UnitPrice." in refused
    assert "Nearest is the mapping uci_online_retail, which lacks: InvoiceDate, CustomerID," in refused
    assert "--mapping" in refused
    refused = shuke("--language", "zh", "import", odd, *loading, expect=2).stderr
    assert "最接近的映射是 uci_online_retail" in refused
    assert state_of(home) == before

    told = shuke("import", list_, lines, *loading).stdout.splitlines()
    assert told[0] == "lines.csv + orders.csv: recognised, read as taobao_order_detail_2013"
    assert any("only in the part “orders” (2)" in line for line in told)
    counts = [line for line in told if "rows read" in line]
    assert [f"new {sum(len(one.lines) for one in found) + 2}," in line for line in counts] == [True]
