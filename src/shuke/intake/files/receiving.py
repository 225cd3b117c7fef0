"""Files on their way in: nothing is written, not even to the temporary folder, for somebody who may not give files.

A form is read before the view decides (its token stands in it), so the question is asked here, where the first file of
a form begins. Fields are bounded by Django.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from shuke.intake.files import problems
from shuke.intake.files.uploads import LARGEST
from shuke.kernel.errors import NotAllowed, ShukeError
from shuke.shops.access import accesses_of
from shuke.shops.roles import DEED_TITLES, Deed

LARGEST_BODY = LARGEST + (8 << 20)  # a file, and the form around it


class AllowedFiles(FileUploadHandler):
    """Stands before the handlers that keep what they get. Refuses by role, and counts a request's files together."""

    request: HttpRequest

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._size = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._stop_unless(self._require_giver)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self._size += len(raw_data)
        if self._size > LARGEST:
            self._stop_unless(self._refuse_size)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None

    def _require_giver(self) -> None:
        deed = Deed.IMPORT_FILES
        if not any(access.may(deed) for access in accesses_of(self.request)):
            raise NotAllowed(field=str(DEED_TITLES[deed]), value=deed.value)

    def _refuse_size(self) -> None:
        raise problems.FileTooLarge(field=self.file_name or "file", limit=f"{LARGEST >> 30} GB")

    def _stop_unless(self, check: Callable[[], None]) -> None:
        """An operation's handler answers our errors; a page is parsed before any handler, where Django knows its own."""
        try:
            check()
        except ShukeError as refusal:
            if self.request.path.startswith("/api/"):
                raise
            raise MultiPartParserError(refusal.message()) from None
