"""Copy the browser packages that the console uses into its static folder, file by file; build the page tracker.

Never a package's whole `dist`: what is listed here is what is served. Run after `npm ci` in this folder.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = HERE / "node_modules"
TARGET = HERE.parent / "src" / "shuke" / "console" / "static" / "vendor"
TRACKER = HERE / "tracker" / "tracker.js"
BUILT_TRACKER = HERE.parent / "src" / "shuke" / "intake" / "static" / "tracker" / "t.js"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "echarts/dist/echarts.min.js": "echarts.min.js",
}

# Outline icons by name, inlined by the template tag `icon`.
ICONS = [
    "activity",
    "adjustments",
    "alert-triangle",
    "arrow-down",
    "arrow-left",
    "arrow-right",
    "arrow-up",
    "arrows-sort",
    "book-2",
    "building-store",
    "calendar",
    "chart-bar",
    "chart-line",
    "check",
    "checklist",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "circle-check",
    "circle-x",
    "clipboard-check",
    "clock",
    "code",
    "columns-3",
    "copy",
    "database-import",
    "device-desktop",
    "dots",
    "download",
    "eye",
    "file-import",
    "file-spreadsheet",
    "filter",
    "flame",
    "git-compare",
    "help",
    "hierarchy",
    "history",
    "home",
    "info-circle",
    "key",
    "language",
    "layout-dashboard",
    "link",
    "list-search",
    "lock",
    "logout",
    "menu-2",
    "message-circle",
    "moon",
    "package",
    "pencil",
    "player-pause",
    "player-play",
    "player-stop",
    "plus",
    "receipt",
    "refresh",
    "replace",
    "route",
    "search",
    "selector",
    "settings",
    "shield-check",
    "shield-lock",
    "sitemap",
    "stack-2",
    "sun",
    "sun-moon",
    "table",
    "tag",
    "target",
    "trash",
    "upload",
    "user",
    "user-circle",
    "users",
    "users-group",
    "x",
]

SOURCE_MAP = re.compile(rb"(?m)^(?:/\*|//)# sourceMappingURL=.*$")


def copy() -> int:
    """Copy every listed file; returns how many. Exits with a message when the packages are not installed."""
    if not PACKAGES.is_dir():
        sys.exit(f"{PACKAGES} is missing: run `npm ci` in {HERE}")
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "icons").mkdir(exist_ok=True)
    pairs = [(PACKAGES / source, TARGET / name) for source, name in FILES.items()]
    pairs += [
        (PACKAGES / "@tabler/icons/icons/outline" / f"{name}.svg", TARGET / "icons" / f"{name}.svg")
        for name in ICONS
    ]
    for source, target in pairs:
        # A note that points to a source map which is not served would break the manifest of static files.
        target.write_bytes(SOURCE_MAP.sub(b"", source.read_bytes()))
    return len(pairs)


def build_tracker() -> int:
    """Make the one small file that shops' pages load; returns its bytes. The builder is a program: it needs no Node."""
    builders = sorted(PACKAGES.glob("@esbuild/*/bin/esbuild"))
    if not builders:
        sys.exit(f"no esbuild in {PACKAGES}: run `npm ci` in {HERE}")
    BUILT_TRACKER.parent.mkdir(parents=True, exist_ok=True)
    options = ("--bundle", "--minify", "--format=iife", "--target=es2018", "--log-level=warning")
    subprocess.run([builders[0], TRACKER, *options, f"--outfile={BUILT_TRACKER}"], check=True)
    return BUILT_TRACKER.stat().st_size


if __name__ == "__main__":
    print(f"{copy()} browser files copied; the tracker has {build_tracker()} bytes")
