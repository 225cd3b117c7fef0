"""What this room announces. Ids only."""

from __future__ import annotations

# {identities: [under which it is kept], name: of the attribute}
CUSTOMER_DESCRIBED = "audience.customer_described.v1"
# {identities: [...], tag, is_given: false when it was taken, until: ISO moment or null}
CUSTOMERS_TAGGED = "audience.customers_tagged.v1"
