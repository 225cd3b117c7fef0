"""Another installation, as a program over SQLite in a home of its own: makes a backup, or restores one.

python installation.py make|restore FILE     with SHUKE_HOME set; prints what it holds as JSON
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

AT = datetime(2026, 3, 1, 4, 0, 0, 123456, tzinfo=UTC)


def summary() -> dict[str, str]:
    """Model -> hash of its rows as a backup writes them, and of every file by name."""
    from shuke.records.backup import rows, tiers

    found = {}
    with rows.snapshot() as own:
        for model in rows.kept_models():
            out = io.BytesIO()
            rows.write_rows(model, own, out)
            found[model._meta.label] = hashlib.sha256(out.getvalue()).hexdigest()
    found.update((name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in tiers.listed())
    return found


def furnish() -> None:
    """A shop with people, keys, an audit, a job and files."""
    from django.conf import settings

    from shuke.records import jobs
    from shuke.records.actor import Actor
    from shuke.shops import actions

    system = Actor.system("tests")
    shop = actions.create_shop(
        slug="linen",
        name="亚麻 · Linen",
        platforms=["taobao"],
        category="apparel",
        currency="CNY",
        zone="Asia/Shanghai",
        actor=system,
        at=AT,
    )
    user = actions.create_user(
        email="wang@example.com", name="王", password="correct horse 7 staple", actor=system, at=AT
    )
    actions.add_member(shop=shop, user=user, role="owner", actor=system, at=AT)
    actions.create_write_key(shop=shop, name="page", actor=system, at=AT)
    actions.create_api_key(shop=shop, name="till", role="analyst", actor=system, at=AT)
    jobs.job_kind("tests.nothing", "Nothing")(lambda job: "done")
    jobs.start_job(shop_id=shop.id, kind="tests.nothing", params={"π": [1, None, 2.5]}, actor=system, at=AT)
    Path(settings.LAKE).mkdir(parents=True, exist_ok=True)
    (Path(settings.LAKE) / "day.parquet").write_bytes(b"facts" * 999)


def main(deed: str, file: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "shuke.project.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from shuke.records import backup

    call_command("migrate", verbosity=0)
    if deed == "make":
        furnish()
        backup.write_backup(Path(file), at=AT)
    else:
        backup.restore_backup(Path(file))
    print(json.dumps(summary()))


if __name__ == "__main__":
    main(*sys.argv[1:])
