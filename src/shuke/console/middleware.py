"""The reader's language from the account, and errors of the house as pages or fragments in plain words."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext

from shuke.kernel.errors import ShukeError

log = logging.getLogger("console.errors")
_API = ("/api/", "/v1/", "/healthz")


class ReaderLanguage:
    """A signed-in reader without a language cookie sees the pages in the account's language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES and request.user.is_authenticated:
            language = getattr(request.user, "language", "")
            if language in dict(settings.LANGUAGES):
                translation.activate(language)
                request.LANGUAGE_CODE = language
        response = self.get_response(request)
        if getattr(request, "htmx", False):
            patch_vary_headers(response, ["HX-Request"])
        return response


class PlainErrors:
    """Says what happened, to which thing, and what to do now; a fragment's error takes the fragment's place."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if request.path.startswith(_API):
            return None
        if isinstance(error, ShukeError):
            return error_page(request, error.status, error.message(), error.advice())
        if settings.DEBUG or not getattr(request, "htmx", False):
            return None
        reference = secrets.token_hex(4)
        log.exception("fragment.failed reference=%s path=%s", reference, request.path)
        words = gettext("This part could not be shown.")
        return error_page(request, 500, words, gettext("Reference: %(reference)s") % {"reference": reference})


def error_page(request: HttpRequest, status: int, message: str, advice: str = "") -> HttpResponse:
    """The error as a whole page, or as the fragment that was asked for."""
    has_frame = getattr(request, "access", None) is not None
    template = "console/pieces/error.html" if getattr(request, "htmx", False) else "console/error.html"
    base = "console/base.html" if has_frame else "console/entrance.html"
    context = {"status": status, "message": message, "advice": advice, "error_base": base}
    return render(request, template, context, status=status)
