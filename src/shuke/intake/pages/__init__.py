"""The pages of the doors, one noun each. They wear the console's look by its templates' names, and import nothing of it."""

from shuke.intake.pages import imports, mappings, mends, pointing, quarantine, reports, today

__all__ = ["imports", "mappings", "mends", "pointing", "quarantine", "reports", "today"]
