"""State of the doors: quarantine and collection (quarantine.py), mappings and imports (imports.py)."""

from shuke.intake.models.quarantine import JournalPosition, Quarantined, RememberedRun

__all__ = ["JournalPosition", "Quarantined", "RememberedRun"]
