"""`shuke import`: what it says of a file before and after it is loaded."""

from __future__ import annotations

import pytest

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
