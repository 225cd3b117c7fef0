"""How the walk asks: every address and operation with its valid sample, undone after each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django_scopes import scope

from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.access import COVERED
from shuke.shops.roles import Deed, Role
from tests.routes import Operation, Route, operations, routes
from tests.walk_objects import SAMPLES, filled, named_in

LIBRARIES = ("allauth.", "django.")  # sign-in, second factor, language: they keep their own doors
WITH_FILE = "post with a file"
NEW_FILE = b"order,at,buyer,n,price\nwalked,2026-03-01,tom,1,5\n"
OF_NO_SHOP = frozenset({"shop", "metric_id", "rule_id"})  # arguments that name nothing of one shop


@cache
def own_routes() -> tuple[Route, ...]:
    return tuple(route for route in routes() if not route.module.startswith(LIBRARIES))


def shop_routes() -> Iterator[tuple[Route, Deed]]:
    for route in own_routes():
        if route.has_shop:
            yield route, COVERED[route.view]


def shop_operations() -> list[tuple[Operation, Deed]]:
    """Every operation of a shop; those that change files for good come last."""
    found = [(one, COVERED[one.view]) for one in operations() if one.has_shop]
    return sorted(found, key=lambda pair: bool(sample_of(pair[0]).get("last")))


def sample_of(asked: Operation | Route) -> dict[str, Any]:
    if isinstance(asked, Operation):
        return SAMPLES["operations"].get(f"{asked.method} {asked.path}", {})
    return SAMPLES["pages"].get(asked.path, {})


def client_of(user) -> Client:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def key_of(shop, role: Role) -> dict[str, str]:
    with scope(shop=shop.id):
        _key, secret = actions.create_api_key(
            shop=shop, name=f"walk {role}", role=role, actor=Actor.system("tests"), at=clock.now()
        )
    return {"Authorization": f"Bearer {secret}"}


@contextmanager
def undone() -> Iterator[None]:
    """What is asked within leaves the database as it was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass(frozen=True)
class Asked:
    """One request of the walk: whose address, with whose objects."""

    slug: str
    objects: dict[str, Any]  # what the samples' names stand for
    own: dict[str, Any] | None = None  # the asker's, when `objects` are another shop's
    extra: Mapping[str, str] = field(default_factory=dict)  # of the query, whatever the sample says

    def url(self, of: Operation | Route) -> str:
        sample = sample_of(of)
        given = {name: self.objects.get(name) for name in of.arguments}
        given |= filled(sample.get("path", {}), self.objects, self.own) | {"shop": self.slug}
        assert None not in given.values(), f"{of.path}: its sample says no object for an argument"
        return of.url(given)

    def query(self, of: Operation | Route) -> dict[str, str]:
        found = filled(sample_of(of).get("query", {}), self.objects, self.own)
        return {name: str(value) for name, value in found.items()} | dict(self.extra)

    def operate(self, client: Client, operation: Operation, **headers: str) -> Any:
        sample, url = sample_of(operation), self.url(operation)
        query = self.query(operation)
        url += f"?{urlencode(query)}" if query else ""
        if sample.get("file"):
            return client.post(url, {"file": SimpleUploadedFile("walk.csv", NEW_FILE)}, headers=headers)
        body = filled(sample.get("body", {}), self.objects, self.own)
        text = json.dumps(body, default=str) if operation.method != "GET" else ""
        return client.generic(operation.method, url, text, content_type="application/json", headers=headers)

    def read(self, client: Client, route: Route) -> Any:
        return client.get(self.url(route), self.query(route))

    def post(self, client: Client, route: Route, has_file: bool = True) -> Any:
        sample = sample_of(route)
        form = filled(sample.get("form", {}), self.objects, self.own)
        if has_file and sample.get("file"):
            form = {**form, "file": SimpleUploadedFile("walk.csv", NEW_FILE)}
        return client.post(self.url(route), form)

    def pages(self, client: Client, route: Route) -> dict[str, Any]:
        """Answers by method, of the methods that the page takes."""
        found = {"get": self.read(client, route), "post": self.post(client, route)}
        if sample_of(route).get("file"):
            found[WITH_FILE], found["post"] = found["post"], self.post(client, route, has_file=False)
        return {method: answer for method, answer in found.items() if answer.status_code != 405}


def text_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


def names_objects(of: Operation | Route) -> bool:
    """Whether its address or its sample names something that belongs to one shop."""
    sample = sample_of(of)
    given = [sample.get(part, {}) for part in ("path", "query", "body", "form")]
    pointed = {name for name, value in sample.get("path", {}).items() if str(value).startswith("$own.")}
    return bool(named_in(given) or set(of.arguments) - OF_NO_SHOP - pointed)
