"""The form of a backup: a plain tar whose last member lists every other with its size and SHA-256.

    manifest.json          form, moment, migrations that the rows belong to, sequences
    database/<model>.jsonl a line of column names, then one line a row
    erasures.jsonl         the list of erasures as it was
    journal/… open/… lake/… uploads/…
    end.json               {"members": {name: [bytes, sha256]}}

A file that was cut or changed anywhere is recognised before anything is restored from it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import ShukeError

FORM = 1
MANIFEST = "manifest.json"
END = "end.json"
ERASURES = "erasures.jsonl"
ROWS = "database/"
_CHUNK = 1 << 20


class BadBackup(ShukeError):
    code = "bad_backup"
    words = _("“%(value)s” is not a whole backup: %(why)s")
    remedy = _("Nothing was changed. Use another copy of the file, or an older backup.")


class _Counting(io.RawIOBase):
    """Hashes what tarfile reads through it, so a file is read once."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size)
        self.digest.update(piece)
        return piece


class ArchiveWriter:
    """Adds members one after the other and closes with the list of them."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  (closed by `close`)
        self.members: dict[str, tuple[int, str]] = {}

    def add_json(self, name: str, content: Any) -> None:
        data = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
        self.add_stream(name, io.BytesIO(data), len(data))

    def add_stream(self, name: str, source: IO[bytes], size: int) -> None:
        """Exactly `size` bytes of `source`; a file that only grows is taken as long as it was when asked."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        counting = _Counting(source)
        self._tar.addfile(info, counting)
        self.members[name] = (size, counting.digest.hexdigest())

    def close(self) -> None:
        self.add_json(END, {"members": dict(self.members)})
        self._tar.close()


def verified(path: Path) -> dict[str, Any]:
    """Read a backup through once; returns its manifest. Raises BadBackup when anything is missing or differs."""
    try:
        return _verified(path)
    except FileNotFoundError:
        raise BadBackup(value=path.name, why=_("there is no such file.")) from None
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError) as error:
        raise BadBackup(value=path.name, why=_("it is cut short or no backup at all.")) from error


def _verified(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] | None = None
    listed: dict[str, Any] | None = None
    seen: dict[str, list[Any]] = {}
    for name, source in members(path):
        if listed is not None:
            raise BadBackup(value=path.name, why=_("something follows its end."))
        if name == END:
            listed = json.loads(source.read())["members"]
        elif name == MANIFEST:
            content = source.read()
            manifest = json.loads(content)
            seen[name] = [len(content), hashlib.sha256(content).hexdigest()]
        else:
            seen[name] = _measured(source)
    if manifest is None or manifest.get("form") != FORM:
        raise BadBackup(value=path.name, why=_("it is not of a form that this version reads."))
    if listed is None:
        raise BadBackup(value=path.name, why=_("its end is missing."))
    differing = sorted(name for name in {*seen, *listed} if seen.get(name) != listed.get(name))
    if differing:
        raise BadBackup(value=path.name, why=_("its part “%(part)s” is damaged.") % {"part": differing[0]})
    return manifest


def members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Every member with its content, in order. Raises BadBackup for whatever is not a plain file inside the tar."""
    with tarfile.open(path, "r:") as tar:
        for info in tar:
            place = PurePosixPath(info.name)
            source = tar.extractfile(info) if info.isreg() else None
            if source is None or place.is_absolute() or ".." in place.parts:
                raise BadBackup(value=path.name, why=_("it holds something else than files."))
            yield info.name, source


def _measured(source: IO[bytes]) -> list[Any]:
    digest, size = hashlib.sha256(), 0
    while piece := source.read(_CHUNK):
        digest.update(piece)
        size += len(piece)
    return [size, digest.hexdigest()]
