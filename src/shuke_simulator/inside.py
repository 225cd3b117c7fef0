"""Delivery to a door in this process: the same batches, handed to a function instead of sent.

The function is given from outside (`shuke simulate --inside` gives that of the collector, with all its checks), so the
simulator still knows nothing of the shop's code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shuke_simulator.batching import batches
from shuke_simulator.sender import DeliveryFailed

# Takes the body of a batch; returns the status that a request would have got, and the words of a refusal.
Door = Callable[[bytes], tuple[int, str]]
MOST_REFUSALS = 1_000  # of one batch, for now; the door makes room meanwhile


class Inside:
    """Hands batches to a door. As a sender it can be waited for and left, though nothing is ever on its way."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.batches = 0
        self.waits = 0

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def send(self, texts: Iterable[str], *, sent_at: str = "") -> int:
        """Hand over messages; returns how many. Raises DeliveryFailed with what was answered."""
        total = 0
        for body, count in batches(texts, sent_at):
            self._hand_over(body)
            self.batches += 1
            total += count
        return total

    def wait(self) -> None:
        """Everything handed over has been taken."""

    def _hand_over(self, body: bytes) -> None:
        for _attempt in range(MOST_REFUSALS):
            status, words = self._door(body)
            if status == 200:
                return
            if status not in (429, 503):
                raise DeliveryFailed(f"{status}: {words[:500]}")
            self.waits += 1
        raise DeliveryFailed(f"nothing was taken {MOST_REFUSALS} times: {words[:500]}")
