"""Who may not give files writes nothing: not to the uploads, not to the temporary folder either."""

from __future__ import annotations

import tempfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from shuke.intake.files import receiving

pytestmark = [pytest.mark.django_db, pytest.mark.row("E3")]


@pytest.fixture
def temporary(tmp_path, settings, monkeypatch):
    """The folder of temporary files, and the names of all that were made in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(folder)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 10
    made: list[str] = []
    real = tempfile.NamedTemporaryFile

    def noted(*args, **kwargs):
        file = real(*args, **kwargs)
        made.append(file.name)
        return file

    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", noted)
    return made


def _file() -> SimpleUploadedFile:
    return SimpleUploadedFile("orders.csv", b"order,amount\n" + b"1,2\n" * 50_000)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/accounts/login/", 400),
        ("/s/{shop}/imports/upload/", 400),
        ("/language/setlang/", 400),
        ("/api/v1/shops/{shop}/files", 401),
    ],
)
def test_upload__by_nobody__writes_nothing(shop, warehouse_home, temporary, path, status) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32  # anybody can make one up; with it the form is read for its token
    answer = client.post(path.format(shop=shop.slug), {"file": _file()})
    assert answer.status_code == status
    assert temporary == []


def test_upload__role_that_gives_no_files__writes_nothing(shop, warehouse_home, temporary, member_of) -> None:
    client = Client()
    client.force_login(member_of(shop, "analyst"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"/api/v1/shops/{shop.slug}/files", {"file": _file()}).status_code == 403
    assert temporary == []


def test_upload__by_an_operator__arrives_and_is_counted(
    shop, warehouse_home, temporary, member_of, monkeypatch
) -> None:
    client = Client()
    client.force_login(member_of(shop, "operator"), backend="django.contrib.auth.backends.ModelBackend")
    path = f"/api/v1/shops/{shop.slug}/files"
    assert client.post(path, {"file": _file()}).status_code == 201
    assert len(temporary) == 1
    monkeypatch.setattr(receiving, "LARGEST", 100_000)
    answer = client.post(path, {"file": _file()})
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
