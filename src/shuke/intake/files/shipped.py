"""The mappings that come with the project: YAML files in intake/mappings, read once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

from shuke.intake.files.spec import MappingSpec, parse

FOLDER = Path(__file__).parent.parent / "mappings"


@lru_cache
def shipped_mappings() -> dict[str, MappingSpec]:
    """Name -> mapping. One that is `like` another says only in what it differs."""
    raws = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        raws[raw["name"]] = raw
    specs = {}
    for name, raw in raws.items():
        base = raws.get(raw.pop("like", ""), {})
        specs[name] = parse({**base, **raw})
    return specs
