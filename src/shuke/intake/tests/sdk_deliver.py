"""Delivers events through Segment's Python SDK, unchanged, and prints what the SDK says became of them.

python sdk_deliver.py HOST WRITE_KEY COUNT PREFIX SECONDS
"""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime, timedelta

from segment.analytics.client import Client

logging.getLogger("segment").setLevel(logging.CRITICAL)


def main(host: str, write_key: str, count: int, prefix: str, seconds: float) -> None:
    failed: list[str] = []

    def lost(error: Exception, batch: list[dict]) -> None:
        failed.extend(event["messageId"] for event in batch)

    client = Client(
        write_key,
        host=host,
        on_error=lost,
        max_retries=1000,
        max_queue_size=count + 1000,
        gzip=True,
        timeout=5,
    )
    today = datetime.now(UTC)
    for i in range(count):
        at = today - timedelta(days=i % 3 // 2)  # a third of them of yesterday, which gets sealed
        one = {"anonymous_id": f"{prefix}-visitor-{i % 997}", "message_id": f"{prefix}-{i}", "timestamp": at}
        if i % 2:
            client.page(name="Item", properties={"url": f"https://shop.example.com/item/{i % 50}"}, **one)
        else:
            client.track(event="Clicked", properties={"n": i}, **one)
        if i % 100 == 99:
            time.sleep(seconds / (count / 100))
    client.flush()
    client.shutdown()
    delivered = sorted({f"{prefix}-{i}" for i in range(count)} - set(failed))
    json.dump({"delivered": delivered, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], float(sys.argv[5]))
