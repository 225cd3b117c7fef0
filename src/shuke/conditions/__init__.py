"""Conditions: one condition language for filters, segments, eligibility and the rulebook. Door: `conditions.reads`."""
