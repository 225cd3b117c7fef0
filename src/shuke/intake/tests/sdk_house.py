"""An installation of its own for a test: real processes that may be killed, on a free port, in a folder of their own.

Run as a script inside that installation it makes the shop (`set-up`) or prints the ids that count (`count`).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SOURCE = Path(__file__).parents[3]


class House:
    """`start` and `kill` parts by name: web, committer, sealer, cleaner (or any name of a second one)."""

    def __init__(self, home: Path, *, workers: int = 1, is_made: bool = False, **environment: str) -> None:
        """`is_made`: the shop is there already, in whatever way."""
        self.home, self.workers = home, workers
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = f"http://127.0.0.1:{self.port}"
        keep = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "SHUKE_DEMO")
        }
        self.database = _database_of_its_own()
        if self.database:
            keep["DATABASE_URL"] = self.database
        self.environment = (
            keep
            | {
                "SHUKE_HOME": str(home),
                "PYTHONPATH": str(SOURCE),
                "DJANGO_SETTINGS_MODULE": "shuke.project.settings",
                "SHUKE_LOG": "WARNING",
            }
            | environment
        )
        self.running: dict[str, subprocess.Popen] = {}
        self.log = (home / "log").open("ab")
        self.write_key, self.shop_id = ("", 0) if is_made else self._script("set-up")

    def _script(self, *words: str):
        done = subprocess.run(
            [sys.executable, __file__, *words],
            env=self.environment,
            capture_output=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return json.loads(done.stdout)

    def start(self, part: str, name: str | None = None) -> None:
        words = ["run", part]
        if part == "web":
            words += ["--port", str(self.port), "--workers", str(self.workers)]
        self.running[name or part] = subprocess.Popen(
            [sys.executable, "-m", "shuke", *words],
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def kill(self, name: str) -> None:
        """`kill -9` to the part and its children."""
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def wait_for_web(self, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.host}/v1/health", timeout=1)
                return
            time.sleep(0.1)
        raise AssertionError((self.home / "log").read_text()[-3000:])

    def counted(self) -> dict[str, int]:
        """How often each message id counts, and `rows`, through the warehouse's own readers."""
        return self._script("count", str(self.shop_id))

    def wait_until_committed(self, seconds: float = 120) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._script("waiting") == 0:
                return
            time.sleep(0.5)
        raise AssertionError((self.home / "log").read_text()[-3000:])

    def end(self) -> None:
        for name in list(self.running):
            self.kill(name)
        self.log.close()
        if self.database:
            _on_server(f'DROP DATABASE "{self.database.rpartition("/")[2]}" WITH (FORCE)')


def _on_server(statement: str) -> None:
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement)


def _database_of_its_own() -> str | None:
    """On PostgreSQL a database beside the one that is given; None on SQLite, whose file lies in the home."""
    given = os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgres"):
        return None
    name = f"house_{os.urandom(4).hex()}"
    _on_server(f'CREATE DATABASE "{name}"')
    return f"{given.rpartition('/')[0]}/{name}"


def _set_up() -> list:
    from django.core.management import call_command

    from shuke.kernel import clock
    from shuke.records.actor import Actor
    from shuke.shops import actions, reads

    call_command("migrate", interactive=False, verbosity=0)
    system = Actor.system("tests")
    actions.create_shop(
        slug="linen",
        name="Linen",
        platforms=["taobao"],
        category="apparel",
        currency="CNY",
        zone="Asia/Shanghai",
        actor=system,
        at=clock.now(),
    )
    shop = reads.get_shop("linen")
    key = actions.create_write_key(shop=shop, name="tests", actor=system, at=clock.now())
    return [key.key, shop.id]


def _count(shop_id: int) -> dict[str, int]:
    from shuke.shops.reads import get_shop_by_id
    from shuke.warehouse import reads

    shop = get_shop_by_id(shop_id)
    period = reads.whole_life(shop_id)
    if period is None:
        return {}

    def question(snapshot):
        events = snapshot.raw("events")
        return reads.run(events.group_by("event_id").agg(times=events.count()))

    table = reads.ask(shop, period, question)
    return dict(zip(map(str, table["event_id"].to_pylist()), table["times"].to_pylist(), strict=True))


def _waiting() -> int:
    from django.conf import settings

    from shuke.intake.committer import Committer

    return Committer(settings.JOURNAL, append=lambda **_: None).waiting_bytes()


if __name__ == "__main__":
    import django

    django.setup()
    answer = {"set-up": _set_up, "count": lambda: _count(int(sys.argv[2])), "waiting": _waiting}[
        sys.argv[1]
    ]()
    json.dump(answer, sys.stdout)
