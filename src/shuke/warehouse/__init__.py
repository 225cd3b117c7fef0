"""Warehouse: immutable facts by shop and day in two tiers, and questions about them."""
