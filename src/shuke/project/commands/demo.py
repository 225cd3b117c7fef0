"""`shuke demo`: a shop that lives, on this machine, with nothing to answer. Ctrl-C ends all of it.

The home (var/demo) is kept: the next start goes on where the last one ended. The owner's password is new at each start
and printed once.
"""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import sys
from pathlib import Path

import typer

from shuke.project.commands import app

SLUG = "linen-life"
OWNER = "owner@example.com"
PORTS_TRIED = 50


@app.command()
def demo(
    days: int = typer.Option(90, min=1, help="Days of history, today included."),
    visitors: int = typer.Option(3000, min=1, help="Visitors on an ordinary day."),
    port: int = typer.Option(8000, help="The next free one is taken when it is not free."),
    home: str = typer.Option("var/demo", help="Where the demo lives."),
    seed: int = typer.Option(7),
) -> None:
    """Bring up a shop that lives: set-up, history, and visits that keep arriving."""
    place = Path(home).resolve()
    os.environ |= {"SHUKE_HOME": str(place), "SHUKE_DEMO": "1"}
    os.environ.setdefault("SHUKE_LOG", "WARNING")
    import django

    django.setup()
    from shuke.project.commands.serving import programs
    from shuke.project.home import set_up_home
    from shuke.project.in_use import alone
    from shuke.project.supervisor import Supervisor, shuke

    with alone():
        set_up_home()
        password, write_key = _shop_with_owner()
        port = free_port(port)
        door = f"http://127.0.0.1:{port}"
        shop_port = free_port(port + 1)
        life = ("--days", days, "--visitors", visitors, "--seed", seed)
        files = ("--state", place / "simulation.json", "--truth", place / "truth.json")
        words = [str(word) for word in ("simulate", "both", "--url", door, *life, *files)]
        simulator = shuke("simulator", *words, SHUKE_WRITE_KEY=write_key)
        front = shuke(
            "shop",
            *("shop-front", "--port", str(shop_port)),
            SHUKE_DOOR=door,
            SHUKE_WRITE_KEY=write_key,
            SHUKE_SHOP=SLUG,
        )
        greeting = _Greeting(door, f"http://127.0.0.1:{shop_port}", password, days, visitors)
        Supervisor([*programs("127.0.0.1", port, workers=2), front, simulator]).run(
            meanwhile=greeting.when_alive
        )
    typer.echo("ended: everything that was started is stopped.")


def _shop_with_owner() -> tuple[str, str]:
    """The demo's shop, its owner and a write key, made if missing; returns (the owner's new password, write key)."""
    from django_scopes import scope

    from shuke.kernel import clock
    from shuke.kernel.errors import NotFound
    from shuke.records.actor import Actor
    from shuke.shops import actions, reads

    actor, at, password = Actor.system("demo"), clock.now(), secrets.token_urlsafe(9)
    try:
        shop = reads.get_shop(SLUG)
    except NotFound:
        actions.create_shop(
            slug=SLUG,
            name="亚麻生活",
            platforms=["own"],
            category="apparel",
            currency="CNY",
            zone="Asia/Shanghai",
            actor=actor,
            at=at,
        )
        shop = reads.get_shop(SLUG)
    user = reads.find_user(OWNER)
    with scope(shop=shop.id):
        if user is None:
            user = actions.create_user(email=OWNER, name="林知夏", password=password, actor=actor, at=at)
            actions.add_member(shop=shop, user=user, role="owner", actor=actor, at=at)
        else:
            actions.set_password(user=user, password=password, actor=actor, at=at)
        keys = [key for key in reads.list_write_keys(shop) if key.is_live]
        key = keys[0] if keys else actions.create_write_key(shop=shop, name="simulation", actor=actor, at=at)
    return password, key.key


def free_port(first: int) -> int:
    """The first port from `first` on that nobody listens on."""
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return first


class _Greeting:
    """Prints address and sign-in once, when the pages answer."""

    def __init__(self, door: str, shop: str, password: str, days: int, visitors: int) -> None:
        self._door, self._shop, self._password = door, shop, password
        self._life = f"{days} days of {visitors:,} visitors"
        self._is_said = False

    def when_alive(self) -> None:
        if self._is_said or not self._answers():
            return
        self._is_said = True
        print(
            f"\n  Shuke 熟客 · 亚麻生活\n\n"
            f"  address   网址      {self._door}/\n"
            f"  sign in   登录      {OWNER}\n"
            f"  password  密码      {self._password}\n\n"
            f"  the shop  店铺      {self._shop}/?utm_source=myself\n"
            f"  Walk through the shop and find yourself on Shuke's pages, as source “myself”.\n"
            f"  到店铺里逛一逛，一秒后就能在熟客里看到自己，来源为“myself”。\n\n"
            f"  {self._life} are arriving, newest day first; new visits follow.\n"
            f"  历史数据从今天往前陆续到达,之后新访问会不断到来。\n"
            f"  Ctrl-C ends everything. 按 Ctrl-C 结束。\n",
            flush=True,
        )
        sys.stdout.flush()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._door.removeprefix("http://"), timeout=2)
        try:
            connection.request("GET", "/accounts/login/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
