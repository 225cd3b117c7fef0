"""Every address that exists, as data: what the walk walks over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

API = "api/v1/"


@dataclass(frozen=True)
class Route:
    """One URL pattern. `path` has `{name}` for each argument; `view` is the dotted name of what answers."""

    path: str
    arguments: tuple[str, ...]
    view: str
    module: str

    @property
    def has_shop(self) -> bool:
        return "shop" in self.arguments

    def url(self, values: dict[str, Any]) -> str:
        return "/" + self.path.format(**values)


@dataclass(frozen=True)
class Operation:
    """One API operation."""

    method: str
    path: str
    arguments: tuple[str, ...]
    view: str

    @property
    def has_shop(self) -> bool:
        return "shop" in self.arguments

    def url(self, values: dict[str, Any]) -> str:
        return "/" + API + self.path.lstrip("/").format(**values)


def routes() -> list[Route]:
    """Every URL pattern but the API's, which `operations` lists."""
    return [route for route in _walk(get_resolver().url_patterns, "") if not route.path.startswith(API)]


def _walk(patterns: list[Any], before: str) -> Iterator[Route]:
    for pattern in patterns:
        path = before + _braced(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            view = pattern.callback
            inner = getattr(view, "view_class", None) or view
            while hasattr(inner, "func"):  # a partial
                inner = inner.func
            yield Route(
                path=path,
                arguments=tuple(re.findall(r"{(\w+)}", path)),
                view=f"{inner.__module__}.{inner.__qualname__}",
                module=inner.__module__,
            )


def _braced(route: str) -> str:
    """A Django route or regular expression as a format string."""
    route = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    route = re.sub(r"\(\?P{(\w+)}(?:\[[^\]]*\]|[^()])*\)", r"{\1}", route)
    return route.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\", "")


def operations() -> list[Operation]:
    """Every operation of the API."""
    from shuke.project.api import api

    _ = get_resolver().url_patterns  # the routers within routers are mounted when the addresses are
    found = []
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            whole = f"{prefix}{path}"
            braced = re.sub(r"{(?:\w+:)?(\w+)}", r"{\1}", whole)
            for operation in view.operations:
                function = operation.view_func
                for method in operation.methods:
                    found.append(
                        Operation(
                            method=method,
                            path=braced,
                            arguments=tuple(re.findall(r"{(\w+)}", braced)),
                            view=f"{function.__module__}.{function.__qualname__}",
                        )
                    )
    return found
