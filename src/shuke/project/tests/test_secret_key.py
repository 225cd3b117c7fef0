"""The installation's secret key: one for all processes, whole whenever it can be read, its owner's only."""

from __future__ import annotations

import pytest

from shuke.project import settings as made


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "HOME", tmp_path)
    return tmp_path


def test_secret_key__second_process_at_the_worst_moment__has_the_same(home, monkeypatch) -> None:
    real, others = made.secrets.token_urlsafe, []

    def interrupted(size: int) -> str:
        if not others:
            others.append("")
            others[0] = made._secret_key()
        return real(size)

    monkeypatch.setattr(made.secrets, "token_urlsafe", interrupted)
    own = made._secret_key()
    assert len(own) > 50
    assert others == [own]
    assert made._secret_key() == own
    assert [path.name for path in home.iterdir()] == ["secret_key"]
    assert (home / "secret_key").stat().st_mode & 0o777 == 0o600


def test_secret_key__that_exists__stays(home) -> None:
    (home / "secret_key").write_text("of old\n")
    assert made._secret_key() == "of old"
