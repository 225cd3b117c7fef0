"""Funnels: how many of those who took a first step took the next ones in order within a window. Doors: `reads`, `actions`."""
