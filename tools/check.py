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


def findings(name: str) -> str:
    """What one check finds wrong; empty when nothing is."""
    words = CHECKS[name]
    done = subprocess.run(
        [BIN / words[0], *words[1:]], cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT
    )
    return (done.stdout + done.stderr)[-8000:] or "failed" if done.returncode else ""


def main() -> int:
    failed = False
    for name in CHECKS:
        started = time.monotonic()
        wrong = findings(name)
        print(f"check {name}: {'FAILED' if wrong else 'ok'} ({time.monotonic() - started:.1f} s)", flush=True)
        if wrong:
            failed = True
            print(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
