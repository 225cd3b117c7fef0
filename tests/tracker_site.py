"""The demo shop and the installation that collects, on two hosts in this process, under a clock that a test drives."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.db import connections
from django_scopes import scope

from shuke.demo_shop.front import ShopFront
from shuke.intake.committer import Committer
from shuke.intake.wsgi import with_collection
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.reads import ShopView

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_words: object) -> None:
        return


def _nothing(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("404 Not Found", [("Content-Length", "0")])
    return [b""]


class Site:
    """`url` is the shop's, `door` the collector's. What the collector is sent, and whether it answers, is in a test's hand.

    `answers`: taken (as it is), refused (503, nothing taken), lost (taken, and the answer is an error).
    """

    def __init__(self, write_key: str) -> None:
        self.write_key = write_key
        self.milliseconds = 0  # of the browser's clock since START
        self.answers = "taken"
        self.requests = 0
        self.repeated = 0
        self.outcomes: list[str] = []
        self.events: list[dict[str, Any]] = []  # each when it came first
        self._ids: set[str] = set()
        self._came = threading.Condition()
        self._servers = [self._served(with_collection(_nothing))]
        self.door = f"http://127.0.0.1:{self._servers[0].server_port}"
        self.plain = ""  # a page of the test's own at /plain...
        front = ShopFront(door=self.door, write_key=write_key, shop="linen")
        self._servers.append(self._served(self._with_plain(front)))
        self.url = f"http://localhost:{self._servers[1].server_port}"

    @property
    def now(self) -> datetime:
        return START + timedelta(milliseconds=self.milliseconds)

    def _served(self, application: Application) -> WSGIServer:
        server = make_server("127.0.0.1", 0, self._timed(application), _Server, _Quiet)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    def _with_plain(self, application: Application) -> Application:
        def answered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not environ["PATH_INFO"].startswith("/plain"):
                return application(environ, start_response)
            start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
            return [self.plain.encode()]

        return answered

    def _timed(self, application: Application) -> Application:
        def timed(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            try:
                with clock.frozen(self.now):
                    if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].startswith("/v1/"):
                        return self._collected(application, environ, start_response)
                    return [b"".join(application(environ, start_response))]
            finally:
                connections.close_all()

        return timed

    def _collected(
        self, application: Application, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        answers = self.answers
        said: list[Any] = []
        content = b""
        if answers != "refused":
            again = environ | {"wsgi.input": io.BytesIO(body)}
            content = b"".join(application(again, lambda *words: said.append(words)))
            assert said[0][0] == "200 OK", (said, content)
        with self._came:
            self.requests += 1
            self.outcomes.append(answers)
            if answers != "refused":
                for one in json.loads(body)["batch"]:
                    self.repeated += one["messageId"] in self._ids
                    if one["messageId"] not in self._ids:
                        self.events.append(one)
                    self._ids.add(one["messageId"])
            self._came.notify_all()
        if answers != "taken":
            origin = environ.get("HTTP_ORIGIN", "*")
            said = [("503 Service Unavailable", [("Access-Control-Allow-Origin", origin)])]
            content = b""
        start_response(*said[0])
        return [content]

    @property
    def told(self) -> int:
        """How many different events have come."""
        return len(self._ids)

    def has_come(self, told: int, *, seconds: float) -> bool:
        """Whether so many different events come within some seconds."""
        with self._came:
            return self._came.wait_for(lambda: len(self._ids) >= told, seconds)

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@contextmanager
def tracked_site(shop: ShopView) -> Iterator[Site]:
    """A site whose events are those of `shop`."""
    with scope(shop=shop.id):
        key = actions.create_write_key(shop=shop, name="demo", actor=Actor.system("tests"), at=clock.now())
    site = Site(key.key)
    try:
        yield site
    finally:
        site.close()


def commit_all(settings: Any) -> None:
    """Everything that was acknowledged becomes facts."""
    committer = Committer(settings.JOURNAL)
    while committer.run_once().waits:
        pass
