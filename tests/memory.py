"""The peak of a command's own memory, whoever starts it.

Linux counts the memory of the process that starts a command into the command's own maximum (`exec` keeps it), so that a test
process of a gigabyte finds a gigabyte in everything that it starts. A small process between the two starts it instead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_BETWEEN = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as told:
    told.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code if code >= 0 else 128 - code)
"""


def run_counted(
    words: Sequence[str], *, folder: Path, env: Mapping[str, str]
) -> tuple[subprocess.CompletedProcess[str], float]:
    """Runs a command to its end; what it said, and the most memory that it held, in MB. `folder` takes the count."""
    told = folder / "peak.txt"
    between = [sys.executable, "-I", "-S", "-c", _BETWEEN, str(told), *words]
    done = subprocess.run(between, env=dict(env), cwd=folder, capture_output=True, text=True, check=False)
    return done, int(told.read_text()) / (1024 if os.uname().sysname == "Linux" else 1024 * 1024)
