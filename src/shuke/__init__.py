"""Shuke 熟客: runs the users of an online shop. Each folder here is one room; docs/architecture.md draws the house."""

__version__ = "0.1.0"
