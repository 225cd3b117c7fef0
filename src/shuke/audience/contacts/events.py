"""What this room announces. Ids only."""

from __future__ import annotations

# {identity_id, channel, purpose, said, statement_id}
CONSENT_SAID = "audience.consent_said.v1"
