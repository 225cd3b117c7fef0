"""What the rooms of audience announce. Ids only: names stay where they are kept."""

from __future__ import annotations

# {link_id, customers: [leading identities of both sides before], customer_id: afterwards}
CUSTOMER_MERGED = "audience.customer_merged.v1"
# {link_id, sides: [[anchors of one side], [anchors of the other]], customers: [customer of each side afterwards],
#  side: 0 or 1 (to which goes what was typed on the merged customer), null: it stays on both}
CUSTOMER_SPLIT = "audience.customer_split.v1"
