"""State of the doors: quarantine and collection (quarantine.py), mappings and imports (imports.py)."""

from shuke.intake.models.imports import Import, Mapping, Upload
from shuke.intake.models.quarantine import (
    JournalPosition,
    KeptMend,
    Mend,
    Quarantined,
    RememberedRun,
    Settlement,
)

__all__ = [
    "Import",
    "JournalPosition",
    "KeptMend",
    "Mapping",
    "Mend",
    "Quarantined",
    "RememberedRun",
    "Settlement",
    "Upload",
]
