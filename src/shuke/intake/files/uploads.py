"""Files as they were given, kept under the hash of their content in a folder per shop.

They hold personal data (personal.py).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from shuke.intake.files import problems, sniffing, tables
from shuke.intake.models.imports import Upload
from shuke.kernel.durable import sync_folder
from shuke.kernel.errors import NotFound, shortened

LARGEST = 2 << 30
_BLOCK = 1 << 20
_SHA256 = re.compile("[0-9a-f]{64}")


class FileGone(NotFound):
    code = "file_gone"
    status = 410
    words = _("The file “%(value)s” is no longer kept.")
    remedy = _("Give it again.")


def path_of(shop_id: int, sha256: str) -> Path:
    return Path(settings.UPLOADS) / str(shop_id) / sha256


def keep(shop_id: int, content: IO[bytes], name: str, at: datetime) -> Upload:
    """Store a file; the same content again gives the file that is there. Raises EmptyFile, FileTooLarge."""
    name = shortened(Path(name).name or "file", 200)
    folder = path_of(shop_id, "").parent / str(shop_id)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{os.getpid()}.{id(content)}.part"
    digest, size = hashlib.sha256(), 0
    try:
        with part.open("wb") as file:
            while block := content.read(_BLOCK):
                size += len(block)
                if size > LARGEST:
                    raise problems.FileTooLarge(field=name, limit=f"{LARGEST >> 30} GB")
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if not size:
            raise problems.EmptyFile(field=name)
        sha256 = digest.hexdigest()
        os.replace(part, path_of(shop_id, sha256))
        sync_folder(folder)
    finally:
        part.unlink(missing_ok=True)
    row, _created = Upload.objects.update_or_create(
        shop_id=shop_id,
        sha256=sha256,
        defaults={"name": name, "removed_at": None},
        create_defaults={"name": name, "size": size, "created_at": at},
    )
    return row


def find(shop_id: int, sha256: str) -> Upload:
    """A kept file of this shop. Raises FileGone."""
    if not _SHA256.fullmatch(sha256):
        raise FileGone(field="file", value=sha256[:12])
    row = Upload.objects.filter(shop_id=shop_id, sha256=sha256, removed_at=None).first()
    if row is None or not path_of(shop_id, sha256).exists():
        raise FileGone(field="file", value=row.name if row else sha256[:12])
    return row


def mentions(path: Path, refs: Iterable[str]) -> bool:
    """Whether one of the references stands in a file, whole or as a part of a longer text. Streams."""
    wanted = [ref for ref in refs if ref]
    if not wanted or not path.exists():
        return False
    with tables.opened(path) as file:
        head = file.read(4)
    if head.startswith((sniffing.ZIP, sniffing.OLE2[:4])):
        return _sheet_mentions(path, wanted)
    needles = {
        ref.encode(encoding, "ignore") for ref in wanted for encoding in ("utf-8", "gb18030", "utf-16-le")
    }
    needles |= {ref.encode("utf-16-be", "ignore") for ref in wanted}
    needles.discard(b"")
    longest = max(map(len, needles))
    before = b""
    size = 0
    try:
        with tables.opened(path) as file:
            while block := file.read(_BLOCK):
                size += len(block)
                if size > tables.UNPACKED_BYTES:
                    return True  # nobody reads it to its end
                block = before + block
                if any(needle in block for needle in needles):
                    return True
                before = block[-longest:]
    except (EOFError, OSError):
        return True  # what can not be read to its end can not be said to be free of the person
    return False


def _sheet_mentions(path: Path, refs: list[str]) -> bool:
    try:
        first = tables.open_table(path, path.name, tables.Layout(has_header=False))
        for sheet in first.detected.sheets:
            table = tables.open_table(path, path.name, tables.Layout(has_header=False, sheet=sheet))
            for batch in table.batches(10_000):
                if any(ref in cell for row in batch.rows for cell in row for ref in refs):
                    return True
    except problems.EmptyFile:
        return False
    except problems.FileProblem:
        return True
    return False
