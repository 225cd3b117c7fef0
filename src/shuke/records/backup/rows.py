"""Database rows as JSON lines, in a form that does not depend on the database, streamed both ways.

Sequences are kept as well: a number that was given out and whose row is gone must not be given out again, since facts
and files may still bear it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

_BATCH = 1000
_OTHER_APPS = ("account", "mfa")  # e-mail addresses and second factors of the people in `shops`


def kept_models() -> list[type[models.Model]]:
    """Every table that a backup holds: those of the house, and what its people sign in with."""
    return [
        model
        for config in apps.get_app_configs()
        if config.name.startswith("shuke.") or config.label in _OTHER_APPS
        for model in config.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    ]


def dropped_models() -> list[type[models.Model]]:
    """Tables that a restore empties: sessions and queued messages belong to the installation that is replaced."""
    names = ("sessions.Session", "django_q.OrmQ", "axes.AccessAttempt")
    return [apps.get_model(name) for name in names if apps.is_installed(_app_of(name))]


def _app_of(name: str) -> str:
    return {"sessions": "django.contrib.sessions"}.get(name.split(".")[0], name.split(".")[0])


def kept_migrations() -> list[str]:
    """The applied migrations of these tables, as `app.name`: rows belong to the schema that they were read from."""
    labels = {model._meta.app_label for model in kept_models()}
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied if app in labels)


@contextlib.contextmanager
def snapshot() -> Iterator[BaseDatabaseWrapper]:
    """A read-only view of one moment, on a connection of its own that keeps no writer waiting."""
    own = connections.create_connection("default")
    try:
        with own.cursor() as cursor:
            if own.vendor == "postgresql":
                cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            else:
                cursor.execute("BEGIN DEFERRED")
            cursor.execute("SELECT count(*) FROM django_migrations")  # the first read fixes the moment
            cursor.fetchone()
        yield own
    finally:
        own.close()


def write_rows(model: type[models.Model], own: BaseDatabaseWrapper, out: IO[bytes]) -> int:
    """All rows of a model, by primary key; returns how many. The first line names the columns."""
    fields = [field.attname for field in model._meta.concrete_fields]
    out.write(_line(fields))
    rows = model._base_manager.order_by("pk").values_list(*fields)
    count = 0
    for row in rows.query.get_compiler(connection=own).results_iter(chunked_fetch=True, chunk_size=_BATCH):
        out.write(_line(list(row)))
        count += 1
    return count


def _line(values: list[Any]) -> bytes:
    """Keys are sorted, since PostgreSQL does not keep their order: equal rows make equal lines."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, default=_plain).encode() + b"\n"


def _plain(value: Any) -> Any:
    """What JSON lacks; `_python` turns it back with the help of the field."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    raise TypeError(f"a backup can not hold a {type(value).__name__}")


def _python(field: models.Field, value: Any) -> Any:
    if value is None or isinstance(field, models.JSONField):
        return value
    if isinstance(field, models.BinaryField):
        return base64.b64decode(value)
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    return target.to_python(value)


def read_rows(model: type[models.Model], source: IO[bytes]) -> int:
    """Insert the rows of a stream written by `write_rows`; returns how many. Runs inside the restore's transaction."""
    lines = iter(source)
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in json.loads(next(lines))]
    count = 0
    for batch in _batches(lines):
        rows = [
            model(**{f.attname: _python(f, v) for f, v in zip(fields, json.loads(line), strict=True)})
            for line in batch
        ]
        model._base_manager.bulk_create(rows, batch_size=_BATCH)
        count += len(rows)
    return count


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def empty_tables() -> None:
    """Remove every row; constraints are checked when the restore's transaction commits."""
    for model in [*kept_models(), *dropped_models()]:
        rows = model._base_manager.all()
        rows._raw_delete(rows.db)


def has_rows() -> bool:
    """Whether people or shops are in the database: what makes an installation more than set up."""
    return any(apps.get_model(name)._base_manager.exists() for name in ("shops.Shop", "shops.User"))


def read_sequences(own: BaseDatabaseWrapper) -> dict[str, int]:
    """Table -> the highest number given out so far."""
    found: dict[str, int] = {}
    with own.cursor() as cursor:
        if own.vendor == "sqlite":
            cursor.execute("SELECT name, seq FROM sqlite_sequence")
            found = dict(cursor.fetchall())
        else:
            for model in kept_models():
                if (name := _sequence(cursor, model)) is not None:
                    cursor.execute(f"SELECT last_value, is_called FROM {name}")  # noqa: S608  (from the catalogue)
                    last, is_called = cursor.fetchone()
                    found[model._meta.db_table] = last if is_called else 0
    tables = {model._meta.db_table for model in kept_models()}
    return {table: last for table, last in found.items() if table in tables}


def raise_sequences(wanted: dict[str, int]) -> None:
    """Let the next number of each table be above every number that was ever given out."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for table, last in wanted.items():
                cursor.execute("UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s", [last, table])
                if not cursor.rowcount:
                    cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])
            return
        for statement in connection.ops.sequence_reset_sql(no_style(), kept_models()):
            cursor.execute(statement)
        for model in kept_models():
            last = wanted.get(model._meta.db_table, 0)
            name = _sequence(cursor, model)
            if name is not None and last:
                cursor.execute(f"SELECT setval(%s, greatest(%s, last_value)) FROM {name}", [name, last])  # noqa: S608


def _sequence(cursor: Any, model: type[models.Model]) -> str | None:
    """PostgreSQL's name of the sequence behind a model's primary key."""
    if not isinstance(model._meta.pk, models.AutoField | models.BigAutoField):
        return None
    cursor.execute(
        "SELECT pg_get_serial_sequence(%s, %s)", [f'"{model._meta.db_table}"', model._meta.pk.column]
    )
    return cursor.fetchone()[0]
