"""A restore has the home for itself, and after half of one nothing runs but the restore."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from shuke.project.commands import app, serving
from shuke.project.in_use import HomeInUse, alone, emptied, taking_part
from shuke.records.backup import HalfRestored

COMMANDS = [
    *(["run", part.value] for part in serving.Part),
    ["serve"],
    ["commit"],
    ["seal"],
    ["import", "orders.csv", "--shop", "linen", "--mapping", "x"],
    ["backup", "a.tar"],
]


@pytest.fixture
def home(warehouse_home, monkeypatch) -> Path:
    """A home in which any part that began would be noticed."""

    def begun(*_args, **_kwargs) -> None:
        pytest.fail("it began")

    monkeypatch.setattr("shuke.project.lifeline.watch", lambda: None)
    monkeypatch.setattr("shuke.project.home.set_up_home", begun)
    monkeypatch.setattr(serving, "run_web", begun)
    monkeypatch.setattr(serving, "run_committer", begun)
    monkeypatch.setattr(serving, "PARTS", dict.fromkeys(serving.PARTS, begun))
    return warehouse_home


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_command__after_half_a_restore__refuses_and_says_what_to_do(db, home, command) -> None:
    (home / "restoring").write_text("2026-03-01T00:00:00Z")
    error = CliRunner().invoke(app, command).exception
    assert isinstance(error, HalfRestored)
    assert "shuke restore" in error.advice()
    assert error.value == str(home)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_command__while_a_restore_runs__refuses(db, home, command) -> None:
    with emptied():
        assert isinstance(CliRunner().invoke(app, command).exception, HomeInUse)


def test_restore__while_a_part_runs__refuses_and_parts_bear_one_another(home) -> None:
    with taking_part():
        with pytest.raises(HomeInUse), emptied():
            pytest.fail("it began")
        with taking_part(), alone():  # a supervisor and two of its parts
            pass
    with emptied():
        pass


def test_restore_command__while_a_part_runs__refuses(db, home) -> None:
    with taking_part():
        assert isinstance(CliRunner().invoke(app, ["restore", "a.tar"]).exception, HomeInUse)
