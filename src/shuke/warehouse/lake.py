"""Where the sealed tier lies: a folder, or an object store (`SHUKE_LAKE=s3://bucket/prefix`).

Keys, region and endpoint of a store stand in the environment under the names that its own tools use (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, …): `deltalake` and Arrow read them themselves. DuckDB's own reader of
object stores is an extension that has to be downloaded, so remote files come to it through Arrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from django.conf import settings
from pyarrow import fs

if TYPE_CHECKING:
    import pyarrow.dataset as ds


def root() -> str:
    """The lake's address, as it stands before the names of files."""
    return str(settings.LAKE)


def is_remote(name: str | None = None) -> bool:
    """Whether a file (default: the lake) lies in an object store."""
    return "://" in (root() if name is None else name)


def table_address(shop_id: int, kind: str) -> str:
    """Of one Delta table."""
    return f"{root()}/{shop_id}/{kind}"


def make_room(address: str) -> None:
    """A folder for a table; a store needs none."""
    if not is_remote(address):
        Path(address).mkdir(parents=True, exist_ok=True)


@lru_cache(maxsize=8)
def _store(scheme: str, bucket: str) -> fs.FileSystem:
    found, _path = fs.FileSystem.from_uri(f"{scheme}://{bucket}")
    return found


def dataset(files: Sequence[str], schema: pa.Schema) -> ds.Dataset:
    """Remote Parquet files of one bucket, as something that an engine may scan; nothing is read yet."""
    import pyarrow.dataset as ds  # it loads pandas, which a command that asks no store need not wait for

    scheme, _separator, rest = files[0].partition("://")
    store = _store(scheme, rest.partition("/")[0])
    names = [file.partition("://")[2] for file in files]
    return ds.dataset(names, filesystem=store, schema=schema, format="parquet")
