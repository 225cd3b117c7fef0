"""Messages in batches as the Segment spec bounds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LARGEST_BATCH = 480_000  # bytes before compression; the spec allows 500 KB
MOST_MESSAGES = 1_000


def batches(texts: Iterable[str], sent_at: str = "") -> Iterator[tuple[bytes, int]]:
    """Bodies for /v1/batch, each with the number of its messages."""
    size = 0
    batch: list[str] = []
    for text in texts:
        length = len(text.encode())
        if batch and (size + length > LARGEST_BATCH or len(batch) >= MOST_MESSAGES):
            yield _body(batch, sent_at), len(batch)
            batch, size = [], 0
        batch.append(text)
        size += length + 1
    if batch:
        yield _body(batch, sent_at), len(batch)


def _body(batch: list[str], sent_at: str) -> bytes:
    stamp = f',"sentAt":"{sent_at}"' if sent_at else ""
    return f'{{"batch":[{",".join(batch)}]{stamp}}}'.encode()
