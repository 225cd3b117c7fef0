"""What customers will probably buy: the chance to be alive, orders to expect, lifetime value."""
