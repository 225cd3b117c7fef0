"""Static files as served: names with a hash of their content, compressed once at set-up.

Source maps are for the authors of the packages; they are neither collected nor looked for.
"""

from __future__ import annotations

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

# Not served: maps, the icons (written into the pages one by one), parts of packages that no page uses.
IGNORED = ["*.map", "icons", "redoc*", "ext", "*.md"]


def _without_source_maps(patterns: Any) -> Any:
    return tuple(
        (extension, tuple(p for p in found if "sourceMappingURL" not in str(p)))
        for extension, found in patterns
    )


class PreparedStaticFiles(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage, which does not follow references to source maps."""

    patterns = _without_source_maps(CompressedManifestStaticFilesStorage.patterns)
    keep_only_hashed_files = True
