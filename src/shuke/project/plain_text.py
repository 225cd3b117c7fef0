"""Text that can not be stored or asked for is refused at the door, once for every page and operation.

Databases hold no NUL and no half of a character (a lone surrogate); which of them fail on it, and how, differs. In an address
no other control character has a meaning either. So no room needs to look for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from ninja.parser import Parser

from shuke.console.middleware import error_page
from shuke.kernel.errors import Invalid

_NEVER = re.compile("[\x00\ud800-\udfff]")
# Tab and line ends may stand in an address: a condition is JSON, and JSON may be written over several lines.
_NOT_IN_ADDRESSES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class UnfitText(Invalid):
    code = "unfit_text"
    words = _("“%(field)s” holds a character that no text may have: %(value)s.")
    remedy = _("Remove the control characters and broken characters, and send it again.")


def check_text(field: str, text: str, unfit: re.Pattern[str] = _NEVER) -> None:
    """Raises UnfitText; its value shows the characters by their numbers."""
    if unfit.search(field):
        raise UnfitText(field=ascii(field)[1:-1], value=ascii(field))
    if unfit.search(text):
        raise UnfitText(field=field, value=ascii(text))


def check_body(body: Any) -> None:
    """Every text of decoded JSON, keys included; the place is named as `ids.0` or `spec.title`. Raises UnfitText."""
    left: list[tuple[str, Any]] = [("", body)]
    while left:
        place, item = left.pop()
        if isinstance(item, str):
            check_text(place or "body", item)
        elif isinstance(item, Mapping):
            for key, value in item.items():
                inner = f"{place}.{key}" if place else key
                check_text(inner, "")
                left.append((inner, value))
        elif isinstance(item, list):
            left += [(f"{place}.{number}" if place else str(number), one) for number, one in enumerate(item)]


class PlainTextParser(Parser):
    """The API's JSON, checked before anything reads it."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        body = super().parse_body(request)
        check_body(body)
        return body


class PlainText:
    """Middleware: the arguments in the path, the query, and the fields of a form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, arguments: Any, named: Mapping[str, Any]
    ) -> HttpResponse | None:
        try:
            for field, text, unfit in _texts(request, named):
                check_text(field, text, unfit)
        except UnfitText as error:
            if not _is_api(request):
                return error_page(request, error.status, error.message(), error.advice())
            from shuke.project.api import answer_refusal

            return answer_refusal(request, error)
        return None


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _texts(request: HttpRequest, named: Mapping[str, Any]) -> Iterator[tuple[str, str, re.Pattern[str]]]:
    for name, value in named.items():
        yield name, str(value), _NOT_IN_ADDRESSES
    for field, values in request.GET.lists():
        for text in values:
            yield field, str(text), _NOT_IN_ADDRESSES
    # Of a page; the API has no form but a file's, whose name is looked at where it is kept.
    if request.method == "POST" and request.content_type in _FORMS and not _is_api(request):
        for field, values in request.POST.lists():
            for text in values:
                yield field, str(text), _NEVER
