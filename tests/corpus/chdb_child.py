"""Asks chDB, one request a line on standard input; a process of its own, since chDB knows one path and hangs after a fork.

A request is JSON: `tables` (name -> Parquet file) to make views of, then `sql` whose answer goes to the file `out` as an
Arrow stream. The reply is one line: `{}` or `{"error": text}`. Imports nothing of this project.
"""

from __future__ import annotations

import json
import sys

from chdb import session

SETTINGS = {
    "session_timezone": "'UTC'",
    "max_threads": "2",
    "max_memory_usage": "1500000000",
    "output_format_arrow_string_as_string": "1",
    "output_format_arrow_compression_method": "'none'",
    # As a warehouse of this kind is set up for SQL that others write: a missing partner of a join is null.
    "join_use_nulls": "1",
}


def answer(asked: session.Session, request: dict) -> None:
    for name, file in request.get("tables", {}).items():
        asked.query(f"DROP VIEW IF EXISTS `{name}`")
        asked.query(f"CREATE VIEW `{name}` AS SELECT * FROM file('{file}', Parquet)")
    if "sql" in request:
        with open(request["out"], "wb") as out:
            out.write(asked.query(request["sql"], "ArrowStream").bytes())


def main() -> None:
    asked = session.Session()
    for name, value in SETTINGS.items():
        asked.query(f"SET {name} = {value}")
    for line in sys.stdin:
        reply = {}
        try:
            answer(asked, json.loads(line))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:4000]}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
