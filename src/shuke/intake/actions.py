"""What may be done at the doors: files and mappings, imports, the quarantine."""

from shuke.intake.files.actions import (
    preview,
    recognise,
    remove_mapping,
    resume_import,
    save_mapping,
    start_import,
    stop_import,
    upload_file,
    upload_path,
)
from shuke.intake.quarantine.actions import Replayed, drop, mend_and_replay, replay
from shuke.intake.quarantine.kept import remove_kept
from shuke.intake.quarantine.mends import MendPreview, preview_mend, resume_mend, start_mend, stop_mend

__all__ = [
    "MendPreview",
    "Replayed",
    "drop",
    "mend_and_replay",
    "preview",
    "preview_mend",
    "recognise",
    "remove_kept",
    "remove_mapping",
    "replay",
    "resume_import",
    "resume_mend",
    "save_mapping",
    "start_import",
    "start_mend",
    "stop_import",
    "stop_mend",
    "upload_file",
    "upload_path",
]
