"""Every question on every engine: see questions.py."""
