"""What a file is, told from its first bytes: kind, encoding, separator, header. An explicit choice always wins.

Pure functions over bytes and text; none opens a file.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls
MAGIC = {
    b"%PDF": "PDF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"PAR1": "Parquet",
    b"SQLite format 3": "SQLite",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7-Zip",
    b"\x7fELF": "ELF",
    b"MZ": "EXE",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
BINARY = "binary data"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SEPARATORS = (",", "\t", ";", "|")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NUMBER_OR_TIME = re.compile(r"^[-+¥￥$£€]?\d[\d,./:\- T年月日]*元?$")
# A hanzi of GB2312: lead B0..F7, trail A1..FE; full-width punctuation: lead A1..A3.
_GB2312 = re.compile(rb"[\xa1-\xa3\xb0-\xf7][\xa1-\xfe]")
_COMMON = re.compile(r"[,;|\t0-9]")  # read in the wrong order of bytes, none of these is left
_HIGH = re.compile(rb"[\x80-\xff]")


def binary_kind(head: bytes) -> str | None:
    """What a file that is no table looks like ("PDF", "binary data"); None when it may be text."""
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            return name
    if any(head.startswith(bom) for bom, _ in BOMS) or unmarked_utf16(head):
        return None
    controls = len(_CONTROL.findall(head))
    return BINARY if controls * 500 > len(head) or b"\x00" in head else None


def unmarked_utf16(head: bytes) -> str:
    """UTF-16 without a byte-order mark: lines of text, read in that order of bytes and in no other; "" when it is not."""
    start = head[: 4096 & ~1]
    if b"\x00" not in start:
        return ""
    for encoding in ("utf-16-le", "utf-16-be"):
        text = start[: len(start) & ~1].decode(encoding, "replace")
        seen = sum(character.isprintable() or character in "\t\r\n" for character in text)
        if "\n" in text and "\ufffd" not in text and seen == len(text) and _COMMON.search(text):
            return encoding
    return ""


def is_decodable(head: bytes, encoding: str) -> bool:
    """Whether bytes, perhaps cut inside a character, can be read in an encoding."""
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(head, final=False)
    except UnicodeError:
        return False
    return True


def encoding_of(head: bytes) -> str:
    """The likeliest encoding: a byte-order mark, else utf-8 when it holds, else gb18030 when most bytes pair up as
    hanzi (exports of Chinese platforms), else windows-1252."""
    for bom, name in BOMS:
        if head.startswith(bom):
            return name
    if encoding := unmarked_utf16(head):
        return encoding
    if is_decodable(head, "utf-8"):
        return "utf-8"
    high = len(_HIGH.findall(head))
    paired = 2 * len(_GB2312.findall(head))
    if paired * 10 >= high * 8 and is_decodable(head, "gb18030"):
        return "gb18030"
    return "windows-1252"


def first_bad_line(data: bytes, encoding: str) -> int:
    """The line (from 1) of the first byte that an encoding does not know; 0 when there is none."""
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(data, final=False)
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return 0


def separator_of(text: str, quote: str, names: Sequence[str] = ()) -> str:
    """The separator that gives the most columns, the same number on most lines; with `names` (columns that a mapping
    reads) the one whose first line holds most of them."""
    lines = [line for line in text.splitlines() if line.strip()][:50]
    best, best_score = ",", (-1, -1.0)
    for separator in SEPARATORS:
        try:
            rows = list(csv.reader(lines, delimiter=separator, quotechar=quote or None))
        except csv.Error:
            continue
        rows = [row for row in rows if row]
        if not rows:
            continue
        width, often = Counter(len(row) for row in rows).most_common(1)[0]
        if width < 2:
            continue
        held = len({cell.strip().lstrip("\ufeff") for cell in rows[0]} & set(names))
        score = (held, width * (often / len(rows)) ** 2)
        if score > best_score:
            best, best_score = separator, score
    return best


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: all its cells differ, none is a number or a time, and some cell below is."""
    if not rows:
        return False
    first = [cell.strip() for cell in rows[0]]
    if any(_NUMBER_OR_TIME.match(cell) for cell in first) or len(set(first)) < len(first):
        return False
    return len(rows) == 1 or any(_NUMBER_OR_TIME.match(cell.strip()) for row in rows[1:] for cell in row)


def separator_words(separator: str) -> str:
    """A separator as a message shows it."""
    return {"\t": "TAB", ",": "“,”", ";": "“;”", "|": "“|”"}.get(separator, f"“{separator}”")
