"""`python -m tests.bench [PART]`: runs tests/bench/part_*.py and prints one JSON object a line. Exit 1 when a part dies."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from pathlib import Path


def main(argv: list[str]) -> int:
    here = Path(__file__).parent
    parts = sorted(p.stem.removeprefix("part_") for p in here.glob("part_*.py"))
    wanted = argv or parts
    if unknown := [p for p in wanted if p not in parts]:
        print(f"no part {unknown[0]!r}; there are: {', '.join(parts)}", file=sys.stderr)
        return 2
    failed = False
    for part in wanted:
        try:
            for figure in importlib.import_module(f"tests.bench.part_{part}").figures():
                print(json.dumps(figure.row()), flush=True)
        except Exception:
            traceback.print_exc()
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
