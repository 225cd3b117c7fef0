"""The API of the doors: files, mappings and imports."""

from __future__ import annotations

from ninja import Router

from shuke.intake.files.http import router as files

router = Router()
router.add_router("", files)
