"""Moments of events: reading them, correcting the sender's clock, and the shop's day on which they fall.

All vectorised: int64 microseconds UTC, with MISSING where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MISSING = np.iinfo(np.int64).min
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AWARE = pa.timestamp("us", tz="UTC")
_QUARTER_US = 900 * 1_000_000
_DAY_SECONDS = 86_400


def microseconds(at: datetime) -> int:
    """An aware moment as microseconds since 1970, exact."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def moment_of(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def read_moment(text: str) -> int | None:
    """One ISO 8601 moment; without a zone it is UTC. None when it is no moment."""
    try:
        at = datetime.fromisoformat(text.strip())
        return microseconds(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def read_moments(texts: Sequence[str | None]) -> tuple[np.ndarray, list[int]]:
    """Moments of many texts (null: MISSING), and the places of those that are none."""
    column = pa.array(texts, pa.string())
    try:
        moments = pc.cast(column, _AWARE)
    except pa.ArrowInvalid:
        # One unusual form among many: read one by one. What Arrow accepts, this reads the same.
        read = [MISSING if text is None else read_moment(text) for text in texts]
        bad = [place for place, us in enumerate(read) if us is None]
        return np.array([MISSING if us is None else us for us in read], np.int64), bad
    return moments.cast(pa.int64()).fill_null(MISSING).to_numpy(zero_copy_only=False), []


def corrected(received: np.ndarray, sent: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """When events happened by our clock: received - (sent - stated).

    Without `sent` the statement stands as it is; without a statement the event happened when it came.
    """
    at = np.where(stated == MISSING, received, stated)
    both = (stated != MISSING) & (sent != MISSING)
    at[both] = received[both] - (sent[both] - stated[both])
    return at


class LocalDays:
    """Days since 1970 of UTC moments in a zone. Offsets change on quarters of an hour, so each is asked for once."""

    _HELD = 100_000

    def __init__(self) -> None:
        self._offsets: dict[tuple[str, int], int] = {}

    def of(self, at: np.ndarray, zone: ZoneInfo) -> np.ndarray:
        """Days (int32) of moments (int64 microseconds)."""
        quarters, place = np.unique(at // _QUARTER_US, return_inverse=True)
        offsets = np.fromiter((self._offset(zone, int(q)) for q in quarters), np.int64, len(quarters))
        return ((at // 1_000_000 + offsets[place]) // _DAY_SECONDS).astype(np.int32)

    def _offset(self, zone: ZoneInfo, quarter: int) -> int:
        key = (zone.key, quarter)
        seconds = self._offsets.get(key)
        if seconds is None:
            if len(self._offsets) >= self._HELD:
                self._offsets = {}
            offset = moment_of(quarter * _QUARTER_US).astimezone(zone).utcoffset()
            seconds = self._offsets[key] = int(offset.total_seconds()) if offset else 0
        return seconds
