"""What may be done at the doors: files and mappings, imports, the quarantine."""

from shuke.intake.files.actions import (
    preview,
    remove_mapping,
    resume_import,
    save_mapping,
    start_import,
    stop_import,
    upload_file,
    upload_path,
)
from shuke.intake.quarantine.actions import Replayed, drop, mend_and_replay, replay

__all__ = [
    "Replayed",
    "drop",
    "mend_and_replay",
    "preview",
    "remove_mapping",
    "replay",
    "resume_import",
    "save_mapping",
    "start_import",
    "stop_import",
    "upload_file",
    "upload_path",
]
