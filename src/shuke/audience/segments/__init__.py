"""Segments: customers chosen by a condition, which say why each of them is in or out."""
