"""What traffic announces. Ids only."""

from __future__ import annotations

ALERT_RAISED = "traffic.alert_raised.v1"  # alert
ALERT_ENDED = "traffic.alert_ended.v1"  # alert
