"""The mappings that come with the project: YAML files in intake/mappings, read once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from shuke.intake.files.spec import MappingSpec, parse_text

FOLDER = Path(__file__).parent.parent / "mappings"


@lru_cache
def shipped_mappings() -> dict[str, MappingSpec]:
    """Name -> mapping."""
    specs = [parse_text(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))]
    return {spec.name: spec for spec in specs}
