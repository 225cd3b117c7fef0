"""The questions to PostgreSQL, inside a server that `pg_virtualenv` has started for this one process and throws away."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bench.questions.one import asked
from bench.questions.place import postgres


def main(text: str) -> None:
    task = json.loads(text)
    os.environ["BENCH_POSTGRES"] = "connect_timeout=10"  # host, user and password stand in the environment
    placed = postgres(Path(task["folder"]), task["shop"], 0, 0)
    found = {name: asked({**task, "engine": "postgres", "question": name}) for name in task["questions"]}
    print(json.dumps({"placed": placed, "asked": found}))


if __name__ == "__main__":
    main(sys.argv[1])
