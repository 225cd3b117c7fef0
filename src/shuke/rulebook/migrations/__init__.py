"""Migrations of the rulebook."""
