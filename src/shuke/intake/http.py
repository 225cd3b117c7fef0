"""The API of the doors: files, mappings and imports; the quarantine."""

from __future__ import annotations

from ninja import Router

from shuke.intake.files.http import router as files
from shuke.intake.quarantine.http import router as quarantine
from shuke.intake.quarantine.mends_http import router as mends

router = Router()
router.add_router("", files)
router.add_router("", quarantine)
router.add_router("", mends)
