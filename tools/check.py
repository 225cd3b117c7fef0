"""The checks that need no running: ruff (style and format), the import contract, mypy. Ends with 1 if one finds something."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
CHECKS = {
    "ruff": ["ruff", "check", "-q", "."],
    "format": ["ruff", "format", "--check", "-q", "."],
    "imports": ["lint-imports", "--no-logo"],
    "types": ["mypy", "--no-error-summary", "src"],
}


def main() -> int:
    failed = []
    for name, words in CHECKS.items():
        started = time.monotonic()
        done = subprocess.run(
            [BIN / words[0], *words[1:]], cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT
        )
        print(
            f"check {name}: {'ok' if not done.returncode else 'FAILED'} ({time.monotonic() - started:.1f} s)",
            flush=True,
        )
        if done.returncode:
            failed.append(name)
            print(done.stdout[-6000:] + done.stderr[-2000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
