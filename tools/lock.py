"""Write the locks: requirements/*.txt with hashes by uv, browser and Node test packages by npm. No lock holds an address."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
UV = Path(sys.executable).parent / "uv"
NPM_FOLDERS = (ROOT / "browser", ROOT / "tests" / "node")


def main() -> int:
    for name in ("base", "cluster", "test", "node"):
        print(f"lock {name}", flush=True)
        options = (
            "-q",
            "--generate-hashes",
            "--no-emit-index-url",
            "--no-header",
            "--python-version",
            "3.11",
        )
        subprocess.run(
            [UV, "pip", "compile", *options, f"{name}.in", "-o", f"{name}.txt"], cwd=REQUIREMENTS, check=True
        )
    npm = shutil.which("npm")
    if npm is None:
        print("no npm here: the browser locks stay as they are", file=sys.stderr)
        return 0
    for folder in NPM_FOLDERS:
        print(f"lock {folder.relative_to(ROOT)}", flush=True)
        subprocess.run(
            [
                npm,
                "install",
                "--package-lock-only",
                "--omit-lockfile-registry-resolved",
                "--no-audit",
                "--no-fund",
            ],
            cwd=folder,
            check=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
